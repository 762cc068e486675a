"""`build`, from drawings to a bundle that captions."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from models.captioner import EngineName, load
from models.captioning.confidence import Calibration
from models.captioning.preprocess import to_array, upright_rgb
from models.captioning.tags import names
from models.runtime.bundle import CONFIG, CONSENSUS, PICTURES, WEIGHTS
from tests import bundles
from training.__main__ import main
from training.data.datasets import load_unlabelled
from training.evaluation.out_of_domain_eval import OutOfDomainResult, evaluate_ood
from training.release.calibration import fit_tags
from training.trainer.recipe import load_recipe
from training.trainer.training_data import starting_encoder

SAID = {"a", "on", "the", "side", "is", *bundles.COLOURS, *bundles.SHAPES, *bundles.PLACES}

pytestmark = pytest.mark.timeout(900)  # trains and exports, each in a process of its own


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_what_was_built_captions(built: Path, engine: EngineName) -> None:
    captioner = load(built / "bundle", engine)
    assert captioner.config.preprocessing.size == bundles.SIZE
    assert captioner.config.search.max_words == 10
    caption = captioner.describe(bundles.drawing("green", "square", "right"))
    assert caption.words
    assert set(caption.words) <= {*SAID, *captioner.vocabulary.words[4 + len(SAID) :]}
    assert 0 <= caption.confidence <= 1
    assert len(caption.tags) == 5


def test_what_was_built_knows_its_training_pictures(built: Path) -> None:
    captioner = load(built / "bundle")
    trained = sorted((built / "data" / "Images").iterdir())
    trained = [path for n, path in enumerate(trained) if n % 8]  # the others are held out
    for number in (0, 5, 9):
        with Image.open(trained[number]) as image:
            pixels = to_array(upright_rgb(image), captioner.config.preprocessing)
        features = captioner.engine.encode(pixels).features
        nearest, cosines = captioner.caption_store.nearest(features, 3)
        assert number in nearest.tolist()
        assert cosines[0] > 0.98
    with np.load(built / "bundle" / CONSENSUS) as file:
        assert len(file["captions"]) == 10
        said = {captioner.vocabulary.decode(ids) for ids in file["captions"][0].tolist()}
    assert {" ".join(words) for words in said} == {
        "a blue circle on the right",
        "on the right side a circle is blue",
    }


def test_new_words_come_behind_those_of_the_captions(built: Path) -> None:
    words = load(built / "bundle").vocabulary.words[4:]
    assert set(words[: len(SAID)]) == SAID
    assert words[len(SAID) :]
    assert set(words[len(SAID) :]) <= {part for name in names() for part in name.word.split()}


def test_everything_was_calibrated(built: Path) -> None:
    captioner = load(built / "bundle")
    calibration = captioner.config.calibration
    signals = captioner.describe(bundles.drawing("red", "circle", "left")).signals
    assert set(calibration.weights) == set(calibration.familiar) == set(signals)
    assert (calibration.tag_slope, calibration.tag_offset) != (1.0, 0.0)
    _, held_out = load_unlabelled(built / "unlabelled")
    starting = starting_encoder(load_recipe(built / "recipe.toml"), built / "weights")
    seen = evaluate_ood(captioner, held_out, starting)
    assert len(seen.signals) == len(seen.tags) == len(seen.right) == len(held_out) == 2
    again = fit_tags(seen.tags, seen.right, calibration)
    assert again.tag_slope == pytest.approx(calibration.tag_slope, rel=1e-3)


def test_the_out_of_domain_shares_by_hand() -> None:
    limits = Calibration({"mean": 1.0}, sure=0.8, medium=0.6, tag=0.7)
    odds = [3.0, 2.0, 1.0, -1.0, -2.0]  # two plainly, one hedged, two unsure
    seen = OutOfDomainResult(
        [{"mean": each} for each in odds],
        np.asarray([0.1, 0.9, 0.8, 0.9, 0.2]),
        np.asarray([True, False, True, True, True]),
        [True, False],
    )
    wanted = [40, 20, 20, 20, 100 * 2 / 3, 50]
    assert list(seen.summary(limits).values()) == pytest.approx(wanted)


def test_the_card_has_its_pictures(built: Path) -> None:
    for name in PICTURES:
        with Image.open(built / "bundle" / name) as image:
            assert image.size > (300, 300)


def test_the_card_says_what_it_scores(built: Path) -> None:
    words = len(load(built / "bundle").vocabulary)
    card = (built / "bundle" / "MODEL_CARD.md").read_text(encoding="utf-8")
    for said in (
        "| BLEU-4 |",
        "| CIDEr |",
        "10 training",
        f"{words} words",
        "(2 pictures)",
        "9 photographs",
        "seed 5",
        "blue-circle-left.png",
    ):
        assert said in card


def test_renewing_gives_the_same_bundle(built: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    done = CliRunner().invoke(
        main,
        [
            "renew",
            str(built / "recipe.toml"),
            str(built / "bundle"),
            "--data",
            str(built / "data"),
            "--unlabelled",
            str(built / "unlabelled"),
            "--weights",
            str(built / "weights"),
            "--work",
            str(tmp_path / "work"),
            "--out",
            str(out),
            "--beside",
            str(built / "bundle"),
        ],
    )
    assert done.exit_code == 0, done.output
    card = (out / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Trained with 2 seeds (all of it), this one among them" in card
    words = re.search(r"\| distinct words \| ([\d.]+) \| ([\d.]+) \|", card)
    assert words is not None  # the same bundle twice does not differ
    assert f"| distinct words | {float(words[1]):.2f} |" in card
    assert float(words[2]) == 0
    old, new = (load(folder) for folder in (built / "bundle", out))
    assert new.vocabulary.words == old.vocabulary.words
    assert new.config.origin == old.config.origin
    assert new.config.origin["unlabelled"] == 9
    for name, value in old.config.calibration.weights.items():
        assert new.config.calibration.weights[name] == pytest.approx(value, abs=1e-3)
    for drawn in (
        bundles.drawing("red", "circle", "left"),
        bundles.drawing("blue", "square", "right"),
    ):
        assert new.describe(drawn).words == old.describe(drawn).words


def test_a_bundle_of_another_recipe_is_not_renewed(
    built: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    done = CliRunner().invoke(
        main,
        [
            "renew",
            str(built / "recipe.toml"),
            str(tiny_bundle),
            "--data",
            str(built / "data"),
            "--work",
            str(tmp_path / "work"),
            "--out",
            str(tmp_path / "bundle"),
        ],
    )
    assert done.exit_code == 2
    assert "was not made by this recipe" in done.output
    assert not (tmp_path / "bundle").exists()


def test_building_again_gives_the_same_bundle(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "again")
    again = tmp_path / "again"
    command = bundles.training_command("build", again, "work", "--out", again / "bundle")
    done = subprocess.run(
        command,
        cwd=bundles.ROOT,
        env=bundles.training_environment(),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "trained already" in done.stdout
    names = sorted(path.name for path in (built / "bundle").iterdir())
    assert sorted(path.name for path in (again / "bundle").iterdir()) == names
    for name in (WEIGHTS, CONSENSUS, *PICTURES, "vocabulary.json", "encoder.onnx", "decoder.onnx"):
        assert (again / "bundle" / name).read_bytes() == (built / "bundle" / name).read_bytes()
    before, after = (
        json.loads((folder / "bundle" / CONFIG).read_text(encoding="utf-8"))
        for folder in (built, again)
    )
    for table in (before, after):
        del table["files"]["MODEL_CARD.md"]  # it tells how long a caption took
    assert before == after


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_evaluating_a_bundle_writes_captions_and_scores(
    built: Path, tmp_path: Path, engine: str
) -> None:
    path = tmp_path / "scores.json"
    done = CliRunner().invoke(
        main,
        [
            "evaluate",
            str(built / "bundle"),
            "--data",
            str(built / "data"),
            "--beam",
            "2",
            "--engine",
            engine,
            "--out",
            str(path),
        ],
        env={"PATH": ""},  # METEOR takes ten seconds of Java
    )
    assert done.exit_code == 0, done.output
    assert "CIDEr" in done.output
    table = json.loads(path.read_text(encoding="utf-8"))
    assert [row["file"] for row in table["captions"]] == [
        "blue-circle-left.png",
        "red-circle-left.png",
    ]
    assert all(row["caption"] for row in table["captions"])
    assert 0 <= table["scores"]["BLEU-1"] <= 100
