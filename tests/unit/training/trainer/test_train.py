"""Training goes on where it was killed, and ends as if it never had been."""

from __future__ import annotations

import csv
import dataclasses
import json
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

from models.captioning.preprocess import Preprocessing
from models.captioning.vocabulary import PAD, START, UNKNOWN
from models.networks.encoder_base import read_weights
from tests import bundles
from training.__main__ import main
from training.data import prepare
from training.data.datasets import Example, build_vocabulary, load_flickr8k
from training.evaluation.report import encoded, greedy, reporter
from training.precision import autocast
from training.trainer.batch_source import MapBatchSource
from training.trainer.losses import distillation_loss, xent_loss
from training.trainer.optimization import one_cycle
from training.trainer.recipe import Recipe, Stage, load_recipe
from training.trainer.train import Trainer
from training.trainer.training_data import TrainingData, mirrored_ids, prepare_data, tokenise

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.networks.captioners import CaptioningNetwork

pytestmark = pytest.mark.timeout(900)  # several training runs, each a process of its own

TINY = Preprocessing(32)


def prepared(built: Path, recipe: Recipe, work: Path, limit: int | None = None) -> TrainingData:
    """What `build` was run on, read again."""
    return prepare_data(
        recipe, built / "data", work, built / "weights", built / "unlabelled", limit
    )


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
        bundles.training_command("train", folder, "killed"),
        cwd=bundles.ROOT,
        env=bundles.training_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
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
    rows = losses(built / "work")
    values = [loss for stage, _, loss in rows if stage == 0]  # the others' losses have more parts
    assert all(math.isfinite(loss) for *_, loss in rows)
    assert {stage for stage, *_ in rows} == {0, 1, 2, 3}
    assert np.mean(values[:4]) > 1.15 * np.mean(values[-4:])


def test_pictures_without_captions_have_captions_of_their_own(built: Path) -> None:
    own = json.loads((built / "work" / "own_captions_3.json").read_text(encoding="utf-8"))
    assert len(own) == 9
    assert any(own)
    assert not all(own)


