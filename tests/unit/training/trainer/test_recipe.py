"""A recipe is read strictly: a slip of the pen must not cost a night of training."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from models.captioning.preprocess import Preprocessing
from training.data.augmentation import Augmentation
from training.trainer.recipe import Stage, load_recipe
from training.trainer.recipe_files import RECIPES
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


def test_a_stage_may_change_pictures_in_its_own_way(recipe: Path) -> None:
    recipe.write_text(GOOD + "augment = true\naugmentation = { scale = 0.9 }\n")
    (stage,) = load_recipe(recipe).stages
    assert stage.augmentation == Augmentation(scale=0.9)


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
        (
            "epochs = 3",
            "epochs = 3\naugmentation = { scale = 0.8 }",
            "stage 1: augmentation needs augment or train",
        ),
        (
            "epochs = 3",
            "epochs = 3\naugment = true\naugmentation = { zoom = 2 }",
            "stage 1, augmentation: unknown zoom",
        ),
        ("epochs = 3", "epochs = 3\naugment = true\nsize = -1", "stage 1: size cannot be less"),
        ("epochs = 3", 'epochs = 3\nprecision = "int8"', "stage 1: precision cannot be 'int8'"),
        ("rate = 1", "rate = 0", "stage 1: rate must be above 0"),
        ("rate = 1", "rate = -0.1", "stage 1: rate must be above 0"),
        ("rate = 1", "rate = nan", "stage 1: a number must be finite"),
        ("rate = 1", "rate = 1\ntruth = inf", "stage 1: a number must be finite"),
        ("epochs = 3", "epochs = 3\nbatch = 0", "stage 1: epochs and batch must be at least 1"),
        *(
            ("rate = 1", f"rate = 1\n{key} = -1", f"stage 1: {key} cannot be less than 0")
            for key in (
                "encoder_rate",
                "samples",
                "weight_decay",
                "captions",
                "unlabelled",
                "distil",
                "objects",
                "text",
                "invented",
            )
        ),
        *(
            ("rate = 1", f"rate = 1\n{key} = {value}", f"stage 1: {key} must be from 0 to 1")
            for key in ("label_smoothing", "warm_up", "average", "blend", "truth", "mirror")
            for value in (-0.1, 1.1)
        ),
        *(
            (
                "rate = 1",
                f'rate = 1\nobjective = "self-critical"\nsamples = {samples}',
                "stage 1: samples must be at least 2",
            )
            for samples in (0, 1)
        ),
        ("rate = 1", 'rate = 1\nobjective = "text"', 'the objective "text" needs text'),
        ("rate = 1", 'rate = 1\nobjective = "objects"', 'the objective "objects" needs objects'),
        ("rate = 1", 'rate = 1\nbegin = "decoder"', "stage decoder: begin must be the name of a"),
        ("rate = 1", "rate = 1\nobjects = 1", "stage decoder: it needs an object head"),
        ("rate = 1", "rate = 1\ntext = 4", "stage decoder: it needs an object head"),
        ("rate = 1", "rate = 1\ninvented = 1", "it needs a stage with objects or text"),
        ("rate = 1", "rate = 1\ndistil = 1", "stage decoder: it needs starting_weights"),
        ("rate = 1", "rate = 1\nself_train = true", "stage decoder: it needs starting_weights"),
        (
            "rate = 1\n",
            'rate = 1\n[[stages]]\nname = "decoder"\ntrain = "all"\nepochs = 1\nrate = 1\n',
            "two stages have the same name",
        ),
        ("soft_attention_lstm", "grounded_lstm", "need each other"),
        ("[preprocessing]", "objects = { kinds = 80 }\n[preprocessing]", "need each other"),
        ("seed = 4", "seed = -1", "seed and vocabulary_size cannot be less than 0"),
        ("seed = 4", "vocabulary_size = -1", "seed and vocabulary_size cannot be less than 0"),
        ("seed = 4", "minimum_count = 0", "minimum_count, .* must be at least 1"),
        ("seed = 4", "minimum_text_count = 0", "minimum_text_count .* must be at least 1"),
        ("seed = 4", "everyday_times = 0", "everyday_times must be at least 1"),
        ("size = 64", "size = 0", "preprocessing: size must be at least 1"),
        ("size = 64", "size = 64\nstd = [0.5, 0, 0.5]", "preprocessing: std must be above 0"),
        ("scale = 0.8", "scale = 0", "augmentation: scale must be above 0"),
        ("scale = 0.8", "scale = 1.5", "augmentation: scale must be above 0 and at most 1"),
        ("scale = 0.8", "stretch = 0.5", "augmentation: stretch must be at least 1"),
        ("scale = 0.8", "colour = 2", "augmentation: colour must be from 0 to 1"),
        ("sure = 0.7", "sure = 7", "self_training: sure must be from 0 to 1"),
        ("sure = 0.7", "pictures = 0", "self_training: pictures must be at least 1"),
        ("sure = 0.7", "worst = nan", "self_training: worst and unnamed must be numbers"),
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


def test_a_stage_that_captions_pictures_needs_such_pictures(recipe: Path) -> None:
    text = GOOD.replace("seed = 4", 'seed = 4\nstarting_weights = "x.safetensors"')
    recipe.write_text(text.replace("epochs = 3", "epochs = 3\nself_train = true"))
    with pytest.raises(ValueError, match="it needs a stage with unlabelled pictures"):
        load_recipe(recipe)
    recipe.write_text(text.replace("epochs = 3", "epochs = 3\nself_train = true\nunlabelled = 2"))
    assert load_recipe(recipe).stages[0].self_train


def test_nothing_to_do_is_refused(recipe: Path) -> None:
    recipe.write_text("stages = []\n" + GOOD.partition("[[stages]]")[0])
    with pytest.raises(ValueError, match="there must be a stage"):
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
    paths = sorted(RECIPES.glob("*.toml"))
    assert {"everyday", "first", "second", "third"} < {path.stem for path in paths}
    for path in paths:
        recipe = load_recipe(path)
        assert recipe.members or recipe.stages
