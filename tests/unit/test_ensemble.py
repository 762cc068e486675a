"""Captioners that were trained apart, joined to one."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from models.bundle import CARD, Config
from models.captioner import load
from models.confidence import Calibration
from models.consensus import Consensus
from models.decoding import Search
from models.export import export
from models.networks.captioners import CaptioningNetwork, Ensemble, make_network
from models.networks.encoders import ENCODERS
from models.preprocess import Preprocessing, to_array
from models.vocabulary import SPECIALS, UNKNOWN, Vocabulary
from tests import bundles
from training.__main__ import main
from training.ensemble import join
from training.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from torch import Tensor

APART = Vocabulary.from_words(bundles.WORDS)
FEWER = Vocabulary.from_words([*reversed(bundles.WORDS[:-3]), "kite"])
RECIPE = """
[[members]]
recipe = "one.toml"
[[members]]
recipe = "other.toml"
look = "mirrored"
[preprocessing]
size = 64
"""
ONE = """
seed = 7
starting_weights = "start.safetensors"
[architecture]
encoder = "mobilenet_edgetpu"
decoder = "soft_attention_lstm"
decoder_options = { grid = 32, hidden = 32, embedding = 24, attention = 16 }
[[stages]]
name = "all"
train = "all"
epochs = 1
rate = 1e-3
distil = 0.5
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "one.toml").write_text(ONE)
    (tmp_path / "other.toml").write_text(ONE.replace("distil = 0.5", "").replace("seed = 7", ""))
    path = tmp_path / "both.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def joined(recipe: Path) -> tuple[Ensemble, Vocabulary]:
    return join(load_recipe(recipe), members())


def members() -> list[tuple[CaptioningNetwork | Ensemble, Vocabulary]]:
    return [(bundles.random_network(len(APART), seed=3), APART),
            (bundles.random_network(len(FEWER), seed=4), FEWER)]


def pixels() -> Tensor:
    drawn = bundles.drawing("red", "circle", "left")
    return torch.from_numpy(to_array(drawn, Preprocessing(bundles.SIZE)))


def test_an_ensemble_is_what_its_members_recipes_say(recipe: Path) -> None:
    loaded = load_recipe(recipe)
    assert [each.recipe for each in loaded.members] == ["one.toml", "other.toml"]
    assert (loaded.seed, loaded.starting_weights, loaded.stages) == (7, "start.safetensors", ())
    one, other = loaded.architecture["members"]
    assert one == bundles.ARCHITECTURE | {"mirror": False, "classes": True}
    assert other == bundles.ARCHITECTURE | {"mirror": "only", "classes": False}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"one.toml"', '"none.toml"', r"both\.toml, member 1: there is no recipe .*none"),
        ('"one.toml"', '"both.toml"', r"both\.toml, member 1: both\.toml is an ensemble itself"),
        ('"one.toml"', "3", r"both\.toml, member 1: recipe cannot be 3"),
        ('"mirrored"', '"sideways"', r"both\.toml, member 2: look cannot be 'sideways'"),
        ('"mirrored"', '"mirrored"\nspeakers = 2',
         r"both\.toml, member 2: other\.toml has no committee of 2 speakers"),
        ("[preprocessing]", "[architecture]\n[preprocessing]",
         r"both\.toml: architecture cannot stand beside members"),
        (RECIPE, "members = []", r"both\.toml: members cannot be \[\]"),
        (RECIPE, 'members = "one"', r"both\.toml: members cannot be 'one'"),
        (RECIPE, 'members = ["one"]', r"both\.toml, member 1: there must be a table"),
    ],
)
def test_a_slip_in_an_ensembles_recipe_is_told(
    recipe: Path, old: str, new: str, complaint: str
) -> None:
    assert old in RECIPE
    recipe.write_text(RECIPE.replace(old, new))
    with pytest.raises(ValueError, match=complaint):
        load_recipe(recipe)


def test_an_ensemble_is_not_trained_as_one(recipe: Path, built: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["train", str(recipe), "--data", str(built / "data"),
                                     "--work", str(tmp_path / "work")])
    assert done.exit_code == 2
    assert "is an ensemble of one.toml, other.toml" in done.output


def test_an_ensemble_says_the_mean_of_what_its_members_say(
    joined: tuple[Ensemble, Vocabulary]
) -> None:
    ensemble, words = joined
    straight, mirrored = (each for each, _ in members())
    assert isinstance(straight, CaptioningNetwork)
    assert isinstance(mirrored, CaptioningNetwork)
    with torch.inference_mode():
        made = ensemble.encode(pixels())
        one = straight.encode(pixels())
        seen = mirrored.encoder(pixels().flip(3)).flip(3)
        memory, state = mirrored.decoder.begin(seen)
        state = tuple(part[0] for part in state)
        assert torch.allclose(made.features,
                              torch.cat([one.features, seen.mean((2, 3))], 1), atol=1e-5)
        assert made.classes is not None
        assert one.classes is not None
        assert torch.allclose(made.classes, one.classes)  # the other's were not kept alive
        said = ["<start>", "dog", "boat"]  # one of them does not know "boat"
        tokens = torch.tensor([words.words.index(word) for word in said])
        rows = tuple(part.expand(3, -1) for part in made.state)
        scores, weights, after = ensemble.step(tokens, made.memory, rows)
        first, looks, _ = straight.step(
            torch.tensor([APART.words.index(word) for word in said]), one.memory,
            tuple(part.expand(3, -1) for part in one.state))
        second, others, _ = mirrored.step(
            torch.tensor([1, FEWER.words.index("dog"), UNKNOWN]), memory,
            tuple(part.expand(3, -1) for part in state))
    assert len(after) == len(rows)
    assert torch.allclose(weights, (looks + others) / 2, atol=1e-5)
    for word in words.words:
        told = [table[:, vocabulary.words.index(word)].exp() if word in vocabulary.words
                else torch.zeros(3)
                for table, vocabulary in ((first, APART), (second, FEWER))]
        found = scores[:, words.words.index(word)].exp()
        assert torch.allclose(found, sum(told, torch.zeros(3)) / 2, atol=1e-5), word


