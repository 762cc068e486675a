"""Everything slow that need be done once: decoded pictures and cached features, on disk.

Each file has a note beside it, of what it was made of (`training.identity`); for anything else it
is made anew.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from models.captioning.preprocess import Preprocessing, squash, upright_rgb
from models.runtime.engines.onnx import processors
from models.runtime.tables import as_table
from training import identity
from training.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from models.networks.encoder_base import Encoder
    from training.data.datasets import Example


_DECODER = ""  # among paths: by what these findings were made


def faults(examples: Iterable[Example], path: Path | None = None) -> dict[Path, str]:
    """Decode every picture and say which cannot be used, and why.

    Findings are kept in `path` (JSON), each until its file changes, all until what decodes does.
    """
    known = _findings(path)
    stamps = {example.path: identity.stamp(example.path) for example in examples}
    fresh = [
        each
        for each, stamp in stamps.items()
        if stamp and known.get(str(each), [None])[:-1] != stamp
    ]
    pool = ThreadPoolExecutor(processors())
    bar = tqdm(pool.map(fault, fresh), "checked", len(fresh), unit="picture", disable=not fresh)
    try:
        for each, why in zip(fresh, bar, strict=True):
            known[str(each)] = [*(stamps[each] or ()), why]
    finally:  # interrupted, the next run goes on from here
        pool.shutdown(cancel_futures=True)
        if path is not None and fresh:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(json.dumps({_DECODER: _decoder(), **known}), encoding="utf-8")
            part.replace(path)
    found = {each: known[str(each)][-1] if stamp else "missing" for each, stamp in stamps.items()}
    return {each: why for each, why in found.items() if why}


def fault(path: Path) -> str:
    """Why a picture cannot be used; empty when it can."""
    try:
        with Image.open(path) as image:
            upright_rgb(image)
    # Pillow's decoders raise whatever they stumble over: struct.error, SyntaxError, KeyError …
    except Exception as error:
        return reason(error, path)
    return ""


def reason(error: Exception, path: Path) -> str:
    """What an error of a decoder says about the picture."""
    if not path.is_file():
        return "missing"
    if not path.stat().st_size:
        return "an empty file"
    if isinstance(error, UnidentifiedImageError):
        return "not a picture"
    return f"damaged or cut off ({error})"


def _findings(path: Path | None) -> dict[str, list[Any]]:
    if path is None or not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    # what had not written by what it was found is believed
    return found if found.pop(_DECODER, _decoder()) == _decoder() else {}


def _decoder() -> Identity:
    """What decides how a file becomes a picture, besides preprocessing."""
    return {"code": identity.of_code("models.captioning.preprocess"), "Pillow": PIL.__version__}


def pictures(
    examples: Sequence[Example], preprocessing: Preprocessing, path: Path
) -> NDArray[np.uint8]:
    """Decode every picture once into a memory map of shape (N, size, size, 3).

    A finished map of the same pictures and preprocessing is opened again instead.
    """
    shape = (len(examples), preprocessing.size, preprocessing.size, 3)
    paths = [example.path for example in examples]
    key = {
        "shape": shape,
        "files": [each.name for each in paths],
        "preprocessing": as_table(preprocessing),
        "sizes and times of the files": identity.of_files(paths),
        **_decoder(),
    }
    if _finished(path, key):
        return _open(path)
    _begin(path)
    array = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    for index, example in enumerate(tqdm(examples, desc="pictures", unit="picture")):
        array[index] = picture(example, preprocessing)
    array.flush()
    _finish(path, key)
    return _open(path)


def picture(example: Example, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Decode and squash one picture: (size, size, 3)."""
    with Image.open(example.path) as image:
        return np.asarray(squash(upright_rgb(image), preprocessing))


