"""`describer history`, with and without a describer that runs."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from describer_daemon.cli.main import main
from describer_daemon.core.remembering import Entry
from describer_daemon.history import History
from describer_daemon.service.control import ControlServer
from describer_daemon.service.history_file import HistoryFile
from tests.unit.core.room import until

NOW = time.time()


def entry(sentence: str, ago: float = 0) -> Entry:
    return Entry(NOW - ago, "screen", sentence)


def describer(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["history", *arguments])


@pytest.fixture
def settings(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = sandbox / "settings.toml"
    monkeypatch.setenv("DESCRIBER_CONFIG", str(path))
    path.write_text("[history]\nkeep = 9\nfile = true\nminutes = 60\n", encoding="utf-8")
    return path


@pytest.fixture
def running(settings: Path) -> Iterator[History]:
    """A describer that remembers, as far as the command can tell."""
    history = History(lambda _: None)
    history.follow(1000, 0, False)
    server = ControlServer(lambda verb, _: history.answer(verb))
    server.start()
    yield history
    server.stop()
    history.close()


def test_without_anything_it_says_so_and_writes_nothing(sandbox: Path, settings: Path) -> None:
    settings.write_text("", encoding="utf-8")
    done = describer()
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("Nothing is remembered. It is off: set keep")
    assert describer("--json").output == ""
    assert not (sandbox / ".local").exists()


def test_what_is_on_the_disk_is_listed_though_no_describer_runs(settings: Path) -> None:
    HistoryFile().add([entry("Old.", 7200), entry("A dog.", 60), entry("A cat.")], keep=9, since=0)
    lines = describer().stdout.splitlines()
    assert [line.split()[2:] for line in lines] == [
        ["screen", "A", "dog."],
        ["screen", "A", "cat."],
    ]
    told = [json.loads(line) for line in describer("--json").stdout.splitlines()]
    assert [(each["verb"], each["sentence"]) for each in told] == [
        ("screen", "A dog."),
        ("screen", "A cat."),
    ]


def test_what_the_describer_remembers_is_asked_of_it(running: History) -> None:
    running.remember(entry("A dog.\x1b[31m"))
    done = describer()
    assert "A dog." in done.stdout
    assert "\x1b" not in done.stdout
    assert done.exit_code == 0


def test_more_than_a_reply_has_room_for_leaves_the_oldest_out(running: History) -> None:
    for number in range(1000):
        running.remember(entry(f"{number} " + "a long text " * 100))
    done = describer("--json")
    sentences = [json.loads(line)["sentence"] for line in done.stdout.splitlines()]
    assert sentences[-1].startswith("999 ")
    assert 500 < len(sentences) < 1000
    assert done.stderr == f"{1000 - len(sentences)} older ones are not shown.\n"


def test_clear_forgets_all_everywhere(running: History) -> None:
    running.remember(entry("A dog."))
    HistoryFile().add([entry("Of another describer.")], keep=9, since=0)
    assert describer("--clear").output == ""
    assert running.entries() == []
    until(lambda: not HistoryFile().path.exists())
    running.remember(entry("A cat."))
    assert "A cat." in describer().stdout


def test_clear_without_a_describer(settings: Path) -> None:
    HistoryFile().add([entry("A dog.")], keep=9, since=0)
    assert stat.S_IMODE(HistoryFile().path.stat().st_mode) == 0o600
    assert describer("--clear").exit_code == 0
    assert not HistoryFile().path.exists()


def test_a_damaged_file_is_told_and_kept(settings: Path) -> None:
    HistoryFile().add([entry("A dog.")], keep=9, since=0)
    HistoryFile().path.write_bytes(b"{")
    done = describer()
    assert done.exit_code == 1
    assert done.stderr.startswith("The history was damaged, so I began a new one.")
    assert describer().exit_code == 0
