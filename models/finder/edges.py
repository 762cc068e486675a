"""Straight edges to the pixel: where a picture ends, and where two of them meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_LINES = 64  # rows or columns that are looked at across a side
_STEP = 32.0  # a difference of so many levels is as clear as an edge can be
_CLEAR = 0.2  # strength from which an edge counts at all
_FLAT = 4  # levels by which the pixels of a gap between two pictures may differ
_BESIDE = 3  # pixels from a side to the ground outside
_NARROWEST = 3  # pixels of a strip of ground
_CANDIDATES = 4  # lines a region that are worth a closer look


def settle(
    pixels: NDArray[np.uint8], box: NDArray[np.float64], reach: int
) -> NDArray[np.float64]:
    """Move each side of `box` (left, top, right, bottom) to the clearest edge within reach.

    `pixels` is (H, W, 3), `reach` in pixels. A side without a clear edge nearby stays where it
    is, or goes to the end of the screen when that is near.
    """
    left, top, right, bottom = box
    height, width = pixels.shape[:2]
    rows = _spread(top + (bottom - top) / 8, bottom - (bottom - top) / 8, height)
    columns = _spread(left + (right - left) / 8, right - (right - left) / 8, width)
    return np.array([
        _edge(_strip(pixels, rows, left, reach, upright=True), left, reach, width, 1),
        _edge(_strip(pixels, columns, top, reach, upright=False), top, reach, height, 1),
        _edge(_strip(pixels, rows, right, reach, upright=True), right, reach, width, -1),
        _edge(_strip(pixels, columns, bottom, reach, upright=False), bottom, reach, height, -1),
    ])


def lines(
    pixels: NDArray[np.uint8], box: NDArray[np.float64], inside: NDArray[np.bool_], cell: int,
    *, upright: bool, margin: int,
) -> Iterator[tuple[int, int, float]]:
    """Lines through a whole box along which two pictures may meet: (begin, end, clearness).

    An edge has begin = end; a gap between pictures lies between them. `inside` (h, w) tells of
    every `cell` by `cell` pixels whether it belongs to a picture; clearness is in 0..1. Lines
    nearer than `margin` to the sides of the box would leave no picture there.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = (round(float(side)) for side in box)
    if upright:
        across = _spread(top + 2, bottom - 2, height)
        part = pixels[across, left:right]
        cells = inside[across // cell][:, np.arange(left, right) // cell]
    else:
        across = _spread(left + 2, right - 2, width)
        part = pixels[top:bottom, across].swapaxes(0, 1)
        cells = inside[np.arange(top, bottom) // cell][:, across // cell].T
    first = left if upright else top
    length = part.shape[1]
    if length <= 2 * margin:
        return
    values = part.astype(np.int16)
    steps = np.minimum(np.abs(np.diff(values, axis=1)).max(-1) / _STEP, 1)  # (lines, length - 1)
    ours = cells[:, 1:] | cells[:, :-1]
    clear = (steps * ours).sum(0) / np.maximum(ours.sum(0), 0.3 * len(ours))
    usual = np.median(clear)  # of a picture with much texture it is high everywhere
    clear = ((clear - usual) / max(1 - usual, 0.25)).clip(0, 1)
    flat = np.zeros(length + 2, np.int8)
    flat[1:-1] = (np.ptp(values, axis=0) <= _FLAT).all(-1)
    changes = np.flatnonzero(np.diff(flat))
    for begin, end in changes.reshape(-1, 2).tolist():
        if begin >= margin and length - end >= margin and end - begin < length // 2:
            sharp = max(clear[begin - 1], clear[min(end, length - 1) - 1])
            yield first + begin, first + end, float(max(sharp, 0.5))
    free = clear.copy()
    free[: margin - 1] = free[length - margin :] = 0
    for _ in range(_CANDIDATES):
        best = int(free.argmax())
        if free[best] < _CLEAR:
            return
        yield first + best + 1, first + best + 1, float(clear[best])
        free[max(0, best - 3) : best + 4] = 0


def strip_of_ground(
    pixels: NDArray[np.uint8], box: NDArray[np.float64], *, upright: bool, margin: int
) -> tuple[int, int] | None:
    """The widest strip through a whole box that looks just like what is outside it: (begin, end).

    What is left on both sides must have at least `margin` pixels. None: there is no such strip.
    """
    turned = pixels if upright else pixels.swapaxes(0, 1)
    left, top, right, bottom = (round(float(side)) for side in box)
    first, last, begin, end = ((left, right, top, bottom) if upright else
                               (top, bottom, left, right))
    across = _spread(begin + 2, end - 2, turned.shape[0])
    around = [turned[across, place].astype(np.int16) for place in (first - _BESIDE,
                                                                   last + _BESIDE - 1)
              if 0 <= place < turned.shape[1]]
    grounds = [each[0] for each in around if np.ptp(each, axis=0).max() <= _FLAT]
    first = max(first, 0)
    length = turned[:1, first:last].shape[1]
    if not grounds or length < 2 * margin:
        return None
    alike = np.ones(length, bool)
    for some in (across[:: _LINES // 4], across):  # few lines tell nearly every place that is none
        at = np.flatnonzero(alike)
        part = turned[some[:, None], first + at]
        alike[at] = np.any([(np.abs(part - ground).max(-1) <= _FLAT).all(0)
                            for ground in grounds], axis=0)
    flat = np.zeros(length + 2, np.int8)
    flat[1:-1] = alike
    best: tuple[int, int] | None = None
    for begin, end in np.flatnonzero(np.diff(flat)).reshape(-1, 2).tolist():
        if (begin >= margin and length - end >= margin
                and end - begin >= max(_NARROWEST, best[1] - best[0] + 1 if best else 0)):
            best = begin, end
    return None if best is None else (first + best[0], first + best[1])


def framed(pixels: NDArray[np.uint8], box: NDArray[np.float64]) -> float:
    """How clear the edge is at the least clear side of a box, in 0..1.

    0 where one side has nothing plain outside, or is the screen's.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = (round(float(side)) for side in box)
    if min(left, top) < 1 or right > width - 1 or bottom > height - 1:
        return 0.0
    down, across = _spread(top + 3, bottom - 4, height), _spread(left + 3, right - 4, width)
    sides = ((pixels[down, left], pixels[down, left - 1]),
             (pixels[top, across], pixels[top - 1, across]),
             (pixels[down, right - 1], pixels[down, right]),
             (pixels[bottom - 1, across], pixels[bottom, across]))
    clear = []
    for inside, outside in sides:
        step = np.abs(inside.astype(np.int16) - outside.astype(np.int16)).max(-1) / _STEP
        plain = bool(np.ptp(outside, axis=0).max() <= 2 * _FLAT)
        clear.append(float(np.minimum(step, 1).mean()) * plain)
    return min(clear)


def _spread(begin: float, end: float, size: int) -> NDArray[np.intp]:
    """At most `_LINES` places, evenly between begin and end."""
    count = int(np.clip(end - begin, 1, _LINES))
    return np.linspace(begin, end, count).round().clip(0, size - 1).astype(np.intp)


def _strip(
    pixels: NDArray[np.uint8], across: NDArray[np.intp], place: float, reach: int, *, upright: bool
) -> tuple[NDArray[np.int16], int]:
    """The pixels around `place` as (lines, places, 3), and the first of the places."""
    size = pixels.shape[1 if upright else 0]
    first, last = max(0, round(place) - reach - 1), min(size, round(place) + reach + 1)
    if upright:
        return pixels[across, first:last].astype(np.int16), first
    return pixels[first:last, across].astype(np.int16).swapaxes(0, 1), first


def _edge(
    strip: tuple[NDArray[np.int16], int], place: float, reach: int, size: int, inwards: int
) -> float:
    """The clearest line between two neighbouring columns (or rows) near `place`.

    A picture's own edge has something plain outside: such a line counts for more.
    """
    values, first = strip
    end = 0 if inwards > 0 else size
    if min(values.shape[:2]) < 2:
        return float(end)
    steps = np.abs(np.diff(values, axis=1)).max(-1)  # (lines, places - 1)
    strength = np.minimum(steps / _STEP, 1).mean(0)
    places = first + 1 + np.arange(len(strength))
    rough = np.abs(np.diff(values, axis=0)).max(-1).mean(0)  # along each column
    outside = rough[:-1] if inwards > 0 else rough[1:]
    plain = np.exp(-outside / 4)
    worth = strength * (0.5 + 0.5 * plain)
    worth = worth * np.exp(-0.5 * ((places - place) / (0.8 * reach + 1)) ** 2)
    best = int(worth.argmax())
    if strength[best] >= _CLEAR:
        return float(places[best])
    return float(end) if abs(place - end) <= reach else place
