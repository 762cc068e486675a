"""A display is believed for what answers there, not for a variable that names it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from describer_daemon import displays, x11
from describer_daemon.capture.candidates import CLIPBOARDS, SCREENS
from describer_daemon.capture.clipboard_wayland import WaylandClipboard
from describer_daemon.capture.clipboard_x11 import X11Clipboard
from describer_daemon.capture.screen_grim import GrimScreen
from describer_daemon.capture.screen_mss import MssScreen
from describer_daemon.core import backends
from describer_daemon.core.ports import DescriberError, Pixels
from describer_daemon.hotkeys.candidates import HOTKEYS
from describer_daemon.hotkeys.pynput import PynputHotkeys
from describer_daemon.hotkeys.x11 import X11Hotkeys
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_display import Owner, own_number, wait_until


@pytest.fixture
def compositor(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket that takes connections where WAYLAND_DISPLAY says."""
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(sandbox / "run" / "wayland-1"))
        listener.listen()
        yield listener


@pytest.mark.parametrize("socket_left", [False, True])
def test_a_leftover_name_costs_neither_keys_nor_screen_nor_clipboard(
    xserver: VirtualDisplay, sandbox: Path, monkeypatch: pytest.MonkeyPatch, socket_left: bool
) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    if socket_left:  # as a compositor that was killed leaves it
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
            killed.bind(str(sandbox / "run" / "wayland-7"))
    assert backends.require(HOTKEYS, "listen for keys") is X11Hotkeys
    assert backends.require(SCREENS, "see the screen") is MssScreen
    assert backends.require(CLIPBOARDS, "read the clipboard") is X11Clipboard
    assert isinstance(MssScreen("screen").grab(), Pixels)
    left_over = "WAYLAND_DISPLAY is left over from a session that has ended"
    assert GrimScreen.unavailable_reason() == left_over
    assert WaylandClipboard.unavailable_reason() == left_over


def test_where_a_compositor_answers_x11_is_refused(
    xserver: VirtualDisplay, compositor: socket.socket
) -> None:
    for backend in (X11Hotkeys, PynputHotkeys, MssScreen, X11Clipboard):
        assert "Wayland" in backend.unavailable_reason()
    with pytest.raises(DescriberError):
        MssScreen("screen").grab()


def test_a_compositor_that_is_busy_is_there(compositor: socket.socket, sandbox: Path) -> None:
    compositor.listen(0)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as second,
    ):
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(str(sandbox / "run" / "wayland-1"))
        assert displays.on_wayland()


def test_a_full_path_is_taken_as_it_is(
    sandbox: Path, compositor: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = sandbox / "run" / "wayland-1"
    monkeypatch.setenv("WAYLAND_DISPLAY", str(full))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere")
    assert displays.wayland_socket() == full
    assert displays.on_wayland()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-1")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert displays.wayland_socket() is None


def test_xwayland_is_told_although_only_display_is_set(
    sway: Callable[..., Owner], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture that it gives is black, and it is not taken."""
    name = f":{own_number()}"
    sway("Xwayland", name, "-rootless", "-ac", "-noreset")
    monkeypatch.delenv("WAYLAND_DISPLAY")
    monkeypatch.delenv("SWAYSOCK")
    monkeypatch.setenv("DISPLAY", name)

    def answers() -> bool:
        try:
            with x11.opened():
                return True
        except DescriberError:
            return False

    wait_until(answers, "no XWayland")
    for backend in (MssScreen, X11Hotkeys, PynputHotkeys):
        assert "Wayland" in backend.unavailable_reason()
    black = MssScreen("screen").grab()  # so the reason is a good one
    assert isinstance(black, Pixels)
    image = Image.frombuffer("RGB", (black.width, black.height), bytes(black.data), "raw", "BGRX")
    assert image.getcolors() == [(black.width * black.height, (0, 0, 0))]
    with pytest.raises(DescriberError, match="no way to see the screen"):
        backends.require(SCREENS, "see the screen")


def test_a_real_x_server_is_no_xwayland(xserver: VirtualDisplay) -> None:
    with xserver.opened() as display:
        assert not x11.is_xwayland(display)
