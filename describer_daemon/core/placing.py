"""Where a thing is in its picture: numbers first, then words.

Each pattern is a whole clause, for other languages put it in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import Rectangle

_COLUMN, _ROW = (0.38, 0.62), (0.34, 0.66)  # shares that bound what is in the middle
_BROAD = 0.75  # share of a side from which a thing is on no part of it
_NEAR_AREA, _NEAR_BOTTOM = 0.2, 0.85  # near is what is large and stands low
_PLACED = {
    # Translators: {thing} is "a dog" or "two dogs", the subject, in all sixteen
    ("left", ""): N_("{thing} on the left"),
    ("middle", ""): N_("{thing} in the middle"),
    ("right", ""): N_("{thing} on the right"),
    ("broad", ""): N_("{thing} all across the middle"),
    ("left", "top"): N_("{thing} at the top left"),
    ("middle", "top"): N_("{thing} at the top"),
    ("right", "top"): N_("{thing} at the top right"),
    ("broad", "top"): N_("{thing} all along the top"),
    ("left", "bottom"): N_("{thing} at the bottom left"),
    ("middle", "bottom"): N_("{thing} at the bottom"),
    ("right", "bottom"): N_("{thing} at the bottom right"),
    ("broad", "bottom"): N_("{thing} all along the bottom"),
    ("left", "broad"): N_("{thing} on the left, from top to bottom"),
    ("middle", "broad"): N_("{thing} in the middle, from top to bottom"),
    ("right", "broad"): N_("{thing} on the right, from top to bottom"),
    ("broad", "broad"): N_("{thing} over nearly all of it"),
}
# Translators: {placed} is "a dog on the left"
_NEAR = N_("{placed}, near")
# the first row whose number the share does not exceed
_ACROSS = (
    # Translators: all eighteen say where the middle of a thing is: "A dog: {these}, {these}; …"
    (0.08, N_("at the left edge")),
    (0.2, N_("near the left")),
    (0.29, N_("a quarter from the left")),
    (0.42, N_("a third from the left")),
    (0.58, N_("half way across")),
    (0.71, N_("a third from the right")),
    (0.8, N_("a quarter from the right")),
    (0.92, N_("near the right")),
    (1.0, N_("at the right edge")),
)
_DOWN = (
    (0.08, N_("at the top edge")),
    (0.2, N_("near the top")),
    (0.29, N_("a quarter from the top")),
    (0.42, N_("a third from the top")),
    (0.58, N_("half way down")),
    (0.71, N_("a third from the bottom")),
    (0.8, N_("a quarter from the bottom")),
    (0.92, N_("near the bottom")),
    (1.0, N_("at the bottom edge")),
)
_SHARES = (
    # Translators: all eight stand before "of the width" and "of the height" of the picture
    (0.14, N_("a tenth")),
    (0.22, N_("a fifth")),
    (0.29, N_("a quarter")),
    (0.42, N_("a third")),
    (0.58, N_("half")),
    (0.71, N_("two thirds")),
    (0.85, N_("three quarters")),
    (1.0, N_("nearly all")),
)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a thing is: its middle and its size, in shares (0..1) of the picture's sides."""

    across: float
    down: float
    wide: float
    high: float

    @classmethod
    def of(cls, box: Rectangle, picture: Rectangle) -> Spot:
        """Both in the same pixels; what lies outside the picture counts as at its edge."""
        width, height = max(1, picture.width), max(1, picture.height)
        return cls(
            _share((box.left + box.width / 2 - picture.left) / width),
            _share((box.top + box.height / 2 - picture.top) / height),
            _share(box.width / width),
            _share(box.height / height),
        )

    @property
    def is_near(self) -> bool:
        """Whether it most likely stands in the foreground."""
        low = self.down + self.high / 2 >= _NEAR_BOTTOM
        return low and self.wide * self.high >= _NEAR_AREA


def placed(thing: str, spot: Spot) -> str:
    """ "a dog", where it is → "a dog in the middle, near": a clause, no sentence yet."""
    column = "broad" if spot.wide >= _BROAD else _third(spot.across, _COLUMN, "left", "right")
    row = "broad" if spot.high >= _BROAD else _third(spot.down, _ROW, "top", "bottom")
    clause = _(_PLACED[column, "" if row == "middle" else row]).format(thing=thing)
    fills = column == row == "broad"  # that it is near need not be told
    return _(_NEAR).format(placed=clause) if spot.is_near and not fills else clause


def coordinates(spot: Spot) -> tuple[str, str]:
    """ "a third from the left", "near the bottom"."""
    return _word(_ACROSS, spot.across), _word(_DOWN, spot.down)


def shares(spot: Spot) -> tuple[str, str]:
    """How much of the picture's width and of its height it takes: "a third", "half"."""
    return _word(_SHARES, spot.wide), _word(_SHARES, spot.high)


def _third(share: float, bounds: tuple[float, float], low: str, high: str) -> str:
    return low if share < bounds[0] else high if share > bounds[1] else "middle"


def _word(table: Sequence[tuple[float, str]], share: float) -> str:
    return _(next((word for most, word in table if share <= most), table[-1][1]))


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
