"""Global keys: real key events on a real X server."""

from __future__ import annotations

import functools
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from Xlib import XK, X
from Xlib.ext import xtest

from describer_daemon import x11
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.hotkeys.names import KeysRefusedError, parse_hotkey
from describer_daemon.hotkeys.pynput import PynputHotkeys
from describer_daemon.hotkeys.x11 import X11Hotkeys
from describer_daemon.virtual.display import VirtualDisplay
from tests import threads
from tests.desktop.fixtures_display import wait_until

KEYS = {
    Verb.SCREEN: parse_hotkey("ctrl+alt+d"),
    Verb.CLIPBOARD: parse_hotkey("ctrl+alt+c"),
    Verb.REPEAT: parse_hotkey("ctrl+alt+r"),
    Verb.COPY: parse_hotkey("super+f9"),
    Verb.STOP: parse_hotkey("shift+ctrl+s"),
}
CTRL, ALT, SHIFT, ALTGR, CAPS, NUM = 37, 64, 50, 92, 66, 77  # keycodes of the usual keyboard
D, R, S = 40, 27, 39


class Heard(list[Verb]):
    """The verbs that came, and how to wait for them."""

    def settle(self, *expected: Verb) -> None:
        """Wait for the verbs, then a moment more for those that should not come."""
        wait_until(lambda: len(self) >= len(expected), f"only {self}")
        time.sleep(0.15)
        assert self == list(expected)
        self.clear()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(params=[X11Hotkeys, PynputHotkeys], ids=lambda backend: backend.name)
def any_listener(
    request: pytest.FixtureRequest, xserver: VirtualDisplay
) -> Iterator[X11Hotkeys | PynputHotkeys]:
    listener = request.param()
    yield listener
    listener.stop()


@pytest.fixture
def listener(xserver: VirtualDisplay) -> Iterator[X11Hotkeys]:
    listener = X11Hotkeys()
    yield listener
    listener.stop()


def play(display: VirtualDisplay, *steps: float) -> None:
    """Press (positive) and release (negative) keycodes by XTEST; a float is a pause."""
    with display.opened() as connection:
        for step in steps:
            if isinstance(step, float):
                time.sleep(step)
                continue
            xtest.fake_input(connection, X.KeyPress if step > 0 else X.KeyRelease, abs(step))
            connection.sync()


def set_layout(display: VirtualDisplay, *arguments: str) -> None:
    subprocess.run(["setxkbmap", *arguments], check=True, env=display.env, timeout=20)


def test_every_verb_has_its_key(
    any_listener: X11Hotkeys, press: Callable[[str], None], heard: Heard
) -> None:
    assert any_listener.unavailable_reason() == ""
    any_listener.start(KEYS, heard.append)
    assert any_listener.is_alive()
    for verb, key in KEYS.items():
        press(str(key))
        heard.settle(verb)


@pytest.mark.parametrize(
    "combination", ["ctrl+alt+shift+d", "ctrl+d", "alt+d", "ctrl+alt+super+d", "shift+super+f9"]
)
def test_other_modifiers_are_another_key(
    any_listener: X11Hotkeys, press: Callable[[str], None], heard: Heard, combination: str
) -> None:
    any_listener.start(KEYS, heard.append)
    press(combination)
    press("super+f9")
    heard.settle(Verb.COPY)


def test_altgr_is_a_modifier_too(
    listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard
) -> None:
    listener.start(KEYS, heard.append)
    play(xserver, CTRL, ALT, ALTGR, D, -D, -ALTGR, -ALT, -CTRL)
    heard.settle()


@pytest.mark.parametrize("lock", [CAPS, NUM], ids=["CapsLock", "NumLock"])
def test_locks_do_not_matter(
    any_listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard, lock: int
) -> None:
    any_listener.start(KEYS, heard.append)
    play(xserver, lock, -lock)
    try:
        xserver.press("ctrl+alt+d")
        heard.settle(Verb.SCREEN)
    finally:
        play(xserver, lock, -lock)


def test_a_held_key_is_one_press(
    any_listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard
) -> None:
    any_listener.start(KEYS, heard.append)
    xserver.press("ctrl+alt+d", hold=1.0)  # the server repeats it after 0.66 s
    heard.settle(Verb.SCREEN)
    xserver.press("ctrl+alt+d")
    heard.settle(Verb.SCREEN)


def test_repeats_read_late_are_still_one_press(
    listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard
) -> None:
    busy = threading.Event()

    def slow(verb: Verb) -> None:
        heard.append(verb)
        busy.wait(20)

    listener.start(KEYS, slow)
    xserver.press("ctrl+alt+d", hold=1.0)
    xserver.press("ctrl+alt+d")
    busy.set()
    heard.settle(Verb.SCREEN, Verb.SCREEN)


