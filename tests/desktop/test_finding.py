"""Which picture the key describes: real windows, a real pointer, a real accessibility bus."""

from __future__ import annotations

import os
import signal
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jeepney import DBusErrorResponse

from describer_daemon import processes, x11
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.capture import focus
from describer_daemon.capture.focus import FocusWatcher
from describer_daemon.capture.screen_mss import MssScreen
from describer_daemon.capture.window_focus import in_picture
from describer_daemon.core import phrasing
from describer_daemon.core.ports import Caption, Rectangle, Verb
from describer_daemon.service import control
from describer_daemon.virtual.display import VirtualDisplay
from tests import bundles, screens
from tests.desktop.fixtures_daemon import RunningDaemon
from tests.desktop.fixtures_display import wait_until

# A window of 900x640 with text and, at fixed places, the pictures that it is given.
_WINDOW = """
import sys, gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gtk
title, kind, words, *pictures = sys.argv[1:]
window = Gtk.Window(title=title, resizable=False)
window.set_size_request(900, 640)
page = Gtk.Fixed()
for top in (10, 330):
    text = Gtk.Label(label=words, xalign=0)
    page.put(text, 20 if top > 10 else 440, top)
for number, path in enumerate(pictures):
    picture = Gtk.Image.new_from_file(path)
    if kind == "buttons":
        button = Gtk.Button()
        button.add(picture)
        picture = button
    page.put(picture, 460 if number else 20, 330 if number else 20)
window.add(page)
window.show_all()
Gtk.main()
"""
LARGE, SMALL = Rectangle(20, 20, 400, 300), Rectangle(460, 330, 320, 240)
Show = Callable[..., Rectangle]


@pytest.fixture
def gallery(xserver: VirtualDisplay, sandbox: Path) -> Iterator[Show]:
    """`gallery("coffee", "chelsea")` shows them in a window; → the place of its contents."""
    shown: list[subprocess.Popen[bytes]] = []

    def show(*names: str, kind: str = "images") -> Rectangle:
        paths = []
        for name, size in zip(names, (LARGE, SMALL), strict=False):
            paths.append(str(sandbox / f"{name}.png"))
            picture = bundles.photograph(name).convert("RGB")
            picture.resize((size.width, size.height)).save(paths[-1])
        title = f"gallery {len(shown)}"
        command = ["/usr/bin/python3", "-c", _WINDOW, title, kind, textwrap.fill(screens.WORDS, 48)]
        shown.append(processes.start([*command, *paths]))
        wait_until(lambda: _titled(xserver, title), "the window did not come")
        with xserver.opened() as display:
            place = x11.active_window(display)
        assert place is not None
        return place

    yield show
    for process in shown:
        processes.end(process)
    wait_until(lambda: not _titled(xserver, "gallery"), "the window did not close")


def _titled(display: VirtualDisplay, title: str) -> bool:
    """Whether the active window's title begins so, and its contents are drawn."""
    done = subprocess.run(
        ["xdotool", "getactivewindow", "getwindowname"],
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
        env=display.env,
    )
    return done.returncode == 0 and done.stdout.startswith(title)


def point(display: VirtualDisplay, window: Rectangle, place: Rectangle) -> None:
    """Put the pointer on the middle of a place in a window."""
    with display.opened() as connection:
        connection.screen().root.warp_pointer(
            window.left + place.left + place.width // 2, window.top + place.top + place.height // 2
        )
        connection.sync()


def away(display: VirtualDisplay) -> None:
    with display.opened() as connection:
        connection.screen().root.warp_pointer(0, 0)
        connection.sync()


def look(captioner: ChildCaptioner, *already_described: Rectangle) -> Caption:
    return captioner.describe(MssScreen("window").grab(), already_described)


def test_the_large_one_without_a_pointer_and_the_one_at_the_pointer(
    gallery: Show, xserver: VirtualDisplay, captioner: ChildCaptioner
) -> None:
    away(xserver)
    window = gallery("coffee", "chelsea")
    wait_until(lambda: len(look(captioner).pictures) == 2, "the pictures were not found")
    assert screens.alike(look(captioner).box, LARGE)
    point(xserver, window, SMALL)
    assert screens.alike(look(captioner).box, SMALL)
    following = look(captioner, SMALL)
    assert following.number == 2
    assert screens.alike(following.box, LARGE)


