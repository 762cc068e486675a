"""What a reply of the captioner's process may have in it: it decodes strangers' pictures, and what
it says goes to the terminal, the log and the ear."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection
from typing import Any, TypeVar

_MOST_SPOKEN, _MOST_DETAIL = 400, 8000  # characters
_LARGEST = 1 << 31  # of a place in a picture, in pixels
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # some scripts are not written without

Value = TypeVar("Value")


def printable(text: str) -> str:
    """The text with a blank for whatever commands a terminal, turns the order of letters, begins a
    line or is no character at all."""
    return "".join(" " if _is_no_letter(char) else char for char in text)


def _is_no_letter(char: str) -> bool:
    kind = unicodedata.category(char)
    return (kind[0] == "C" and char not in _JOINERS) or kind in ("Zl", "Zp")


def text(value: Any) -> str:
    """Raises TypeError when it is none."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a text")
    return printable(value)


def texts(values: Any) -> tuple[str, ...]:
    """Raises TypeError when it is no list of texts."""
    return tuple(text(value) for value in items(values))


def items(values: Any) -> list[Any]:
    """Raises TypeError when it is no list: a text or an object has items of its own."""
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{type(values).__name__} instead of a list")
    return list(values)


def number(value: Any) -> float:
    """Raises TypeError when it is none, ValueError when it is none that one can reckon with."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{type(value).__name__} instead of a number")
    if not math.isfinite(value):
        raise ValueError(f"{value} instead of a number")
    return float(value)


def whole(value: Any) -> int:
    """Raises TypeError when it is no whole number, ValueError when it is far too large."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} instead of a whole number")
    if abs(value) >= _LARGEST:
        raise ValueError("a number is far too large")
    return value


def one_of(value: Any, known: Collection[Value]) -> Value:
    """Raises ValueError when the value is not among those that are known."""
    for each in known:
        if each == value:
            return each
    raise ValueError("a word that nobody knows")


def sentence(value: Any) -> str:
    """What a person hears of a failure, cut off where it is no sentence any more."""
    return text(value)[:_MOST_SPOKEN]


def detail(value: Any) -> str:
    """What the log says of a failure: the end of it, and lines that cannot be taken for the log's
    own."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a text")
    return "\n  ".join(printable(line) for line in value[-_MOST_DETAIL:].split("\n")).rstrip()