def test_keys_that_overlap_are_both_heard(
    listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard
) -> None:
    listener.start(KEYS, heard.append)
    # The second key's release goes elsewhere, as the first key's grab has ended.
    play(xserver, CTRL, ALT, D, R, 0.02, -D, 0.02, -R, -ALT, -CTRL)
    heard.settle(Verb.SCREEN, Verb.REPEAT)
    xserver.press("ctrl+alt+r")
    heard.settle(Verb.REPEAT)


def test_modifiers_that_come_after_the_key_do_nothing(
    listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard
) -> None:
    listener.start(KEYS, heard.append)
    play(xserver, D, 0.8, CTRL, ALT, 0.2, -D, -ALT, -CTRL)
    heard.settle()


def test_the_window_in_front_does_not_get_the_key(
    listener: X11Hotkeys, xserver: VirtualDisplay, heard: Heard
) -> None:
    with xserver.opened() as display:
        screen = display.screen()
        window = screen.root.create_window(
            0, 0, 50, 50, 0, screen.root_depth, event_mask=X.KeyPressMask | X.ExposureMask
        )
        window.map()
        display.sync()
        wait_until(lambda: x11.active_window(display) is not None)
        listener.start(KEYS, heard.append)
        xserver.press("ctrl+alt+d")
        heard.settle(Verb.SCREEN)
        xserver.press("ctrl+alt+s")
        pressed = []

        def read() -> bool:
            while display.pending_events():
                event = display.next_event()
                if event.type == X.KeyPress:
                    pressed.append(event.detail)
            return S in pressed

        wait_until(read)
        assert D not in pressed
        window.destroy()
        display.sync()
        wait_until(lambda: x11.active_window(display) is None)


def test_a_key_that_is_taken_is_named_and_the_others_can_be_had(
    listener: X11Hotkeys, press: Callable[[str], None], heard: Heard
) -> None:
    other = X11Hotkeys()
    other.start({Verb.SCREEN: KEYS[Verb.SCREEN]}, print)
    try:
        with pytest.raises(KeysRefusedError) as refused:
            listener.start(KEYS, heard.append)
        assert refused.value.spoken == (
            "The key ctrl+alt+d is already taken by another program. "
            "Choose another in the settings."
        )
        assert refused.value.verbs == (Verb.SCREEN,)
        assert not listener.is_alive()
        press("ctrl+alt+c")
        heard.settle()
        listener.start({verb: KEYS[verb] for verb in KEYS if verb != Verb.SCREEN}, heard.append)
        press("ctrl+alt+c")
        heard.settle(Verb.CLIPBOARD)
    finally:
        other.stop()
    listener.start(KEYS, heard.append)
    press("ctrl+alt+d")
    heard.settle(Verb.SCREEN)


