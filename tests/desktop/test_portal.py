"""The screen where only the desktop gives it: the real portal, and stand-ins for its programs."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from describer_daemon import APP_ID, app, aside, making
from describer_daemon.app import Daemon
from describer_daemon.capture import portal, screenshot_tools
from describer_daemon.capture.candidates import SCREENS
from describer_daemon.capture.screen_desktop import DesktopScreen
from describer_daemon.capture.window_focus import InWindow
from describer_daemon.core import backends
from describer_daemon.core.ports import Aim, DescriberError, Encoded, Rectangle, Verb
from describer_daemon.service import notification
from describer_daemon.settings.settings import Settings
from tests.desktop.fixtures_display import wait_until
from tests.desktop.fixtures_portal import SCREEN, FakeDesktop, writes

WINDOW = (120, 90)
REFUSED = "The desktop refused me a picture of the screen. To allow it, run: describer setup."


@pytest.fixture
def on_wayland(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A compositor that takes connections, and says nothing."""
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(sandbox / "run" / "wayland-1"))
        listener.listen()
        yield


@pytest.fixture
def pictures(sandbox: Path) -> Path:
    folder = sandbox / "Pictures"
    folder.mkdir()
    return folder


def size(picture: object) -> tuple[int, int]:
    assert isinstance(picture, Encoded)
    return int.from_bytes(picture.data[16:20]), int.from_bytes(picture.data[20:24])


Tool = Callable[..., Path]


