"""A window manager that has our keys: others serve, it is said, and only what is held is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from Xlib import X

from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.hotkeys.names import parse_hotkey
from describer_daemon.hotkeys.usual import other_keys, usual_keys
from describer_daemon.hotkeys.x11_keyboard import Keyboard
from describer_daemon.listening import Listening
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_display import wait_until

USUAL = usual_keys()
SAID = "The key alt+super+i is already taken by another program, so ctrl+alt+super+i serves."


class Ears:
    """What the listening brought and said."""

    def __init__(self) -> None:
        self.verbs: list[Verb] = []
        self.errors: list[str] = []
        self.said: list[str] = []
        self.listening = Listening(self.verbs.append, self._report, self.said.append)

    def _report(self, error: DescriberError) -> None:
        self.errors.append(error.spoken)


@pytest.fixture
def ears() -> Iterator[Ears]:
    made = Ears()
    yield made
    made.listening.stop()


@pytest.fixture
def manager(xserver: VirtualDisplay) -> Iterator[Callable[[str], None]]:
    """Another program, which takes the key it is given."""
    with xserver.opened() as display:

        def take(text: str) -> None:
            hotkey, keyboard = parse_hotkey(text), Keyboard.read(display)
            bits = sum(keyboard.mask(modifier) for modifier in hotkey.modifiers)
            code = keyboard.keycodes(hotkey.key)[0]
            display.screen().root.grab_key(code, bits, False, X.GrabModeAsync, X.GrabModeAsync)
            display.sync()

        yield take


def test_the_next_key_serves_and_it_is_said_once(
    ears: Ears, manager: Callable[[str], None], xserver: VirtualDisplay
) -> None:
    manager("alt+super+i")
    ears.listening.listen(USUAL)
    held = ears.listening.held()
    assert held == {
        **{verb: str(key) for verb, key in USUAL.items()},
        Verb.SCREEN: "ctrl+alt+super+i",
    }
    assert ears.said == [SAID]
    xserver.press("ctrl+alt+super+i")
    wait_until(lambda: ears.verbs == [Verb.SCREEN], "the key that serves was not heard")
    ears.listening.listen(USUAL)  # as after a change of the settings
    assert ears.said == [SAID]
    assert ears.errors == []


def test_what_is_not_held_is_not_claimed(ears: Ears, manager: Callable[[str], None]) -> None:
    for key in (USUAL[Verb.STOP], *other_keys(Verb.STOP)):
        manager(str(key))
    manager("ctrl+alt+d")
    ears.listening.listen({**USUAL, Verb.SCREEN: parse_hotkey("ctrl+alt+d")})
    assert ears.listening.held() == {
        verb: str(USUAL[verb])
        for verb in (Verb.CLIPBOARD, Verb.TEXT, Verb.REPEAT, Verb.COPY, Verb.MORE)
    }
    assert ears.errors == [
        "The keys ctrl+alt+d and alt+super+q are already taken by another program. "
        "Choose others in the settings."
    ]
    assert ears.said == []
    ears.listening.stop()
    assert ears.listening.held() == {}