def test_the_key_and_the_key_again(
    daemon: RunningDaemon,
    gallery: Show,
    xserver: VirtualDisplay,
    captioner: ChildCaptioner,
    press: Callable[[str], None],
) -> None:
    window = gallery("coffee", "chelsea")
    point(xserver, window, SMALL)
    wait_until(lambda: len(look(captioner).pictures) == 2, "the pictures were not found")
    first = look(captioner)
    assert first.box is not None
    second = look(captioner, first.box)
    expected = [phrasing.sentence(first, Verb.SCREEN), phrasing.sentence(second, Verb.SCREEN)]
    assert [sentence[:16] for sentence in expected] == ["Picture 1 of 2: ", "Picture 2 of 2: "]
    for sentence in (*expected, expected[0]):
        assert daemon.answers(lambda: press("super+alt+i")) == sentence
    daemon.answers(lambda: press("super+alt+a"))
    assert daemon.answers(lambda: press("super+alt+i")) == expected[0]


def test_a_window_of_text_has_no_picture(
    daemon: RunningDaemon, gallery: Show, press: Callable[[str], None]
) -> None:
    gallery()
    assert daemon.answers(lambda: press("super+alt+i")) == "I see no picture, only text."


def test_without_the_finder_the_window_is_the_picture(
    daemon: RunningDaemon, settings: Path, gallery: Show, press: Callable[[str], None]
) -> None:
    text = settings.read_text(encoding="utf-8")
    assert "find = true" in text
    settings.write_text(text.replace("find = true", "find = false"), encoding="utf-8")
    gallery()
    wait_until(lambda: not daemon.answers(lambda: press("super+alt+i")).startswith("I see no"))


@pytest.fixture
def session(
    xserver: VirtualDisplay, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address of a session bus of the test's own."""
    address = f"unix:path={sandbox}/bus"
    bus = processes.start(
        ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}"]
    )
    wait_until((sandbox / "bus").exists, "there is no bus")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    yield address
    processes.end(bus)


