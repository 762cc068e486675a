"""A display is believed for what answers there, not for a variable that names it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import mss
import pytest

from describer_daemon import aside, displays, listening, x11
from describer_daemon.capture.candidates import CLIPBOARDS, SCREENS
from describer_daemon.capture.clipboard_wayland import WaylandClipboard
from describer_daemon.capture.clipboard_x11 import X11Clipboard
from describer_daemon.capture.screen_grim import GrimScreen
from describer_daemon.capture.screen_mss import MssScreen
from describer_daemon.capture.screen_x11 import X11Screen
from describer_daemon.core import backends
from describer_daemon.core.ports import DescriberError, Pixels, Verb
from describer_daemon.hotkeys.candidates import HOTKEYS
from describer_daemon.hotkeys.portal import PortalHotkeys
from describer_daemon.hotkeys.pynput import PynputHotkeys
from describer_daemon.hotkeys.usual import usual_key
from describer_daemon.hotkeys.x11 import X11Hotkeys
from describer_daemon.listening import DESKTOP_CAME, NO_DESKTOP, Listening
from describer_daemon.service import session
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_display import Owner, own_number, pasted, socket_of, wait_until


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
    xserver: VirtualDisplay,
    sandbox: Path,
    clip_text: Callable[[str], object],
    monkeypatch: pytest.MonkeyPatch,
    socket_left: bool,
) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    if socket_left:  # as a compositor that was killed leaves it
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
            killed.bind(str(sandbox / "run" / "wayland-7"))
    assert backends.require(HOTKEYS, "listen for keys") is X11Hotkeys
    assert backends.require(SCREENS, "see the screen") is MssScreen
    assert backends.require(CLIPBOARDS, "read the clipboard") is X11Clipboard
    assert isinstance(MssScreen("screen").grab(), Pixels)
    assert displays.answers()  # and so there is a place for a tray icon
    aside.copy_text("kept")
    wait_until(lambda: pasted() == b"kept", "it was not copied")
    clip_text("until the end of this test")
    left_over = "WAYLAND_DISPLAY is left over from a session that has ended"
    assert GrimScreen.unavailable_reason() == left_over
    assert WaylandClipboard.unavailable_reason() == left_over


def test_a_leftover_display_costs_a_wayland_session_nothing(
    compositor: socket.socket, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", f":{own_number()}")
    assert displays.answers()
    assert not displays.on_x11()
    assert displays.key() == f"wayland {sandbox}/run/wayland-1"
    assert WaylandClipboard.unavailable_reason() == ""
    assert PortalHotkeys.unavailable_reason().startswith("the desktop's portal")


def test_a_copy_that_no_display_takes_is_told(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """xclip would be silent, and the person would think that it was copied."""
    monkeypatch.setenv("DISPLAY", f":{own_number()}")
    with pytest.raises(DescriberError, match="I could not copy"):
        aside.copy_text("lost")


def test_an_x_server_is_there_when_it_takes_a_connection(
    xserver: VirtualDisplay, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = xserver.name[1:]
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        port = elsewhere.getsockname()[1]
        for name, there in (
            (xserver.name, True), (f":{number}.0", True), (f"unix/host:{number}", True),
            (f"{sandbox}:0", False), (f"127.0.0.1:{port - 6000}", True),
            ("127.0.0.1:60000", False), (f":{own_number()}", False), ("nonsense", False),
            (":x", False), ("", False),
        ):  # fmt: skip
            monkeypatch.setenv("DISPLAY", name)
            assert displays.on_x11() is there, name


def test_a_leftover_name_does_not_hide_the_desktop_that_comes(
    sandbox: Path, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    monkeypatch.setenv("DISPLAY", "")
    monkeypatch.setattr(listening, "_PATIENCE", 0.0)
    said: list[str] = []
    keys = Listening(lambda _: None, print, said.append)
    keys.listen({Verb.SCREEN: usual_key(Verb.SCREEN)})
    try:
        assert (keys.lost, keys.problem, keys.check()) == (True, NO_DESKTOP, False)
        assert said == [NO_DESKTOP]
        with VirtualDisplay((640, 480), own_number()) as display:
            socket_of(display, alone)
            wait_until(keys.check, "it was not found")
            assert keys.held() == {Verb.SCREEN: "alt+super+i"}
            assert (keys.problem, said) == ("", [NO_DESKTOP, DESKTOP_CAME])
            keys.stop()
    finally:
        keys.stop()


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
    compositor = os.environ["WAYLAND_DISPLAY"]
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
    with mss.MSS() as screen:  # so the reason is a good one
        assert not any(screen.grab(screen.monitors[0]).rgb)
    with pytest.raises(DescriberError, match="no way to see the screen"):
        backends.require(SCREENS, "see the screen")
    for chosen_before in (MssScreen("screen"), X11Screen("screen")):  # on a display of that name
        with pytest.raises(DescriberError, match="I cannot see the screen here"):
            chosen_before.grab()
    assert not x11.is_there()
    monkeypatch.setattr(listening, "_PATIENCE", 0.0)
    keys = Listening(lambda _: None, print, print)
    keys.listen({Verb.SCREEN: usual_key(Verb.SCREEN)})
    assert (keys.lost, displays.on_wayland()) == (True, False)
    assert keys.problem.startswith("I have no keys here: this is a Wayland session")
    monkeypatch.setattr(session, "_ask_systemd", lambda: [f"WAYLAND_DISPLAY={compositor}"])
    monkeypatch.setattr(keys, "_desktops", session.DesktopFinder())
    assert keys.check()
    assert displays.on_wayland()  # its own compositor was found
    assert keys.problem.startswith("I have no keys here: the desktop's portal has no")
    keys.stop()


def test_a_real_x_server_is_no_xwayland(
    xserver: VirtualDisplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since 23.1 its monitors may have any name: then it is the extension that tells."""
    with xserver.opened() as display:
        assert not x11.is_xwayland(display)
        has = display.query_extension("RANDR")
        asked: list[str] = []
        monkeypatch.setattr(display, "query_extension", lambda name: asked.append(name) or has)
        assert x11.is_xwayland(display)
        assert asked == ["XWAYLAND"]
