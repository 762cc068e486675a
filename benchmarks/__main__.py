"""`python -m benchmarks`: the picture finder, the daemon's time and memory, harm, and load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks import captioner_commands, daemon_commands
from benchmarks.options import bind_to_cores

_folder = click.Path(path_type=Path, exists=True, file_okay=False)
_data = click.option("--data", type=_folder, help="Flickr8k's folder: its development split.")


def _album(command: Callable[..., Any]) -> Callable[..., Any]:
    pictures = click.option("--pictures", type=_folder, help="A folder of photographs instead.")
    return _data(pictures(command))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure the describer: each command prints a table and asserts nothing."""


@main.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where they go.")
@click.option("--count", type=click.IntRange(min=1), default=450, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@_album
def screens(out: Path, count: int, seed: int, data: Path | None, pictures: Path | None) -> None:
    """Make screens with known pictures; those that are there already stay.

    Every second one has no photograph on it. The same seed gives the same screens.
    """
    from benchmarks.screens.album import open_album
    from benchmarks.screens.browser import BrowserError
    from benchmarks.screens.desktop import DesktopError
    from benchmarks.screens.generate import generate
    from describer_daemon.core.ports import DescriberError

    try:
        generate(out, count, seed, open_album(data, pictures))
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    except (BrowserError, DesktopError, DescriberError) as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("folder", type=_folder, required=False)
@click.option(
    "--truth",
    type=_folder,
    help="Measure on real screenshots instead, whose places of pictures are in truth.json there.",
)
@click.option(
    "--sizes",
    type=click.IntRange(min=0),
    default=0,
    metavar="COUNT",
    help="Measure on so many composed screens of each size and shape instead: pages from top to "
    "end, 8K, panels, windows on a wallpaper. Needs --data or --pictures.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of these screens.")
@_album
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where the results go; FOLDER/results by default.",
)
@click.option(
    "--captions",
    type=click.IntRange(min=0),
    default=300,
    show_default=True,
    help="Caption so many found pictures; needs --data.",
)
@click.option(
    "--sentences",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    help="Let the daemon speak of so many screens without a picture.",
)
@click.option(
    "--cores",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Run on so many processor cores (Linux).",
)
def finder(
    folder: Path | None,
    truth: Path | None,
    sizes: int,
    seed: int,
    data: Path | None,
    pictures: Path | None,
    out: Path | None,
    captions: int,
    sentences: int,
    cores: int,
) -> None:
    """Measure the picture finder on the screens in FOLDER, beside a classical one."""
    bind_to_cores(cores)
    if truth is not None:
        if folder is not None:
            raise click.UsageError("Please name a folder of screens or --truth, not both.")
        _finder_on_real_screens(truth, out)
        return
    if sizes:
        _finder_on_shapes(sizes, seed, data, pictures)
        return
    if folder is None:
        raise click.UsageError("Please name a folder of screens, or one with --truth.")
    from benchmarks import baseline, report
    from benchmarks import captions as captioning
    from benchmarks.false_alarms import sentences_for
    from benchmarks.finder import learned, measure, read
    from describer_daemon.core.ports import DescriberError
    from models import captioner
    from models.finder import finder as shipped
    from models.runtime import bundle

    try:
        labelled = read(folder)
        measured = measure(
            labelled, {"finder": learned(shipped.load()), "many colours": baseline.find}
        )
        compared = None
        if data is not None and captions:
            compared = captioning.compare(
                captioner.load(bundle.SHIPPED), measured["finder"].screens, data, captions
            )
        spoken = sentences_for(labelled, sentences) if sentences else []
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    results = report.Results(measured, spoken, compared)
    out = out or folder / "results"
    report.save(results, out)
    click.echo(report.table(results))
    click.echo(f"\nIn {out}: results.json, table.txt, finder.png, failures.png")


def _finder_on_shapes(count: int, seed: int, data: Path | None, pictures: Path | None) -> None:
    from benchmarks import shapes
    from benchmarks.finder import learned
    from benchmarks.screens.album import open_album
    from models.finder import finder as shipped

    try:
        album = open_album(data, pictures)
        results = shapes.measure(learned(shipped.load()), album.paths, count, seed)
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(shapes.table(results))


def _finder_on_real_screens(folder: Path, out: Path | None) -> None:
    import json

    from benchmarks import truth
    from benchmarks.finder import learned
    from describer_daemon.core.ports import DescriberError
    from models import captioner
    from models.finder import finder as shipped
    from models.runtime.bundle import SHIPPED, BundleError

    try:
        screens = truth.read(folder)
        look = truth.with_kinds(captioner.load(SHIPPED))
        judged = truth.measure(screens, learned(shipped.load()), look)
        claimed = truth.claims(screens)
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    except BundleError as error:
        raise click.ClickException(str(error)) from error
    text = f"{truth.table(judged)}\n\n{truth.claims_table(screens, claimed)}"
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "table.txt").write_text(text + "\n", encoding="utf-8")
        (out / "results.json").write_text(
            json.dumps(truth.record(judged), indent=1) + "\n", encoding="utf-8"
        )
    click.echo(text)


for _command in (
    daemon_commands.latency,
    daemon_commands.more,
    daemon_commands.memory,
    daemon_commands.inputs,
    daemon_commands.load,
    captioner_commands.peers,
    captioner_commands.floor,
    captioner_commands.growth,
):
    main.add_command(_command)


if __name__ == "__main__":
    main()
