"""`python -m benchmarks`: make screens, measure the picture finder on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

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
    from describer_daemon.ports import DescriberError

    try:
        generate(out, count, seed, open_album(data, pictures))
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    except (BrowserError, DesktopError, DescriberError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
