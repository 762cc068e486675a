"""`python -m training`: train a recipe, score a bundle, write a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from models.captioner import EngineName
from training import data_commands
from training.recipe import find_recipe, load_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.distributed import Team
    from training.recipe import Recipe
    from training.train import Trainer

_folder = click.Path(path_type=Path, exists=True, file_okay=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train, measure and export captioners for the describer.

    \b
    From pictures to a bundle in one command (about 90 minutes on two cores):
      python -m training build first --data flickr8k --weights weights --work work \\
          --out models/bundles/flickr8k
    Killed at any moment, the same command goes on where it was.
    """


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--work", type=click.Path(path_type=Path), required=True,
                     help="Folder for caches, checkpoints and scores."),
        click.option("--weights", type=_folder, help="Folder of the starting weights."),
        click.option("--unlabelled", type=_folder, help="Folder of pictures without captions."),
        click.option("--data", type=_folder, required=True, help="Folder of the data set."),
        click.option("--limit", type=click.IntRange(min=1), help="Use only so many pictures."),
        click.option("--processes", type=click.IntRange(min=1), default=1, show_default=True,
                     help="Processes on this machine that share every batch."),
        click.option("--checkpoint-every", type=click.IntRange(min=1), default=100, hidden=True,
                     help="Steps between checkpoints."),
        click.argument("recipe"),
    ):
        command = option(command)
    return command


@main.command()
@_options
def train(processes: int, **options: Any) -> None:
    """Train RECIPE (a name in training/recipes or a path); goes on when it was killed.

    The work folder gets losses.csv, scores.jsonl, loss.png, scores.png and tensorboard/. DATA may
    be a folder of shards, which is read as a stream. On several machines, start on each
    `torchrun --nnodes … --nproc-per-node … -m training train …` (see README).
    """
    if processes > 1:
        _recipe(options["recipe"])  # a mistake in it is told once, not by every process
        _launch(processes=processes, **options)
    else:
        _train(**options)


@main.command()
@_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
def build(out: Path, processes: int, **options: Any) -> None:
    """Train RECIPE, then calibrate, export and score the bundle."""
    from training.publish import publish

    if processes > 1:
        _recipe(options["recipe"])
        _launch(processes=processes, **options)
    trainer = _train(**options)
    publish(trainer, out, options["weights"], options["unlabelled"])


@main.command()
@click.argument("bundle", type=_folder)
@click.option("--data", type=_folder, required=True, help="Folder of the data set.")
@click.option("--engine", type=click.Choice(get_args(EngineName)), default="onnx")
@click.option("--beam", type=click.IntRange(1, 10), help="Beam width; the bundle's by default.")
@click.option("--limit", type=click.IntRange(min=1), help="Use only so many pictures.")
@click.option("--out", type=click.Path(path_type=Path), help="Write captions and scores (JSON).")
def evaluate(bundle: Path, data: Path, engine: EngineName, beam: int | None, limit: int | None,
             out: Path | None) -> None:
    """Score BUNDLE on the development split by free-running search."""
    import dataclasses

    from models.captioner import load
    from training import datasets
    from training.evaluate import evaluate as run

    captioner = load(bundle, engine=engine)
    how = captioner.config.search
    if beam is not None:
        how = dataclasses.replace(how, beam=beam)
    examples = datasets.load(data).development[:limit]
    result = run(captioner, examples, how)
    for name, value in result.scores.items():
        click.echo(f"{name:24s}{value:8.2f}")
    if out is not None:
        result.save(out)


