"""Compose screens, teach the network to read them, and write the finder's bundle."""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import cross_entropy, smooth_l1_loss
from tqdm import tqdm

from training import identity
from training.finder.canvas import IGNORED
from training.finder.network import CELL, FinderNetwork
from training.finder.photographs import Photographs
from training.finder.screens import Composer
from training.trainer.optimization import one_cycle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SIZE = (1024, 704)  # of a composed screen: width, height
CROP = (768, 576)  # of what a step sees of it
_NOTE = "made_of.json"  # in a folder of screens
_ARITHMETIC = 1  # raised by whoever changes what a step computes of the same screens


@dataclass(frozen=True, slots=True)
class Batch:
    """`pixels` (B, 3, H, W) uint8; for the cells (B, H/8, W/8): their `kinds`, int64, their
    `sides` (B, 4, …) in pixels, and whether these are `known`."""

    pixels: Tensor
    kinds: Tensor
    sides: Tensor
    known: Tensor


def compose(files: Sequence[Path], folder: Path, count: int, seed: int, workers: int) -> list[Path]:
    """Draw screens into a folder, each once; → their files. The same seed, the same screens.

    Raises OtherIdentityError when the folder has screens of another seed, of other photographs, or
    by other code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    note, wanted = folder / _NOTE, _of_screens(files, seed)
    kept = identity.read(note)
    if kept:
        identity.refuse(folder, identity.differences(kept, wanted), "another run")
    elif any(folder.glob("*.npz")):
        identity.trust(folder)
    identity.write(note, wanted)
    missing = [n for n in range(count) if not (folder / f"{n:05d}.npz").is_file()]
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(_compose, list(files), folder, missing[first : first + 20], seed)
                for first in range(0, len(missing), 20)]
        bar = tqdm(total=count, initial=count - len(missing), desc="screens", unit="screen")
        for job in jobs:
            bar.update(job.result())
    return [folder / f"{n:05d}.npz" for n in range(count)]


def _of_screens(files: Sequence[Path], seed: int) -> identity.Identity:
    """What decides a screen, besides its number."""
    drawing = ("canvas", "drawings", "looks", "photographs", "screens", "widgets")
    return identity.plain({
        "seed": seed,
        "size": SIZE,
        "photographs": identity.of_contents(files),
        "code": identity.of_code(*(f"training.finder.{name}" for name in drawing)),
        "Pillow": PIL.__version__,
    })


def _compose(files: list[Path], folder: Path, numbers: Sequence[int], seed: int) -> int:
    composer = Composer(Photographs(files))
    for number in numbers:
        canvas = composer.screen(np.random.default_rng([seed, number]), SIZE)
        part = folder / f"{number:05d}.part"
        with part.open("wb") as file:
            np.savez(file, pixels=np.asarray(canvas.image), kinds=canvas.kinds,
                     owners=canvas.owners, boxes=canvas.boxes())
        part.replace(folder / f"{number:05d}.npz")
    return len(numbers)


def _drawn(files: Sequence[Path], seed: int, step: int, size: int) -> Batch:
    """The screens of one step, always the same ones."""
    random = np.random.default_rng([seed, step])
    return batch([files[i] for i in random.integers(0, len(files), size)], random, CROP)


def batch(files: Sequence[Path], random: np.random.Generator, crop: tuple[int, int]) -> Batch:
    """Read screens, each changed a little, and cut one part of `crop` (width, height) of each."""
    parts = [_example(file, random, crop) for file in files]
    pixels, kinds, sides, known = (np.stack(part) for part in zip(*parts, strict=True))
    return Batch(torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(kinds).long(),
                 torch.from_numpy(sides), torch.from_numpy(known))


def _example(
    file: Path, random: np.random.Generator, crop: tuple[int, int]
) -> tuple[NDArray[Any], ...]:
    with np.load(file, allow_pickle=False) as loaded:
        screen, kinds, owners, boxes = (loaded[name] for name in
                                        ("pixels", "kinds", "owners", "boxes"))
    height, width = kinds.shape
    factor = 1.0
    if random.random() < 0.35:  # another scale: fractional ones blur everything
        factor = float(random.uniform(max(crop[0] / width, crop[1] / height), 1.5))
    across, down = crop[0] / factor, crop[1] / factor  # of the screen
    left = float(random.integers(0, int(width - across) + 1))
    top = float(random.integers(0, int(height - down) + 1))
    pixels = np.asarray(Image.fromarray(screen).resize(
        crop, Image.Resampling.BILINEAR, (left, top, left + across, top + down)))
    # what the pixel in the middle of each cell is, is what the cell is
    rows = top + (np.arange(crop[1] // CELL) + 0.5) * CELL / factor
    columns = left + (np.arange(crop[0] // CELL) + 0.5) * CELL / factor
    centres = np.ix_(rows.astype(int), columns.astype(int))
    kinds, owners = kinds[centres], owners[centres]
    shown = np.where(boxes >= 0, (boxes - np.array([left, top, left, top])) * factor, -1.0)
    known = boxes[:, :1] >= 0
    boxes = np.where(known, shown.clip(0, [*crop, *crop]), -1)
    if random.random() < 0.5:
        pixels, kinds, owners = pixels[:, ::-1], kinds[:, ::-1], owners[:, ::-1]
        boxes = np.where(known, np.stack([crop[0] - boxes[:, 2], boxes[:, 1],
                                          crop[0] - boxes[:, 0], boxes[:, 3]], 1), -1)
    if random.random() < 0.15:
        pixels = pixels[..., random.permutation(3)]
    if random.random() < 0.1:
        pixels = 255 - pixels
    pixels, kinds = np.array(pixels), np.array(kinds)
    if random.random() < 0.2:  # what lies beyond the screen when it is no multiple of 64
        beyond = int(random.integers(1, 8))
        pixels[:, -beyond * CELL :], kinds[:, -beyond:] = 0, IGNORED
        owners = np.where(np.arange(owners.shape[1]) >= owners.shape[1] - beyond, 0, owners)
        boxes[:, 2] = np.minimum(boxes[:, 2], crop[0] - beyond * CELL)
    return (pixels, kinds, *_sides(owners, boxes))


def _sides(owners: NDArray[Any], boxes: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """→ (4, h, w) pixels from each cell's centre to its picture's sides, (h, w) if known."""
    rows, columns = owners.shape
    x = (np.arange(columns) + 0.5)[None, :] * CELL
    y = (np.arange(rows) + 0.5)[:, None] * CELL
    table = np.concatenate([np.full((1, 4), -1), boxes])
    box = table[owners]  # (h, w, 4)
    sides = np.stack([x - box[..., 0], y - box[..., 1], box[..., 2] - x, box[..., 3] - y])
    known = (box[..., 2] >= 0) & (sides > 0).all(0)
    return np.where(known, sides, 1).astype(np.float32), known


def losses(logits: Tensor, reach: Tensor, truth: Batch) -> Tensor:
    """Cross-entropy of the classes; for the sides 1 - GIoU (Rezatofighi et al. 2019) and the
    difference of their logarithms."""
    classes = cross_entropy(logits, truth.kinds, ignore_index=IGNORED)
    predicted, true = (each.permute(0, 2, 3, 1)[truth.known] for each in (reach, truth.sides))
    if not len(predicted):
        return classes
    near = smooth_l1_loss(torch.log1p(predicted / CELL), torch.log1p(true / CELL), beta=0.05)
    return classes + 0.5 * _giou_loss(predicted, true) + near


def _giou_loss(predicted: Tensor, true: Tensor) -> Tensor:
    area, wanted = ((each[:, 0] + each[:, 2]) * (each[:, 1] + each[:, 3])
                    for each in (predicted, true))
    least, most = torch.minimum(predicted, true), torch.maximum(predicted, true)
    shared = (least[:, 0] + least[:, 2]) * (least[:, 1] + least[:, 3])
    around = (most[:, 0] + most[:, 2]) * (most[:, 1] + most[:, 3])
    union = area + wanted - shared
    return (1 - shared / union + (around - union) / around).mean()


def _read(path: Path, wanted: identity.Identity, steps: int) -> dict[str, Any]:
    """A checkpoint. Raises OtherIdentityError for another training's, or one of more steps."""
    state: dict[str, Any] = torch.load(path, weights_only=True)
    if (kept := state.get("identity")) is None:
        identity.trust(path)
    else:
        identity.refuse(path, identity.differences(kept, wanted), "another training")
    if state["step"] > steps:
        identity.refuse(path, [f"it has {state['step']} steps, not {steps}"], "another training")
    return state