def test_killed_thrice_it_ends_as_if_it_had_not_been(built: Path, tmp_path: Path) -> None:
    for given in ("data", "unlabelled", "weights"):
        shutil.copytree(built / given, tmp_path / given)
    shutil.copyfile(built / "recipe.toml", tmp_path / "recipe.toml")
    train_until(tmp_path, lambda rows: len(rows) >= 9)  # among the decoder's steps
    first = losses(tmp_path / "killed")
    assert {stage for stage, _, _ in first} == {0}
    # among the steps that learn from captions of its own, then among those behind them
    train_until(tmp_path, lambda rows: bool(rows) and rows[-1][:2] >= (2, 2))
    second = losses(tmp_path / "killed")
    assert second[: len(first)] == first
    train_until(tmp_path, lambda rows: bool(rows) and rows[-1][:2] >= (3, 2))
    # what a kill in the middle of writing leaves behind
    for part in ("checkpoint.part", "losses.part", "scores.part"):
        (tmp_path / "killed" / part).write_bytes(b"half")
    done = subprocess.run(
        bundles.training_command("train", tmp_path, "killed"),
        cwd=bundles.ROOT,
        check=False,
        env=bundles.training_environment(),
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    for name in ("losses.csv", "scores.jsonl"):
        killed, unbroken = (folder / name for folder in (tmp_path / "killed", built / "work"))
        assert killed.read_bytes() == unbroken.read_bytes(), name
    killed, unbroken = (
        torch.load(work / "checkpoint.pt", weights_only=True)
        for work in (tmp_path / "killed", built / "work")
    )
    for name, tensor in unbroken["average"].items():
        assert torch.equal(killed["average"][name], tensor), name


def test_a_finished_run_is_not_run_again(built: Path) -> None:
    recipe = load_recipe(built / "recipe.toml")
    before = (built / "work" / "checkpoint.pt").stat().st_mtime_ns
    trainer = Trainer(
        recipe,
        prepared(built, recipe, built / "work"),
        built / "weights",
        built / "work",
        report=None,
    )
    trainer.run()
    assert (built / "work" / "checkpoint.pt").stat().st_mtime_ns == before


def test_killed_while_scoring_it_scores_when_it_goes_on(built: Path, tmp_path: Path) -> None:
    stage = Stage("decoder", "decoder", epochs=2, learning_rate=1e-3, batch=4)
    recipe = dataclasses.replace(load_recipe(built / "recipe.toml"), stages=(stage,))
    data = prepared(built, recipe, tmp_path, limit=4)

    scored = []

    def killed(network: CaptioningNetwork) -> dict[str, float]:
        if scored:
            raise KeyboardInterrupt
        scored.append(network)
        return {"CIDEr": 2.0}

    def alive(network: CaptioningNetwork) -> dict[str, float]:
        return {"CIDEr": 1.0}

    (tmp_path / "scores.jsonl").write_text('{"after": "decoder 2", "CIDEr": 99.0}\n')  # stale
    with pytest.raises(KeyboardInterrupt):
        Trainer(recipe, data, None, tmp_path, killed).run()
    for _ in range(2):
        Trainer(recipe, data, None, tmp_path, alive).run()
    lines = (tmp_path / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines == ['{"after": "decoder 1", "CIDEr": 2.0}', '{"after": "decoder 2", "CIDEr": 1.0}']


def test_fewer_pictures_than_a_batch_are_refused(built: Path, tmp_path: Path) -> None:
    recipe = load_recipe(built / "recipe.toml")
    data = prepared(built, recipe, tmp_path, limit=3)
    assert len(data.train) == len(data.unlabelled) == 3
    assert data.tokens.shape[:2] == (2, 6)
    assert len(data.images) == len(data.classes) == 6
    assert (data.tokens[:, :3] != PAD).any(-1).all()
    assert (data.tokens[:, 3:] == PAD).all()
    with pytest.raises(ValueError, match="3 pictures are fewer than one batch"):
        Trainer(recipe, data, None, tmp_path).run()


def test_starting_weights_are_taken(built: Path, tmp_path: Path) -> None:
    recipe = load_recipe(built / "recipe.toml")
    network = Trainer(
        recipe, prepared(built, recipe, built / "work"), built / "weights", tmp_path
    ).averaged()
    tensors = read_weights(built / "weights" / recipe.starting_weights)
    parameters = list(network.encoder.parameters())
    for number, mine in enumerate(parameters[:-2]):
        assert torch.equal(mine, tensors[f"{number // 2}.{('weight', 'bias')[number % 2]}"])
    last = len(parameters) // 2 - 1
    assert torch.equal(parameters[-2], tensors[f"{last}.weight"][1:, :, 0, 0])
    assert torch.equal(parameters[-1], tensors[f"{last}.bias"][1:])


@pytest.mark.parametrize(
    ("without", "complaint"), [("weights", "give --weights"), ("unlabelled", "give --unlabelled")]
)
def test_what_a_recipe_needs_is_asked_for(
    built: Path, tmp_path: Path, without: str, complaint: str
) -> None:
    options = bundles.training_command("train", built, "work")[3:]
    place = options.index(f"--{without}")
    del options[place : place + 2]
    options[options.index("--work") + 1] = str(tmp_path / "work")
    done = CliRunner().invoke(main, options)
    assert done.exit_code == 2
    assert complaint in " ".join(done.output.split())


def test_classes_of_other_pictures_are_not_taken_for_these(built: Path, tmp_path: Path) -> None:
    recipe = load_recipe(built / "recipe.toml")
    first = np.array(prepared(built, recipe, tmp_path).classes)
    shutil.copytree(built / "unlabelled", tmp_path / "other")
    (tmp_path / "other" / "05.png").rename(tmp_path / "other" / "055.png")
    bundles.drawing("red", "square", "left").save(tmp_path / "other" / "055.png")
    again = prepare_data(
        recipe, built / "data", tmp_path, built / "weights", tmp_path / "other"
    ).classes
    changed = (again != first).any(1)
    assert changed.tolist() == [number == 14 for number in range(19)]  # ten have captions


def test_every_picture_without_captions_has_its_turn(built: Path, tmp_path: Path) -> None:
    recipe = load_recipe(built / "recipe.toml")
    trainer = Trainer(recipe, prepared(built, recipe, built / "work"), built / "weights", tmp_path)
    stage, turns = recipe.stages[1], []
    assert isinstance(trainer.source, MapBatchSource)
    for step in range(9):
        turns += trainer.source.unlabelled(stage, 1, step)
    assert sorted(turns) == sorted([*range(10, 19)] * stage.unlabelled)
    assert trainer.source.unlabelled(recipe.stages[0], 0, 0) == []


def test_greedy_captions_are_the_likeliest_word_by_word(built: Path) -> None:
    recipe = load_recipe(built / "recipe.toml")
    data = prepared(built, recipe, built / "work")
    network = Trainer(recipe, data, built / "weights", built / "work").averaged()
    images = data.images[:10]
    found = [
        ids
        for features in encoded(network, images, recipe.preprocessing, batch=4)
        for ids in greedy(network, features, 10)
    ]
    assert len(found) == 10
    pixels = prepare.normalised(images, recipe.preprocessing)
    with torch.inference_mode():
        with autocast("cpu"):
            features = network.encoder(pixels.to(memory_format=torch.channels_last)).float()
        for number, ids in enumerate(found):
            said = [token for token in ids if token != PAD]
            tokens = torch.tensor([[[START, *said]]])
            scores = network.decoder(features[number : number + 1], tokens)[0].softmax(-1).mean(0)
            scores[..., [PAD, START, UNKNOWN]] = -1
            assert scores[0, 0].argmax(-1).tolist() == said


def test_a_report_scores_the_development_pictures(built: Path, tmp_path: Path) -> None:
    recipe = load_recipe(built / "recipe.toml")
    data = prepared(built, recipe, built / "work")
    network = Trainer(recipe, data, built / "weights", built / "work").averaged()
    scores = reporter(data, recipe)(network)
    lines = (built / "work" / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["after"] for line in lines] == [
        *(f"decoder {number}" for number in range(1, 17)),
        "fine-tune 1",
        "fine-tune 2",
        "self-train 1",
        "self-train 2",
        "self-critical 1",
        "self-critical 2",
    ]
    assert set(scores) | {"after"} == set(json.loads(lines[-1]))
    assert scores["perplexity"] == pytest.approx(math.exp(scores["loss"]))
    assert 0 < scores["loss"] < math.log(len(data.vocabulary))  # better than by chance


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
    plain, mirror = (
        [" ".join(vocabulary.decode(row)) for row in side[0].tolist()] for side in tokens
    )
    assert plain == ["left dog", "dog on the"]  # cut to three words
    assert mirror == ["right dog", "dog on the"]
    assert tokens[0, 1, 0].tolist() == tokens[0, 1, 1].tolist()  # its one caption twice
    none = tokenise([*examples, Example(tmp_path / "z", ())], vocabulary, max_words=3)
    assert torch.equal(none[:, :7], tokens)
    assert (none[:, 7] == PAD).all()
    exchanged = mirrored_ids(vocabulary)
    assert torch.equal(exchanged[tokens[0]], tokens[1])
    assert torch.equal(exchanged[exchanged], torch.arange(len(vocabulary)))


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
    logits = torch.randn(1, 2, 3, 6)  # a picture, its captions, their words
    tokens = torch.tensor([[[4, 5, 2], [4, 2, PAD]]])
    chosen = logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
    by_hand = -chosen[tokens != PAD].mean()
    assert xent_loss(logits, tokens, smoothing=0.0) == pytest.approx(float(by_hand))
    changed = logits.clone()
    changed[0, 1, 2] = 99
    assert xent_loss(changed, tokens, 0.1) == xent_loss(logits, tokens, 0.1)


def test_distillation_loss_is_least_for_the_targets_own_distribution() -> None:
    torch.manual_seed(1)
    targets = torch.randn(3, 7).half()
    own = distillation_loss(targets.float(), targets)
    shares = targets.float().softmax(-1)
    assert own == pytest.approx(float(-(shares * shares.log()).sum(-1).mean()))
    assert distillation_loss(torch.randn(3, 7), targets) > own


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
    one, two = {"fingerprint": "one"}, {"fingerprint": "two"}
    cached = prepare.features(encoder, images, TINY, path, one, batch=2)
    assert cached.shape == (2, 3, 4, 2, 2)
    pixels = prepare.normalised(images, TINY)
    with torch.inference_mode():
        for side, view in enumerate((pixels, pixels.flip(-1))):
            assert np.allclose(cached[side], encoder(view).numpy(), atol=0.05)
    before = np.array(cached)
    torch.nn.init.zeros_(encoder.weight)
    assert np.array_equal(prepare.features(encoder, images, TINY, path, one), before)
    assert not np.array_equal(prepare.features(encoder, images, TINY, path, two), before)


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