@pytest.fixture
def tool(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """A stand-in for a desktop's program, which grabs a window or a screen, or does `instead`."""
    for name, kind in (("window.png", WINDOW), ("screen.png", SCREEN)):
        Image.new("RGB", kind, (20, 60, 200)).save(sandbox / name)
    monkeypatch.setenv("PATH", f"{sandbox / 'bin'}{os.pathsep}{os.environ['PATH']}")
    sandbox.joinpath("bin").mkdir()

    def install(name: str, desktop: str, instead: str = "") -> Path:
        calls = sandbox / "calls"
        program = sandbox / "bin" / name
        program.write_text(
            f'#!/bin/sh\necho "$*" >> {calls}\n{instead}\n'
            f'case " $*" in *" -w "*|*" -a "*) kind=window ;; *) kind=screen ;; esac\n'
            f'for last; do :; done; cp {sandbox}/$kind.png "$last"\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("XDG_CURRENT_DESKTOP", desktop)
        return calls

    return install


def test_the_real_portal_gives_the_screen_and_its_file_is_gone(
    on_wayland: None, portal_desktop: FakeDesktop, pictures: Path
) -> None:
    portal_desktop.give = writes(pictures / "a b.png")
    assert backends.require(SCREENS, "see the screen") is DesktopScreen
    assert portal.targets() == 0
    picture = DesktopScreen("window").grab()
    assert isinstance(picture, Encoded)
    assert (size(picture), picture.aim) == (SCREEN, Aim())
    assert list(pictures.iterdir()) == []
    assert portal_desktop.asked[-1]["interactive"] is False


@pytest.mark.parametrize("response", [1, 2])
def test_a_refusal_is_told_with_its_cure(
    on_wayland: None, portal_desktop: FakeDesktop, response: int
) -> None:
    portal_desktop.give = lambda: response
    with pytest.raises(DescriberError) as caught:
        DesktopScreen("window").grab()
    assert caught.value.spoken == REFUSED


def test_who_is_not_allowed_is_told_the_same(
    on_wayland: None, portal_desktop: FakeDesktop, pictures: Path
) -> None:
    portal_desktop.allowed = False
    portal_desktop.give = writes(pictures / "a.png")
    with pytest.raises(DescriberError, match="run: describer setup"):
        DesktopScreen("window").grab()
    assert list(pictures.iterdir()) == []


def test_a_desktop_that_never_answers(
    on_wayland: None, portal_desktop: FakeDesktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal, "_GRAB_SECONDS", 1.0)
    portal_desktop.give = lambda: None
    with pytest.raises(DescriberError, match="no picture of the screen in time"):
        DesktopScreen("screen").grab()


def test_a_bus_that_hangs_does_not_hang_us(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "_GRAB_SECONDS", 0.5)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={sandbox}/silent")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bus:
        bus.bind(str(sandbox / "silent"))
        bus.listen()
        with pytest.raises(DescriberError):
            portal.grab()


def test_what_the_portal_did_not_write_just_now_is_left_alone(
    portal_desktop: FakeDesktop, pictures: Path, sandbox: Path
) -> None:
    old = pictures / "old.png"
    writes(old)()
    os.utime(old, (time.time() - 3600,) * 2)
    link = pictures / "link.png"
    link.symlink_to(old)
    pipe = pictures / "pipe"
    os.mkfifo(pipe)
    empty = pictures / "empty"
    empty.touch()
    for path in (old, link, pipe, empty, pictures, pictures / "missing"):
        portal_desktop.give = lambda path=path: path.as_uri()
        with pytest.raises(DescriberError, match="I cannot read it"):
            portal.grab()
    portal_desktop.give = lambda: "https://example.org/picture.png"
    with pytest.raises(DescriberError, match="I cannot read it"):
        portal.grab()
    assert {one.name for one in pictures.iterdir()} == {"old.png", "link.png", "pipe", "empty"}


def test_a_new_file_elsewhere_is_read_and_left(
    portal_desktop: FakeDesktop, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = sandbox / "documents" / "work"
    elsewhere.mkdir(parents=True)
    monkeypatch.setattr(portal.tempfile, "tempdir", str(sandbox / "run"))
    portal_desktop.give = writes(elsewhere / "a.png")
    assert portal.grab()[:4] == b"\x89PNG"
    assert [one.name for one in elsewhere.iterdir()] == ["a.png"]


@pytest.fixture
def version_3(session_bus: str) -> Iterator[FakeDesktop]:
    """A stand-in for the portal itself, for the real one here has version 2."""
    desktop = FakeDesktop(session_bus, targets=1 | 8)
    yield desktop
    desktop.end()


def test_version_3_gives_the_active_window(
    on_wayland: None, version_3: FakeDesktop, pictures: Path
) -> None:
    version_3.give = writes(pictures / "a.png", WINDOW)
    focused = InWindow(Rectangle(10, 20, 30, 40), Rectangle(0, 0, *WINDOW))
    picture = DesktopScreen("window", window_focus=lambda: focused).grab()
    assert isinstance(picture, Encoded)
    assert (size(picture), picture.aim) == (WINDOW, Aim(focus=Rectangle(10, 20, 30, 40)))
    assert version_3.asked[-1]["target"] == 8
    whole = DesktopScreen("screen", window_focus=lambda: focused).grab()
    assert isinstance(whole, Encoded)
    assert whole.aim == Aim()
    assert "target" not in version_3.asked[-1]


def test_a_newer_portal_is_told_who_we_are_save_when_the_person_is_to_be_asked(
    version_3: FakeDesktop, pictures: Path
) -> None:
    """GNOME asks for the program alone that has the focus: not for us, but for the terminal."""
    version_3.give = writes(pictures / "a.png")
    portal.grab()
    assert version_3.app_ids == [APP_ID]
    portal.grab(asks=True)
    assert version_3.app_ids == [APP_ID]


def test_a_request_that_is_too_late_is_taken_back(
    version_3: FakeDesktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal, "_GRAB_SECONDS", 1.0)
    version_3.give = lambda: None
    with pytest.raises(DescriberError, match="in time"):
        portal.grab()
    version_3.give = lambda: 1
    with pytest.raises(DescriberError):
        portal.grab()
    assert version_3.closed == 1


@pytest.mark.parametrize(
    ("name", "desktop", "window", "screen"),
    [
        ("gnome-screenshot", "ubuntu:GNOME", "-w -f", "-f"),
        ("spectacle", "KDE", "-b -n -a -o", "-b -n -f -o"),
    ],
)
def test_the_desktops_own_program(
    on_wayland: None, tool: Tool, sandbox: Path, name: str, desktop: str, window: str, screen: str
) -> None:
    calls = tool(name, desktop)
    assert DesktopScreen.unavailable_reason() == ""
    assert size(DesktopScreen("window").grab()) == WINDOW
    assert size(DesktopScreen("screen").grab()) == SCREEN
    told = [line.rpartition(" ")[0] for line in calls.read_text().splitlines()]
    assert told == [window, screen]
    assert not list((sandbox / "run").glob("describer-*"))


@pytest.mark.parametrize("instead", ["sleep 60", "exit 0", "exit 3"])
def test_where_it_hangs_or_fails_the_portal_gives_the_screen(
    on_wayland: None,
    portal_desktop: FakeDesktop,
    pictures: Path,
    tool: Tool,
    monkeypatch: pytest.MonkeyPatch,
    instead: str,
) -> None:
    monkeypatch.setattr(screenshot_tools, "_SECONDS", 1.0)
    calls = tool("gnome-screenshot", "GNOME", instead)
    portal_desktop.give = writes(pictures / "a.png")
    screen = DesktopScreen("window")
    for _ in range(2):  # the second time it is passed over
        assert size(screen.grab()) == SCREEN
    assert len(calls.read_text().splitlines()) == 1
    portal_desktop.give = lambda: 2
    with pytest.raises(DescriberError) as caught:  # and tried again when there is nothing else
        screen.grab()
    assert "describer setup" not in caught.value.spoken  # which would not ask the portal here
    assert len(calls.read_text().splitlines()) == 2


def test_with_neither_the_cure_is_told(on_wayland: None) -> None:
    assert "install the desktop's xdg-desktop-portal" in DesktopScreen.unavailable_reason()
    with pytest.raises(DescriberError, match="cannot take a picture of the screen here"):
        DesktopScreen("window").grab()


def test_a_part_of_the_screen_is_told_not_to_be_had(on_wayland: None, tool: Tool) -> None:
    tool("spectacle", "KDE")
    told: list[DescriberError] = []
    picture = DesktopScreen(Rectangle(1, 2, 3, 4), told=told.append).grab()
    assert size(picture) == SCREEN
    assert "gives no part of the screen" in told[0].spoken


def test_at_the_start_it_is_told_what_does_not_work(
    on_wayland: None, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key, no screen, no voice; and each key press says the same of the screen."""
    monkeypatch.setattr(making, "SPEAKERS", ())
    shown: list[DescriberError] = []
    monkeypatch.setattr(app, "notify", shown.append)
    daemon = Daemon(Settings(), None)
    told: list[DescriberError] = []
    monkeypatch.setattr(daemon, "report_error", told.append)
    daemon._listening.listen(Settings().keys)
    daemon._tell_what_is_missing()
    no_keys = (
        "I have no keys here: the desktop's portal has no global shortcuts; "
        "run: describer keys install."
    )
    no_voice = "I have no voice. Please install espeak-ng."
    no_screen = (
        "I cannot see the screen here: neither the portal nor a program of this desktop gives its "
        "screen; install the desktop's xdg-desktop-portal package."
    )
    assert [error.spoken for error in shown] == [no_keys, no_screen, no_voice]
    assert told == []
    assert daemon.status()["keys"] == {}
    assert daemon.status()["missing"] == f"{no_keys} {no_screen} {no_voice}"
    monkeypatch.setattr(daemon._speaker, "name", "espeak-ng")
    daemon._tell_what_is_missing()
    assert [error.spoken for error in told] == [no_keys, no_screen]
    keys = sandbox / ".config" / "sway" / "config"  # the person's own, as README tells
    keys.parent.mkdir(parents=True)
    keys.write_text("bindsym Mod4+i exec describer trigger screen\n", encoding="utf-8")
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "sway")
    assert daemon.status()["missing"] == no_screen
    assert daemon.status()["hotkeys by"] == "desktop"
    with pytest.raises(DescriberError) as caught:
        daemon._pipeline.sources[Verb.SCREEN].grab()
    assert caught.value.spoken == no_screen


def test_what_cannot_be_spoken_is_shown(version_3: FakeDesktop) -> None:
    aside.notify(DescriberError("I have no voice."))
    wait_until(lambda: version_3.shown == ["I have no voice."], "nothing was shown")


def test_where_nobody_shows_anything_that_is_known(session_bus: str) -> None:
    assert not notification.show("title", "text")


def test_on_x11_it_does_not_serve(sandbox: Path, tool: Tool) -> None:
    tool("spectacle", "KDE")
    assert DesktopScreen.unavailable_reason() == "this is not a Wayland session"
