"""The log: gone with the program, but not from under one that runs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop.log_files import LogFiles
from describer_daemon.desktop.steps import State
from describer_daemon.service import control
from describer_daemon.service.log import log_path


def test_every_part_of_it_goes(sandbox: Path) -> None:
    assert LogFiles().state() is State.ABSENT
    path = log_path()
    path.parent.mkdir(parents=True)
    for name in (path.name, f"{path.name}.1", f"{path.name}.2"):
        path.with_name(name).write_text("what was", encoding="utf-8")
    own = path.with_name(f"{path.name}.copy")
    own.touch()
    assert LogFiles().state() is State.PRESENT
    LogFiles().undo()
    assert LogFiles().state() is State.ABSENT
    assert list(path.parent.iterdir()) == [own]
    own.unlink()
    path.touch()
    LogFiles().undo()
    assert not path.parents[1].exists()
    assert path.parents[2].is_dir()


def test_that_of_one_that_runs_stays(sandbox: Path) -> None:
    daemon = subprocess.Popen(
        [sys.executable, "-m", "describer_daemon", "run"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                control.send("status")
                break
            except DescriberError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert LogFiles().state() is State.KEPT
        assert LogFiles().where.endswith("end it with: describer trigger quit")
    finally:
        daemon.terminate()
        daemon.wait(60)
    assert LogFiles().state() is State.PRESENT


def test_what_cannot_be_removed_is_told(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = log_path()
    path.mkdir(parents=True)  # no file, so that it cannot go
    with pytest.raises(DescriberError, match="The log cannot be removed: "):
        LogFiles().undo()
