"""A training's curves, and the stage that ends when its score rises no more."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests import bundles
from training.trainer.curves import smoothed
from training.trainer.optimization import schedule
from training.trainer.recipe import Recipe, RecipeError, Stage, load_recipe
from training.trainer.train import Trainer
from training.trainer.training_data import TrainingData, prepare_data

if TYPE_CHECKING:
    from pathlib import Path

    from models.networks.captioners import CaptioningNetwork

STAGE = Stage("decoder", "decoder", epochs=9, learning_rate=1e-3, batch=4, patience=2)


class Report:
    """Gives the scores of a list, one after the other, and remembers the weights."""

    def __init__(self, *scores: float) -> None:
        self.left = list(scores)
        self.seen: list[dict[str, torch.Tensor]] = []

    def __call__(self, network: CaptioningNetwork) -> dict[str, float]:
        if not self.left:
            raise KeyboardInterrupt
        self.seen.append({name: each.clone() for name, each in network.state_dict().items()})
        return {"CIDEr": self.left.pop(0), "loss": 3.0 - len(self.seen)}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(bundles.RECIPE)
    return dataclasses.replace(load_recipe(path), stages=(STAGE,))


@pytest.fixture(scope="module")
def data(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    folder = tmp_path_factory.mktemp("data")
    return prepare_data(recipe, bundles.draw_data_set(folder / "data"), folder, limit=4)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_stage_ends_when_its_score_rises_no_more(
    recipe: Recipe, data: TrainingData, tmp_path: Path
) -> None:
    report = Report(1.0, 3.0, 3.0, 2.0, 9.0)
    trainer = Trainer(recipe, data, None, tmp_path, report)
    trainer.run()
    assert len(report.seen) == len(trainer.state.losses) == 4  # one step is an epoch
    assert same(trainer.state.ema_weights, report.seen[1])
    assert not same(trainer.state.ema_weights, report.seen[3])


def test_killed_on_the_way_it_ends_in_the_same_place(
    recipe: Recipe, data: TrainingData, tmp_path: Path
) -> None:
    unbroken = Report(1.0, 3.0, 2.0, 2.5)
    whole = Trainer(recipe, data, None, tmp_path / "whole", unbroken, 1)
    (tmp_path / "whole").mkdir()
    whole.run()
    (tmp_path / "killed").mkdir()
    for report in (Report(1.0), Report(3.0), Report(2.0), Report(2.5)):
        trainer = Trainer(recipe, data, None, tmp_path / "killed", report, 1)
        try:
            trainer.run()
        except KeyboardInterrupt:
            continue
    assert trainer.state.stage == 1
    assert trainer.state.losses == whole.state.losses
    assert same(trainer.state.ema_weights, whole.state.ema_weights)
    assert same(whole.state.ema_weights, unbroken.seen[1])
    events = EventAccumulator(str(tmp_path / "killed" / "tensorboard")).Reload()
    drawn = events.Scalars("loss")
    assert [each.step for each in drawn] == [1, 2, 3, 4]
    assert [each.value for each in drawn] == pytest.approx(
        [loss for *_, loss in whole.state.losses]
    )
    ciders = {each.step: each.value for each in events.Scalars("development/CIDEr")}
    assert ciders == {1: 1.0, 2: 3.0, 3: 2.0, 4: 2.5}
    for name in ("loss.png", "scores.png"):
        with Image.open(tmp_path / "killed" / name) as picture:
            assert picture.width > 400
            assert len(set(picture.convert("L").tobytes())) > 2  # something is drawn
    lines = (tmp_path / "killed" / "scores.jsonl").read_text().splitlines()
    assert [json.loads(line)["after"] for line in lines] == [
        "decoder 1",
        "decoder 2",
        "decoder 3",
        "decoder 4",
    ]


def test_a_checkpoint_from_before_stages_could_end_early_is_taken(
    recipe: Recipe, data: TrainingData, tmp_path: Path
) -> None:
    recipe = dataclasses.replace(recipe, stages=(dataclasses.replace(STAGE, patience=0, epochs=3),))
    whole = Trainer(recipe, data, None, tmp_path, Report(1.0, 2.0, 3.0), 1)
    whole.run()
    (tmp_path / "old").mkdir()
    with pytest.raises(KeyboardInterrupt):
        Trainer(recipe, data, None, tmp_path / "old", Report(1.0), 1).run()
    path = tmp_path / "old" / "checkpoint.pt"
    old = torch.load(path, weights_only=True)
    assert {"scaler", "best"} <= set(old)
    torch.save(
        {
            key: old[key]
            for key in (
                "seconds",
                "stage",
                "step",
                "network",
                "average",
                "began",
                "losses",
                "optimiser",
            )
        },
        path,
    )
    again = Trainer(recipe, data, None, tmp_path / "old", Report(2.0, 3.0), 1)
    again.run()
    assert again.state.losses == whole.state.losses
    assert same(again.state.ema_weights, whole.state.ema_weights)


@pytest.mark.parametrize(("monitor", "epochs"), [("loss", 5), ("CIDEr", 3)])
def test_of_a_loss_less_is_better(
    recipe: Recipe, data: TrainingData, tmp_path: Path, monitor: str, epochs: int
) -> None:
    stage = dataclasses.replace(STAGE, monitor=monitor, epochs=5)
    report = Report(5.0, 4.0, 3.0, 2.0, 1.0)
    Trainer(dataclasses.replace(recipe, stages=(stage,)), data, None, tmp_path, report).run()
    assert len(report.seen) == epochs


def test_a_score_that_is_not_taken_cannot_be_monitored(
    recipe: Recipe, data: TrainingData, tmp_path: Path
) -> None:
    stage = dataclasses.replace(STAGE, monitor="SPICE")
    trainer = Trainer(
        dataclasses.replace(recipe, stages=(stage,)), data, None, tmp_path, Report(1.0)
    )
    with pytest.raises(RecipeError, match=r"decoder cannot monitor SPICE; known: CIDEr, loss"):
        trainer.run()


def test_float16_wants_a_gpu(recipe: Recipe, data: TrainingData, tmp_path: Path) -> None:
    stage = dataclasses.replace(STAGE, precision="float16")
    trainer = Trainer(dataclasses.replace(recipe, stages=(stage,)), data, None, tmp_path)
    if trainer.team.device.type == "cpu":
        with pytest.raises(RecipeError, match="float16 needs a GPU: take bfloat16 or float32"):
            trainer.run()
    else:
        trainer.run()
        assert all(torch.isfinite(each).all() for each in trainer.state.ema_weights.values())


def test_only_the_last_stages_of_an_encoder_learn(
    recipe: Recipe, data: TrainingData, tmp_path: Path
) -> None:
    stage = Stage(
        "fine-tune",
        "all",
        epochs=1,
        learning_rate=1e-3,
        encoder_learning_rate=1e-2,
        batch=4,
        encoder_stages=1,
        ema_decay=0.0,
    )
    trainer = Trainer(dataclasses.replace(recipe, stages=(stage,)), data, None, tmp_path)
    before = {name: each.clone() for name, each in trainer.state.ema_weights.items()}
    last = {id(each) for each in trainer.network.encoder.trainable(1)}
    learning = {
        f"encoder.{name}"
        for name, each in trainer.network.encoder.named_parameters()
        if id(each) in last
    }
    trainer.run()
    changed = {
        name
        for name, value in trainer.state.ema_weights.items()
        if not torch.equal(before[name], value)
    }
    encoders = {name for name in changed if name.startswith("encoder.")}
    assert encoders
    assert encoders <= learning < {name for name in before if name.startswith("encoder.")}
    several = dataclasses.replace(stage, encoder_stages=99)
    with pytest.raises(RecipeError, match=r"fine-tune: this encoder has \d+ stages, not 99"):
        Trainer(
            dataclasses.replace(recipe, stages=(several,)), data, None, tmp_path / "other"
        ).run()


def test_a_constant_rate_rises_once() -> None:
    stage = dataclasses.replace(STAGE, schedule="constant", warm_up=0.2)
    shares = [schedule(stage, step, 10) for step in range(10)]
    assert shares == [0.5, *[1.0] * 9]
    assert schedule(dataclasses.replace(stage, warm_up=0.0), 0, 10) == 1.0


def test_a_smoothed_curve_is_the_mean_of_what_came_before() -> None:
    assert smoothed([4.0, 2.0, 0.0, 6.0], over=2).tolist() == [4.0, 3.0, 1.0, 3.0]
