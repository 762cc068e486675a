"""Whatever commands print is in the language in use: help, usage, errors, and the settings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import click
import pytest

from describer_daemon.cli.main import main
from describer_daemon.settings.file import as_toml, entries
from describer_daemon.settings.settings import Settings
from tests.catalogues import ROOT, pseudo, widened

_WORD = re.compile(r"[A-Za-z]+")
_EXAMPLE = re.compile(r"^ *(describer|bindsym|curl) .*?(?=  |$)", re.MULTILINE)
_ROFF = re.compile(r"^\.\S+|\\f[BR]|\\(?=-)", re.MULTILINE)
_WIDE = re.compile("[\uff21-\uff5a]")
WIDE = widened("thing")
# what is quoted, the choices of an argument, a file's name
_GIVEN = re.compile(r"\"[^\"]*\"|'[^'\s]*'|{[^}]*}|/\S+|nope[\w.]*")
# what is typed, or the name of something
_TYPED = (
    "OPTIONS COMMAND ARGS TEXT describer DESCRIBER h x wav png toml de rat speach "
    "ctrl alt shift super"
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is printed, by what was asked, in a language of wide letters."""
    folder = tmp_path_factory.mktemp("language")
    pseudo(folder / "locale", "de", widened)
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.cli.told_by_commands", str(folder / "locale"), folder],
        capture_output=True,
        cwd=ROOT,
        env={
            **os.environ,
            "DESCRIBER_LANGUAGE": "",
            "LC_ALL": "de_DE.UTF-8",
            "DESCRIBER_CONFIG": str(folder / "none.toml"),
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_STATE_HOME": str(folder),
        },
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    answers: dict[str, str] = json.loads(done.stdout)
    return answers


def names(command: click.Command, context: click.Context) -> set[str]:
    """Of commands, options, their values and what stands for these."""
    found = {str(command.name)}
    for parameter in command.get_params(context):
        found |= {*parameter.opts, parameter.metavar or "", *getattr(parameter.type, "choices", ())}
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                found |= names(below, click.Context(below, parent=context, info_name=name))
    return found


def left_over(text: str, known: set[str]) -> list[str]:
    """The words of English in it, but for those that are typed."""
    for pattern in (_ROFF, _EXAMPLE, _GIVEN):
        text = pattern.sub("", text)
    return [word for word in _WORD.findall(text) if word not in known]


def test_no_english_is_left(told: dict[str, str]) -> None:
    typed = names(main, click.Context(main)) | {_TYPED}
    for table, key, value, *_ in entries(Settings()):
        typed |= {table, key, as_toml(value)}
    known = {word for name in typed for word in _WORD.findall(name)}
    assert len(told) > 100
    assert {asked: text for asked, text in told.items() if not _WIDE.search(text)} == {}
    left = {asked: left_over(text, known) for asked, text in told.items()}
    assert {asked: words for asked, words in left.items() if words} == {}


def test_english_that_is_left_is_found() -> None:
    for text in ("  describer run  listen", f"{WIDE} word", "Usage: describer", f"'{WIDE}' is not"):
        assert left_over(text, {"describer", "run"})
    assert left_over(f"  describer run x  {WIDE}", set()) == []
