"""What a value of the settings file may be: a rule for each kind of setting.

What a rule allows is told in the language in use, which may change while the describer runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from describer_daemon.core import i18n, phrasing
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import Hotkey, Rectangle
from describer_daemon.hotkeys.names import parse_hotkey

_LONGEST_TEXT = 200
_LARGEST_COORDINATE = 32767
_SMALLEST_SIDE = 16
_MOST_ORIGINS = 20
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # of a captioner: see `catalogue.entries`
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#*,\"\\]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value may be.

    `tell` says what is allowed, in the language in use. `read` turns the file's value into the
    program's and raises ValueError when it is refused, with a sentence if it knows better.
    `in_comment` tells whether the file repeats above the key what is allowed.
    """

    tell: Callable[[], str]
    read: Callable[[object], object]
    in_comment: bool = True

    @property
    def allowed(self) -> str:
        """A clause: "true or false"."""
        return self.tell()


def whole(low: int, high: int) -> Rule:
    """A whole number, bounds included."""

    def tell() -> str:
        # Translators: what a setting may be; it is put after "use", after the setting's comment and
        # a colon, and at the end of a line of `describer settings`: the next ones, too
        return _("a whole number from {low} to {high}").format(low=low, high=high)

    return Rule(tell, lambda value: _whole(value, low, high))


def yes_no() -> Rule:
    """A TOML boolean."""

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value

    # Translators: the words true and false stay, for they are written in the file
    return Rule(lambda: _("true or false"), read)


def one_of(*names: str) -> Rule:
    """One of a few words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError
        return value

    return Rule(lambda: phrasing.alternatives(_quoted(names)), read)


def language_code() -> Rule:
    """The code of a language that there is a catalogue for, or "" for the session's."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in ("", *i18n.languages()):
            raise ValueError
        return value

    def tell() -> str:
        # Translators: {codes} is "en", "cs", "de", each in quotation marks
        pattern = _('{codes}, or "" for that of the session')
        return pattern.format(codes=phrasing.in_a_row(_quoted(i18n.languages())))

    return Rule(tell, read)


def line_of_text(allowed: str) -> Rule:
    """One line of printable text; `allowed` is marked by `N_`."""
    return Rule(lambda: _(allowed), _line)


def origins() -> Rule:
    """A list of who may ask from inside a browser, as browsers write it (RFC 6454)."""

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) > _MOST_ORIGINS:
            raise ValueError
        lines = tuple(map(_line, value))
        if not all(map(_ORIGIN.fullmatch, lines)):
            raise ValueError
        return lines

    return Rule(lambda: _('a list such as ["moz-extension://…"], or [] for none'), read)


def name_or_path(allowed: str) -> Rule:
    """A name, or a path that does not depend on where the program started, or "" for None.

    `allowed` is marked by `N_`.
    """

    def read(value: object) -> Path | None:
        text = _line(value)
        if not text:
            return None
        try:
            path = Path(text).expanduser()
        except RuntimeError:  # "~nobody"
            raise ValueError from None
        if not path.is_absolute() and not _NAME.fullmatch(text):
            raise ValueError
        return path

    return Rule(lambda: _(allowed), read)


def hotkey() -> Rule:
    """A key with its modifiers, or "" for None."""

    def read(value: object) -> Hotkey | None:
        if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
            raise ValueError
        return parse_hotkey(value) if value.strip() else None

    return Rule(lambda: _('a key such as "alt+super+i", or "" for none'), read, in_comment=False)


def size() -> Rule:
    """[width, height] in pixels."""

    def read(value: object) -> tuple[int, int]:
        if not isinstance(value, list) or len(value) != 2:
            raise ValueError
        width, height = (_whole(number, _SMALLEST_SIDE, _LARGEST_COORDINATE) for number in value)
        return width, height

    def tell() -> str:
        pattern = _("[width, height] in pixels, each from {low} to {high}")
        return pattern.format(low=_SMALLEST_SIDE, high=_LARGEST_COORDINATE)

    return Rule(tell, read)


def region(*names: str) -> Rule:
    """A named region, or [left, top, width, height] in pixels."""

    def read(value: object) -> str | Rectangle:
        if isinstance(value, str) and value in names:
            return value
        if not isinstance(value, list) or len(value) != 4:
            raise ValueError
        # Monitors left of or above the first one have negative places on some desktops.
        left, top = (_whole(n, -_LARGEST_COORDINATE, _LARGEST_COORDINATE) for n in value[:2])
        width, height = (_whole(n, 1, _LARGEST_COORDINATE) for n in value[2:])
        return Rectangle(left, top, width, height)

    def tell() -> str:
        # Translators: {names} is "window", "pointer", "screen", each in quotation marks
        pattern = _("{names} or [left, top, width, height] in pixels")
        return pattern.format(names=phrasing.in_a_row(_quoted(names)))

    return Rule(tell, read)


def _whole(value: object, low: int, high: int) -> int:
    # TOML's true is Python's 1: a bool is an int here, but not for a person.
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError
    return value


def _line(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.isprintable():
        raise ValueError
    return value.strip()


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]
