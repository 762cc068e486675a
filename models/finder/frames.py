"""The rectangle that a picture fills on plain ground, however little of it the network was sure of.

A cover has lettering and flat parts that the network takes for interface; a thumbnail has lines
that look like borders. But what lies around a picture on a screen is mostly plain. So a side that
is not settled moves inwards while its line is ground, and outwards until it is:

```
    ground ground ground            settled: all of the line outside has one colour,
    ┌────────────────┐                       nearly all of the line inside another one
    │ LETTERS   │    │  ┄┄ found so far; its upper and right sides go on outwards, to the
    │┄┄┄┄┄┄┄┄┄┄┄│    │     colour that lies outside the others
    │ ▒▒▒▒▒▒▒▒▒▒│ ▒▒ │
    └────────────────┘
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.finder.limits import Limits
from models.finder.region import BOTTOM, LEFT, RIGHT, TOP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Box = NDArray[np.float64]  # (left, top, right, bottom) in pixels
    Colour = NDArray[np.int16]

_POINTS = 48  # of a line that are looked at
_SMOOTH = 6  # levels by which neighbours of a plain line may differ: it may be a gradient
_SAME = 8  # levels by which two grounds may differ
_NEAR = 12  # … and two lines of one strip
_STRIP = 3  # pixels of ground at least: less is a line
_BLEND = 3  # pixels in which an edge may be blended, or drawn as a line
_MOST = 3  # sides with one ground
_HOPEFUL = 2  # sides that must be clear after the first pass
_PASSES = 3  # each side was moved while the others were elsewhere
_INWARDS = 0.45  # of a box, by which a side may move in
_FARTHEST = 480  # pixels by which a side may move out …
_CHUNK = 48  # … looked at so many at a time
_CORNER = 0.08  # of a side; pictures are rounded there
_ROUND = 0.05  # of the shorter side, from a corner: pictures have small ones
_RIM = 16  # pixels of frame or shadow at most …
_EVEN = 3  # … by which those of opposite sides may differ
_SHARP = 0.6  # share of a side at which a rim ends
_QUITE = 4  # levels by which ground that runs through a box may differ from that outside …
_ALONG = 0.97  # … at this share of its length
_GAP_PART = 0.1  # of a box that lies at least on both sides of ground that runs through it
SOLID = 0.85  # share of a side that must differ from what is outside
_LEAST = 8  # pixels; less is no box

_NOTHING = (0.0, 0.0, 0.0, 0.0)


class Fit(NamedTuple):
    """`box` has whole pixels. `solid` has for each side the share that differs from the ground
    outside, in 0..1: 1 at the screen's end, 0 where there is no ground. `before` is the same of
    the box that was given. `farther` is a box that goes on where one side has another ground than
    the others, if there is one; `gap` whether ground runs through a box that was moved,
    `corners` how many of its corners are filled: of an icon they are round."""

    box: Box
    solid: tuple[float, ...]
    before: tuple[float, ...]
    gap: bool = False
    farther: Box | None = None

    corners: int = 0

    @property
    def framed(self) -> int:
        """How many sides are clear."""
        return clear(self.solid)


def clear(solid: tuple[float, ...]) -> int:
    """How many sides differ enough from what is outside."""
    return sum(each >= SOLID for each in solid)


def fit(pixels: NDArray[np.uint8], box: Box) -> Fit:
    """The rectangle on plain ground that `box` is, or is part of, as far as there is one.

    `pixels` is (H, W, 3).
    """
    height, width = pixels.shape[:2]
    start = np.round(box).astype(int).clip(0, [width, height] * 2)
    return _Fitting(pixels, start).result()


def area(box: Box) -> float:
    """In pixels."""
    return float((box[RIGHT] - box[LEFT]) * (box[BOTTOM] - box[TOP]))


def shared(one: Box, other: Box) -> float:
    """The pixels that lie in both boxes."""
    across = min(one[RIGHT], other[RIGHT]) - max(one[LEFT], other[LEFT])
    down = min(one[BOTTOM], other[BOTTOM]) - max(one[TOP], other[TOP])
    return float(max(0.0, across) * max(0.0, down))


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, in 0..1."""
    common = shared(one, other)
    return common / max(area(one) + area(other) - common, 1e-9)


