"""Fixtures: a real Wayland desktop, sway without a screen, as an ordinary user."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from describer_daemon import processes
from describer_daemon.capture.screen_grim import GrimScreen
from tests.desktop.fixtures_display import Owner, wait_until

NOBODY = 65534
CONFIG = """
xwayland disable
output HEADLESS-1 mode 1280x800 position 0 0
default_border none
"""


@pytest.fixture
def sway(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Owner]]:
    """A running sway; call it to start a program as the desktop's user, until the test's end."""
    # sway refuses to run as root.
    as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    as_user = as_user if os.getuid() == 0 else []
    sandbox.joinpath("config").write_text(CONFIG)
    if as_user:
        for folder in (sandbox, sandbox / "run"):
            os.chown(folder, NOBODY, NOBODY)
    started: list[Owner] = []

    def start(*command: str) -> Owner:
        started.append(processes.start([*as_user, *command]))
        return started[-1]

    monkeypatch.setenv("WLR_BACKENDS", "headless")
    monkeypatch.setenv("WLR_LIBINPUT_NO_DEVICES", "1")
    monkeypatch.setenv("WLR_RENDERER", "pixman")
    monkeypatch.setenv("GDK_BACKEND", "wayland")
    monkeypatch.setenv("NO_AT_BRIDGE", "1")
    start("sway", "-c", str(sandbox / "config"))
    run = sandbox / "run"
    wait_until(lambda: _sockets(run, "wayland-*") and _sockets(run, "sway-ipc.*"), "no sway")
    monkeypatch.setenv("WAYLAND_DISPLAY", _sockets(run, "wayland-*")[0].name)
    monkeypatch.setenv("SWAYSOCK", str(_sockets(run, "sway-ipc.*")[0]))
    wait_until(lambda: GrimScreen.unavailable_reason() == "", "grim does not see sway")
    yield start
    for process in reversed(started):
        processes.end(process)


def _sockets(folder: Path, pattern: str) -> list[Path]:
    return [path for path in folder.glob(pattern) if path.is_socket()]
