"""Calibration, and `build` from drawings to a bundle that captions."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from models.bundle import CONFIG, WEIGHTS
from models.captioner import EngineName, confidence, load
from tests import bundles
from training.__main__ import main
from training.evaluate import Result
from training.publish import calibrate

if TYPE_CHECKING:
    from numpy.typing import NDArray


pytestmark = pytest.mark.timeout(900)  # trains and exports, each in a process of its own


def result(means: NDArray[np.float64], ciders: NDArray[np.float64]) -> Result:
    """Captions of three tokens each, with these mean log-probabilities and scores."""
    names = [f"{n}.jpg" for n in range(len(means))]
    return Result(
        {}, dict.fromkeys(names, "a dog"),
        {name: (mean - 0.1, mean, mean + 0.1) for name, mean in zip(names, means, strict=True)},
        dict(zip(names, ciders, strict=True)),
    )


RANDOM = np.random.default_rng(3)
MEANS = RANDOM.uniform(-2.0, -0.2, 300)


def test_probabilities_that_rank_perfectly() -> None:
    calibration, auroc = calibrate(result(MEANS, 100 + 30 * MEANS))
    assert auroc == 1
    assert calibration.slope > 0
    worst, best = (confidence((mean,), calibration) for mean in (MEANS.min(), MEANS.max()))
    assert worst < 0.05
    assert best > 0.95


def test_probabilities_that_rank_backwards() -> None:
    calibration, auroc = calibrate(result(MEANS, -MEANS))
    assert auroc == 0
    assert calibration.slope < 0


def test_probabilities_that_are_all_the_same_tell_nothing() -> None:
    _, auroc = calibrate(result(np.full(300, -1.0), RANDOM.uniform(0, 100, 300)))
    assert auroc == 0.5


def test_probabilities_that_have_nothing_to_do_with_it() -> None:
    both = np.repeat(MEANS[:150], 2)  # each mean once good and once bad
    calibration, auroc = calibrate(result(both, np.tile([0.0, 100.0], 150)))
    assert auroc == pytest.approx(0.5)
    assert calibration.slope == pytest.approx(0, abs=1e-6)


def test_confidence_is_the_share_of_good_captions() -> None:
    noisy = MEANS + RANDOM.normal(0, 0.5, 300)
    calibration, auroc = calibrate(result(MEANS, noisy))
    assert 0.6 < auroc < 0.99
    told = [confidence((mean,), calibration) for mean in MEANS]
    assert np.mean(told) == pytest.approx(2 / 3, abs=0.02)  # the worst third are the bad ones
    assert [told[i] for i in np.argsort(MEANS)] == sorted(told)
    assert 0 < calibration.medium < calibration.sure < 1


def test_the_order_of_pictures_does_not_matter() -> None:
    one = result(MEANS, 100 * MEANS**2)
    names = sorted(one.ciders, reverse=True)
    other = Result(
        {}, one.captions, {name: one.log_probabilities[name] for name in names},
        {name: one.ciders[name] for name in names},
    )
    assert calibrate(one) == calibrate(other)


@pytest.mark.parametrize("ciders", [[5.0, 5.0, 5.0], [0.0]])
def test_scores_that_are_all_the_same_have_no_ranking(ciders: list[float]) -> None:
    calibration, auroc = calibrate(result(MEANS[: len(ciders)], np.asarray(ciders)))
    assert np.isnan(auroc)
    assert np.isfinite([calibration.slope, calibration.offset]).all()


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_what_was_built_captions(built: Path, engine: EngineName) -> None:
    captioner = load(built / "bundle", engine)
    assert captioner.config.preprocessing.size == bundles.SIZE
    assert captioner.config.search.max_words == 10
    caption = captioner.describe(bundles.drawing("green", "square", "right"))
    known = {"a", "on", "the", "side", "is", *bundles.COLOURS, *bundles.SHAPES, *bundles.PLACES}
    assert caption.words
    assert set(caption.words) <= known
    assert 0 <= caption.confidence <= 1


def test_the_card_says_what_it_scores(built: Path) -> None:
    card = (built / "bundle" / "MODEL_CARD.md").read_text(encoding="utf-8")
    for said in ("| BLEU-4 |", "| CIDEr |", "10 training", "16 words", "(2 pictures)", "seed 5",
                 "blue-circle-left.png"):
        assert said in card


def test_building_again_gives_the_same_bundle(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "again")
    again = tmp_path / "again"
    command = bundles.training_command("build", again, "work", "--out", again / "bundle")
    done = subprocess.run(command, cwd=bundles.ROOT, env=bundles.training_environment(),
                          capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    assert "trained already" in done.stdout
    names = sorted(path.name for path in (built / "bundle").iterdir())
    assert sorted(path.name for path in (again / "bundle").iterdir()) == names
    for name in (WEIGHTS, "vocabulary.json", "encoder.onnx", "decoder.onnx"):
        assert (again / "bundle" / name).read_bytes() == (built / "bundle" / name).read_bytes()
    before, after = (json.loads((folder / "bundle" / CONFIG).read_text(encoding="utf-8"))
                     for folder in (built, again))
    for table in (before, after):
        del table["files"]["MODEL_CARD.md"]  # it tells how long a caption took
    assert before == after


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_evaluating_a_bundle_writes_captions_and_scores(
    built: Path, tmp_path: Path, engine: str
) -> None:
    path = tmp_path / "scores.json"
    done = CliRunner().invoke(
        main, ["evaluate", str(built / "bundle"), "--data", str(built / "data"), "--beam", "2",
               "--engine", engine, "--out", str(path)]
    )
    assert done.exit_code == 0, done.output
    assert "CIDEr" in done.output
    table = json.loads(path.read_text(encoding="utf-8"))
    assert [row["file"] for row in table["captions"]] == ["blue-circle-left.png",
                                                          "red-circle-left.png"]
    assert all(row["caption"] for row in table["captions"])
    assert 0 <= table["scores"]["BLEU-1"] <= 100