class _Fitting:
    """One box on its way; sides are counted as in `region`."""

    def __init__(self, pixels: NDArray[np.uint8], start: NDArray[np.int64]) -> None:
        self.pixels, self.start, self.box = pixels, start, start.copy()
        height, width = pixels.shape[:2]
        self.ends = (0, 0, width, height)
        self.grounds: list[Colour | None] = [None] * 4

    def result(self) -> Fit:
        if self._is_nothing():
            return Fit(self.start.astype(np.float64), _NOTHING, _NOTHING)
        before = solid = self._all_settled()
        for _ in range(_PASSES):
            if min(solid) >= SOLID:
                break
            old = self.box.copy()
            colours = self._colours(solid)
            for side in range(4):
                if solid[side] < SOLID:
                    self._move(side, colours)
            if self._is_nothing():
                return Fit(self.start.astype(np.float64), _NOTHING, before)
            if (old == self.box).all():
                break
            solid = self._all_settled()
            if clear(solid) < _HOPEFUL:
                break
        if min(solid) < SOLID:
            return Fit(self.box.astype(np.float64), solid, before)
        start = self.start.astype(np.float64)
        moved = overlap(start, self.box.astype(np.float64)) < Limits.CLOSE_IOU
        gap, corners, farther = moved and self._has_gap(), self._corners(), self._farther()
        self._drop_rim()
        return Fit(self.box.astype(np.float64), solid, before, gap, farther, corners)

    def _is_nothing(self) -> bool:
        box = self.box
        return bool(min(box[RIGHT] - box[LEFT], box[BOTTOM] - box[TOP]) < _LEAST)

    def _all_settled(self) -> tuple[float, ...]:
        solid = [self._settled(side) for side in range(4)]
        known = [ground for ground in self.grounds if ground is not None]
        for side in range(4):  # the screen ends, but the picture ended before
            if self.box[side] == self.ends[side] and known:
                line = self._lines(side, -1, 0)
                if line.size and _is_ground(line, known)[0]:
                    solid[side] = 0.0
        return tuple(solid)

    def _settled(self, side: int) -> float:
        """How much of the line inside a side differs from the strip outside, if that is plain."""
        self.grounds[side] = None
        if self.box[side] == self.ends[side]:
            return 1.0
        lines = self._lines(side, -_BLEND, _BLEND + _STRIP)
        inside, outside = lines[:, :_BLEND], lines[:, _BLEND:]
        for begin in range(_BLEND):
            strip = outside[:, begin : begin + _STRIP]
            if strip.shape[1] and _is_plain(strip):
                self.grounds[side] = np.median(strip[:, 0], axis=0).astype(np.int16)
                return _difference(inside, strip[:, 0])
        return 0.0

    def _colours(self, solid: tuple[float, ...]) -> list[Colour]:
        """The grounds outside the settled sides; of none, what is plain outside most sides."""
        known = [ground for ground in self.grounds if ground is not None]
        settled = [
            ground
            for ground, share in zip(self.grounds, solid, strict=True)
            if ground is not None and share >= SOLID
        ]
        return settled or [
            one for one in known if sum(_alike(one, other) for other in known) >= _MOST
        ]

    def _move(self, side: int, colours: list[Colour], *, known_only: bool = False) -> None:
        """Put a side where the ground begins; it stays where there is none near enough.

        Other plain strips behind a clear edge will do, unless it is to be `known_only`.
        """
        low, high = (LEFT, RIGHT) if side in (LEFT, RIGHT) else (TOP, BOTTOM)
        sign = -1 if side == low else 1
        inwards = int(_INWARDS * (self.start[high] - self.start[low]))
        lines = self._lines(side, -inwards, 0)
        is_ground = _is_ground(lines, colours)
        if len(is_ground) and is_ground[-1]:
            content = np.flatnonzero(~is_ground)
            if len(content):
                self.box[side] -= sign * (len(is_ground) - 1 - content[-1])
            return
        room, known = self._room(side), None
        for begin in range(0, room, _CHUNK):
            lines = self._lines(side, begin - _BLEND, min(begin + _CHUNK, room) + _STRIP)
            clear_place, ground_place = _ground_begins(lines, colours)
            if clear_place is not None and not known_only:
                known = begin + clear_place
                break
            if known is None and ground_place is not None:
                known = begin + ground_place
                if known_only:
                    break
        if known is not None:
            self.box[side] += sign * known
        elif room == abs(self.ends[side] - self.box[side]):
            self.box[side] = self.ends[side]

    def _farther(self) -> Box | None:
        """The box without the one side, if any, whose ground is not that of all others."""
        box, grounds = self.box.copy(), list(self.grounds)
        for side in range(4):
            ground = self.grounds[side]
            if ground is None or self.box[side] == self.ends[side]:
                continue
            others = [
                each
                for other, each in enumerate(self.grounds)
                if other != side and each is not None
            ]
            if len(others) < 2 or any(_alike(ground, each) for each in others):
                continue
            if all(_alike(others[0], each) for each in others):
                self._move(side, others[:1], known_only=True)
                settled = not self._is_nothing() and min(self._all_settled()) >= SOLID
                result = self.box.astype(np.float64)
                self.box, self.grounds = box, grounds
                return result if settled and (result != box).any() else None
        return None

    def _has_gap(self) -> bool:
        """Whether a strip of the ground outside runs through the box, with something beyond."""
        colours: list[Colour] = []
        for ground in self.grounds:
            if ground is not None and not any(_alike(ground, each) for each in colours):
                colours.append(ground)
        if not colours:
            return False
        for side in (RIGHT, BOTTOM):
            lines = self._lines(side, -int(self.box[side] - self.box[side - 2]), 0)[::2]
            length = lines.shape[1]
            margin = max(_STRIP, int(_GAP_PART * length))
            middle = _is_gap(lines, colours)[margin : length - margin]
            if len(middle) >= _STRIP and (
                np.lib.stride_tricks.sliding_window_view(middle, _STRIP).all(1).any()
            ):
                return True
        return False

    def _corners(self) -> int:
        """How many corners have something else than ground a little way inside."""
        colours = [ground for ground in self.grounds if ground is not None]
        left, top, right, bottom = self.box
        inset = max(2, round(_ROUND * min(right - left, bottom - top)))
        spots = self.pixels[
            np.ix_((top + inset, bottom - 1 - inset), (left + inset, right - 1 - inset))
        ].astype(np.int16)
        off = [_greatest(spots - colour) > _SAME for colour in colours]
        return int(np.all(off, axis=0).sum()) if off else 4

    def _room(self, side: int) -> int:
        """By how much a side may move outwards."""
        low, high = (LEFT, RIGHT) if side in (LEFT, RIGHT) else (TOP, BOTTOM)
        most = min(_FARTHEST, max(2 * (self.start[high] - self.start[low]), 2 * _CHUNK))
        return int(min(most, abs(self.ends[side] - self.box[side])))

    def _lines(self, side: int, first: int, last: int) -> NDArray[np.int16]:
        """Lines parallel to a side, counted outwards from the first outside → (points, lines, 3),
        those beyond the screen left out."""
        box, upright = self.box, side in (LEFT, RIGHT)
        begin, end = (box[TOP], box[BOTTOM]) if upright else (box[LEFT], box[RIGHT])
        margin = int(_CORNER * (end - begin))
        count = max(2, int(min(_POINTS, end - begin - 2 * margin)))
        along = np.linspace(begin + margin, end - margin - 1, count).astype(np.intp)
        place = int(box[side])
        if side in (LEFT, TOP):
            across = slice(max(0, place - last), max(0, place - first))
        else:
            across = slice(max(0, place + first), max(0, place + last))
        if upright:
            lines = self.pixels[along, across].astype(np.int16)
        else:
            lines = self.pixels[across, along].swapaxes(0, 1).astype(np.int16)
        return lines[:, ::-1] if side in (LEFT, TOP) else lines

    def _drop_rim(self) -> None:
        """Leave out a frame or shadow: plain lines at opposite sides, sharply ended."""
        for low, high in ((LEFT, RIGHT), (TOP, BOTTOM)):
            first = self._rim(low)
            last = self._rim(high) if first else 0
            if last and abs(first - last) <= _EVEN:
                self.box[low] += first
                self.box[high] -= last

    def _rim(self, side: int) -> int:
        lines = self._lines(side, -_RIM - 2, 0)[:, ::-1]
        plain = _greatest(lines.max(0) - lines.min(0)) <= 2 * _SAME
        rim = int(np.argmin(plain))
        if plain.all() or not rim:
            return 0
        step = _greatest(lines[:, rim] - lines[:, rim - 1])
        return rim if (step > Limits.FULL_CONTRAST / 2).mean() >= _SHARP else 0


