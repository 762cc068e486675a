"""Captioners that were trained apart, joined to one."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from click.testing import CliRunner

from models.captioner import load
from models.captioning.preprocess import Preprocessing, to_array
from models.captioning.vocabulary import SPECIALS, UNKNOWN, Vocabulary
from models.networks.captioners import CaptioningNetwork
from models.runtime.bundle import CARD
from tests import bundles
from training.__main__ import main
from training.release import publish
from training.release.joining import join
from training.trainer.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from torch import Tensor

APART = Vocabulary.from_words(bundles.WORDS)
FEWER = Vocabulary.from_words([*reversed(bundles.WORDS[:-3]), "kite"])
OPTIONS = {"grid": 32, "hidden": 32, "embedding": 24, "attention": 16}
RECIPE = """
[architecture]
mirror = true
[[members]]
recipe = "one.toml"
[[members]]
recipe = "other.toml"
[preprocessing]
size = 64
[[stages]]
name = "go on"
train = "decoder"
epochs = 2
rate = 1e-3
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
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "one.toml").write_text(ONE)
    (tmp_path / "other.toml").write_text(ONE.replace("seed = 7", ""))
    path = tmp_path / "both.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def joined(recipe: Path) -> tuple[CaptioningNetwork, Vocabulary]:
    return join(load_recipe(recipe), members())


def members() -> list[tuple[CaptioningNetwork, Vocabulary]]:
    return [
        (bundles.random_network(len(APART), seed=3), APART),
        (bundles.random_network(len(FEWER), seed=4), FEWER),
    ]


def pixels() -> Tensor:
    drawn = bundles.drawing("red", "circle", "left")
    return torch.from_numpy(to_array(drawn, Preprocessing(bundles.SIZE)))


def test_a_recipe_with_members_is_what_theirs_say(recipe: Path) -> None:
    loaded = load_recipe(recipe)
    assert [each.recipe for each in loaded.members] == ["one.toml", "other.toml"]
    assert (loaded.seed, loaded.starting_weights) == (7, "start.safetensors")
    assert [each.name for each in loaded.stages] == ["go on"]
    assert loaded.architecture == bundles.ARCHITECTURE | {
        "decoder": "committee",
        "mirror": True,
        "decoder_options": OPTIONS | {"members": 2},
    }


def test_committees_give_as_many_speakers_as_are_wanted(recipe: Path) -> None:
    page = recipe.with_name("one.toml")
    page.write_text(ONE.replace("soft_attention_lstm", "committee"))
    assert load_recipe(recipe).architecture["decoder_options"]["members"] == 3
    recipe.write_text(RECIPE.replace('"one.toml"', '"one.toml"\nspeakers = 1'))
    loaded = load_recipe(recipe)
    assert loaded.architecture["decoder_options"]["members"] == 2
    one = CaptioningNetwork(
        bundles.ARCHITECTURE
        | {"decoder": "committee", "decoder_options": OPTIONS | {"members": 2}},
        len(APART),
    )
    network, _ = join(loaded, [(one, APART), members()[1]])
    first, second = (each.state_dict() for each in one.decoder.ensemble_members())
    taken = network.decoder.ensemble_members()[0].state_dict()
    assert torch.equal(taken["lstm.weight_ih"], first["lstm.weight_ih"])
    assert not torch.equal(taken["lstm.weight_ih"], second["lstm.weight_ih"])


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"one.toml"', '"none.toml"', r"both\.toml, member 1: there is no recipe .*none"),
        ('"one.toml"', '"both.toml"', r"both\.toml, member 1: both\.toml joins captioners itself"),
        ('"one.toml"', "3", r"both\.toml, member 1: recipe cannot be 3"),
        (
            '"other.toml"',
            '"other.toml"\nspeakers = 2',
            r"both\.toml, member 2: other\.toml has no committee of 2 speakers",
        ),
        ('"other.toml"', '"large.toml"', r"member 2: its encoder or decoder has another shape"),
        ('"other.toml"', '"pooled.toml"', r"member 2: merge is no decoder that a committee is"),
        ("mirror = true", 'encoder = "vgg16"', r"both\.toml: encoder cannot stand beside members"),
        (
            "[architecture]",
            "seed = 3\n[architecture]",
            r"both\.toml: seed cannot stand beside members",
        ),
        (
            "rate = 1e-3",
            "rate = 1e-3\nunlabelled = 4",
            r"both\.toml, stage go on: joined captioners go on with captioned pictures alone",
        ),
        (RECIPE, "members = []", r"both\.toml: members cannot be \[\]"),
        (RECIPE, 'members = "one"', r"both\.toml: members cannot be 'one'"),
        (RECIPE, 'members = ["one"]', r"both\.toml, member 1: there must be a table"),
    ],
)
def test_a_slip_in_such_a_recipe_is_told(recipe: Path, old: str, new: str, complaint: str) -> None:
    recipe.with_name("large.toml").write_text(ONE.replace("hidden = 32", "hidden = 48"))
    recipe.with_name("pooled.toml").write_text(ONE.replace("soft_attention_lstm", "merge"))
    assert old in RECIPE
    recipe.write_text(RECIPE.replace(old, new))
    with pytest.raises(ValueError, match=complaint):
        load_recipe(recipe)


