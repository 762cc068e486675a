"""Straight edges to the pixel: where a picture ends, and where two of them meet.

Edges are upright or level, as on screens. An upright one is looked for in a strip of rows across
it (a level one in the transposed image), by the differences of neighbouring pixels:

```
    rows, at most     ░░░░░░│▓▓▓▓▓▓▓▓       difference = greatest of the three channels
    SCAN_LINES of     ░░░░░░│▓▓▓▒▒▓▓▓       strength   = mean over the rows, where FULL_CONTRAST
    the box           ░░░░░░│▓▒▓▓▓▓▓▓                    and more count as 1
                      ───────────────
    strength          0 0 0 ▇ . . . 0 .
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.finder import strips
from models.finder.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models.finder.strips import Strip


class CutCandidate(NamedTuple):
    """A line through a whole box along which two pictures may meet; `strength` in 0..1.

    An edge has begin = end; a gap between pictures lies between them.
    """

    begin: int
    end: int
    strength: float


def snap(pixels: NDArray[np.uint8], box: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Move each side of `box` (left, top, right, bottom) to the clearest edge within reach.

    `pixels` is (H, W, 3), `reach` in pixels. A side without a clear edge nearby stays where it
    is, or goes to the end of the screen when that is near.
    """
    left, top, right, bottom = box
    height, width = pixels.shape[:2]
    rows = _spread(top + (bottom - top) / 8, bottom - (bottom - top) / 8, height)
    columns = _spread(left + (right - left) / 8, right - (right - left) / 8, width)
    return np.array(
        [
            _snapped(_strip(pixels, rows, left, reach, upright=True), left, reach, width, 1),
            _snapped(_strip(pixels, columns, top, reach, upright=False), top, reach, height, 1),
            _snapped(_strip(pixels, rows, right, reach, upright=True), right, reach, width, -1),
            _snapped(
                _strip(pixels, columns, bottom, reach, upright=False), bottom, reach, height, -1
            ),
        ]
    )


def cut_candidates(
    pixels: NDArray[np.uint8],
    box: NDArray[np.float64],
    inside: NDArray[np.bool_],
    cell: int,
    *,
    upright: bool,
    margin: int,
) -> Iterator[CutCandidate]:
    """Gaps, then the strongest edges, through a whole box.

    `inside` (h, w) tells of every `cell` by `cell` pixels whether it belongs to a picture. Lines
    nearer than `margin` to the sides of the box would leave no picture there.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = (round(float(side)) for side in box)
    if upright:
        across = _spread(top + 2, bottom - 2, height)
        part = strips.upright(pixels, across, slice(left, right))
        cells = inside[across // cell][:, np.arange(left, right) // cell]
    else:
        across = _spread(left + 2, right - 2, width)
        part = strips.level(pixels, across, slice(top, bottom))
        cells = inside[np.arange(top, bottom) // cell][:, across // cell].T
    if part.shape[-1] <= 2 * margin:
        return
    first = left if upright else top
    strength = _cut_strength(part, cells)
    for found in (*_gaps(part, strength, margin), *_peaks(strength, margin)):
        yield CutCandidate(first + found.begin, first + found.end, found.strength)


def _cut_strength(values: Strip, cells: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(3, lines, L) pixels → strength (L - 1) above the usual between neighbouring columns, by the
    lines that are inside a picture there."""
    steps = _clipped(strips.contrast(values[..., 1:], values[..., :-1]))
    ours = cells[:, 1:] | cells[:, :-1]
    steps *= ours
    clear = steps.sum(0, dtype=np.int32) / Limits.FULL_CONTRAST
    strength = clear / np.maximum(np.count_nonzero(ours, axis=0), 0.3 * len(ours))
    usual = np.median(strength)  # of a picture with much texture it is high everywhere
    above: NDArray[np.float64] = ((strength - usual) / max(1 - usual, 0.25)).clip(0, 1)
    return above


