"""A checkpoint is gone on from by its own training alone, or where nobody could tell."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from models.captioning.decoding import SearchConfig
from models.captioning.preprocess import Preprocessing
from models.networks.registry import ENCODERS
from tests import bundles
from tests.variants import TinyEncoder
from training import identity
from training.__main__ import main
from training.identity import OtherIdentityError
from training.trainer import checkpoint, pseudo_labels, validation
from training.trainer.objective import Objective
from training.trainer.recipe import Recipe, RecipeError, Stage
from training.trainer.train import Trainer
from training.trainer.training_data import prepare_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.networks.captioners import CaptioningNetwork

FIRST = Stage("first", "decoder", epochs=2, learning_rate=1e-2, batch=4)
SECOND = Stage("second", "all", epochs=1, learning_rate=1e-3, batch=4, ema_decay=0.9)
THIRD = Stage(
    "third", "decoder", 1, learning_rate=1e-3, batch=4, objective="self-critical", samples=2
)
RECIPE = Recipe(
    {
        "encoder": "tiny",
        "decoder": "soft_attention_lstm",
        "decoder_options": {"grid": 8, "hidden": 7, "embedding": 6, "attention": 5},
    },
    (FIRST, SECOND),
    minimum_count=1,
    preprocessing=Preprocessing(64),
    search=SearchConfig(max_words=6),
)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENCODERS, "tiny", TinyEncoder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bundles.draw_data_set(tmp_path / "data")
    return tmp_path


def trainer(
    recipe: Recipe,
    folder: Path,
    work: str = "work",
    report: Callable[[CaptioningNetwork], dict[str, float]] | None = None,
    initial: CaptioningNetwork | None = None,
) -> Trainer:
    path = folder / work
    path.mkdir(exist_ok=True)
    data = prepare_data(recipe, folder / "data", path)
    return Trainer(recipe, data, None, path, report, 1, initial_network=initial)


def trained(recipe: Recipe, folder: Path, work: str = "work") -> dict[str, Tensor]:
    made = trainer(recipe, folder, work)
    made.run()
    return made.state.ema_weights


def stopped(recipe: Recipe, folder: Path, place: tuple[int, int]) -> None:
    """Train until the checkpoint of this stage and step is written, and no further."""
    made = trainer(recipe, folder)
    save = checkpoint.save

    def saving(state: checkpoint.TrainState, *arguments: object) -> None:
        save(state, *arguments)  # type: ignore[arg-type]  # as they come
        if (state.stage, state.step) == place:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save", saving)
        with pytest.raises(KeyboardInterrupt):
            made.run()


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def recoloured(folder: Path) -> None:
    """Change a picture to learn from: its contents, nothing else of it."""
    bundles.drawing("blue", "circle", "left").save(
        folder / "data" / "Images" / "green-circle-left.png"
    )


def recoloured_elsewhere(folder: Path) -> None:
    """Change a picture to measure by."""
    bundles.drawing("blue", "circle", "left").save(
        folder / "data" / "Images" / "red-circle-left.png"
    )


def renamed(folder: Path) -> None:
    path = folder / "data" / "captions.txt"
    path.write_text(path.read_text().replace("A green circle", "A circle green", 1))


def untouched(folder: Path) -> None:
    """Leave everything as it is."""


def with_stages(*stages: Stage) -> Recipe:
    return dataclasses.replace(RECIPE, stages=stages)


@pytest.mark.parametrize(
    ("recipe", "change", "said"),
    [
        (dataclasses.replace(RECIPE, seed=2), untouched, "recipe, seed was 1 and is 2"),
        (
            with_stages(dataclasses.replace(FIRST, learning_rate=0.5), SECOND),
            untouched,
            "stage 1, rate was 0.01 and is 0.5",
        ),
        (
            with_stages(dataclasses.replace(FIRST, epochs=3), SECOND),
            untouched,
            "stage 1, epochs was 2 and is 3",
        ),
        (with_stages(SECOND, FIRST), untouched, "stage 1, name was first and is second"),
        (
            dataclasses.replace(RECIPE, search=SearchConfig(max_words=5)),
            untouched,
            "max_words was 6 and is 5",
        ),
        (
            dataclasses.replace(RECIPE, preprocessing=Preprocessing(64, interpolation="lanczos")),
            untouched,
            "recipe, preprocessing, interpolation was bilinear and is lanczos",
        ),
        (RECIPE, recoloured, "pictures with captions: not the same"),
        (RECIPE, recoloured_elsewhere, "training: development split: not the same"),
        (RECIPE, renamed, "training: captions: not the same"),
    ],
)
def test_what_another_training_has_left_is_refused(
    folder: Path, recipe: Recipe, change: Callable[[Path], None], said: str
) -> None:
    stopped(RECIPE, folder, (0, 1))
    change(folder)
    before = (folder / "work" / "checkpoint.pt").read_bytes()
    with pytest.raises(OtherIdentityError) as refused:
        trainer(recipe, folder)
    assert str(refused.value).startswith(f"{folder / 'work' / 'checkpoint.pt'} belongs to another")
    assert said in str(refused.value)
    assert str(refused.value).endswith("Give another work folder, or delete checkpoint.pt.")
    assert (folder / "work" / "checkpoint.pt").read_bytes() == before
    (folder / "work" / "checkpoint.pt").unlink()  # the cure
    assert trainer(recipe, folder).state.step == 0


def test_other_weights_to_begin_with_are_another_training(folder: Path) -> None:
    stopped(RECIPE, folder, (0, 1))
    network = trainer(RECIPE, folder, "other").network
    with torch.no_grad():
        network.decoder.embedding.weight[5] += 1
    with pytest.raises(OtherIdentityError, match="starting weights: not the same"):
        trainer(RECIPE, folder, initial=network)


def test_where_the_files_lie_and_how_it_is_called_does_not_matter(folder: Path) -> None:
    stopped(RECIPE, folder, (0, 1))
    for path in (folder / "data" / "Images").iterdir():
        path.touch()
    (folder / "data").rename(folder / "moved")
    (folder / "data").symlink_to(folder / "moved")
    other = dataclasses.replace(
        RECIPE, name="other", about="anything", search=SearchConfig(max_words=6, beam_size=7)
    )
    assert trainer(other, folder).state.step == 1


@pytest.mark.parametrize("place", [(0, 1), (1, 0)])
def test_later_stages_may_change_and_the_result_is_that_of_a_fresh_run(
    folder: Path, place: tuple[int, int]
) -> None:
    changed = with_stages(FIRST, dataclasses.replace(SECOND, epochs=2), THIRD)
    stopped(RECIPE, folder, place)
    assert same(trained(changed, folder), trained(changed, folder, "fresh"))


def test_a_finished_training_may_be_given_another_stage(folder: Path) -> None:
    trained(RECIPE, folder)
    longer = with_stages(FIRST, SECOND, THIRD)
    assert same(trained(longer, folder), trained(longer, folder, "fresh"))
    with pytest.raises(OtherIdentityError, match="stage 3: not the same"):
        trainer(RECIPE, folder)  # it has learnt more than this


def test_a_checkpoint_from_before_is_taken_on_trust_and_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = trained(RECIPE, folder, "fresh")
    stopped(RECIPE, folder, (0, 1))
    path = folder / "work" / "checkpoint.pt"
    table = torch.load(path, weights_only=True)
    del table["identity"], table["own_captions"]
    torch.save(table, path)
    capsys.readouterr()
    assert same(trained(RECIPE, folder), fresh)
    told = capsys.readouterr().out
    assert f"{path} was made before identities were kept: taken on trust" in told
    with pytest.raises(OtherIdentityError, match="seed was 1 and is 2"):  # from now on
        trainer(dataclasses.replace(RECIPE, seed=2), folder)


def test_what_a_recipe_learns_to_say_later_is_as_by_default_in_older_checkpoints(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped(RECIPE, folder, (0, 1))
    path = folder / "work" / "checkpoint.pt"
    table = torch.load(path, weights_only=True)
    del table["identity"]["recipe"]["everyday_times"]
    del table["identity"]["recipe"]["augmentation"]["colour"]
    del table["identity"]["stages"][0]["label_smoothing"]
    torch.save(table, path)
    capsys.readouterr()
    assert trainer(RECIPE, folder).state.step == 1
    assert "trust" not in capsys.readouterr().out
    smoother = with_stages(dataclasses.replace(FIRST, label_smoothing=0.2), SECOND)
    with pytest.raises(OtherIdentityError, match=r"label_smoothing was 0\.1 and is 0\.2"):
        trainer(smoother, folder)


def test_scores_of_epochs_that_the_checkpoint_has_not_seen_are_forgotten(folder: Path) -> None:
    stopped(RECIPE, folder, (0, 2))  # after the first epoch
    path = folder / "work" / "scores.jsonl"
    lines = [json.dumps({"after": f"{name}", "CIDEr": 1.0}) for name in ("first 1", "second 1")]
    path.write_text("\n".join(lines) + "\n")
    made = trainer(RECIPE, folder, report=lambda _: {"CIDEr": 2.0})
    assert path.read_text().splitlines() == lines[:1]
    made.run()
    assert [json.loads(line)["CIDEr"] for line in path.read_text().splitlines()] == [1.0, 2.0, 2.0]


def test_captions_of_its_own_are_those_that_it_has_learnt_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, made = tmp_path / "own_captions_1.json", [["a", "dog"], []]
    with pytest.raises(OtherIdentityError, match="is missing"):
        pseudo_labels.read(path, None)
    path.write_text(json.dumps(made))
    assert pseudo_labels.read(path, identity.of_values(made)) == made
    assert capsys.readouterr().out == ""
    with pytest.raises(OtherIdentityError, match="is not the one from which"):
        pseudo_labels.read(path, identity.of_values([["a"], []]))
    assert pseudo_labels.read(path, None) == made  # a checkpoint from before
    assert "taken on trust" in capsys.readouterr().out


# losses that are no numbers


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    forward, calls = Objective.forward, []

    def failing(self: Objective, *arguments: object) -> Tensor:
        calls.append(1)
        loss: Tensor = forward(self, *arguments)  # type: ignore[arg-type]  # as they come
        return loss * value if len(calls) == 4 else loss

    monkeypatch.setattr(Objective, "forward", failing)
    with pytest.raises(RecipeError, match=r"stage first, step 4: the loss .* rate is too high\."):
        trained(RECIPE, folder)
    kept = checkpoint.load(folder / "work")
    assert kept["step"] == 3
    assert all(each.isfinite().all() for each in kept["network"].values())


def test_gradients_that_are_no_numbers_end_the_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Objective.forward

    def failing(self: Objective, *arguments: object) -> Tensor:
        loss: Tensor = forward(self, *arguments)  # type: ignore[arg-type]  # as they come
        return loss + (self.network.decoder.embedding.weight * 0).abs().sum().sqrt()

    monkeypatch.setattr(Objective, "forward", failing)
    with pytest.raises(RecipeError, match="stage first, step 1: the gradients have become"):
        trained(RECIPE, folder)
    assert not (folder / "work" / "checkpoint.pt").exists()


def test_what_float16_cannot_hold_has_another_cause() -> None:
    half = dataclasses.replace(FIRST, precision="float16")
    with pytest.raises(RecipeError, match=r"float16 overflows\. Take bfloat16 or float32"):
        validation.must_be_finite(half, 0, math.nan, 0.0)
    validation.must_be_finite(FIRST, 0, 1.0, 2.0)


def test_the_command_says_it_in_a_line(folder: Path, tmp_path: Path) -> None:
    page = """
minimum_count = 1
seed = {seed}
[architecture]
encoder = "tiny"
decoder = "soft_attention_lstm"
decoder_options = {{ grid = 8, hidden = 7, embedding = 6, attention = 5 }}
[preprocessing]
size = 64
[[stages]]
name = "decoder"
train = "decoder"
epochs = 1
rate = {rate}
batch = 4
"""

    def run(seed: int, rate: str, work: str) -> tuple[int, str]:
        path = tmp_path / "mine.toml"
        path.write_text(page.format(seed=seed, rate=rate))
        options = ["--data", str(folder / "data"), "--work", str(tmp_path / work)]
        done = CliRunner().invoke(main, ["train", str(path), *options], catch_exceptions=False)
        return done.exit_code, " ".join(done.output.split())

    assert run(1, "1e-3", "work")[0] == 0
    code, said = run(2, "1e-3", "work")
    assert code == 2
    assert "belongs to another training: recipe, seed was 1 and is 2" in said
    assert "Traceback" not in said
    assert run(1, "1e-3", "work")[0] == 0
    code, said = run(1, "1e30", "other")
    assert code == 2
    assert "no number" in said
