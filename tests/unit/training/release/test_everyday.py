"""From a network that knows things to a bundle that says only what it believes."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from models.captioner import Captioner, EngineName, load
from models.captioning.answer import FORMS
from models.captioning.confidence import COMPARED, OWN
from models.captioning.kinds import kinds
from models.captioning.things import THING_SIGNALS
from models.networks.captioners import CaptioningNetwork
from models.networks.registry import ENCODERS
from models.runtime.bundle import PICTURES
from tests import bundles, everyday
from tests.variants import TinyEncoder
from training.__main__ import main
from training.data.datasets import load as load_data
from training.evaluation.evaluate import evaluate
from training.evaluation.honesty import Honesty
from training.release import publish
from training.release.everyday import Known, choose_what_is_said
from training.trainer.recipe import load_recipe
from training.trainer.training_data import prepare_data

KINDS = len(kinds())


def chosen(captioner: Captioner, known: Known) -> Honesty:
    """As what is said is chosen, which of a beam is; so that it shows, of three words at most."""
    honesty = choose_what_is_said(captioner, known)
    search = dataclasses.replace(captioner.config.search, max_words=3)
    captioner.config = dataclasses.replace(captioner.config, search=search)
    return honesty


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`bundle`, published from a network that has learnt nothing, with all that it took."""
    folder = everyday.prepare(tmp_path_factory.mktemp("released"))
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENCODERS, "tiny", TinyEncoder)
        patch.setattr(publish, "_OOD_PER_KIND", 2)
        patch.setattr(publish.everyday, "choose_what_is_said", chosen)
        patch.setattr(publish, "ood_forms", lambda _: {"noise": (0, 0, 0, 2)})
        patch.setenv("PATH", "")  # METEOR takes ten seconds of Java
        recipe = load_recipe(folder / "recipe.toml")
        data = prepare_data(recipe, folder / "data", folder / "maps", everyday=folder / "everyday")
        torch.manual_seed(4)
        network = CaptioningNetwork(recipe.architecture, len(data.vocabulary)).eval()
        assert network.objects is not None
        torch.nn.init.normal_(network.objects.maps.weight, std=0.3)  # else kinds hardly differ
        publish._publish(
            publish.Trained(
                publish._without_folds(network, recipe, len(data.vocabulary)),
                recipe,
                data,
                {"hours": 0.5, "cores": 2, "unlabelled": 8},
            ),
            folder / "bundle",
            None,
            None,
        )
        yield folder


def test_the_mean_of_the_heads_ships(folder: Path) -> None:
    recipe = load_recipe(folder / "recipe.toml")
    torch.manual_seed(4)
    network = CaptioningNetwork(recipe.architecture, 30).eval()
    assert any(name.startswith("objects.cross_fitted") for name in network.state_dict())
    shipped = publish._without_folds(network, recipe, 30)
    kept = {
        name: value for name, value in network.state_dict().items() if "cross_fitted" not in name
    }
    assert kept.keys() == shipped.state_dict().keys()
    assert network.objects is not None
    assert shipped.objects is not None
    heads = [network.objects.maps, *network.objects.cross_fitted]
    for name in ("weight", "bias"):
        mean = sum(getattr(head, name) for head in heads) / len(heads)
        torch.testing.assert_close(getattr(shipped.objects.maps, name), mean)
    assert load(folder / "bundle").config.architecture["objects"] == {"kinds": KINDS, "folds": 0}


def test_everything_is_calibrated_together(folder: Path) -> None:
    captioner = load(folder / "bundle")
    calibration = captioner.config.calibration
    assert len(calibration.object_offsets) == KINDS
    assert (
        calibration.weights.keys()
        == calibration.familiar.keys()
        == (OWN | COMPARED | THING_SIGNALS)
    )
    assert 0.3 <= calibration.object_support <= 0.9
    assert 0.5 <= calibration.object_listed <= 0.9
    assert calibration.medium in (0.4, 0.5, 0.6)
    assert calibration.sure == publish.SURE
    caption = captioner.describe(bundles.drawing("red", "circle", "left"))
    assert len(caption.things) == KINDS
    assert 0 <= caption.confidence <= 1


def test_both_engines_run_it(folder: Path) -> None:
    image = bundles.drawing("blue", "square", "right")
    engines: tuple[EngineName, ...] = ("onnx", "torch")
    onnx, reference = (load(folder / "bundle", engine).encode(image).objects for engine in engines)
    assert onnx.shape == reference.shape == (KINDS, 6)
    # one of them computes in integers
    assert np.corrcoef(onnx[:, 0], reference[:, 0])[0, 1] > 0.95
    assert onnx[:, 1:5] == pytest.approx(reference[:, 1:5], abs=0.05)
    for engine in engines:
        assert load(folder / "bundle", engine).describe(image).answer.form in FORMS


def test_the_card_and_its_pictures_tell_of_things(folder: Path) -> None:
    card = (folder / "bundle" / "MODEL_CARD.md").read_text(encoding="utf-8")
    for said in (
        "## Everyday pictures",
        "2 photographs of COCO",
        "| all | 100 % |",
        "Mean average precision of the 80 kinds",
        "8 more without",
    ):
        assert said in card
    for name in PICTURES:
        with Image.open(folder / "bundle" / name) as image:
            assert image.size > (300, 300)


def test_the_card_has_the_scores_of_the_captioner_as_it_ships(folder: Path) -> None:
    captioner = load(folder / "bundle")
    examples = load_data(folder / "data").development
    scores = evaluate(captioner, examples, name="development").scores
    card = (folder / "bundle" / "MODEL_CARD.md").read_text(encoding="utf-8")
    for name, score in scores.items():
        if not math.isnan(score):
            assert f"| {name} | {score:.2f} |" in card


def test_its_honesty_can_be_measured_again(folder: Path) -> None:
    done = CliRunner().invoke(
        main, ["honesty", str(folder / "bundle"), "--data", str(folder / "everyday")]
    )
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["form", "share", "helpful", "invented", "CHAIRi"]
    assert lines[1].split()[:3] == ["all", "100.0", "%"]
    assert lines[-1].split() == ["pictures", "2"]
    # with one calibration for all pictures as with the five that the card's shares come of
    (known,) = (line.split()[-1] for line in lines if line.startswith("mean average precision"))
    card = (folder / "bundle" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"Mean average precision of the 80 kinds: {known}." in card
    done = CliRunner().invoke(
        main,
        ["honesty", str(folder / "bundle"), "--data", str(folder / "everyday"), "--limit", "1"],
    )
    assert done.stdout.splitlines()[-1].split() == ["pictures", "1"]


def test_honesty_needs_to_know_what_is_there(folder: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["honesty", str(folder / "bundle"), "--data", str(folder / "data")]
    )
    assert done.exit_code == 2
    assert "holds no table" in done.output
    shutil.copytree(folder / "everyday", tmp_path / "unlabelled")
    (tmp_path / "unlabelled" / "objects.csv").unlink()
    done = CliRunner().invoke(
        main, ["honesty", str(folder / "bundle"), "--data", str(tmp_path / "unlabelled")]
    )
    assert done.exit_code == 2
    assert "is missing: which kinds of thing are on which picture" in " ".join(done.output.split())
