"""Which of the pictures on a screen is meant. Pure arithmetic; the reasons are in ADR 0013."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from describer_daemon.capture import geometry
from describer_daemon.core.ports import Aim, Finding, Found, Rectangle

_SAME = 0.5  # overlap, as intersection over union, from which two boxes show one picture
_WITHIN = 0.5  # share of the smaller one of picture and focused object that lies in both
_WHOLE = 0.6  # share of the area from which a focused object tells nothing
_SCREENSHOT = 0.3  # share of interface from which a picture is one of a screen
_NO_PHOTOGRAPH = 0.9  # share of interface from which it can be nothing else
_MOSTLY_TEXT = 0.05  # share of text from which somebody will want to know of it
_ALL = 0.8  # share of the area from which a picture is all that there is


@dataclass(frozen=True, slots=True)
class Chosen:
    """See `ports.Caption`; without a finding, picture `number` is to be captioned, or all (0)."""

    pictures: tuple[Found, ...] = ()
    number: int = 0
    finding: Finding = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """What was found in (width, height) pixels, the best first.

    `interface` is the share of text, buttons and blank, `text` that of text alone.
    """

    found: tuple[Found, ...]
    size: tuple[int, int]
    interface: float
    text: float


def choose(sight: Sight, aim: Aim | None, passed: Sequence[Rectangle] = ()) -> Chosen:
    """What to describe: on a screen (with an `aim`) a picture in it, else mostly all of it."""
    if aim is None:
        area = sight.size[0] * sight.size[1]
        filling = [one.kind for one in sight.found if _area(one.box) >= _ALL * area]
        if filling or not _is_screenshot(sight):
            return Chosen(finding="drawing" if "drawing" in filling else "")
    if not sight.found:
        return Chosen(finding="text" if sight.text >= _MOSTLY_TEXT else "none")
    pictures, number = in_order(sight.found, sight.size, aim or Aim(), passed)
    drawn = pictures[number - 1].kind == "drawing"
    return Chosen(pictures, number, "drawing" if drawn else "")


def _is_screenshot(sight: Sight) -> bool:
    return sight.interface >= (_SCREENSHOT if sight.found else _NO_PHOTOGRAPH)


def in_order(
    found: Sequence[Found], size: tuple[int, int], aim: Aim, passed: Sequence[Rectangle] = (),
) -> tuple[tuple[Found, ...], int]:
    """The pictures in the order in which they are visited, and whose turn it is, from 1.

    `found` has at least one, the best first; `size` is the (width, height) of what was
    looked at. First come those that were `passed`; when that is all of them, it starts over.
    """
    visited = [one for one in found if any(_same(one.box, box) for box in passed)]
    if len(visited) == len(found):
        visited = []
    visited.sort(key=lambda one: [_same(one.box, box) for box in passed].index(True))
    focus = aim.focus
    if focus is not None and _area(focus) >= _WHOLE * size[0] * size[1]:
        focus = None

    def rank(one: Found) -> tuple[float, ...]:
        """Least for the one that is meant: focused, pointed at, a photograph, near, large."""
        away = geometry.distance(one.box, aim.pointer) if aim.pointer is not None else 0
        return (
            focus is None or not _within(one.box, focus),
            aim.pointer is None or away > 0,
            one.kind != "photograph",
            away,
            -_area(one.box),
        )

    rest = sorted((one for one in found if one not in visited), key=rank)
    return (*visited, *rest), len(visited) + 1


def _same(one: Rectangle, other: Rectangle) -> bool:
    both = geometry.shared(one, other)
    return both > _SAME * (_area(one) + _area(other) - both)


def _within(one: Rectangle, other: Rectangle) -> bool:
    return geometry.shared(one, other) > _WITHIN * min(_area(one), _area(other))


def _area(box: Rectangle) -> int:
    return box.width * box.height
