"""Options that several benchmarks have, and what they do with them."""

from __future__ import annotations

from pathlib import Path

import click

_folder = click.Path(path_type=Path, exists=True, file_okay=False)
RESULTS = click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where the results go.",
    default=Path("build/benchmarks"),
    show_default=True,
)
PICTURE = click.option(
    "--picture",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What the screen shows; the daemon's sample by default.",
)
SEED = click.option(
    "--seed", type=int, default=1, show_default=True, help="The same seed gives the same inputs."
)
PHOTOGRAPHS = click.option(
    "--pictures", type=_folder, help="A folder of photographs; parts of scikit-image's by default."
)
CORES = click.option(
    "--cores",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Run on so many processor cores (Linux).",
)


def bind_to_cores(cores: int) -> int:
    """Keep this process, and what it starts, to so many cores; → how many there are."""
    import os

    if hasattr(os, "sched_setaffinity"):  # before anything starts threads
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    from models.runtime.engines.onnx import processors

    return processors()


def open_photographs(pictures: Path | None, count: int) -> list[bytes]:
    """The bytes of so many photographs of a folder, or of those that scikit-image ships."""
    from benchmarks.pictures import photographs

    try:
        return photographs(pictures, count)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except ImportError as error:
        raise click.UsageError(
            "Without scikit-image there are no photographs here. Please install "
            "describer[peers], or name a folder: --pictures."
        ) from error


def keep(out: Path, name: str, table: str, files: str) -> None:
    """Write and print a table."""
    (out / f"{name}.txt").write_text(table + "\n", encoding="utf-8")
    click.echo(f"{table}\n\nIn {out}: {files}")
