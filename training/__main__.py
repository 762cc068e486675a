"""`python -m training`: train a recipe, score a bundle, write a bundle."""

from __future__ import annotations

from pathlib import Path

import click

from training.recipe import RECIPES, load_recipe

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


def _options(command: object) -> object:
    for option in (
        click.option("--work", type=click.Path(path_type=Path), required=True,
                     help="Folder for caches, checkpoints and scores."),
        click.option("--weights", type=_folder, help="Folder of the starting weights."),
        click.option("--data", type=_folder, required=True, help="Folder of the data set."),
        click.option("--limit", type=click.IntRange(min=1), help="Use only so many pictures."),
        click.argument("recipe"),
    ):
        command = option(command)  # type: ignore[operator]
    return command


@main.command()
@_options
def train(recipe: str, limit: int | None, data: Path, weights: Path | None, work: Path) -> None:
    """Train RECIPE (a name in training/recipes or a path); goes on when it was killed."""
    _train(recipe, limit, data, weights, work)


@main.command()
@_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
def build(recipe: str, limit: int | None, data: Path, weights: Path | None, work: Path,
          out: Path) -> None:
    """Train RECIPE, then calibrate, export and score the bundle."""
    from training.publish import publish

    trainer = _train(recipe, limit, data, weights, work)
    publish(trainer, out)


@main.command()
@click.argument("bundle", type=_folder)
@click.option("--data", type=_folder, required=True, help="Folder of the data set.")
@click.option("--engine", type=click.Choice(["onnx", "torch"]), default="onnx")
@click.option("--beam", type=click.IntRange(1, 10), help="Beam width; the bundle's by default.")
@click.option("--limit", type=click.IntRange(min=1), help="Use only so many pictures.")
@click.option("--out", type=click.Path(path_type=Path), help="Write captions and scores (JSON).")
def evaluate(bundle: Path, data: Path, engine: str, beam: int | None, limit: int | None,
             out: Path | None) -> None:
    """Score BUNDLE on the development split by free-running search."""
    import dataclasses

    from models.captioner import load
    from training.datasets import load_flickr8k
    from training.evaluate import evaluate as run

    captioner = load(bundle, engine=engine)
    how = captioner.config.search
    if beam is not None:
        how = dataclasses.replace(how, beam=beam)
    examples = load_flickr8k(data).development[:limit]
    result = run(captioner.engine, captioner.vocabulary, captioner.config.preprocessing,
                 examples, how)
    for name, value in result.scores.items():
        click.echo(f"{name:24s}{value:8.2f}")
    if out is not None:
        result.save(out)


def _train(recipe: str, limit: int | None, data: Path, weights: Path | None, work: Path):
    import torch

    from training.train import Trainer, gather, reporter

    path = Path(recipe) if recipe.endswith(".toml") else RECIPES / f"{recipe}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise click.BadParameter(f"there is no recipe {recipe}; known: {known}")
    work.mkdir(parents=True, exist_ok=True)
    loaded = load_recipe(path)
    material = gather(loaded, data, work, limit)
    click.echo(f"{len(material.train)} pictures, {len(material.vocabulary)} words, "
               f"{torch.get_num_threads()} threads")
    trainer = Trainer(loaded, material, weights, work, reporter(material, loaded))
    trainer.run()
    return trainer


if __name__ == "__main__":
    main()
