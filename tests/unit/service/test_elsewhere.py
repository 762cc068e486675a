"""Speech of other commands is ended without a describer that runs."""

from __future__ import annotations

import os
import queue
from pathlib import Path

import pytest
from click.testing import CliRunner

from describer_daemon.cli.main import main
from describer_daemon.service import elsewhere, unix_socket

NOBODY = 4194305  # one more than the largest number of a process


def test_whoever_listens_is_told(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: queue.Queue[str] = queue.Queue()
    assert not elsewhere.silence()  # there is not even a folder
    with elsewhere.listening(lambda: told.put("stop")):
        assert not elsewhere.silence()  # nobody but this very process
        monkeypatch.setattr(os, "getpid", lambda: NOBODY)
        assert elsewhere.silence()
        assert told.get(timeout=20) == "stop"
        stopped = CliRunner().invoke(main, ["trigger", "stop"])
        assert (stopped.exit_code, stopped.output) == (0, "")
        assert told.get(timeout=20) == "stop"
        other = CliRunner().invoke(main, ["trigger", "repeat"])
        assert (other.exit_code, told.empty()) == (1, True)
    assert not elsewhere.silence()
    refused = CliRunner().invoke(main, ["trigger", "stop"])
    assert "is not running" in refused.output


def test_what_one_that_was_killed_has_left_is_cleared_away(sandbox: Path) -> None:
    folder = unix_socket.runtime_folder(create=True)
    left, alive = folder / f"{NOBODY}.stop", folder / f"{os.getppid()}.stop"
    for path in (left, alive, folder / "nonsense.stop"):
        path.touch()
    assert not elsewhere.silence()
    assert [path.name for path in folder.glob("*.stop")] == [alive.name]


def test_where_there_is_no_place_it_is_spoken_all_the_same(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = unix_socket.runtime_folder(create=True)
    folder.joinpath(f"{os.getpid()}.stop").mkdir()
    with elsewhere.listening(lambda: None):
        assert not elsewhere.silence()