def _is_ground(lines: NDArray[np.int16], colours: list[Colour]) -> NDArray[np.bool_]:
    if not colours or not lines.size:
        return np.zeros(lines.shape[1], bool)
    alike: NDArray[np.bool_] = np.any(
        [(_greatest(lines - colour) <= _SAME).all(0) for colour in colours], axis=0
    )
    return alike


def _greatest(differences: NDArray[np.int16]) -> NDArray[np.int16]:
    """(…, 3) → (…): the absolute one of the three channels (a reduction over three is slow)."""
    each = np.abs(differences)
    greatest: NDArray[np.int16] = np.maximum(np.maximum(each[..., 0], each[..., 1]), each[..., 2])
    return greatest


def _is_plain(strip: NDArray[np.int16]) -> bool:
    """Whether (points, lines, 3) is ground: smooth along the lines, and alike across them."""
    return bool(
        np.abs(strip[1:] - strip[:-1]).max() <= _SMOOTH
        and np.abs(strip - strip[:, :1]).max() <= _NEAR
    )


def _difference(inside: NDArray[np.int16], ground: NDArray[np.int16]) -> float:
    """The share of points at which some line inside differs from the ground beside it."""
    return float((_greatest(inside - ground[:, None]) > _SAME).any(1).mean())


def _ground_begins(
    lines: NDArray[np.int16], colours: list[Colour]
) -> tuple[int | None, int | None]:
    """The first places from which there is a plain strip behind a clear edge, and ground of a
    known colour. Before the first place lie `_BLEND` lines."""
    count = lines.shape[1] - _BLEND
    if count < 1:
        return None, None
    ahead = lines[:, _BLEND:]
    is_ground = _is_ground(ahead, colours)
    begins = None
    plain = _greatest(ahead[1:] - ahead[:-1]).max(0) <= _SMOOTH
    if plain.any():
        clear_edge = _greatest(ahead - lines[:, _BLEND - 1 : _BLEND - 1 + count]) > _SAME
        for back in range(2, _BLEND + 1):
            step = _greatest(ahead - lines[:, _BLEND - back : _BLEND - back + count])
            clear_edge |= step > _SAME
        plain &= clear_edge.mean(0) >= SOLID
    for place in np.flatnonzero(plain):
        if _is_plain(ahead[:, place : place + _STRIP]):
            begins = int(place)
            break
    ground = np.flatnonzero(is_ground)
    return begins, int(ground[0]) if len(ground) else None


def _is_gap(lines: NDArray[np.int16], colours: list[Colour]) -> NDArray[np.bool_]:
    """Which lines have quite the colour of some ground nearly all along."""
    shares = [(_greatest(lines - colour) <= _QUITE).mean(0) for colour in colours]
    gap: NDArray[np.bool_] = np.max(shares, axis=0) >= _ALONG
    return gap


def _alike(one: Colour, other: Colour) -> bool:
    return bool(np.abs(one - other).max() <= _SAME)