def test_it_is_not_trained_like_others(recipe: Path, built: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main,
        ["train", str(recipe), "--data", str(built / "data"), "--work", str(tmp_path / "work")],
    )
    assert done.exit_code == 2
    assert "joins the captioners of one.toml, other.toml" in done.output


def test_the_encoders_are_averaged_and_the_decoders_speak_as_one(
    joined: tuple[CaptioningNetwork, Vocabulary],
) -> None:
    network, words = joined
    (one, _), (other, _) = members()
    halfway = one.encoder
    halfway.load_state_dict(
        {
            name: (value + other.encoder.state_dict()[name]) / 2
            for name, value in one.encoder.state_dict().items()
        }
    )
    with torch.inference_mode():
        made = network.encode(pixels())
        grid = (halfway(pixels()) + halfway(pixels().flip(3)).flip(3)) / 2
        assert torch.allclose(made.features, grid.mean((2, 3)), atol=1e-5)
        said = ["<start>", "dog", "boat"]  # one of them does not know "boat"
        tokens = torch.tensor([words.words.index(word) for word in said])
        scores, weights, _ = network.step(
            tokens, made.memory, tuple(part.expand(3, -1) for part in made.state)
        )
        told, looks = [], []
        for speaker, vocabulary in ((one.decoder, APART), (other.decoder, FEWER)):
            memory, state = speaker.begin(grid)
            known = [
                vocabulary.words.index(word) if word in vocabulary.words else UNKNOWN
                for word in said
            ]
            logits, look, _ = speaker.step(
                torch.tensor([known]), memory, tuple(part.expand(-1, 3, -1) for part in state)
            )
            told.append(_spread(logits[0], vocabulary, words))
            looks.append(look[0])
    assert torch.allclose(weights, sum(looks, torch.zeros(())) / 2, atol=1e-5)
    assert torch.allclose(scores.exp(), sum(told, torch.zeros(())) / 2, atol=1e-5)


def _spread(logits: Tensor, vocabulary: Vocabulary, words: Vocabulary) -> Tensor:
    """Probabilities of all words: those that it does not know share an unknown one's weight."""
    strangers = sum(word not in vocabulary.words for word in words.words)
    weights = torch.stack(
        [
            logits[:, vocabulary.words.index(word)].exp()
            if word in vocabulary.words
            else logits[:, UNKNOWN].exp() / strangers
            for word in words.words
        ],
        -1,
    )
    return weights / weights.sum(-1, keepdim=True)