def train(
    files: Sequence[Path], work: Path, *, steps: int, cycles: int = 1, size: int = 8,
    rate: float = 3e-3, seed: int = 1, checkpoint_every: int = 100,
) -> FinderNetwork:
    """Train on composed screens; killed at any step, it goes on. → the averaged network.

    The rate rises and falls `cycles` times (Loshchilov and Hutter 2017), in `steps` each. Raises
    OtherIdentityError when the checkpoint is of another training or has more steps, and ValueError
    when the loss is no number any more.
    """
    torch.manual_seed(seed)
    network = FinderNetwork().to(memory_format=torch.channels_last)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.02)
    begin, path = 0, work / "finder.pt"
    wanted = identity.plain({
        "arithmetic": _ARITHMETIC, "seed": seed, "steps": steps, "batch": size, "rate": rate,
        "screens": len(files), "drawn": identity.read(files[0].parent / _NOTE),
        "starting weights": identity.of_tensors(network.state_dict()),
    })
    if path.is_file():
        state = _read(path, wanted, steps * cycles)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        average, begin = state["average"], state["step"]
    network.train()
    total = steps * cycles
    bar = tqdm(range(begin, total), initial=begin, total=total, desc="finder", unit="step")
    pool = ThreadPoolExecutor(1)  # the next batch is cut while this one is learnt
    ahead = pool.submit(_drawn, files, seed, begin, size)
    for step in bar:
        truth, ahead = ahead.result(), pool.submit(_drawn, files, seed, step + 1, size)
        for group in optimiser.param_groups:
            group["lr"] = rate * one_cycle(step % steps, steps, 0.1)
        # not in bfloat16: the gradients of depthwise convolutions are slow in it
        logits, reach = network(truth.pixels.float().to(memory_format=torch.channels_last))
        loss = losses(logits, reach, truth)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        if not math.isfinite(loss.item()):
            raise ValueError(f"step {step + 1} of the finder: the loss has become infinite or no "
                             f"number, most likely because the rate {rate:g} is too high. Lower "
                             "it, and give another work folder.")
        decay = min(0.998, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                if value.is_floating_point():
                    average[name].lerp_(value, 1 - decay)
        bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
        if (step + 1) % checkpoint_every == 0 or step + 1 == total:
            part = path.with_suffix(".part")
            torch.save({"step": step + 1, "network": network.state_dict(), "average": average,
                        "optimiser": optimiser.state_dict(), "identity": wanted}, part)
            part.replace(path)
    pool.shutdown(cancel_futures=True)
    averaged = FinderNetwork()
    averaged.load_state_dict({**network.state_dict(), **average})
    return averaged.eval()

