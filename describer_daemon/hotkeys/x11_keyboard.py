"""Which keycodes and modifier bits of an X keyboard stand for the keys that people name."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from describer_daemon.hotkeys.names import keysym_name

# Where a US keyboard has its letters and digits: the only clue when the layout has no Latin.
_US_ROWS = ((10, "1234567890"), (24, "qwertyuiop"), (38, "asdfghjkl"), (52, "zxcvbnm"))
_US_POSITIONS = {key: first + i for first, row in _US_ROWS for i, key in enumerate(row)}

_SHIFT_ROW, _LOCK_ROW, _CONTROL_ROW = range(3)
_MODIFIER_KEYSYMS = {
    "ctrl": ("Control_L", "Control_R"),
    "alt": ("Alt_L", "Alt_R"),
    "shift": ("Shift_L", "Shift_R"),
    "super": ("Super_L", "Super_R"),
}
_FIXED_ROWS = {"shift": _SHIFT_ROW, "ctrl": _CONTROL_ROW}
_USUAL_ROWS = {"alt": 3, "super": 6}


@dataclass(frozen=True, slots=True)
class Keyboard:
    """A keyboard's layout at one moment; see XGetKeyboardMapping and XGetModifierMapping.

    `keysyms[i]` belongs to keycode `first + i`; `rows` are the keycodes of each of the eight
    modifier bits.
    """

    first: int
    keysyms: tuple[tuple[int, ...], ...]
    rows: tuple[tuple[int, ...], ...]

    @classmethod
    def read(cls, display: Any) -> Keyboard:
        """Ask the X server."""
        info = display.display.info
        count = info.max_keycode - info.min_keycode + 1
        keysyms = display.get_keyboard_mapping(info.min_keycode, count)
        rows = display.get_modifier_mapping()
        return cls(info.min_keycode, tuple(map(tuple, keysyms)), tuple(map(tuple, rows)))

    def keycodes(self, key: str) -> tuple[int, ...]:
        """Every keycode of a key, () when the keyboard lacks it."""
        keysym = _keysym(keysym_name(key))
        keycodes = self._with_keysym(keysym)
        if not keycodes and key in _US_POSITIONS:
            return (_US_POSITIONS[key],)
        return keycodes

    def mask(self, modifier: str) -> int:
        """The bit of "ctrl", "alt", "shift" or "super" in an event's state."""
        if modifier in _FIXED_ROWS:
            return 1 << _FIXED_ROWS[modifier]
        return self._mask_of(_MODIFIER_KEYSYMS[modifier]) or 1 << _USUAL_ROWS[modifier]

    def modifier_keycode(self, modifier: str) -> int:
        """A keycode that holds the modifier down."""
        for name in _MODIFIER_KEYSYMS[modifier]:
            if keycodes := self._with_keysym(_keysym(name)):
                return keycodes[0]
        return next(code for code in self.rows[self.mask(modifier).bit_length() - 1] if code)

    def state(self, down: Collection[int]) -> int:
        """The bits of the modifiers among the keycodes that are down; locks have none."""
        rows = enumerate(self.rows)
        held = sum(1 << row for row, codes in rows if any(code in down for code in codes if code))
        return held & ~self.locks()

    def locks(self) -> int:
        """The bits of CapsLock, NumLock and ScrollLock together."""
        used = 0
        for modifier in _MODIFIER_KEYSYMS:
            used |= self.mask(modifier)
        locks = 1 << _LOCK_ROW | self._mask_of(("Num_Lock",)) | self._mask_of(("Scroll_Lock",))
        return locks & ~used

    def lock_states(self) -> tuple[int, ...]:
        """Every state that the locks can be in: a grab must name each, X has no "any lock"."""
        bits = [1 << row for row in range(8) if self.locks() & 1 << row]
        states = itertools.product(*((0, bit) for bit in bits))
        return tuple(sum(state) for state in states)

    def _with_keysym(self, keysym: int) -> tuple[int, ...]:
        width = max((len(columns) for columns in self.keysyms), default=0)
        # Unshifted in the first and second layout comes before shifted, and that before AltGr.
        order = [0, 2, 1, 3, *range(4, width)]
        for column in order:
            keycodes = tuple(
                self.first + i
                for i, columns in enumerate(self.keysyms)
                if column < len(columns) and columns[column] == keysym
            )
            if keycodes and keysym:
                return keycodes
        return ()

    def _mask_of(self, names: tuple[str, ...]) -> int:
        codes = {code for name in names for code in self._with_keysym(_keysym(name))}
        mask = 0
        for row, members in enumerate(self.rows):
            if row > _CONTROL_ROW and codes & set(members):
                mask |= 1 << row
        return mask & -mask  # one bit: a second row with the same key would never be held alone


def _keysym(name: str) -> int:
    from Xlib import XK

    return int(XK.string_to_keysym(name))
