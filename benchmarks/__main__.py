"""`python -m benchmarks`: the picture finder, the daemon's time and memory, harm, and load."""

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
    from describer_daemon.core.ports import DescriberError

    try:
        generate(out, count, seed, open_album(data, pictures))
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    except (BrowserError, DesktopError, DescriberError) as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("folder", type=_folder)
@_data
@click.option("--out", type=click.Path(path_type=Path), help="Where the results go; FOLDER/results "
              "by default.")
@click.option("--captions", type=click.IntRange(min=0), default=300, show_default=True,
              help="Caption so many found pictures; needs --data.")
@click.option("--sentences", type=click.IntRange(min=0), default=200, show_default=True,
              help="Let the daemon speak of so many screens without a picture.")
@click.option("--cores", type=click.IntRange(min=1), default=2, show_default=True,
              help="Run on so many processor cores (Linux).")
def finder(folder: Path, data: Path | None, out: Path | None, captions: int, sentences: int,
           cores: int) -> None:
    """Measure the picture finder on the screens in FOLDER, beside a classical one."""
    import os

    if hasattr(os, "sched_setaffinity"):  # before anything starts threads
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    from benchmarks import baseline, report
    from benchmarks import captions as captioning
    from benchmarks.false_alarms import say
    from benchmarks.finder import learned, measure, read
    from describer_daemon.core.ports import DescriberError
    from models import captioner
    from models.finder import finder as shipped
    from models.runtime import bundle

    try:
        labelled = read(folder)
        measured = measure(labelled, {"finder": learned(shipped.load()),
                                      "many colours": baseline.find})
        compared = None
        if data is not None and captions:
            compared = captioning.compare(captioner.load(bundle.SHIPPED),
                                          measured["finder"].screens, data, captions)
        said = say(labelled, sentences) if sentences else []
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    results = report.Results(measured, said, compared)
    out = out or folder / "results"
    report.save(results, out)
    click.echo(report.table(results))
    click.echo(f"\nIn {out}: results.json, table.txt, finder.png, failures.png")


_results = click.option("--out", type=click.Path(path_type=Path), help="Where the results go.",
                        default=Path("build/benchmarks"), show_default=True)
_picture = click.option("--picture", type=click.Path(path_type=Path, exists=True, dir_okay=False),
                        help="What the screen shows; the daemon's sample by default.")


@main.command()
@_results
@_picture
@click.option("--presses", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--cold", "colds", type=click.IntRange(min=0), default=10, show_default=True,
              help="So many presses with the captioner not loaded, each with a fresh daemon.")
def latency(out: Path, picture: Path | None, presses: int, colds: int) -> None:
    """Press the key on a private screen; measure until the first sound, stage by stage."""
    from benchmarks import daemon_report, latency
    from describer_daemon.cli.demo import SAMPLE
    from describer_daemon.core.ports import DescriberError
    from models.runtime.engines.onnx import processors

    picture = picture or SAMPLE
    try:
        with latency.bench(picture) as running:
            series = {"warm": latency.warm(running, presses, "warm")}
            with latency.busy(processors()):
                series["busy"] = latency.warm(running, presses, "busy")
        if colds:
            series["cold"] = latency.cold(picture, colds)
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    table = daemon_report.latency_table(series)
    daemon_report.save({"presses": series, "cores": processors()}, out / "latency.json")
    daemon_report.plot_latency(series, out / "latency.png")
    (out / "latency.txt").write_text(table + "\n", encoding="utf-8")
    click.echo(f"{table}\n\nIn {out}: latency.json, latency.txt, latency.png")


@main.command()
@_results
@_picture
@click.option("--minutes", type=click.FloatRange(min=0.1), default=10, show_default=True,
              help="How long the daemon is left alone.")
