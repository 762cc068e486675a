"""A key is heard, once, while another program has the keyboard: not while the screen is locked."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from Xlib import X

from describer_daemon import processes, x11
from describer_daemon.core.ports import Verb
from describer_daemon.hotkeys.x11 import X11Hotkeys
from describer_daemon.hotkeys.x11_grabbed import GrabbedKeyboard
from describer_daemon.hotkeys.x11_keyboard import Keyboard
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_display import wait_until
from tests.desktop.test_hotkeys import ALT, CTRL, KEYS, D, Heard, R, play

_MENU = """
import gi
gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GLib, Gtk
window = Gtk.Window(title="menu")
button = Gtk.MenuButton(label="open")
menu = Gtk.Menu()
menu.append(Gtk.MenuItem(label="an entry"))
menu.show_all()
button.set_popup(menu)
window.add(button)
window.show_all()
def opened():
    menu.popup_at_widget(button, Gdk.Gravity.SOUTH_WEST, Gdk.Gravity.NORTH_WEST, None)
    seat = Gdk.Display.get_default().get_default_seat()
    taken = seat.grab(menu.get_toplevel().get_window(), Gdk.SeatCapabilities.KEYBOARD, True)
    print(taken, flush=True)
GLib.timeout_add(700, opened)
Gtk.main()
"""


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def listener(xserver: VirtualDisplay, heard: Heard) -> Iterator[X11Hotkeys]:
    listener = X11Hotkeys()
    listener.start(KEYS, heard.append)
    yield listener
    listener.stop()


@contextmanager
def client(
    display: VirtualDisplay, size: tuple[int, int] = (200, 100), **options: Any
) -> Iterator[tuple[Any, Any]]:
    """Another program with a window: (its connection, the window)."""
    with display.opened() as connection:
        screen = connection.screen()
        mask = X.KeyPressMask | X.ExposureMask
        window = screen.root.create_window(
            0, 0, *size, 0, screen.root_depth, event_mask=mask, **options
        )
        window.map()
        connection.sync()
        if not options:
            wait_until(lambda: connection.get_input_focus().focus == window)
        time.sleep(0.2)  # so that the listener has heard of it
        yield connection, window
        window.destroy()
        connection.sync()
        if not options:
            wait_until(lambda: x11.active_window(connection) is None)


def grab(connection: Any, window: Any) -> None:
    assert window.grab_keyboard(False, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime) == 0
    connection.sync()
    time.sleep(0.2)  # a person is slower than that, too


def test_while_the_window_in_front_has_the_keyboard(
    listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard
) -> None:
    with client(xserver) as (connection, window):
        grab(connection, window)
        xserver.press("ctrl+alt+d")
        heard.settle(Verb.SCREEN)
        xserver.press("ctrl+alt+shift+d")
        xserver.press("ctrl+alt+r", hold=1.0)
        heard.settle(Verb.REPEAT)
        connection.ungrab_keyboard(X.CurrentTime)
        connection.sync()
        time.sleep(0.2)
        xserver.press("ctrl+alt+d")
        heard.settle(Verb.SCREEN)


def test_while_a_menu_beside_the_window_has_it(
    listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard
) -> None:
    with client(xserver), client(xserver, (80, 300), override_redirect=True) as (connection, menu):
        grab(connection, menu)
        xserver.press("ctrl+alt+c")
        heard.settle(Verb.CLIPBOARD)


def test_while_nothing_has_the_focus(
    listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard
) -> None:
    with xserver.opened() as connection:
        grab(connection, connection.screen().root)
        xserver.press("ctrl+alt+d")
        heard.settle(Verb.SCREEN)


def test_a_menu_of_gtk(listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard) -> None:
    pipe = subprocess.PIPE
    program = processes.start(["/usr/bin/python3", "-c", _MENU], stdout=pipe, env=xserver.env)
    try:
        line = processes.pipe(program.stdout).readline()
        assert b"GDK_GRAB_SUCCESS" in line, line
        time.sleep(0.3)
        xserver.press("ctrl+alt+d")
        heard.settle(Verb.SCREEN)
    finally:
        processes.end(program)
        processes.pipe(program.stdout).close()
    with xserver.opened() as connection:
        wait_until(lambda: x11.active_window(connection) is None)
    time.sleep(0.2)
    xserver.press("ctrl+alt+d")
    heard.settle(Verb.SCREEN)


def test_a_locked_screen_is_deaf(
    listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard
) -> None:
    size = (xserver.width, xserver.height)
    with client(xserver, size, override_redirect=True) as (connection, lock):
        grab(connection, lock)
        xserver.press("ctrl+alt+c")
        heard.settle()
        connection.ungrab_keyboard(X.CurrentTime)
        connection.sync()
        time.sleep(0.2)
        xserver.press("ctrl+alt+d")  # so it has given the keyboard back: no lock
        heard.settle(Verb.SCREEN)


def test_keys_that_overlap_are_heard_once_each(
    listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard
) -> None:
    with client(xserver):  # the first key's grab is one, too: the second comes in both ways
        for _ in range(5):
            play(xserver, CTRL, ALT, D, 0.1, R, 0.05, -R, 0.05, -D, -ALT, -CTRL)
            heard.settle(Verb.SCREEN, Verb.REPEAT)


def test_who_types_in_peace_wakes_nobody(xserver: VirtualDisplay) -> None:
    with client(xserver) as (connection, window), xserver.opened() as own:
        watch = GrabbedKeyboard(own, Keyboard.read(own))
        own.sync()
        time.sleep(0.2)

        def events() -> list[Any]:
            own.sync()
            time.sleep(0.2)
            found = [own.next_event() for _ in range(own.pending_events())]
            for event in found:
                watch.notice(event)
            return found

        events()
        play(xserver, CTRL, D, -D, -CTRL, R, -R)
        assert events() == []
        grab(connection, window)
        assert events()
        play(xserver, D, -D)
        assert [watch.pressed(event) is not None for event in events()] == [True, False]
        connection.ungrab_keyboard(X.CurrentTime)
        connection.sync()
        assert events()
        play(xserver, D, -D)
        assert events() == []