def test_they_know_all_words_of_each(joined: tuple[CaptioningNetwork, Vocabulary]) -> None:
    _, words = joined
    assert words.words == (*SPECIALS, *bundles.WORDS, "kite")


def test_members_must_fit_their_recipe(recipe: Path) -> None:
    loaded, (one, other) = load_recipe(recipe), members()
    with pytest.raises(ValueError, match="2 members, not 1"):
        join(loaded, [one])
    with pytest.raises(ValueError, match="only vocabularies of whole words"):
        join(loaded, [one, (other[0], Vocabulary(FEWER.words, "wordpiece"))])
    with pytest.raises(ValueError, match="it has no members"):
        join(Recipe(bundles.ARCHITECTURE, ()), [one])
    committee = CaptioningNetwork(bundles.ARCHITECTURE | {"decoder": "committee"}, len(APART))
    with pytest.raises(ValueError, match="member 2 was not made by the recipe's"):
        join(loaded, [one, (committee, APART)])
    eyes = CaptioningNetwork(bundles.ARCHITECTURE | {"encoder": "mobilenet_v2"}, len(APART))
    with pytest.raises(ValueError, match="member 1 was not made by the recipe's"):
        join(loaded, [(eyes, APART), other])
    more = dataclasses.replace(
        loaded,
        architecture=loaded.architecture
        | {"decoder_options": loaded.architecture["decoder_options"] | {"members": 3}},
    )
    with pytest.raises(ValueError, match="fewer decoders than the recipe's"):
        join(more, [one, other])


@pytest.mark.timeout(900)
def test_members_are_trained_and_joined(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what is said of made-up pictures is not asked here: hundreds of them take half of the time
    monkeypatch.setattr(publish, "_OOD_PER_KIND", 2)
    monkeypatch.setattr(publish, "ood_forms", lambda _: {"noise": (0, 0, 0, 2)})
    for name in ("data", "unlabelled", "weights"):
        (tmp_path / name).symlink_to(built / name)
    shutil.copy(built / "recipe.toml", tmp_path / "mine.toml")
    (tmp_path / "recipe.toml").write_text("""
[[members]]
recipe = "mine.toml"
[[members]]
recipe = "mine.toml"
speakers = 1
[preprocessing]
size = 96
[search]
max_words = 10
consensus = 1.0
neighbours = 3
[[stages]]
name = "go on"
train = "decoder"
augment = true
objective = "self-critical"
epochs = 1
rate = 1e-3
batch = 8
samples = 2
truth = 0.5
""")
    for number in (1, 2):  # trained already
        shutil.copytree(built / "work", tmp_path / "work" / f"{number}_mine")
    command = bundles.training_command("build", tmp_path, "work", "--out", tmp_path / "made")[3:]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    made = load(tmp_path / "made")
    assert made.config.grid == (3, 3)
    assert made.engine.channels == load(built / "bundle").engine.channels
    card = " ".join((tmp_path / "made" / CARD).read_text(encoding="utf-8").split())
    assert "2 captioners were trained apart" in card
    assert "3 decoders, whose probabilities are averaged" in card
    assert "training/recipes/recipe.toml" in card
    options = [
        each
        for name in ("data", "unlabelled", "weights")
        for each in (f"--{name}", str(tmp_path / name))
    ]
    done = CliRunner().invoke(
        main,
        [
            "join",
            str(tmp_path / "recipe.toml"),
            *[str(built / "bundle")] * 2,
            *options,
            "--work",
            str(tmp_path / "work"),
            "--out",
            str(tmp_path / "joined"),
            "--seed",
            str(load_recipe(tmp_path / "recipe.toml").seed),
        ],
    )
    assert done.exit_code == 0, done.output
    again = load(tmp_path / "joined")
    assert again.vocabulary.words == made.vocabulary.words
    for drawn in (
        bundles.drawing("red", "circle", "left"),
        bundles.drawing("blue", "square", "right"),
    ):
        assert again.describe(drawn).words == made.describe(drawn).words
