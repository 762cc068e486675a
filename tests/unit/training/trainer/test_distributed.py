"""Several processes train as one would: the same losses, and no hanging when one is killed."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from torch.nn import functional

from tests import bundles
from training.trainer.batch_source import MapBatchSource
from training.trainer.distributed import SINGLE_PROCESS, Team
from training.trainer.recipe import RecipeError, load_recipe
from training.trainer.replicated_rng import ReplicatedRng
from training.trainer.train import Trainer
from training.trainer.training_data import prepare_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

pytestmark = pytest.mark.timeout(600)

# the stages that learn in different ways, each with dropout, a few steps long, and exact
RECIPE = (
    bundles.RECIPE.partition('[[stages]]\nname = "self-train"')[0]
    + '[[stages]]\nname = "self-critical"'
    + bundles.RECIPE.partition('name = "self-critical"')[2]
)
for _old, _new in (
    ("epochs = 16", "epochs = 3"),
    ("epochs = 2", "epochs = 1"),
    ("batch = 4", 'batch = 4\nprecision = "float32"'),
):
    assert _old in RECIPE
    RECIPE = RECIPE.replace(_old, _new)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = bundles.prepare_training(tmp_path_factory.mktemp("distributed"))
    (made / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    return made


def losses(work: Path) -> list[tuple[str, str, float]]:
    path = work / "losses.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["stage"], row["step"], float(row["loss"])) for row in csv.DictReader(file)]


def command(folder: Path) -> list[str]:
    made = bundles.training_command("train", folder, "shared", "--processes", "2")
    made[made.index("--checkpoint-every") + 1] = "1"
    return made


def children(process: subprocess.Popen[str]) -> list[int]:
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(each) for each in path.read_text().split()]


def kill_one(folder: Path, after: int) -> tuple[int, str, float]:
    """Train in two processes and kill the second: exit status, errors, seconds until the end."""
    process = subprocess.Popen(
        command(folder),
        cwd=bundles.ROOT,
        env=bundles.training_environment(),
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        limit = time.monotonic() + 200
        while len(losses(folder / "shared")) < after and time.monotonic() < limit:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.01)
        os.kill(max(children(process)), signal.SIGKILL)
        killed = time.monotonic()
        errors = process.communicate(timeout=100)[1]
    finally:
        process.kill()
    return process.returncode, errors, time.monotonic() - killed


def test_two_processes_one_of_which_is_killed_learn_as_one_alone(folder: Path) -> None:
    recipe = load_recipe(folder / "recipe.toml")
    data = prepare_data(
        recipe, folder / "data", folder / "alone", folder / "weights", folder / "unlabelled"
    )
    alone = Trainer(recipe, data, folder / "weights", folder / "alone")
    alone.run()
    status, errors, seconds = kill_one(folder, after=3)
    assert status == 1
    assert "Error: process 1 of 2 was killed by signal 9" in errors
    assert "The same command goes on from the last checkpoint." in errors
    assert "Traceback" not in errors
    assert seconds < 60
    before = losses(folder / "shared")
    done = subprocess.run(
        command(folder),
        cwd=bundles.ROOT,
        check=False,
        text=True,
        env=bundles.training_environment(),
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    after = losses(folder / "shared")
    assert after[: len(before)] == before
    assert len(before) < len(after) == len(alone.state.losses)
    assert {stage for stage, *_ in after} == {"0", "1", "2"}
    for (stage, step, loss), (_, _, wanted) in zip(after, alone.state.losses, strict=True):
        assert loss == pytest.approx(wanted, abs=1e-4), (stage, step)
    assert (folder / "shared" / "scores.png").is_file()


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_a_batch_is_shared_whole_and_evenly(size: int) -> None:
    rows = [[*Team(rank, size).local_rows(7)] for rank in range(size)]
    assert [row for mine in rows for row in mine] == [*range(7)]
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


def test_weighed_means_are_the_mean_over_all() -> None:
    values = [torch.tensor([1.0, 2.0, 6.0]), torch.tensor([5.0])]
    team = Team(0, 2)
    shares = [float(part.mean()) * team.loss_weight(len(part), 4) for part in values]
    assert sum(shares) / 2 == pytest.approx(float(torch.cat(values).mean()))


def test_every_process_draws_for_the_whole_batch() -> None:
    values = torch.rand(6, 2, 3) + 0.1
    weights = torch.rand(12, 5)  # two of each row
    torch.manual_seed(3)
    dropped = functional.dropout(values, 0.4)
    grids = torch.rand(6, 5, 2, 3)
    channels = functional.dropout2d(grids, 0.4)
    drawn = torch.multinomial(weights, 1)
    chances = torch.rand(6, 1)
    for rows in (torch.tensor([0, 1, 2]), torch.tensor([3, 5])):
        torch.manual_seed(3)
        with ReplicatedRng(6, rows):
            mine = functional.dropout(values[rows], 0.4)
            torch.rand(len(rows), 5, 2, 3)
            mine_channels = functional.dropout2d(grids[rows], 0.4)
            word = torch.multinomial(weights.view(6, 2, 5)[rows].flatten(0, 1), 1)
            chance = torch.rand(len(rows), 1)
        assert torch.equal(mine, dropped[rows])
        assert torch.equal(mine_channels, channels[rows])
        assert torch.equal(word, drawn.view(6, 2)[rows].view(-1, 1))
        assert torch.equal(chance, chances[rows])
    with ReplicatedRng(6, rows):
        assert functional.dropout(values[rows], 0.4, training=False).equal(values[rows])


@pytest.mark.parametrize(
    "draw",
    [
        lambda _: torch.randn(2, 3),
        lambda _: torch.randperm(4),
        torch.randn_like,
        lambda values: values.bernoulli_(0.5),
        lambda values: functional.alpha_dropout(values, 0.5),
        functional.gumbel_softmax,
        lambda values: functional.scaled_dot_product_attention(
            values, values, values, dropout_p=0.1
        ),
    ],
)
def test_a_random_function_that_is_not_known_is_refused(draw: Callable[[Tensor], Tensor]) -> None:
    with (
        pytest.raises(ValueError, match="ReplicatedRng does not know it"),
        ReplicatedRng(4, torch.tensor([0, 1])),
    ):
        draw(torch.rand(2, 3))


def test_more_processes_than_pictures_in_a_batch_are_refused(folder: Path) -> None:
    recipe = load_recipe(folder / "recipe.toml")
    data = prepare_data(
        recipe, folder / "data", folder / "alone", folder / "weights", folder / "unlabelled"
    )
    with pytest.raises(RecipeError, match="4 pictures cannot be split among 5 processes"):
        MapBatchSource(data, recipe.seed_at, Team(0, 5)).steps(recipe.stages[0])


def test_alone_nothing_is_asked_of_others() -> None:
    assert SINGLE_PROCESS.all_reduce_sum(2.5) == 2.5
    assert SINGLE_PROCESS.all_reduce_max(3) == 3
    assert SINGLE_PROCESS.broadcast_from_rank0(lambda: "said") == "said"
    assert SINGLE_PROCESS.rank0_first(lambda: "made") == "made"
    assert SINGLE_PROCESS.loss_weight(3, 3) == 1.0


def test_an_unknown_recipe_is_told_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *bundles.training_command("train", tmp_path, "work")[:3],
            "train",
            "frist",
            "--data",
            str(tmp_path),
            "--work",
            str(tmp_path / "work"),
            "--processes",
            "2",
        ],
        cwd=bundles.ROOT,
        check=False,
        text=True,
        capture_output=True,
        timeout=100,
    )
    assert done.returncode == 2
    assert done.stderr.count("there is no recipe frist") == 1
