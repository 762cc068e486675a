"""From a box that is about right to one that is: its sides settle on the edges nearby."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LINES = 48  # rows or columns that are looked at across a side
_STEP = 40.0  # a difference of so many levels is as clear as an edge can be
_CLEAR = 0.22  # strength from which an edge counts at all


def settle(
    pixels: NDArray[np.uint8], box: NDArray[np.float64], reach: int | None = None
) -> NDArray[np.float64]:
    """Move each side of `box` (left, top, right, bottom) to the clearest edge within reach.

    `pixels` is (H, W, 3). `reach` in pixels is by default a twentieth of the picture's size,
    at least 4 and at most 24. A side without a clear edge nearby stays where it is.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = box
    across, down = right - left, bottom - top
    rows = _spread(top + down / 10, bottom - down / 10, height)
    columns = _spread(left + across / 10, right - across / 10, width)
    far = [reach or int(np.clip(size / 20, 4, 24)) for size in (across, down)]
    return np.array([
        _edge(pixels, rows, left, far[0], width, upright=True),
        _edge(pixels, columns, top, far[1], height, upright=False),
        _edge(pixels, rows, right, far[0], width, upright=True),
        _edge(pixels, columns, bottom, far[1], height, upright=False),
    ])


def _spread(begin: float, end: float, size: int) -> NDArray[np.intp]:
    """At most `_LINES` places, evenly between begin and end."""
    count = int(np.clip(end - begin, 1, _LINES))
    return np.linspace(begin, end, count).round().clip(0, size - 1).astype(np.intp)


def _edge(
    pixels: NDArray[np.uint8], lines: NDArray[np.intp], place: float, reach: int, size: int,
    *, upright: bool,
) -> float:
    """The clearest line between two neighbouring columns (or rows) near `place`."""
    middle = round(place)
    first, last = max(1, middle - reach), min(size - 1, middle + reach)
    if first > last:  # the side is the screen's own
        return float(min(max(place, 0), size))
    if upright:
        strip = pixels[lines, first - 1 : last + 1].astype(np.int16)  # (lines, places + 1, 3)
    else:
        strip = pixels[first - 1 : last + 1, lines].astype(np.int16).swapaxes(0, 1)
    steps = np.abs(np.diff(strip, axis=1)).max(-1)  # (lines, places)
    strength = np.minimum(steps / _STEP, 1).mean(0)
    places = np.arange(first, last + 1)
    # far from where the votes put it, an edge must be clearer
    preferred = strength * np.exp(-0.5 * ((places - place) / (0.6 * reach + 1)) ** 2)
    best = int(preferred.argmax())
    ends = 0 if middle - reach < 1 else size if middle + reach > size - 1 else None
    if strength[best] < _CLEAR:
        return float(ends) if ends is not None and abs(place - ends) <= reach / 2 else place
    return float(places[best])