@pytest.fixture
def accessible(session: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """The accessibility bus of that session; → the program that owns it."""
    monkeypatch.delenv("NO_AT_BRIDGE", raising=False)
    launcher = processes.start(["/usr/libexec/at-spi-bus-launcher"])
    wait_until(lambda: "org.a11y.Bus" in names_on(session), "there is no accessibility bus")
    yield launcher
    processes.end(launcher)


def names_on(bus: str) -> str:
    command = [
        "dbus-send",
        f"--bus={bus}",
        "--print-reply",
        "--dest=org.freedesktop.DBus",
        "/",
        "org.freedesktop.DBus.ListNames",
    ]
    done = processes.run(command, timeout=20, what="The bus")
    assert done.code == 0
    return done.output.decode()


def to(xserver: VirtualDisplay, key: str) -> None:
    subprocess.run(["xdotool", "key", key], check=True, timeout=20, env=xserver.env)


@pytest.fixture
def watcher(accessible: object) -> Iterator[FocusWatcher]:
    made = FocusWatcher()
    made.start()
    wait_until(lambda: made.name == "at-spi", "the accessibility bus was not found")
    yield made
    made.stop()
    made.stop()
    assert made.box() is None


def box_of(window: Rectangle, picture: Rectangle) -> Rectangle:
    return Rectangle(
        window.left + picture.left, window.top + picture.top, picture.width, picture.height
    )


@pytest.fixture
def focused(
    watcher: FocusWatcher, gallery: Show, xserver: VirtualDisplay
) -> tuple[Rectangle, Rectangle]:
    """A window of two buttons, the large one focused; → the window's place and that one's."""
    assert watcher.box() is None
    # two that are told alike however they are cropped: held keys show where the focus is
    window = gallery("rocket", "chelsea", kind="buttons")
    place = box_of(window, LARGE)

    def told() -> bool:
        # A program's first focus may come before it knows who listens, and is then never told.
        latest = time.monotonic() + 2
        while time.monotonic() < latest:
            if screens.alike(watcher.box(within=5), place):
                return True
        to(xserver, "Tab")
        return False

    wait_until(told, "the focused object did not tell its place")
    return window, place


def test_the_focused_object_tells_its_place(
    watcher: FocusWatcher, focused: tuple[Rectangle, Rectangle], xserver: VirtualDisplay
) -> None:
    window, _ = focused
    for picture in (LARGE, SMALL, LARGE):
        place = box_of(window, picture)
        wait_until(
            lambda place=place: screens.alike(watcher.box(within=5), place), f"it never was {place}"
        )
        to(xserver, "Tab")


def test_it_tells_its_place_in_its_window_too(
    watcher: FocusWatcher, focused: tuple[Rectangle, Rectangle]
) -> None:
    """All that a program knows under Wayland, and enough beside a picture of the window."""

    def told() -> bool:
        found = watcher.in_window(within=5)
        if found is None:
            return False
        # the window manager's frame has a title bar, and a picture of it may have a shadow
        side, bar = (found.frame.width - 900) // 2, found.frame.height - 640
        framed = box_of(Rectangle(side + 26, bar - side + 26, 0, 0), LARGE)
        shadowed = in_picture(found, (found.frame.width + 52, found.frame.height + 52))
        inner = in_picture(found, (900, 640))
        return screens.alike(inner, LARGE) and screens.alike(shadowed, framed)

    wait_until(told, "it did not tell its place in its window")


def test_a_program_that_hangs_or_is_gone_costs_only_the_hint(
    watcher: FocusWatcher, focused: tuple[Rectangle, Rectangle]
) -> None:
    [program] = _programs("gallery")
    os.kill(program, signal.SIGSTOP)
    assert watcher.box() is None
    assert watcher.in_window() is None
    os.kill(program, signal.SIGCONT)
    wait_until(lambda: screens.alike(watcher.box(within=5), focused[1]))
    os.kill(program, signal.SIGKILL)
    wait_until(lambda: watcher.box() is None)


def _programs(title: str) -> list[int]:
    done = subprocess.run(
        ["xdotool", "search", "--name", title, "getwindowpid"],
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    )
    return sorted({int(pid) for pid in done.stdout.split()})


def test_an_object_in_another_window_is_no_longer_meant(
    watcher: FocusWatcher,
    picture_window: Callable[..., Rectangle],
    focused: tuple[Rectangle, Rectangle],
) -> None:
    picture_window(bundles.photograph("rocket").convert("RGB"))  # feh tells nothing
    wait_until(lambda: watcher.box(within=5) is None, "the focus was not lost")


def test_a_bus_that_goes_and_no_bus_at_all(
    watcher: FocusWatcher, accessible: subprocess.Popen[bytes]
) -> None:
    processes.end(accessible)
    wait_until(lambda: watcher.name == "none", "nobody noticed")
    assert watcher.box() is None


@pytest.mark.parametrize("address", ["", "unix:path=/nowhere/bus", "tcp:host=nowhere", "nonsense"])
def test_without_a_bus_there_is_no_focus(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    watcher = FocusWatcher()
    watcher.start()
    assert watcher.box() is None
    watcher.stop()
    assert watcher.name == "none"


def test_no_accessibility_bus_is_started_for_us(xserver: VirtualDisplay, session: str) -> None:
    with pytest.raises(DBusErrorResponse):
        focus._accessibility_bus()
    assert "org.a11y" not in names_on(session)


def test_the_key_describes_the_focused_picture_wherever_the_pointer_is(
    accessible: object,
    daemon: RunningDaemon,
    watcher: FocusWatcher,
    focused: tuple[Rectangle, Rectangle],
    xserver: VirtualDisplay,
    captioner: ChildCaptioner,
    press: Callable[[str], None],
) -> None:
    assert control.send("status")["focus by"] == "at-spi"
    window, _ = focused
    screen = MssScreen("window", focus=watcher.box)

    def told(place: Rectangle) -> bool:
        # looked at anew each time: a button under the pointer changes its look
        meant = captioner.describe(screen.grab())
        daemon.answers(lambda: press("super+alt+a"))  # so that the key starts anew
        sentence = daemon.answers(lambda: press("super+alt+i"))
        return screens.alike(meant.box, place) and sentence == phrasing.sentence(meant, Verb.SCREEN)

    for place, other in ((LARGE, SMALL), (SMALL, LARGE)):
        point(xserver, window, other)
        wait_until(lambda place=place: told(place), f"that at {place} was not told")
        to(xserver, "Tab")
