"""Commands that look at a data set, write it into shards, and pack it for another machine."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from training.data.cleaning import Cleaning

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.data.datasets import Dataset

_folder = click.Path(path_type=Path, exists=True, file_okay=False)
_size = click.option(
    "--size",
    type=click.IntRange(min=8),
    default=224,
    show_default=True,
    help="Pixels of the pictures' sides.",
)


def _described(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say what a data set is and how its captions become words."""
    least = Cleaning()
    for option in (
        click.option("--data", type=_folder, required=True, help="Folder of the data set."),
        click.option(
            "--kind",
            default="auto",
            show_default=True,
            help="Its layout: karpathy, flickr8k, flickr30k, coco or table.",
        ),
        click.option("--lower-case/--keep-case", default=least.lower_case, show_default=True),
        click.option(
            "--punctuation/--no-punctuation",
            default=least.punctuation,
            show_default=True,
            help="Keep punctuation marks as words.",
        ),
        click.option(
            "--digits/--no-digits",
            default=least.digits,
            show_default=True,
            help="Keep words with digits.",
        ),
        click.option(
            "--minimum-letters",
            type=click.IntRange(min=1),
            show_default=True,
            default=least.minimum_letters,
            help="Letters of a word.",
        ),
        click.option(
            "--minimum-words",
            type=click.IntRange(min=1),
            show_default=True,
            default=least.minimum_words,
            help="Words of a caption.",
        ),
        click.option(
            "--maximum-words",
            type=click.IntRange(min=0),
            show_default=True,
            default=least.maximum_words,
            help="Words of a caption; 0: no limit.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@_described
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for plots, statistics.json and the list of problems.",
)
def prepare(data: Path, kind: str, out: Path | None, **rules: Any) -> None:
    """Say what a data set holds: lengths, vocabulary, unknown words, damaged pictures."""
    from training.data import statistics

    dataset, cleaning = _loaded(data, kind, rules)
    dataset = statistics.inspected(dataset, out)
    found = statistics.collect(dataset)
    click.echo(found.table())
    if out is not None:
        statistics.write(found, dataset, cleaning, out)
    else:
        for problem in dataset.problems:
            click.echo(f"left out: {problem}")


@click.command()
@_described
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The shards' folder.")
@_size
@click.option(
    "--per-shard",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Pictures in one archive.",
)
def shards(data: Path, kind: str, out: Path, size: int, per_shard: int, **rules: Any) -> None:
    """Write a data set into archives that training reads as a stream, in constant memory."""
    from training.data.shard_writer import write_shards

    dataset, cleaning = _loaded(data, kind, rules)
    note = {"found": dataset.found, "cleaning": dataclasses.asdict(cleaning)}
    try:
        problems = dataset.problems + write_shards(dataset, out, size, per_shard, note)
    except (ValueError, FileExistsError) as error:
        raise click.UsageError(str(error)) from error
    (out / "problems.txt").write_text("".join(f"{line}\n" for line in problems), encoding="utf-8")
    click.echo(f"{len(problems)} problems, listed in {out / 'problems.txt'}")


@click.command()
@click.argument(
    "sources",
    type=click.Path(path_type=Path, exists=True),
    nargs=-1,
    required=True,
    metavar="PATH...",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The archive, .tar.gz.")
@click.option(
    "--megabytes",
    type=click.FloatRange(min=0, min_open=True),
    default=64.0,
    show_default=True,
    help="The most that it may take, in units of 2**20 bytes.",
)
@_size
def pack(sources: tuple[Path, ...], out: Path, megabytes: float, size: int) -> None:
    """Pack folders and files of data and weights into one small archive, for another machine.

    Pictures are squashed to squares, as training does anyway, and saved in the best quality in
    which all fits; tables and weights stay as they are. For a GPU that is lent for ten minutes,
    say:

    \b
        python -m training pack flickr8k coco weights/efficientnet_lite3_imagenet.safetensors \\
            --out packed.tar.gz
        tar xf packed.tar.gz            # there; then the same command as here:
        python -m training build everyday --data flickr8k --everyday coco --weights . ...
    """
    from training.data import packing

    try:
        packed = packing.pack(sources, out, round(megabytes * 2**20), size)
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(
        f"{packed.pictures} pictures in quality {packed.quality} of 100 and {packed.other} other "
        f"files, {packed.size / 2**20:.1f} MiB: {out}"
    )


def _loaded(data: Path, kind: str, rules: dict[str, Any]) -> tuple[Dataset, Cleaning]:
    from training.data.datasets import load

    try:
        cleaning = Cleaning(**rules)
        dataset = load(data, kind, cleaning)
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(dataset.found)
    return dataset, cleaning