def test_a_callback_that_fails_is_logged_and_the_next_key_is_heard(
    any_listener: X11Hotkeys,
    press: Callable[[str], None],
    heard: Heard,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail_once(verb: Verb) -> None:
        heard.append(verb)
        if verb == Verb.SCREEN:
            raise RuntimeError("a fault")

    any_listener.start(KEYS, fail_once)
    press("ctrl+alt+d")
    press("ctrl+alt+c")
    heard.settle(Verb.SCREEN, Verb.CLIPBOARD)
    assert "a fault" in caplog.text


def test_after_stop_the_keys_are_given_back(
    any_listener: X11Hotkeys, press: Callable[[str], None], heard: Heard
) -> None:
    any_listener.start(KEYS, heard.append)
    any_listener.stop()
    any_listener.stop()
    press("ctrl+alt+d")
    heard.settle()
    assert not any_listener.is_alive()
    any_listener.start(KEYS, heard.append)
    press("ctrl+alt+d")
    heard.settle(Verb.SCREEN)


def test_a_callback_may_stop_the_listener(
    listener: X11Hotkeys, press: Callable[[str], None], heard: Heard
) -> None:
    def once(verb: Verb) -> None:
        heard.append(verb)
        listener.stop()

    listener.start(KEYS, once)
    press("ctrl+alt+d")
    press("ctrl+alt+d")
    heard.settle(Verb.SCREEN)


def test_without_a_key_on_the_keyboard(listener: X11Hotkeys, heard: Heard) -> None:
    with pytest.raises(DescriberError, match="The key f24 is not on this keyboard"):
        listener.start({Verb.STOP: parse_hotkey("f24")}, heard.append)


@pytest.mark.parametrize("layout", ["ru", "gr", "il", "fr"])
def test_started_under_another_layout(
    own_display: VirtualDisplay, heard: Heard, layout: str
) -> None:
    set_layout(own_display, layout)
    listener = X11Hotkeys()
    listener.start(KEYS, heard.append)
    try:
        play(own_display, CTRL, ALT, D, -D, -ALT, -CTRL)
        heard.settle(Verb.SCREEN)
    finally:
        listener.stop()


def test_the_layout_changes_while_listening(own_display: VirtualDisplay, heard: Heard) -> None:
    listener = X11Hotkeys()
    listener.start(KEYS, heard.append)

    def tried(code: int) -> bool:
        # The listener hears of the new layout only a moment after setxkbmap has ended.
        play(own_display, CTRL, ALT, code, -code, -ALT, -CTRL, 0.1)
        return bool(heard)

    try:
        for layout, code in ((("us", "-variant", "dvorak"), 43), (("ru",), D), (("us",), D)):
            set_layout(own_display, *layout)
            wait_until(functools.partial(tried, code), str(layout))
            heard.clear()
        assert listener.is_alive()
    finally:
        listener.stop()


def test_a_key_that_another_layout_loses_is_told_once(own_display: VirtualDisplay) -> None:
    """On dvorak the letter D lies on a key that another program holds."""
    listener, lost = X11Hotkeys(), list[DescriberError]()
    with own_display.opened() as other:
        other.screen().root.grab_key(43, X.ControlMask | X.Mod1Mask, False, 1, 1)
        other.sync()
        listener.start(KEYS, lambda _: None, lost.append)
        try:
            for times in (1, 2):
                for option in ("", "compose:ralt"):  # it stays lost, and is not told again
                    set_layout(own_display, "us", "-variant", "dvorak", "-option", option)
                wait_until(functools.partial(lambda n: len(lost) >= n, times), "was not told")
                set_layout(own_display, "us", "-option", "")
                time.sleep(0.3)
            assert [error.spoken for error in lost] == [
                "The key ctrl+alt+d is already taken by another program. "
                "Choose another in the settings."
            ] * 2
            assert listener.is_alive()
        finally:
            listener.stop()


def test_a_key_that_vanishes_from_the_keyboard_is_told(
    own_display: VirtualDisplay, heard: Heard
) -> None:
    listener, lost = X11Hotkeys(), list[DescriberError]()
    listener.start(KEYS, heard.append, lost.append)
    try:
        with own_display.opened() as other:
            code = other.keysym_to_keycode(XK.XK_F9)
            other.change_keyboard_mapping(code, [[0] * 4])
            other.sync()
        wait_until(lambda: bool(lost), "was not told")
        assert lost[0].spoken == (
            "The key super+f9 is not on this keyboard. Choose another in the settings."
        )
        play(own_display, CTRL, ALT, D, -D, -ALT, -CTRL)
        heard.settle(Verb.SCREEN)
    finally:
        listener.stop()


def test_the_second_layout_is_switched_on(own_display: VirtualDisplay, heard: Heard) -> None:
    set_layout(own_display, "us,ru", "-option", "grp:shifts_toggle")
    listener = X11Hotkeys()
    listener.start(KEYS, heard.append)
    try:
        play(own_display, SHIFT, 62, -62, -SHIFT)
        play(own_display, CTRL, ALT, D, -D, -ALT, -CTRL)
        heard.settle(Verb.SCREEN)
    finally:
        listener.stop()


@pytest.mark.parametrize("backend", [X11Hotkeys, PynputHotkeys], ids=lambda kind: kind.name)
def test_the_display_goes_away(
    own_display: VirtualDisplay, heard: Heard, backend: type[X11Hotkeys]
) -> None:
    listener = backend()
    listener.start(KEYS, heard.append)
    own_display.close()
    wait_until(lambda: not listener.is_alive())
    listener.stop()
    with pytest.raises(DescriberError):
        listener.start(KEYS, heard.append)
    assert not listener.is_alive()


def test_stop_does_not_wait_for_a_display_that_hangs(
    own_display: VirtualDisplay, heard: Heard
) -> None:
    listener = X11Hotkeys()
    listener.start(KEYS, heard.append)
    server = own_display.server
    os.kill(server, signal.SIGSTOP)
    try:
        stopping = threading.Thread(target=listener.stop)
        stopping.start()
        stopping.join(10)
        assert not stopping.is_alive()
    finally:
        os.kill(server, signal.SIGCONT)


def test_no_display_at_all(sandbox: object, heard: Heard) -> None:
    assert "no display" in X11Hotkeys.unavailable_reason()
    assert "no display" in PynputHotkeys.unavailable_reason()
    with pytest.raises(DescriberError, match="display"):
        X11Hotkeys().start(KEYS, heard.append)


def test_nothing_is_logged_of_other_keys(
    listener: X11Hotkeys, xserver: VirtualDisplay, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    listener.start(KEYS, print)
    xserver.press("ctrl+alt+s")
    assert caplog.text == ""


def test_without_a_thread_the_keys_stay_free(
    listener: X11Hotkeys, press: Callable[[str], None], heard: Heard
) -> None:
    for _ in range(3):
        with threads.none_left(), pytest.raises(RuntimeError):
            listener.start(KEYS, heard.append)
        assert not listener.is_alive()
    listener.start(KEYS, heard.append)  # the keys are not taken by what was tried before
    press("ctrl+alt+d")
    heard.settle(Verb.SCREEN)
