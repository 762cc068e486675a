"""A describer that is there before the desktop serves it as soon as it comes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from describer_daemon import processes, x11
from describer_daemon.core.ports import DescriberError
from describer_daemon.listening import DESKTOP_CAME, NO_DESKTOP
from describer_daemon.service import control, session
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_display import own_number, socket_of, wait_until


def status() -> dict[str, object]:
    try:
        return control.send("status")
    except DescriberError:
        return {}


@pytest.fixture
def daemon(sandbox: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start `describer run`, which looks for X servers in a folder of the test's own."""
    started: list[subprocess.Popen[bytes]] = []
    program = (
        "from pathlib import Path; from describer_daemon.service import session; "
        f"session._X_SOCKETS = Path({str(sandbox / 'X11')!r}); "
        "from describer_daemon.cli.main import main; main()"
    )

    def start(**env: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", program, "run", "-v"]
        with (sandbox / "log").open("wb") as log:
            environment = {**os.environ, **env}
            started.append(processes.start(command, stdout=log, stderr=log, env=environment))
        wait_until(status, "it did not start")
        return started[-1]

    yield start
    for process in started:
        processes.end(process)


def test_a_display_that_nobody_named(
    sandbox: Path, alone: Path, daemon: Callable[..., subprocess.Popen[bytes]]
) -> None:
    daemon()
    assert status()["listening"] is False
    wait_until(lambda: NO_DESKTOP in (sandbox / "log").read_text())
    with VirtualDisplay((640, 480), own_number()) as display:
        socket_of(display, alone)
        wait_until(lambda: status()["listening"], "it found no display")
        wait_until(lambda: status()["screen by"] == "mss", "it does not see the screen")
        display.press("super+alt+a")
        wait_until(lambda: status()["answered"] == 1, "the key was not heard")


def test_private_displays_are_nobodys_desktop(
    sandbox: Path, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VirtualDisplay((640, 480), own_number()) as display:
        monkeypatch.setenv("DISPLAY", display.name)
        assert not x11.is_there()
        with display.opened() as connection:
            assert x11.is_private(connection)
            connection.screen().root.delete_property(connection.intern_atom(x11._PRIVATE))
            connection.sync()
        assert x11.is_there()
    assert not x11.is_there()


def test_a_display_that_was_named_is_waited_for(
    sandbox: Path, alone: Path, daemon: Callable[..., subprocess.Popen[bytes]]
) -> None:
    number = own_number()
    daemon(DISPLAY=f":{number}")
    assert status()["listening"] is False
    with VirtualDisplay((640, 480), number):
        wait_until(lambda: status()["listening"], "it did not take the keys")
    assert DESKTOP_CAME not in (sandbox / "log").read_text()


def test_what_systemd_was_told(sandbox: Path, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["DISPLAY=:7", "XAUTHORITY=/a=b", "SECRET=none", "odd"]
    monkeypatch.setattr(session, "_ask_systemd", lambda: lines)
    told = {"DISPLAY": ":7", "XAUTHORITY": "/a=b"}
    assert list(session.DesktopFinder().look(guess=False)) == [told]
    monkeypatch.setenv("DISPLAY", ":3")  # of an earlier session
    finder = session.DesktopFinder()
    assert list(finder.look(guess=False)) == [told]
    assert list(finder.look(guess=False)) == []  # nothing has changed since
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setenv("XAUTHORITY", "/of an earlier login")
    assert list(session.DesktopFinder().look(guess=False)) == [told]
    monkeypatch.setenv("XAUTHORITY", "/a=b")
    assert list(session.DesktopFinder().look(guess=False)) == []


def test_where_nobody_answers_nothing_is_found(
    sandbox: Path, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in ("unix:path=/nowhere", "nonsense", f"unix:path={sandbox}"):
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        assert list(session.DesktopFinder().look(guess=True)) == []
    (alone / "X5").touch()  # no socket
    (alone / "Xnone").touch()
    assert list(session.DesktopFinder().look(guess=True)) == []