def _clipped(steps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is more than the full contrast counts as that."""
    return np.minimum(steps, np.uint8(Limits.FULL_CONTRAST), out=steps)


def _gaps(values: Strip, strength: NDArray[np.float64], margin: int) -> Iterator[CutCandidate]:
    """Stretches in which every column is plain, as strong as the clearer one of their ends."""
    length = values.shape[-1]
    spans = strips.most(values) - strips.least(values)  # (3, L)
    plain: NDArray[np.bool_] = spans.max(0) <= Limits.FLAT
    for begin, end in _runs(plain):
        if begin >= margin and length - end >= margin and end - begin < length // 2:
            sharp = max(strength[begin - 1], strength[min(end, length - 1) - 1])
            yield CutCandidate(begin, end, float(max(sharp, Limits.GAP_STRENGTH)))


def _peaks(strength: NDArray[np.float64], margin: int) -> Iterator[CutCandidate]:
    """The strongest edges, strongest first; what is beside a stronger one is suppressed."""
    length, radius = len(strength) + 1, Limits.SUPPRESSION_RADIUS
    left = strength.copy()
    left[: margin - 1] = left[length - margin :] = 0
    for _ in range(Limits.EDGE_CANDIDATES):
        best = int(left.argmax())
        if left[best] < Limits.EDGE_STRENGTH:
            return
        yield CutCandidate(best + 1, best + 1, float(strength[best]))
        left[max(0, best - radius) : best + radius + 1] = 0


def ground_gap(
    pixels: NDArray[np.uint8], box: NDArray[np.float64], *, upright: bool, margin: int
) -> tuple[int, int] | None:
    """The widest strip through a whole box that looks just like what is outside it: (begin, end).

    What is left on both sides must have at least `margin` pixels. None: there is no such strip.
    """
    image = pixels if upright else pixels.swapaxes(0, 1)
    left, top, right, bottom = (round(float(side)) for side in box)
    first, last, begin, end = (left, right, top, bottom) if upright else (top, bottom, left, right)
    across = _spread(begin + 2, end - 2, image.shape[0])
    outside = [
        image[across, place].astype(np.int16)
        for place in (first - Limits.GROUND_OFFSET, last + Limits.GROUND_OFFSET - 1)
        if 0 <= place < image.shape[1]
    ]
    grounds = [each[0] for each in outside if np.ptp(each, axis=0).max() <= Limits.FLAT]
    first = max(first, 0)
    length = image[:1, first:last].shape[1]
    if not grounds or length < 2 * margin:
        return None
    alike = np.ones(length, bool)
    # few lines tell nearly every place that is none
    for few in (True, False):
        at = np.flatnonzero(alike)
        part = (
            image[across[:: Limits.SCAN_LINES // 4], first:last]
            if few
            else image[across[:, None], first + at]
        )
        least, most = part.min(0).astype(np.int16), part.max(0).astype(np.int16)
        alike[at] = np.any(
            [
                ((least >= ground - Limits.FLAT) & (most <= ground + Limits.FLAT)).all(-1)
                for ground in grounds
            ],
            axis=0,
        )
        if not alike.any():
            return None
    found = [
        (first + begin, first + end)
        for begin, end in _runs(alike)
        if begin >= margin and length - end >= margin and end - begin >= Limits.GROUND_WIDTH
    ]
    return max(found, key=lambda strip: strip[1] - strip[0], default=None)


def frame_strength(pixels: NDArray[np.uint8], box: NDArray[np.float64]) -> float:
    """How clear the edge is at the least clear side of a box, in 0..1.

    0 where one side has nothing plain outside, or is the screen's.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = (round(float(side)) for side in box)
    if min(left, top) < 1 or right > width - 1 or bottom > height - 1:
        return 0.0
    down, across = _spread(top + 3, bottom - 4, height), _spread(left + 3, right - 4, width)
    sides = (
        (pixels[down, left], pixels[down, left - 1]),
        (pixels[top, across], pixels[top - 1, across]),
        (pixels[down, right - 1], pixels[down, right]),
        (pixels[bottom - 1, across], pixels[bottom, across]),
    )
    strengths = []
    for inside, outside in sides:
        step = np.abs(inside.astype(np.int16) - outside.astype(np.int16)).max(-1)
        plain = bool(np.ptp(outside, axis=0).max() <= 2 * Limits.FLAT)
        strengths.append(float(np.minimum(step / Limits.FULL_CONTRAST, 1).mean()) * plain)
    return min(strengths)


def _spread(begin: float, end: float, size: int) -> NDArray[np.intp]:
    """At most `SCAN_LINES` places, evenly between begin and end."""
    count = int(min(max(end - begin, 1), Limits.SCAN_LINES))
    places = strips.spread(begin, end, count).round()
    return np.minimum(np.maximum(places, 0), size - 1).astype(np.intp)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(begin, end) of each stretch of true ones."""
    padded = np.zeros(len(flags) + 2, np.int8)
    padded[1:-1] = flags
    return [(begin, end) for begin, end in np.flatnonzero(np.diff(padded)).reshape(-1, 2).tolist()]


def _strip(
    pixels: NDArray[np.uint8], across: NDArray[np.intp], place: float, reach: int, *, upright: bool
) -> tuple[Strip, int]:
    """The pixels around `place` as (3, lines, places), and the first of the places."""
    size = pixels.shape[1 if upright else 0]
    first, last = max(0, round(place) - reach - 1), min(size, round(place) + reach + 1)
    read = strips.upright if upright else strips.level
    return read(pixels, across, slice(first, last)), first


def _snapped(strip: tuple[Strip, int], place: float, reach: int, size: int, inwards: int) -> float:
    """The clearest line between two neighbouring columns (or rows) near `place`.

    A picture's own edge has something plain outside: such a line counts for more, and a far one
    for less. `inwards` is 1 where the picture begins, -1 where it ends.
    """
    values, first = strip
    end = 0 if inwards > 0 else size
    _, lines, length = values.shape
    if min(lines, length) < 2:
        return float(end)
    steps = _clipped(strips.contrast(values[..., 1:], values[..., :-1]))
    strength = steps.sum(0, dtype=np.int32) / (Limits.FULL_CONTRAST * lines)
    places = first + 1 + np.arange(length - 1)
    outside = values[..., :-1] if inwards > 0 else values[..., 1:]
    along = strips.contrast(outside[:, 1:], outside[:, :-1])
    plain = np.exp(along.sum(0, dtype=np.int32) / (-4 * (lines - 1)))
    worth = strength * (0.5 + 0.5 * plain)
    worth *= np.exp(-0.5 * ((places - place) / (0.8 * reach + 1)) ** 2)
    best = int(worth.argmax())
    if strength[best] >= Limits.EDGE_STRENGTH:
        return float(places[best])
    return float(end) if abs(place - end) <= reach else place
