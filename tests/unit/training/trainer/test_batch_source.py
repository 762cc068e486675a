"""Batches come from memory maps or from shards; a training does not know the difference."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

import pytest
import torch
from click import UsageError
from click.testing import CliRunner

from tests import bundles
from training import running
from training.__main__ import main
from training.data.cleaning import Cleaning
from training.data.shards import open_shards
from training.trainer.batch_source import MapBatchSource, StreamBatchSource
from training.trainer.distributed import SINGLE_PROCESS, Team
from training.trainer.recipe import Recipe, Stage, load_recipe
from training.trainer.training_data import prepare_data, prepare_shard_data

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.trainer.batch_source import Batch, BatchSource
    from training.trainer.train import Trainer

STAGE = Stage("decoder", "decoder", epochs=2, learning_rate=1e-2, batch=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = bundles.prepare_training(tmp_path_factory.mktemp("feed"))
    done = CliRunner().invoke(
        main,
        [
            "shards",
            "--data",
            str(made / "data"),
            "--out",
            str(made / "shards"),
            "--size",
            str(bundles.SIZE),
            "--per-shard",
            "3",
        ],
    )
    assert done.exit_code == 0, done.output
    return made


@pytest.fixture(scope="module")
def recipe(folder: Path) -> Recipe:
    return dataclasses.replace(load_recipe(folder / "recipe.toml"), stages=(STAGE,))


def trained(recipe: Recipe, folder: Path, work: Path) -> Trainer:
    work.mkdir(exist_ok=True)
    trainer = running.prepared(
        recipe, folder / "shards", None, folder / "weights", work, None, 1, SINGLE_PROCESS
    )
    trainer.run()
    return trainer


def test_a_stream_trains_and_goes_on_where_it_was_killed(
    recipe: Recipe, folder: Path, tmp_path: Path
) -> None:
    whole = trained(recipe, folder, tmp_path / "whole")
    assert len(whole.state.losses) == 4  # two batches of four from ten pictures, twice
    assert (tmp_path / "whole" / "scores.jsonl").read_text().count("\n") == 2
    assert not (tmp_path / "whole" / "features.npy").exists()
    killed = running.prepared(
        recipe, folder / "shards", None, folder / "weights", tmp_path, None, 1, SINGLE_PROCESS
    )

    def report(network: object) -> dict[str, float]:
        raise KeyboardInterrupt

    killed.report = report
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    assert len(killed.state.losses) == 2
    again = trained(recipe, folder, tmp_path)
    assert again.state.losses == whole.state.losses
    mine, theirs = again.state.ema_weights, whole.state.ema_weights
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def feeds(kind: str, recipe: Recipe, folder: Path, teams: Sequence[Team]) -> list[BatchSource]:
    if kind == "maps":
        mixed = load_recipe(folder / "recipe.toml")  # pictures without captions besides
        data = prepare_data(
            mixed, folder / "data", folder / "maps", folder / "weights", folder / "unlabelled"
        )
        return [MapBatchSource(data, recipe.seed_at, team) for team in teams]
    data = prepare_shard_data(recipe, folder / "shards", None, SINGLE_PROCESS)
    return [
        StreamBatchSource(
            open_shards(folder / "shards"),
            data.vocabulary,
            recipe.search.max_words,
            recipe.seed_at,
            team,
        )
        for team in teams
    ]


@pytest.mark.parametrize(("kind", "unlabelled"), [("maps", 3), ("stream", 0)])
def test_processes_share_the_batch_of_one(
    recipe: Recipe, folder: Path, kind: str, unlabelled: int
) -> None:
    stage = dataclasses.replace(STAGE, batch=5, unlabelled=unlabelled)
    teams = [SINGLE_PROCESS, *(Team(rank, 3) for rank in range(3))]
    one, *several = ([*feed.epoch(stage, 0, 1, 0)] for feed in feeds(kind, recipe, folder, teams))
    assert len(one) == 2
    for whole, *parts in zip(one, *several, strict=True):
        assert whole.rows.tolist() == [*range(5 + unlabelled)]
        rows = torch.cat([part.rows for part in parts])
        assert sorted(rows.tolist()) == whole.rows.tolist()
        assert torch.equal(torch.cat([part.tokens for part in parts], 1), whole.tokens[:, rows])
        assert all(torch.equal(part.captioned, whole.captioned) for part in parts)
        shown = torch.cat([images(part) for part in parts])
        assert torch.equal(shown, images(whole)[rows])
        assert whole.captioned.tolist() == [True] * 5 + [False] * unlabelled


def images(batch: Batch) -> torch.Tensor:
    return torch.from_numpy(batch.images())


@pytest.mark.parametrize("kind", ["maps", "stream"])
def test_what_was_done_is_skipped(recipe: Recipe, folder: Path, kind: str) -> None:
    (feed,) = feeds(kind, recipe, folder, [SINGLE_PROCESS])
    assert feed.steps(STAGE) == 2
    both, last = [*feed.epoch(STAGE, 0, 0, 0)], [*feed.epoch(STAGE, 0, 0, 1)]
    assert len(last) == 1
    assert torch.equal(last[0].tokens, both[1].tokens)
    other = [*feed.epoch(STAGE, 0, 1, 0)]
    assert not torch.equal(other[0].tokens, both[0].tokens)  # another order


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"distil": 0.5}, "learns from more than captions"),
        ({"objective": "self-critical"}, "learns from more than captions"),
    ],
)
def test_what_shards_cannot_give_is_told(
    recipe: Recipe, folder: Path, tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    unfit = dataclasses.replace(recipe, stages=(dataclasses.replace(STAGE, **changes),))
    with pytest.raises(UsageError, match=complaint):
        trained(unfit, folder, tmp_path)


def test_shards_of_another_size_are_told(recipe: Recipe, folder: Path, tmp_path: Path) -> None:
    larger = dataclasses.replace(
        recipe, preprocessing=dataclasses.replace(recipe.preprocessing, size=96)
    )
    with pytest.raises(UsageError, match="64 pixels a side, the recipe wants 96"):
        trained(larger, folder, tmp_path)


def test_shards_cleaned_by_other_rules_are_told(recipe: Recipe, folder: Path) -> None:
    other = dataclasses.replace(recipe, cleaning=Cleaning(lower_case=False))
    with pytest.raises(ValueError, match="cleaned by other rules"):
        prepare_shard_data(other, folder / "shards", None, SINGLE_PROCESS)


def test_a_vocabulary_can_be_bounded(recipe: Recipe, folder: Path, tmp_path: Path) -> None:
    small = dataclasses.replace(recipe, vocabulary_size=5)
    maps = prepare_data(small, folder / "data", tmp_path)
    stream = prepare_shard_data(small, folder / "shards", None, SINGLE_PROCESS)
    assert len(maps.vocabulary) == 9  # and the four special ones
    assert maps.vocabulary.words == stream.vocabulary.words
    shutil.rmtree(tmp_path)