@main.command()
@click.option("--data", type=_folder, required=True, help="Folder of the data set.")
@click.option("--unlabelled", type=_folder, help="Folder of further photographs.")
@click.option("--work", type=click.Path(path_type=Path), required=True,
              help="Folder for composed screens and checkpoints.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
@click.option("--screens", type=click.IntRange(min=8), default=2000, show_default=True,
              help="How many screens to compose (4 MB each).")
@click.option("--steps", type=click.IntRange(min=1), default=2400, show_default=True,
              help="Steps in which the rate rises and falls once.")
@click.option("--cycles", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def finder(data: Path, unlabelled: Path | None, work: Path, out: Path, screens: int, steps: int,
           cycles: int, seed: int) -> None:
    """Compose screens and train the picture finder; goes on when it was killed.

    About 15 minutes on two cores:

    \b
    python -m training finder --data flickr8k --unlabelled coco --work work \\
        --out models/bundles/finder
    """
    _keep_memory()
    from models.engines.onnx import processors
    from training.datasets import load, load_unlabelled
    from training.finder.publish import build as build_finder

    photographs = [example.path for example in load(data).train]
    if unlabelled is not None:
        photographs += [example.path for part in load_unlabelled(unlabelled) for example in part]
    scores = build_finder(photographs, work, out, screens=screens, steps=steps,
                          cycles=cycles, seed=seed, workers=processors())
    for name, value in scores.items():
        click.echo(f"{name:36s}{value:8g}")


def _train(
    recipe: str, limit: int | None, data: Path, weights: Path | None, work: Path,
    unlabelled: Path | None, checkpoint_every: int,
) -> Trainer:
    """Train in this process, which is one of many where torchrun has started it."""
    from training import distributed
    from training.recipe import RecipeError

    loaded = _recipe(recipe)
    work.mkdir(parents=True, exist_ok=True)
    _keep_memory()
    try:
        team = distributed.join()
        with distributed.missing_others(team):
            trainer = _trainer(loaded, data, limit, weights, work, unlabelled, checkpoint_every,
                               team)
            trainer.run()
            distributed.leave(team)
    except RecipeError as error:
        raise click.UsageError(str(error)) from error
    except ConnectionError as error:
        if distributed.launched():  # who started this process tells it, once
            raise SystemExit(1) from error
        raise click.ClickException(str(error)) from error
    return trainer


def _trainer(
    recipe: Recipe, data: Path, limit: int | None, weights: Path | None, work: Path,
    unlabelled: Path | None, checkpoint_every: int, team: Team,
) -> Trainer:
    import torch

    from training.feed import Feed, StreamFeed
    from training.material import gather, gather_shards
    from training.report import reporter
    from training.shards import INDEX, open_shards
    from training.train import Trainer

    feed: Feed | None = None
    try:
        if (data / INDEX).is_file():
            material = gather_shards(recipe, data, limit, team)
            feed = StreamFeed(open_shards(data), material.vocabulary, recipe.search.max_words,
                              recipe.seed_at, team)
        else:
            material = team.in_turn(
                lambda: gather(recipe, data, work, weights, unlabelled, limit))
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    report = reporter(material, recipe) if team.rank == 0 else None
    if team.rank == 0:
        pictures = len(feed.shards) if feed else len(material.train)
        click.echo(f"{pictures} pictures, {len(material.vocabulary)} words, {team.size} processes "
                   f"of {torch.get_num_threads()} threads on {team.device.type}")
    return Trainer(recipe, material, weights, work, report, checkpoint_every, team=team, feed=feed)


def _recipe(name: str) -> Recipe:
    try:
        return load_recipe(find_recipe(name))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _launch(
    recipe: str, processes: int, data: Path, work: Path, checkpoint_every: int,
    **others: Path | int | None,
) -> None:
    """Train in so many processes of this machine, by torchrun."""
    from training import distributed

    arguments = ["train", recipe, "--data", str(data), "--work", str(work),
                 "--checkpoint-every", str(checkpoint_every)]
    for name, value in others.items():
        if value is not None:
            arguments += [f"--{name}", str(value)]
    try:
        distributed.launch(processes, arguments)
    except ChildProcessError as error:
        raise click.ClickException(str(error)) from error


def _keep_memory() -> None:
    """Have glibc keep the memory that is freed: a step frees gigabytes and wants them again.

    Handing them back to the system each time takes a third of the time.
    """
    import ctypes
    import sys

    mmap_max, trim_threshold, top_pad = -4, -1, -2
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        for option, value in ((mmap_max, 0), (trim_threshold, 2**31 - 1), (top_pad, 2**28)):
            library.mallopt(option, value)


main.add_command(data_commands.prepare)
main.add_command(data_commands.shards)

if __name__ == "__main__":
    main()
