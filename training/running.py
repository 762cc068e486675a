"""What the commands that train have in common: from their options to a training that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from training.identity import OtherIdentityError
from training.trainer.recipe import load_recipe
from training.trainer.recipe_files import find_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.release.publish import TrainedMember
    from training.trainer.distributed import Team
    from training.trainer.recipe import Recipe
    from training.trainer.train import Trainer


def train(
    recipe: str,
    limit: int | None,
    data: Path,
    weights: Path | None,
    work: Path,
    unlabelled: Path | None,
    checkpoint_every: int,
    everyday: Path | None = None,
) -> Trainer:
    """Train in this process, which is one of many where torchrun has started it."""
    from training.trainer import distributed
    from training.trainer.recipe import RecipeError

    loaded = trainable(recipe)
    work.mkdir(parents=True, exist_ok=True)
    keep_memory()
    try:
        team = distributed.join()
        with distributed.missing_others(team):
            trainer = prepared(
                loaded, data, limit, weights, work, unlabelled, checkpoint_every, team, everyday
            )
            trainer.run()
            distributed.leave(team)
    except (RecipeError, OtherIdentityError) as error:
        raise click.UsageError(str(error)) from error
    except ConnectionError as error:
        if distributed.launched():  # who started this process tells it, once
            raise SystemExit(1) from error
        raise click.ClickException(str(error)) from error
    return trainer


def prepared(
    recipe: Recipe,
    data: Path,
    limit: int | None,
    weights: Path | None,
    work: Path,
    unlabelled: Path | None,
    checkpoint_every: int,
    team: Team,
    everyday: Path | None = None,
) -> Trainer:
    """Gather what the recipe wants of a data set or of shards; goes on from a checkpoint.

    Raises click's UsageError for what is missing or does not fit.
    """
    import torch

    from training.data.shards import INDEX, open_shards
    from training.evaluation.report import reporter
    from training.trainer.batch_source import BatchSource, StreamBatchSource
    from training.trainer.train import Trainer
    from training.trainer.training_data import prepare_data, prepare_shard_data

    source: BatchSource | None = None
    try:
        if (data / INDEX).is_file():
            stream = open_shards(data)
            training_data = prepare_shard_data(recipe, data, limit, team)
            source = StreamBatchSource(
                stream, training_data.vocabulary, recipe.search.max_words, recipe.seed_at, team
            )
            pictures = len(stream)
        else:
            training_data = team.rank0_first(
                lambda: prepare_data(recipe, data, work, weights, unlabelled, limit, everyday)
            )
            pictures = len(training_data.train)
        report = reporter(training_data, recipe) if team.rank == 0 else None
        if team.rank == 0:
            click.echo(
                f"{pictures} pictures, {len(training_data.vocabulary)} words, {team.size} "
                f"processes of {torch.get_num_threads()} threads on {team.device.type}"
            )
        return Trainer(
            recipe, training_data, weights, work, report, checkpoint_every, team=team, source=source
        )
    except (ValueError, TypeError, FileNotFoundError) as error:  # TypeError: a decoder's options
        raise click.UsageError(str(error)) from error


def joined(
    recipe: Recipe,
    members: Sequence[TrainedMember],
    data: Path,
    work: Path,
    limit: int | None = None,
    checkpoint_every: int = 100,
) -> Trainer:
    """Join trained members and follow the recipe's stages from there, in this process.

    Goes on from a checkpoint. Raises click's UsageError for members that do not fit the recipe.
    """
    from training.evaluation.report import reporter
    from training.release.joining import join
    from training.trainer.recipe import RecipeError
    from training.trainer.train import Trainer
    from training.trainer.training_data import prepare_captioned_data

    work.mkdir(parents=True, exist_ok=True)
    keep_memory()
    try:
        network, vocabulary = join(recipe, [(each.network, each.vocabulary) for each in members])
        made = prepare_captioned_data(recipe, data, work, vocabulary, limit)
        trainer = Trainer(
            recipe,
            made,
            None,
            work,
            reporter(made, recipe),
            checkpoint_every,
            initial_network=network,
        )
        trainer.run()
    except (RecipeError, ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    return trainer


def table(
    data: Path,
    weights: Path,
    work: Path,
    epochs: int,
    rows: str | None,
    limit: int | None,
    own_encoders: bool,
) -> None:
    """Make the table's rows, write and print it."""
    keep_memory()
    from training.evaluation import table as rows_of
    from training.evaluation import table_page

    names = [name.strip() for name in rows.split(",")] if rows else list(rows_of.ROWS)
    for name in names:
        trainable(name)  # a slip of the pen is reported before the work
    how = rows_of.Conditions(data, weights, work, epochs or None, limit, own_encoders)
    try:
        made = rows_of.make(names, how)
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    pictures = (
        f"Trained on {limit or 'all'} pictures of the data set in {data.name}, each stage "
        f"for at most {epochs or 'all its'} epochs."
    )
    click.echo(table_page.write(made, work, pictures))


def read(name: str) -> Recipe:
    """The recipe of that name or path. Raises click's BadParameter naming what is wrong."""
    try:
        return load_recipe(find_recipe(name))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def trainable(name: str) -> Recipe:
    """The recipe of that name or path, of no members. Raises click's BadParameter as `read`."""
    recipe = read(name)
    if recipe.members:
        raise click.BadParameter(
            f"{name} joins the captioners of "
            f"{', '.join(each.recipe for each in recipe.members)}: train "
            "these, or have `build` train and join them"
        )
    return recipe


def launch(
    recipe: str,
    processes: int,
    data: Path,
    work: Path,
    checkpoint_every: int,
    **others: Path | int | None,
) -> None:
    """Train in so many processes of this machine, by torchrun."""
    from training.trainer import distributed

    arguments = [
        "train",
        recipe,
        "--data",
        str(data),
        "--work",
        str(work),
        "--checkpoint-every",
        str(checkpoint_every),
    ]
    for name, value in others.items():
        if value is not None:
            arguments += [f"--{name}", str(value)]
    try:
        distributed.launch(processes, arguments)
    except ChildProcessError as error:
        raise click.ClickException(str(error)) from error


def keep_memory() -> None:
    """Have glibc keep the memory that is freed: a step frees gigabytes and wants them again.

    Handing them back to the system each time takes a third of the time.
    """
    import ctypes
    import sys

    mmap_max, trim_threshold, top_pad = -4, -1, -2
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        for option, value in ((mmap_max, 0), (trim_threshold, 2**31 - 1), (top_pad, 2**28)):
            library.mallopt(option, value)