def features(
    encoder: nn.Module,
    images: NDArray[np.uint8],
    preprocessing: Preprocessing,
    path: Path,
    origin: Identity,
    batch: int = 32,
) -> NDArray[np.float16]:
    """Run a frozen encoder once over all pictures and their mirror images.

    → memory map (2, N, C, H, W): plain, mirrored. `origin`: see `origin_of`.
    """
    import torch

    from training.precision import autocast

    key = origin | {"count": len(images)}
    if _finished(path, key):
        return _open(path)
    _begin(path)
    array: np.memmap[Any, np.dtype[np.float16]] | None = None
    encoder.eval()
    device = next(encoder.parameters()).device
    with torch.inference_mode(), autocast(device.type):
        for start in tqdm(range(0, len(images), batch), desc="features", unit="batch"):
            pixels = normalised(images[start : start + batch], preprocessing).to(device)
            for side, view in enumerate((pixels, pixels.flip(-1))):
                grid = encoder(view.to(memory_format=torch.channels_last)).float()
                if array is None:
                    shape = (2, len(images), *grid.shape[1:])
                    array = np.lib.format.open_memmap(path, "w+", np.float16, shape)
                array[side, start : start + batch] = grid.cpu().numpy().astype(np.float16)
    if array is None:
        raise ValueError("there are no pictures to encode")
    array.flush()
    _finish(path, key)
    return _open(path)


def classes(
    encoder: Encoder,
    images: NDArray[np.uint8],
    preprocessing: Preprocessing,
    path: Path,
    origin: Identity,
    batch: int = 32,
) -> NDArray[np.float16]:
    """Logits of the encoder's classifier for every picture: memory map (N, classes).

    `origin`: see `origin_of`.
    """
    import torch

    from training.precision import autocast

    key = origin | {"count": len(images)}
    if _finished(path, key):
        return _open(path)
    _begin(path)
    array = np.lib.format.open_memmap(path, "w+", np.float16, (len(images), encoder.classes))
    encoder.eval()
    with torch.inference_mode(), autocast("cpu"):
        for start in tqdm(range(0, len(images), batch), desc="classes", unit="batch"):
            pixels = normalised(images[start : start + batch], preprocessing)
            features = encoder(pixels.to(memory_format=torch.channels_last))
            array[start : start + batch] = encoder.classify(features.float()).float().numpy()
    array.flush()
    _finish(path, key)
    return _open(path)


def origin_of(
    encoder: nn.Module, examples: Sequence[Example], preprocessing: Preprocessing
) -> Identity:
    """All that decides what an encoder makes of these pictures."""
    paths = [example.path for example in examples]
    return {
        "fingerprint": _fingerprint(encoder, paths, preprocessing),
        "sizes and times of the files": identity.of_files(paths),
        "encoder": identity.of_code(type(encoder).__module__),
        **_decoder(),
    }


def _fingerprint(encoder: nn.Module, paths: Sequence[Path], preprocessing: Preprocessing) -> str:
    """As notes have had it from the beginning: weights, preprocessing and names."""
    digest = hashlib.sha256(repr((preprocessing, [each.name for each in paths])).encode())
    identity.add_tensors(digest, encoder.state_dict())
    return digest.hexdigest()


def normalised(images: NDArray[np.uint8], preprocessing: Preprocessing) -> Tensor:
    """(B, S, S, 3) bytes → (B, 3, S, S) float32 as the encoder wants them."""
    import torch

    pixels = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)
    return standardised(pixels.float(), preprocessing)


def standardised(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """(B, 3, S, S) floats in 0..255 → floats as the encoder wants them."""
    import torch

    mean = torch.tensor(preprocessing.mean, device=pixels.device).view(3, 1, 1)
    std = torch.tensor(preprocessing.std, device=pixels.device).view(3, 1, 1)
    return (pixels / 255 - mean) / std


def _finished(path: Path, key: Identity) -> bool:
    """Whether a map was made of the same; why it is made anew, a line says."""
    note = path.with_suffix(".json")
    kept, wanted = identity.read(note), identity.plain(key)
    if not kept or not path.is_file():
        return False
    if found := identity.differences(kept, wanted):
        tqdm.write(f"{path} is made anew: {identity.told(found)}")
        return False
    if lacking := identity.unknown(kept, wanted):
        identity.trust(path, lacking)
    return True


def _begin(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # an older note would call this map finished after a kill
    path.with_suffix(".json").unlink(missing_ok=True)


def _finish(path: Path, key: Identity) -> None:
    identity.write(path.with_suffix(".json"), key)


def _open(path: Path) -> np.memmap[Any, Any]:
    array: np.memmap[Any, Any] = np.load(path, mmap_mode="r")
    return array
