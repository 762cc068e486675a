"""A program of its own: what the commands print, and what is said of files of settings.

Help is made when a module is loaded, in the language of then. Named are the folder of the
catalogues and one for settings files; → JSON of texts by what they were asked with.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from describer_daemon.core import i18n
from describer_daemon.core.ports import DescriberError

USES = [
    ["--version"],
    ["--nope"],
    ["-x"],
    ["nope"],
    ["trigge"],
    ["trigger"],
    ["trigger", "nope"],
    ["trigger", "stop", "nope"],
    ["trigger", "stop", "nope", "nope"],
    ["trigger", "quit"],
    ["status"],
    ["status", "--jso"],
    ["status", "--json=1"],
    ["describe"],
    ["describe", "--jobs"],
    ["describe", "--jobs", "nope", "nope"],
    ["describe", "--jobs", "99", "nope"],
    ["describe", "--engine", "nope", "nope"],
    ["describe", "--save", "nope.png", "nope"],
    ["describe", "--save", "/nope/nope.wav", "nope"],
    ["describe", "--heatmap", "nope.wav", "nope"],
    ["describe", "--boxes", "nope.wav", "nope"],
    ["describe", "--text", "--find", "nope"],
    ["describe", "--heatmap", "nope.png", "--find", "nope"],
    ["describe", "--heatmap", "nope.png", "nope", "nope"],
    ["describe", "--heatmap", "nope.png", "nope.png"],
    ["describe", "--heatmap", "/", "nope"],
    ["demo", "--picture", "/nope"],
    ["demo", "--picture", "/"],
    ["alt"],
    ["alt", "--root", "/nope", "--html", "/nope"],
    ["alt", "--root", "/dev/null", "--html", "/nope"],
    ["alt", "--patch", "nope.patch"],
    ["alt", "--html", "nope", "nope"],
    ["alt", "--html", "nope", "--embed"],
    ["alt", "--html", "nope", "--patch", "nope"],
    ["alt", "--html", "/nope"],
    ["alt", "--html", "/"],
    ["alt", "--sidecar", "-"],
    ["history"],
    ["settings", "--edt"],
    ["captioner", "use"],
]
SETTINGS = [
    "[speech]\nrate = 5",
    "[speech]\nrate = true",
    "[speech]\nrat = 5",
    "[speech]\nnope = 5",
    "[speech]\nbackend = 5",
    "[speech]\nvoice = 5",
    "[speech]\nlanguage = 5",
    "[sounds]\nearcon = 5",
    "[capture]\nregion = 5",
    "[capture]\npointer_box = 5",
    "[captioner]\nbundle = 5",
    "[serve]\norigins = 5",
    "[keys]\nscreen = 5",
    "[keys]\nscreen = 'nope+i'",
    "[keys]\nscreen = 'f9'\ncopy = 'f9'",
    "[keys]\nscreen = 5\ncopy = 5",
    "[keys]\nscreen = 5\ncopy = 5\nstop = 5",
    "[speach]",
    "[nope]",
    "speech = 5",
    "rate = 5",
    # what tomllib says
    "nope",
    "nope = ",
    "nope = 5 5",
    "nope 5",
    "= 5",
    'nope = "',
    "nope = '",
    "nope = [5",
    "nope = {nope = 5",
    "nope = {nope = 5, nope = 5}",
    "nope = {nope = 5}\n[nope.nope]",
    "nope = 5\nnope = 5",
    "nope = 5\nnope.nope = 5",
    "[nope",
    "[[nope",
    "[nope]\n[nope]",
    "nope = []\n[[nope]]",
    'nope = "\\q"',
    'nope = "\\uq"',
    'nope = "\\ud800"',
    'nope = "\x01"',
    "nope = 5\x01",
    "nope = 2026-13-01",
    f"nope = {'5' * 5000}",
    f"nope = {'[' * 9000}",
    "#" * 70_000,
]


def main() -> None:
    """Print it."""
    i18n.LOCALE = Path(sys.argv[1])  # before anything is translated
    from describer_daemon.cli.main import main as program
    from describer_daemon.cli.manual import manual_page
    from describer_daemon.settings import settings

    told = dict(pages(program, click.Context(program, info_name="describer")))
    told["manual"] = manual_page(program)
    told |= {f"describer {' '.join(use)}": printed(program, use) for use in USES}
    path = Path(sys.argv[2]) / "settings.toml"
    settings.write_default(path)
    told["default settings"] = path.read_text(encoding="utf-8")
    told["settings"] = settings.describe_settings(settings.load(path), path)
    for text in SETTINGS:
        path.write_text(text, encoding="utf-8")
        told[text[:60]] = error(path)
    path.write_bytes(b"\xff")
    told["no text"] = error(path)
    path.unlink()
    path.mkdir()
    told["a folder"] = error(path)
    json.dump(told, sys.stdout)


def pages(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """The help of a command and of those below it."""
    yield f"{context.command_path} --help", command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from pages(below, click.Context(below, parent=context, info_name=name))


def printed(program: click.Command, use: list[str]) -> str:
    """What comes of a command, on either stream."""
    stream = io.StringIO()
    out, err = contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream)
    with out, err, contextlib.suppress(SystemExit):
        program.main(use, prog_name="describer")
    return stream.getvalue()


def error(path: Path) -> str:
    """What is said of a settings file."""
    from describer_daemon.settings.settings import load

    try:
        load(path)
    except DescriberError as caught:
        return caught.spoken
    raise AssertionError(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
