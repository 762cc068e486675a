"""What measures the captioner: beside others, beside the least it could take, as it grows."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.options import (
    CORES,
    PHOTOGRAPHS,
    RESULTS,
    bind_to_cores,
    keep,
    open_photographs,
)

_folder = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command()
@RESULTS
@PHOTOGRAPHS
@CORES
@click.option(
    "--captions",
    type=click.IntRange(min=3),
    default=30,
    show_default=True,
    help="So many of each captioner.",
)
def peers(out: Path, pictures: Path | None, cores: int, captions: int) -> None:
    """Measure our captioner beside others: ViT-GPT2, GIT, BLIP, at random weights.

    They are built in OUT once: gigabytes, and minutes. Nothing is downloaded.
    """
    cores = bind_to_cores(cores)
    from benchmarks import daemon_report, peers_report
    from benchmarks.peers import measure, prepare
    from describer_daemon.core.ports import DescriberError

    try:
        prepare(out / "peers")
        found = measure(out / "peers", open_photographs(pictures, captions), cores)
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    daemon_report.save({"cores": cores, "captioners": found}, out / "peers.json")
    peers_report.plot(found, out / "peers.png")
    keep(out, "peers", peers_report.table(found, cores), "peers.json, peers.txt, peers.png")


@click.command()
@RESULTS
@PHOTOGRAPHS
@CORES
@click.option("--captions", type=click.IntRange(min=1), default=50, show_default=True)
def floor(out: Path, pictures: Path | None, cores: int, captions: int) -> None:
    """Measure a caption beside the least that its multiplications could take."""
    cores = bind_to_cores(cores)
    from benchmarks import daemon_report, roofline

    found = roofline.measure(open_photographs(pictures, captions), cores)
    daemon_report.save({"floor": found}, out / "floor.json")
    keep(out, "floor", roofline.table(found), "floor.json, floor.txt")


@click.command()
@RESULTS
@PHOTOGRAPHS
@CORES
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Captions of each size.",
)
@click.option(
    "--captions",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Captions with each beam.",
)
@click.option(
    "--files",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Files in one command.",
)
def growth(
    out: Path, pictures: Path | None, cores: int, repeats: int, captions: int, files: int
) -> None:
    """Measure how time grows with the picture's size, the beam and the number of files."""
    bind_to_cores(cores)
    from benchmarks import daemon_report, growth
    from describer_daemon.core.ports import DescriberError

    photographs = open_photographs(pictures, max(captions, min(files, 100)))
    try:
        found = growth.Growth(
            growth.sizes(photographs[0], repeats),
            growth.beams(photographs[:captions]),
            growth.many(out / "many", photographs, files),
        )
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    daemon_report.save({"growth": found}, out / "growth.json")
    growth.plot(found, out / "growth.png")
    keep(out, "growth", growth.table(found), "growth.json, growth.txt, growth.png")
