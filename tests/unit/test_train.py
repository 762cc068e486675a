"""Training goes on where it was killed, and ends as if it never had been."""

from __future__ import annotations

import csv
import dataclasses
import math
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from models.networks.encoders import MobileNetEdgeTPU
from models.preprocess import Preprocessing
from models.vocabulary import PAD
from tests import bundles
from training import prepare
from training.__main__ import main
from training.augmentation import Augmentation
from training.datasets import Example, build_vocabulary, load_flickr8k
from training.recipe import Stage, load_recipe
from training.train import Trainer, caption_loss, gather, one_cycle, tokenise

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.networks.captioners import CaptioningNetwork

pytestmark = pytest.mark.timeout(900)  # several training runs, each a process of its own

TINY = Preprocessing(32)


def losses(work: Path) -> list[tuple[int, int, float]]:
    path = work / "losses.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["stage", "step", "loss"]
    return [(int(stage), int(step), float(loss)) for stage, step, loss in rows[1:]]


def train_until(folder: Path, enough: Callable[[list[tuple[int, int, float]]], bool]) -> None:
    """Run `train` in work folder "killed" and kill it once its losses are `enough`."""
    process = subprocess.Popen(
        bundles.training_command("train", folder, "killed"), cwd=bundles.ROOT,
        env=bundles.training_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        limit = time.monotonic() + 200
        while process.poll() is None and time.monotonic() < limit:
            if enough(losses(folder / "killed")):
                break
            time.sleep(0.005)
    finally:
        process.kill()
        code = process.wait(30)
    assert code == -signal.SIGKILL, "it ended before it was killed"


def test_the_loss_falls(built: Path) -> None:
    values = [loss for _, _, loss in losses(built / "work")]
    assert all(map(math.isfinite, values))
    assert np.mean(values[:4]) > 1.25 * np.mean(values[-4:])


def test_killed_twice_it_ends_as_if_it_had_not_been(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built / "data", tmp_path / "data")
    shutil.copyfile(built / "recipe.toml", tmp_path / "recipe.toml")
    train_until(tmp_path, lambda rows: len(rows) >= 9)  # among the decoder's steps
    first = losses(tmp_path / "killed")
    assert {stage for stage, _, _ in first} == {0}
    train_until(tmp_path, lambda rows: bool(rows) and rows[-1][:2] >= (1, 2))
    second = losses(tmp_path / "killed")
    assert second[: len(first)] == first
    # what a kill in the middle of writing leaves behind
    for part in ("checkpoint.part", "losses.part", "scores.part"):
        (tmp_path / "killed" / part).write_bytes(b"half")
    done = subprocess.run(
        bundles.training_command("train", tmp_path, "killed"), cwd=bundles.ROOT, check=False,
        env=bundles.training_environment(), capture_output=True, text=True, timeout=400,
    )
    assert done.returncode == 0, done.stderr
    for name in ("losses.csv", "scores.jsonl"):
        killed, unbroken = (folder / name for folder in (tmp_path / "killed", built / "work"))
        assert killed.read_bytes() == unbroken.read_bytes(), name
    killed, unbroken = (torch.load(work / "checkpoint.pt", weights_only=True)
                        for work in (tmp_path / "killed", built / "work"))
    for name, tensor in unbroken["average"].items():
        assert torch.equal(killed["average"][name], tensor), name


def test_a_finished_run_is_not_run_again(built: Path) -> None:
    recipe = load_recipe(built / "recipe.toml")
    before = (built / "work" / "checkpoint.pt").stat().st_mtime_ns
    trainer = Trainer(recipe, gather(recipe, built / "data", built / "work"), None,
                      built / "work", report=None)
    trainer.run()
    assert (built / "work" / "checkpoint.pt").stat().st_mtime_ns == before


def test_killed_while_scoring_it_scores_when_it_goes_on(built: Path, tmp_path: Path) -> None:
    stage = Stage("decoder", "decoder", epochs=2, rate=1e-3, batch=4)
    recipe = dataclasses.replace(load_recipe(built / "recipe.toml"), stages=(stage,))
    material = gather(recipe, built / "data", tmp_path, limit=4)

    def killed(network: CaptioningNetwork, name: str) -> dict[str, float]:
        raise KeyboardInterrupt

    def alive(network: CaptioningNetwork, name: str) -> dict[str, float]:
        return {"CIDEr": 1.0}

    (tmp_path / "scores.jsonl").write_text('{"after": "decoder 2", "CIDEr": 99.0}\n')  # stale
    with pytest.raises(KeyboardInterrupt):
        Trainer(recipe, material, None, tmp_path, killed).run()
    for _ in range(2):
        Trainer(recipe, material, None, tmp_path, alive).run()
    lines = (tmp_path / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines == ['{"after": "decoder 2", "CIDEr": 1.0}']


def test_fewer_pictures_than_a_batch_are_refused(built: Path, tmp_path: Path) -> None:
    recipe = load_recipe(built / "recipe.toml")
    material = gather(recipe, built / "data", tmp_path, limit=3)
    assert len(material.train) == 3
    assert material.tokens.shape[:2] == (2, 3)
    with pytest.raises(ValueError, match="3 pictures are fewer than one batch"):
        Trainer(recipe, material, None, tmp_path).run()


def test_starting_weights_are_taken(built: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    torch.manual_seed(9)
    encoder = MobileNetEdgeTPU()
    parameters = list(encoder.parameters())
    tensors = {f"{number // 2}.{('weight', 'bias')[number % 2]}": tensor.detach().half()
               for number, tensor in enumerate(parameters)}
    last = len(parameters) // 2
    save_file(tensors | {f"{last}.weight": torch.zeros(2, 2), f"{last}.bias": torch.zeros(2)},
              tmp_path / "start.safetensors")
    recipe = dataclasses.replace(load_recipe(built / "recipe.toml"),
                                 starting_weights="start.safetensors")
    material = gather(recipe, built / "data", tmp_path)
    network = Trainer(recipe, material, tmp_path, tmp_path).averaged()
    for mine, given in zip(network.encoder.parameters(), parameters, strict=True):
        assert torch.equal(mine, given.half().float())


def test_tokens_hold_plain_and_mirrored_captions_padded(tmp_path: Path) -> None:
    (tmp_path / "Images").mkdir()
    for name in "abcdefghi":
        (tmp_path / "Images" / name).write_bytes(b"")
    rows = ["image,caption", *(f"{name},left dog" for name in "abcdefghi"), "b,dog on the right"]
    (tmp_path / "captions.txt").write_text("\n".join(rows))
    examples = load_flickr8k(tmp_path).train
    vocabulary = build_vocabulary(examples, 1)
    tokens = tokenise(examples, vocabulary, max_words=3)
    assert tokens.shape == (2, 7, 2, 5)
    plain, mirror = ([" ".join(vocabulary.decode(row)) for row in side[0].tolist()]
                     for side in tokens)
    assert plain == ["left dog", "dog on the"]  # cut to three words
    assert mirror == ["right dog", "dog on the"]
    assert tokens[0, 1, 0].tolist() == tokens[0, 1, 1].tolist()  # its one caption twice


def test_the_rate_rises_and_falls_once() -> None:
    shares = [one_cycle(step, 100, 0.1) for step in range(100)]
    assert shares[9] == 1.0
    assert shares[:10] == sorted(shares[:10])
    assert shares[9:] == sorted(shares[9:], reverse=True)
    assert shares[0] == pytest.approx(0.1)
    assert 0 < shares[-1] < 0.01


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_have_a_rate(steps: int) -> None:
    assert all(0 < one_cycle(step, steps, 0.1) <= 1 for step in range(steps))


def test_padding_costs_nothing() -> None:
    torch.manual_seed(1)
    logits = torch.randn(2, 3, 6)
    tokens = torch.tensor([[4, 5, 2], [4, 2, PAD]])
    chosen = logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
    by_hand = -chosen[tokens != PAD].mean()
    assert caption_loss(logits, tokens, smoothing=0.0) == pytest.approx(float(by_hand))
    changed = logits.clone()
    changed[1, 2] = 99
    assert caption_loss(changed, tokens, 0.1) == caption_loss(logits, tokens, 0.1)


def test_augmentation_keeps_shape_and_type_and_obeys_the_seed() -> None:
    pixels = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    mirror = torch.tensor([True, False, True, False])
    torch.manual_seed(2)
    first = Augmentation()(pixels, mirror)
    torch.manual_seed(2)
    again = Augmentation()(pixels, mirror)
    assert first.shape == pixels.shape
    assert first.dtype == torch.uint8
    assert torch.equal(first, again)
    assert not torch.equal(first, Augmentation()(pixels, mirror))


def test_without_crop_and_colour_only_the_mirror_is_left() -> None:
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    changed = Augmentation(1.0, 1.0, 0.0)(pixels, torch.tensor([True, False]))
    assert torch.equal(changed[0], pixels[0].flip(-1))
    assert torch.equal(changed[1], pixels[1])


@pytest.fixture
def examples(built: Path) -> list[Example]:
    return load_flickr8k(built / "data").train[:3]


def test_pictures_are_decoded_once(examples: list[Example], tmp_path: Path) -> None:
    path = tmp_path / "pictures.npy"
    first = prepare.pictures(examples, TINY, path)
    assert first.shape == (3, 32, 32, 3)
    written = path.stat().st_mtime_ns
    assert np.array_equal(prepare.pictures(examples, TINY, path), first)
    assert path.stat().st_mtime_ns == written
    assert prepare.pictures(examples[:2], TINY, path).shape == (2, 32, 32, 3)
    assert prepare.pictures(examples[:2], Preprocessing(16), path).shape == (2, 16, 16, 3)


def test_a_map_that_was_being_rewritten_is_not_trusted(
    examples: list[Example], tmp_path: Path
) -> None:
    path = tmp_path / "pictures.npy"
    wanted = np.array(prepare.pictures(examples, TINY, path))
    broken = [*examples[:2], Example(tmp_path / "none.png", ())]
    with pytest.raises(FileNotFoundError):  # as if killed in the middle of other pictures
        prepare.pictures(broken, TINY, path)
    assert np.array_equal(prepare.pictures(examples, TINY, path), wanted)


def test_features_are_those_of_the_pictures_and_their_mirror_images(
    examples: list[Example], tmp_path: Path
) -> None:
    torch.manual_seed(1)
    encoder = torch.nn.Conv2d(3, 4, 16, stride=16)
    images = prepare.pictures(examples, TINY, tmp_path / "pictures.npy")
    path = tmp_path / "features.npy"
    cached = prepare.features(encoder, images, TINY, path, "one", batch=2)
    assert cached.shape == (2, 3, 4, 2, 2)
    pixels = prepare.normalised(images, TINY)
    with torch.inference_mode():
        for side, view in enumerate((pixels, pixels.flip(-1))):
            assert np.allclose(cached[side], encoder(view).numpy(), atol=0.05)
    before = np.array(cached)
    torch.nn.init.zeros_(encoder.weight)
    assert np.array_equal(prepare.features(encoder, images, TINY, path, "one"), before)
    assert not np.array_equal(prepare.features(encoder, images, TINY, path, "two"), before)


@pytest.mark.parametrize(
    ("recipe", "complaint"),
    [("frist", "there is no recipe frist; known: .*first"), ("bad.toml", "unknown sead")],
)
def test_a_wrong_recipe_is_told_plainly(tmp_path: Path, recipe: str, complaint: str) -> None:
    (tmp_path / "bad.toml").write_text("sead = 1\n")
    name = str(tmp_path / recipe) if recipe.endswith(".toml") else recipe
    done = CliRunner().invoke(
        main, ["train", name, "--data", str(tmp_path), "--work", str(tmp_path / "work")]
    )
    assert done.exit_code == 2
    assert re.search(complaint, done.output, re.DOTALL)
    assert not (tmp_path / "work").exists()
