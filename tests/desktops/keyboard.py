"""A person's hands: keys of a real desktop's keyboard, whatever it is."""

from __future__ import annotations

import time
from typing import Protocol

from describer_daemon.hotkeys.names import parse_hotkey

# linux/input-event-codes.h
CODES = {
    "ctrl": 29, "shift": 42, "alt": 56, "super": 125, "tab": 15, "return": 28, "right": 106,
    "q": 16, "t": 20, "y": 21, "i": 23, "a": 30, "c": 46,
}  # fmt: skip


class Keys(Protocol):
    """A desktop's keyboard."""

    def key(self, code: int, down: bool) -> None:
        """Press or release a key, by its number in linux/input-event-codes.h."""


def press(keyboard: Keys, combination: str) -> float:
    """Press and release it, as "super+alt+i". → when, on the clock of `time.monotonic`."""
    hotkey = parse_hotkey(combination)
    codes = [CODES[name] for name in (*sorted(hotkey.modifiers), hotkey.key)]
    for code in codes[:-1]:
        keyboard.key(code, True)
    pressed = time.monotonic()
    keyboard.key(codes[-1], True)
    for code in reversed(codes):
        keyboard.key(code, False)
    return pressed


def tap(keyboard: Keys, name: str) -> None:
    """Press and release one key alone."""
    for down in (True, False):
        keyboard.key(CODES[name], down)