def test_an_ensemble_knows_all_its_members_words(joined: tuple[Ensemble, Vocabulary]) -> None:
    _, words = joined
    assert words.words == (*SPECIALS, *bundles.WORDS, "kite")


def test_both_engines_run_an_ensemble(
    joined: tuple[Ensemble, Vocabulary], recipe: Path, tmp_path: Path
) -> None:
    ensemble, words = joined
    loaded = load_recipe(recipe)
    config = Config(loaded.architecture, loaded.preprocessing, Search(beam=3, max_words=8),
                    Calibration(), ensemble.cells(bundles.SIZE))
    export(ensemble, words, config, "# A test\n", Consensus.empty(ensemble.channels),
           tmp_path / "bundle")
    onnx, exact = (load(tmp_path / "bundle", engine) for engine in ("onnx", "torch"))
    for colour in bundles.COLOURS:
        drawn = bundles.drawing(colour, "square", "right")
        one, other = onnx.describe(drawn), exact.describe(drawn)
        assert one.words == other.words
        assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-4)
        assert np.allclose(one.attention, other.attention, atol=1e-4)
        assert one.tags[0].name == other.tags[0].name


def test_members_must_fit_their_recipe(recipe: Path) -> None:
    loaded, (one, other) = load_recipe(recipe), members()
    with pytest.raises(ValueError, match="2 members, not 1"):
        join(loaded, [one])
    with pytest.raises(ValueError, match="member 2 is an ensemble itself"):
        join(loaded, [one, join(loaded, [one, other])])
    committee = make_network(bundles.ARCHITECTURE | {"decoder": "committee"}, len(APART))
    with pytest.raises(ValueError, match="member 2 was not made by the recipe's"):
        join(loaded, [one, (committee, APART)])
    with pytest.raises(ValueError, match="only vocabularies of whole words"):
        join(loaded, [one, (other[0], Vocabulary(FEWER.words, "wordpiece"))])
    alone = Recipe(bundles.ARCHITECTURE, ())
    with pytest.raises(ValueError, match="it has no members"):
        join(alone, [one])
    apart = dataclasses.replace(loaded, architecture={"members": [
        bundles.ARCHITECTURE, bundles.ARCHITECTURE | {"encoder": "vgg16"}]})
    with pytest.raises(ValueError, match="member 2 was not made"):
        join(apart, [one, other])


@pytest.mark.parametrize("name", ["mobilenet_edgetpu", "mobilenet_v2"])
def test_an_encoder_may_forget_its_classes(name: str) -> None:
    encoder = ENCODERS[name]()
    weights = sum(each.numel() for each in encoder.parameters())
    encoder.forget_classes()
    assert encoder.classes == 0
    assert sum(each.numel() for each in encoder.parameters()) == weights - 1281 * 1000
    assert sum(len(list(stage)) for stage in encoder.stages())
    with torch.inference_mode():
        seen = encoder.eval()(torch.zeros(1, 3, 64, 64))
    with pytest.raises(ValueError, match="no classifier"):
        encoder.classify(seen)


@pytest.mark.timeout(900)
def test_members_are_trained_and_joined(built: Path, tmp_path: Path) -> None:
    for name in ("data", "unlabelled", "weights"):
        (tmp_path / name).symlink_to(built / name)
    shutil.copy(built / "recipe.toml", tmp_path / "mine.toml")
    (tmp_path / "recipe.toml").write_text("""
[[members]]
recipe = "mine.toml"
[[members]]
recipe = "mine.toml"
look = "both"
speakers = 1
[preprocessing]
size = 96
[search]
max_words = 10
consensus = 1.0
neighbours = 3
""")
    for number in (1, 2):  # trained already
        shutil.copytree(built / "work", tmp_path / "work" / f"{number}_mine")
    command = bundles.training_command("build", tmp_path, "work", "--out", tmp_path / "made")[3:]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    made = load(tmp_path / "made")
    assert made.config.grid == (3, 3)
    assert made.engine.channels == 2 * load(built / "bundle").engine.channels
    card = (tmp_path / "made" / CARD).read_text(encoding="utf-8")
    assert "two captioners trained apart" in card
    assert "together three decoders" in card
    assert "training/recipes/recipe.toml" in card
    options = [each for name in ("data", "unlabelled", "weights")
               for each in (f"--{name}", str(tmp_path / name))]
    done = CliRunner().invoke(main, [
        "join", str(tmp_path / "recipe.toml"), *[str(built / "bundle")] * 2, *options,
        "--work", str(tmp_path / "work"), "--out", str(tmp_path / "joined")])
    assert done.exit_code == 0, done.output
    again = load(tmp_path / "joined")
    assert again.vocabulary.words == made.vocabulary.words
    for drawn in (bundles.drawing("red", "circle", "left"),
                  bundles.drawing("blue", "square", "right")):
        assert again.describe(drawn).words == made.describe(drawn).words
