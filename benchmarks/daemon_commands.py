"""What measures the running daemon: its time, its memory, harm done to it, load."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.options import (
    PICTURE,
    RESULTS,
    SEED,
)
from describer_daemon.core import i18n

_folder = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command()
@RESULTS
@PICTURE
@click.option("--presses", type=click.IntRange(min=1), default=100, show_default=True)
@click.option(
    "--cold",
    "colds",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="So many presses with the captioner not loaded, each with a fresh daemon.",
)
@click.option(
    "--language",
    type=click.Choice(i18n.languages()),
    default=i18n.ENGLISH,
    show_default=True,
    help="What the daemon speaks; captions are translated into it.",
)
def latency(out: Path, picture: Path | None, presses: int, colds: int, language: str) -> None:
    """Press the key on a private screen; measure until the first sound, stage by stage."""
    from benchmarks import daemon_report, latency
    from describer_daemon.cli.demo import SAMPLE
    from describer_daemon.core.ports import DescriberError
    from models.runtime.engines.onnx import processors

    picture = picture or SAMPLE
    try:
        with latency.bench(picture, language=language) as running:
            series = {"warm": latency.warm(running, presses, "warm")}
            with latency.busy(processors()):
                series["busy"] = latency.warm(running, presses, "busy")
        if colds:
            series["cold"] = latency.cold(picture, colds, language)
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    table = daemon_report.latency_table(series)
    daemon_report.save({"presses": series, "cores": processors()}, out / "latency.json")
    daemon_report.plot_latency(series, out / "latency.png")
    (out / "latency.txt").write_text(table + "\n", encoding="utf-8")
    click.echo(f"{table}\n\nIn {out}: latency.json, latency.txt, latency.png")


@click.command()
@RESULTS
@PICTURE
@click.option("--presses", type=click.IntRange(min=1), default=40, show_default=True)
@click.option("--rounds", type=click.IntRange(min=0), default=1000, show_default=True)
def more(out: Path, picture: Path | None, presses: int, rounds: int) -> None:
    """Ask for more of a picture: measure until the first sound, and the memory round by round.

    The key that only repeats a sentence is measured beside it: so long takes the voice alone.

    \b
    A quick look:   python -m benchmarks more --presses 8 --rounds 0
    """
    from benchmarks import daemon_report
    from benchmarks import more as mores
    from describer_daemon.cli.demo import SAMPLE
    from describer_daemon.core.ports import DescriberError

    try:
        found = mores.run(picture or SAMPLE, presses, rounds)
    except DescriberError as error:
        raise click.ClickException(error.spoken) from error
    table = mores.table(found)
    daemon_report.save({"more": found}, out / "more.json")
    (out / "more.txt").write_text(table + "\n", encoding="utf-8")
    click.echo(f"{table}\n\nIn {out}: more.json, more.txt")


@click.command()
@RESULTS
@PICTURE
@click.option(
    "--minutes",
    type=click.FloatRange(min=0.1),
    default=10,
    show_default=True,
    help="How long the daemon is left alone.",
)
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


@click.command()
@RESULTS
@SEED
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(["pictures", "clipboard", "settings", "bundles", "messages", "requests"]),
    help="Only this kind; may be given several times. All by default.",
)
@click.option(
    "--first",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Begin with this input: a long run can be cut in pieces.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    help="So many of each kind.  [default: 20000 pictures, 5000 clipboards, settings "
    "files and bundles, 50000 messages, 10000 requests]",
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Try one kept input again, the short way and the long, and nothing else.",
)
def inputs(
    out: Path, seed: int, kinds: tuple[str, ...], first: int, count: int | None, replay: Path | None
) -> None:
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


@click.command()
@RESULTS
@PICTURE
@click.option("--requests", type=click.IntRange(min=10), default=10_000, show_default=True)
@click.option(
    "--clients",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="So many programs ask at once; the daemon takes 16 at a time.",
)
@SEED
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
