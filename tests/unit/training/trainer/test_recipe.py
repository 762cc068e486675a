"""A recipe is read strictly: a slip of the pen must not cost a night of training."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from models.captioning.preprocess import Preprocessing
from training.data.augmentation import Augmentation
from training.trainer.recipe import RECIPES, Stage, load_recipe
from training.trainer.self_training import SelfTraining

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
seed = 4
[architecture]
encoder = "mobilenet_edgetpu"
decoder = "soft_attention_lstm"
decoder_options = { hidden = 32 }
[preprocessing]
size = 64
mean = [0.4, 0.5, 1]
[augmentation]
scale = 0.8
[self_training]
sure = 0.7
[[stages]]
name = "decoder"
train = "decoder"
epochs = 3
rate = 1
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    return path


def test_what_is_written_is_what_is_done(recipe: Path) -> None:
    loaded = load_recipe(recipe)
    assert loaded.seed == 4
    assert loaded.minimum_count == 5
    assert loaded.architecture["decoder_options"] == {"hidden": 32}
    assert loaded.preprocessing == Preprocessing(64, (0.4, 0.5, 1))
    assert loaded.augmentation == Augmentation(scale=0.8)
    assert loaded.self_training == SelfTraining(sure=0.7)
    assert loaded.stages == (Stage("decoder", "decoder", epochs=3, learning_rate=1),)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("seed = 4", "sead = 4", r"mine\.toml: unknown sead; known: .*seed"),
        ("seed = 4", 'seed = "4"', r"mine\.toml: seed cannot be '4'"),
        ("seed = 4", "seed = true", r"mine\.toml: seed cannot be True"),
        ("size = 64", "size = 64.5", "preprocessing: size cannot be"),
        ("size = 64", "sise = 64", "preprocessing: unknown sise"),
        ("mean = [0.4, 0.5, 1]", "mean = [0.4, 0.5]", "preprocessing: mean cannot be"),
        ("scale = 0.8", "zoom = 0.8", "augmentation: unknown zoom"),
        ("sure = 0.7", "pictures = 2.5", "self_training: pictures cannot be"),
        ("sure = 0.7", "certain = 0.7", "self_training: unknown certain"),
        ("epochs = 3", "epochs = 3\nself_train = 1", "stage 1: self_train cannot be 1"),
        ("epochs = 3", "epochs = 3\nunlabelled = true", "stage 1: unlabelled cannot be True"),
        ("epochs = 3", "epochs = 0", "stage 1: epochs and batch must be at least 1"),
        ("epochs = 3", "epochs = 3\npatience = -1", "stage 1: patience and encoder_stages cannot"),
        ("epochs = 3", "epochs = 3\nencoder_stages = 2", "stage 1: encoder_stages needs train"),
        ("epochs = 3", "epochs = 3\nsize = 48", "stage 1: size needs augment or train"),
        ("epochs = 3", "epochs = 3\naugment = true\nsize = -1", "stage 1: size needs augment"),
        ("epochs = 3", 'epochs = 3\nprecision = "int8"', "stage 1: precision cannot be 'int8'"),
        ("seed = 4", "extends = 4", r"mine\.toml: extends cannot be 4"),
        ("seed = 4", 'extends = "frist"', r"mine\.toml: extends: there is no recipe frist; known"),
        ("seed = 4", 'extends = "other.toml"', r"mine\.toml: extends: there is no recipe .*other"),
        ("seed = 4", 'extends = "mine.toml"', r"it extends itself: mine\.toml → mine\.toml"),
        ("seed = 4", "seed = = 4", r"mine\.toml: Invalid value"),
        ('train = "decoder"', 'train = "encoder"', "stage 1: train cannot be 'encoder'"),
        ("epochs = 3", 'epochs = "3"', "stage 1: epochs cannot be"),
        ("epochs = 3", "", "stage 1: .*missing.*epochs"),
        ("[[stages]]", "[stages]", "stages cannot be"),
        ("[[stages]]", "[other]", "unknown other"),
    ],
)
def test_a_slip_is_named(recipe: Path, old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    recipe.write_text(GOOD.replace(old, new))
    with pytest.raises(ValueError, match=complaint):
        load_recipe(recipe)


def test_a_recipe_builds_on_another(recipe: Path) -> None:
    heir = recipe.parent / "heirs" / "heir.toml"
    heir.parent.mkdir()
    heir.write_text("""
extends = "../mine.toml"
minimum_count = 2
[architecture]
decoder = "committee"
decoder_options = { members = 3 }
[preprocessing]
size = 96
""")
    mine, made = load_recipe(recipe), load_recipe(heir)
    assert (made.seed, made.minimum_count) == (4, 2)
    assert made.architecture == {
        "encoder": "mobilenet_edgetpu",
        "decoder": "committee",
        "decoder_options": {"hidden": 32, "members": 3},
    }
    assert made.preprocessing == Preprocessing(96, (0.4, 0.5, 1))
    assert made.stages == mine.stages
    grandchild = recipe.parent / "grandchild.toml"
    grandchild.write_text("""
extends = "heirs/heir.toml"
[[stages]]
name = "all"
train = "all"
epochs = 1
rate = 2
""")
    stages = load_recipe(grandchild).stages
    assert stages == (Stage("all", "all", epochs=1, learning_rate=2),)  # as a whole


def test_recipes_that_extend_each_other_are_refused(recipe: Path) -> None:
    recipe.write_text('extends = "other.toml"')
    (recipe.parent / "other.toml").write_text('extends = "mine.toml"')
    with pytest.raises(ValueError, match=r"mine\.toml → other\.toml → mine\.toml"):
        load_recipe(recipe)


def test_a_recipe_may_extend_one_that_ships(recipe: Path) -> None:
    recipe.write_text('extends = "first"\nseed = 9\n')
    first, mine = load_recipe(RECIPES / "first.toml"), load_recipe(recipe)
    assert mine == dataclasses.replace(first, seed=9)


def test_a_recipe_without_stages_is_refused(recipe: Path) -> None:
    recipe.write_text(GOOD.partition("[[stages]]")[0])
    with pytest.raises(ValueError, match=r"missing.*stages"):
        load_recipe(recipe)


def test_the_first_recipe_trains_the_decoder_then_everything_then_for_cider() -> None:
    loaded = load_recipe(RECIPES / "first.toml")
    assert [stage.train for stage in loaded.stages] == ["decoder", "all", "decoder"]
    assert loaded.stages[-1].objective == "self-critical"
    assert loaded.starting_weights.endswith(".safetensors")


def test_the_second_recipe_learns_from_pictures_without_captions() -> None:
    loaded = load_recipe(RECIPES / "second.toml")
    assert loaded.architecture["decoder"] == "committee"
    assert loaded.unlabelled
    assert [stage.self_train for stage in loaded.stages] == [False, False, True, False]
    assert [stage.encodes for stage in loaded.stages] == [False, True, True, True]
    assert not load_recipe(RECIPES / "first.toml").unlabelled


def test_every_recipe_that_ships_can_be_read() -> None:
    for path in sorted(RECIPES.glob("*.toml")):
        recipe = load_recipe(path)
        assert recipe.members or recipe.stages
