"""`python -m training`: train a recipe, score a bundle, write a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from training import evaluation
from training.recipe import RECIPES, load_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

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
        click.option("--checkpoint-every", type=click.IntRange(min=1), default=100, hidden=True,
                     help="Steps between checkpoints."),
        click.argument("recipe"),
    ):
        command = option(command)
    return command


@main.command()
@_options
def train(**options: Any) -> None:
    """Train RECIPE (a name in training/recipes or a path); goes on when it was killed."""
    _train(**options)


@main.command()
@_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
def build(out: Path, **options: Any) -> None:
    """Train RECIPE, then calibrate, export and score the bundle."""
    from training.publish import publish

    trainer = _train(**options)
    publish(trainer, out, options["weights"], options["unlabelled"])


@main.command()
@click.option("--data", type=_folder, required=True, help="Folder of the data set (Flickr8k).")
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
    from training.datasets import load_flickr8k, load_unlabelled
    from training.finder.publish import build as build_finder

    photographs = [example.path for example in load_flickr8k(data).train]
    if unlabelled is not None:
        photographs += [example.path for part in load_unlabelled(unlabelled) for example in part]
    scores = build_finder(photographs, work, out, screens=screens, steps=steps,
                          cycles=cycles, seed=seed, workers=processors())
    for name, value in scores.items():
        click.echo(f"{name:36s}{value:8g}")


for _command in (evaluation.evaluate, evaluation.heatmap, evaluation.compare):
    main.add_command(_command)


def _train(recipe: str, limit: int | None, data: Path, weights: Path | None, work: Path,
           unlabelled: Path | None, checkpoint_every: int) -> Trainer:
    _keep_memory()
    import torch

    from training.material import gather
    from training.report import reporter
    from training.train import Trainer

    path = Path(recipe) if recipe.endswith(".toml") else RECIPES / f"{recipe}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise click.BadParameter(f"there is no recipe {recipe}; known: {known}")
    try:
        loaded = load_recipe(path)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    work.mkdir(parents=True, exist_ok=True)
    try:
        material = gather(loaded, data, work, weights, unlabelled, limit)
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{len(material.train)} pictures, {len(material.vocabulary)} words, "
               f"{torch.get_num_threads()} threads")
    trainer = Trainer(loaded, material, weights, work, reporter(material, loaded),
                      checkpoint_every)
    trainer.run()
    return trainer


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


if __name__ == "__main__":
    main()