@click.option("--captions", type=click.IntRange(min=0), default=1000, show_default=True)
def memory(out: Path, picture: Path | None, minutes: float, captions: int) -> None:
    """Measure the daemon's memory, its start, and what it does while nobody wants anything."""
    from benchmarks import daemon_report
    from benchmarks.memory import course
    from describer_daemon.cli.demo import SAMPLE
    from describer_daemon.core.ports import DescriberError

    try:
        found = course(picture or SAMPLE, 60 * minutes, captions)
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    table = daemon_report.memory_table(found.rows())
    daemon_report.save({"course": found}, out / "memory.json")
    daemon_report.plot_memory(found.states(), out / "memory.png")
    (out / "memory.txt").write_text(table + "\n", encoding="utf-8")
    click.echo(f"{table}\n\nIn {out}: memory.json, memory.txt, memory.png")


_seed = click.option("--seed", type=int, default=1, show_default=True,
                     help="The same seed gives the same inputs.")
_photographs = click.option("--pictures", type=_folder,
                            help="A folder of photographs; parts of scikit-image's by default.")
_cores = click.option("--cores", type=click.IntRange(min=1), default=2, show_default=True,
                      help="Run on so many processor cores (Linux).")


def _bound(cores: int) -> int:
    """Keep this process, and what it starts, to so many cores; → how many there are."""
    import os

    if hasattr(os, "sched_setaffinity"):  # before anything starts threads
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    from models.runtime.engines.onnx import processors

    return processors()


def _opened(pictures: Path | None, count: int) -> list[bytes]:
    from benchmarks.pictures import photographs

    try:
        return photographs(pictures, count)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except ImportError as error:
        raise click.UsageError("Without scikit-image there are no photographs here. Please install "
                               "describer[peers], or name a folder: --pictures.") from error


def _kept(out: Path, name: str, table: str, files: str) -> None:
    (out / f"{name}.txt").write_text(table + "\n", encoding="utf-8")
    click.echo(f"{table}\n\nIn {out}: {files}")


@main.command()
@_results
@_seed
@click.option("--kind", "kinds", multiple=True,
              type=click.Choice(["pictures", "clipboard", "settings", "bundles", "messages"]),
              help="Only this kind; may be given several times. All by default.")
@click.option("--first", type=click.IntRange(min=0), default=0, show_default=True,
              help="Begin with this input: a long run can be cut in pieces.")
@click.option("--count", type=click.IntRange(min=1),
              help="So many of each kind.  [default: 20000 pictures, 5000 clipboards, settings "
              "files and bundles, 50000 messages]")
