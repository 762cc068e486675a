"""The commands of `python -m training` that look at a bundle that is made: scores, drawings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from models.captioner import EngineName
from models.runtime.bundle import SHIPPED
from models.runtime.tables import as_table

_folder = click.Path(path_type=Path, exists=True, file_okay=False)


class _NewFile(click.Path):
    """A file to write, in a folder that is there: told before the work, not after it."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False, writable=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path: Any = super().convert(value, param, ctx)
        if not Path(path).absolute().parent.is_dir():
            self.fail(f"there is no folder {Path(path).parent}", param, ctx)
        return path


_file = _NewFile()


@click.command()
@click.argument("bundle", type=_folder)
@click.option("--data", type=_folder, required=True, help="Folder of the data set.")
@click.option("--engine", type=click.Choice(get_args(EngineName)), default="onnx")
@click.option(
    "--search",
    "kind",
    type=click.Choice(["greedy", "beam", "sample"]),
    help="How to find the words; the bundle's own way by default.",
)
@click.option("--beam", type=click.IntRange(1, 10), help="Beam width; the bundle's by default.")
@click.option(
    "--temperature",
    type=click.FloatRange(0, min_open=True),
    help="Of a sample: below 1 likely words are likelier still.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Of a sample: another one.")
@click.option("--limit", type=click.IntRange(min=1), help="Use only so many pictures.")
@click.option("--out", type=_file, help="Write captions and scores (JSON).")
@click.option(
    "--gallery", type=_file, help="Write a page of pictures with captions and scores (HTML)."
)
def evaluate(
    bundle: Path,
    data: Path,
    engine: EngineName,
    kind: str | None,
    beam: int | None,
    temperature: float | None,
    seed: int | None,
    limit: int | None,
    out: Path | None,
    gallery: Path | None,
) -> None:
    """Score BUNDLE on the development split by free-running search, and by its loss."""
    from models.captioner import load
    from training.data import datasets
    from training.evaluation import gallery as page
    from training.evaluation.evaluate import evaluate as run
    from training.evaluation.evaluate import searching

    try:
        captioner = load(bundle, engine=engine)
        examples = datasets.load(data).development[:limit]
        config = searching(captioner.config.search, kind, beam, temperature, seed)
        result = run(captioner, examples, config, thorough=True)
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    click.echo("\n".join(result.lines()))
    if out is not None:
        result.save(out, bundle=str(bundle), engine=engine, search=as_table(config))
    if gallery is not None:
        page.write(
            result,
            {each.path.name: each.path for each in examples},
            gallery,
            f"What {bundle.resolve().name} says of {len(result.captions)} pictures",
        )


@click.command()
@click.argument("bundle", type=_folder)
@click.option(
    "--data",
    type=_folder,
    required=True,
    help="Folder of everyday pictures with objects.csv and detections.csv.gz (COCO).",
)
@click.option("--engine", type=click.Choice(get_args(EngineName)), default="onnx")
@click.option("--limit", type=click.IntRange(min=1), help="Use only so many pictures.")
def honesty(bundle: Path, data: Path, engine: EngineName, limit: int | None) -> None:
    """Tell how often what BUNDLE says of everyday pictures is true, and how often it is not.

    It describes the held-out pictures (those whose number ends in 0) of a data set that tells
    which of eighty kinds of thing are on each. "Helpful" answers name a thing that is there,
    "invented" ones a thing that is not; CHAIRi is the share of the named things that are not there.
    """
    from models.captioner import load
    from training.data.objects import held_out_examples, targets
    from training.evaluation.honesty import ask, judge

    try:
        captioner = load(bundle, engine=engine)
        examples = held_out_examples(data)[:limit]
        truth = targets(data, examples)
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    answers = ask(captioner, examples, truth.presence.shape[1])
    click.echo("\n".join(judge(answers, truth).lines()))


@click.command()
@click.argument("picture", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--bundle",
    type=_folder,
    default=SHIPPED,
    show_default="the shipped one",
    help="The bundle's folder.",
)
@click.option("--engine", type=click.Choice(get_args(EngineName)), default="onnx")
@click.option("--out", type=_file, required=True, help="Write the drawing (PNG).")
def heatmap(picture: Path, bundle: Path, engine: EngineName, out: Path) -> None:
    """Caption PICTURE and draw where the bundle looked for each word."""
    from PIL import Image

    from models.captioner import load
    from training.evaluation import heatmaps

    if out.exists() and out.samefile(picture):
        raise click.UsageError(f"{out} is the picture itself: name another file for --out.")
    try:
        with Image.open(picture) as image:
            drawn = heatmaps.draw(load(bundle, engine=engine), image)
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from error
    drawn.image.save(out, "PNG")
    click.echo("\n".join(drawn.lines))


@click.command()
@click.argument("first", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("second", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--draws",
    type=click.IntRange(min=100),
    default=2000,
    show_default=True,
    help="How often the pictures are drawn again.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def compare(first: Path, second: Path, draws: int, seed: int) -> None:
    """Tell whether the SECOND result of `evaluate --out` is better than the FIRST, or lucky."""
    from training.evaluation import compare as bootstrap

    try:
        found = bootstrap.compare(bootstrap.read(first), bootstrap.read(second), draws, seed)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo("\n".join(bootstrap.lines(found, str(first), str(second))))
