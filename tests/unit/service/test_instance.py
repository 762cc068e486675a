"""Whoever waits for the end of the describer has it when the wait is over."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from describer_daemon.cli.main import main
from describer_daemon.core.ports import DescriberError
from describer_daemon.service import control, instance

_SERVER = """
import sys, threading, time
from describer_daemon.service.control import ControlServer

told = threading.Event()
server = ControlServer(lambda verb, wait: told.set() or {})
server.start()
print("ready", flush=True)
told.wait()
time.sleep(float(sys.argv[1]))  # as long as its parts take to end
server.stop()
"""

Begin = Callable[[float], subprocess.Popen[bytes]]


@pytest.fixture
def begin(sandbox: Path) -> Iterator[Begin]:
    """Start a describer that takes so many seconds to end."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(seconds: float) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _SERVER, str(seconds)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE)
        begun.append(server)
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        return server

    yield start
    for server in begun:
        server.kill()
        server.communicate()


def test_after_the_wait_its_process_is_gone(begin: Begin) -> None:
    server = begin(1.0)
    done = CliRunner().invoke(main, ["trigger", "quit", "--wait"])
    assert server.poll() == 0
    assert (done.exit_code, done.output) == (0, "")


def test_without_the_wait_it_is_only_told(begin: Begin) -> None:
    server = begin(60.0)
    assert CliRunner().invoke(main, ["trigger", "quit"]).exit_code == 0
    assert server.poll() is None


def test_without_handles_on_processes_its_place_is_free(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS, or on a kernel before 5.3."""
    monkeypatch.delattr(os, "pidfd_open")
    begin(1.0)
    assert instance.quit_and_wait() == {"ok": True}
    next_one = control.ControlServer(lambda *_: {})
    next_one.start()
    next_one.stop()


@pytest.mark.parametrize("handles", [True, False])
def test_an_end_that_does_not_come_is_told(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, handles: bool
) -> None:
    if not handles:
        monkeypatch.delattr(os, "pidfd_open")
    server = begin(60.0)
    with pytest.raises(DescriberError, match="has not ended yet"):
        instance.quit_and_wait(timeout=0.3)
    assert server.poll() is None


def test_where_none_runs_there_is_no_end_to_wait_for(sandbox: Path) -> None:
    with pytest.raises(DescriberError, match="not running"):
        instance.quit_and_wait()