@click.option("--replay", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Try one kept input again, the short way and the long, and nothing else.")
def inputs(out: Path, seed: int, kinds: tuple[str, ...], first: int, count: int | None,
           replay: Path | None) -> None:
    """Try inputs made to do harm on the real parts: how many are mishandled?

    Each must end in a caption or in one clear sentence: no crash, no hang over 2 s, no more than
    512 MB in the captioner's process, no traceback, exception or path of the program for the
    ear. Those that end otherwise are kept in OUT/inputs, to be tried again with --replay.

    \b
    A quick look:          python -m benchmarks inputs --count 200
    A long run in pieces:  python -m benchmarks inputs --kind pictures --first 0 --count 2000
                           python -m benchmarks inputs --kind pictures --first 2000 --count 2000
    The table adds up all pieces with the same seed in OUT/inputs.
    """
    from benchmarks.fuzz import run as fuzz
    from benchmarks.fuzz.kinds import COUNTS, KINDS
    from benchmarks.fuzz.trial import faults

    if replay is not None:
        try:
            for ending in fuzz.replay(KINDS, replay):
                click.echo(f"{ending}\n{'; '.join(faults(ending)) or 'as it should be'}")
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        return
    folder = out / "inputs"
    for kind in kinds or tuple(KINDS):
        numbers = range(first, first + (count or COUNTS[kind]))
        fuzz.save(fuzz.run(KINDS[kind], kind, seed, numbers, folder), folder)
    table = fuzz.table(fuzz.saved(folder, seed))
    (folder / "inputs.txt").write_text(table + "\n", encoding="utf-8")
    click.echo(f"{table}\n\nIn {folder}: inputs.txt, a JSON for each piece, what was mishandled")


@main.command()
@_results
@_picture
@click.option("--requests", type=click.IntRange(min=10), default=10_000, show_default=True)
@click.option("--clients", type=click.IntRange(min=1), default=50, show_default=True,
              help="So many programs ask at once; the daemon takes 16 at a time.")
@_seed
def load(out: Path, picture: Path | None, requests: int, clients: int, seed: int) -> None:
    """Ask as fast as keys and programs can: is any request lost, does the memory grow?

    On a private screen, with a real daemon: first programs alone, over the control socket, then
    keys alone, then both. Each request must get one answer: a sentence, or word that a newer one
    overtook it; and the daemon must have counted as many (as `describer status` tells).

    \b
    A quick look:   python -m benchmarks load --requests 300 --clients 10
    """
    from benchmarks import daemon_report
    from benchmarks import load as loads
    from describer_daemon.cli.demo import SAMPLE
    from describer_daemon.core.ports import DescriberError

    try:
        found = loads.run(picture or SAMPLE, requests, clients, seed)
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    table = loads.table(found)
    slopes = {"all": found.slope(lasting=False), "lasting": found.slope(lasting=True)}
    name = f"load-{requests}-{seed}"
    daemon_report.save({"load": found, "slopes": slopes}, out / f"{name}.json")
    (out / f"{name}.txt").write_text(table + "\n", encoding="utf-8")
    click.echo(f"{table}\n\nIn {out}: {name}.txt, {name}.json")


@main.command()
@_results
@_photographs
@_cores
@click.option("--captions", type=click.IntRange(min=3), default=30, show_default=True,
              help="So many of each captioner.")
def peers(out: Path, pictures: Path | None, cores: int, captions: int) -> None:
    """Measure our captioner beside others: ViT-GPT2, GIT, BLIP, at random weights.

    They are built in OUT once: gigabytes, and minutes. Nothing is downloaded.
    """
    cores = _bound(cores)
    from benchmarks import daemon_report, peers_report
    from benchmarks.peers import measure, prepare
    from describer_daemon.core.ports import DescriberError

    try:
        prepare(out / "peers")
        found = measure(out / "peers", _opened(pictures, captions), cores)
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    daemon_report.save({"cores": cores, "captioners": found}, out / "peers.json")
    peers_report.plot(found, out / "peers.png")
    _kept(out, "peers", peers_report.table(found, cores), "peers.json, peers.txt, peers.png")


@main.command()
@_results
@_photographs
@_cores
@click.option("--captions", type=click.IntRange(min=1), default=50, show_default=True)
def floor(out: Path, pictures: Path | None, cores: int, captions: int) -> None:
    """Measure a caption beside the least that its multiplications could take."""
    cores = _bound(cores)
    from benchmarks import daemon_report, roofline

    found = roofline.measure(_opened(pictures, captions), cores)
    daemon_report.save({"floor": found}, out / "floor.json")
    _kept(out, "floor", roofline.table(found), "floor.json, floor.txt")


@main.command()
@_results
@_photographs
@_cores
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True,
              help="Captions of each size.")
@click.option("--captions", type=click.IntRange(min=1), default=20, show_default=True,
              help="Captions with each beam.")
@click.option("--files", type=click.IntRange(min=1), default=1000, show_default=True,
              help="Files in one command.")
def growth(out: Path, pictures: Path | None, cores: int, repeats: int, captions: int,
           files: int) -> None:
    """Measure how time grows with the picture's size, the beam and the number of files."""
    _bound(cores)
    from benchmarks import daemon_report, growth
    from describer_daemon.core.ports import DescriberError

    photographs = _opened(pictures, max(captions, min(files, 100)))
    try:
        found = growth.Growth(growth.sizes(photographs[0], repeats),
                              growth.beams(photographs[:captions]),
                              growth.many(out / "many", photographs, files))
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    daemon_report.save({"growth": found}, out / "growth.json")
    growth.plot(found, out / "growth.png")
    _kept(out, "growth", growth.table(found), "growth.json, growth.txt, growth.png")


if __name__ == "__main__":
    main()
