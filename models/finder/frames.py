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

from models.finder import ground, strips
from models.finder.limits import Limits
from models.finder.region import BOTTOM, LEFT, RIGHT, TOP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.finder.ground import Colour
    from models.finder.strips import Strip

    Box = NDArray[np.float64]  # (left, top, right, bottom) in pixels

_POINTS = 48  # of a line that are looked at
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
_GAP_PART = 0.1  # of a box that lies at least on both sides of ground that runs through it
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
    return sum(each >= ground.SOLID for each in solid)


def fit(pixels: NDArray[np.uint8], box: Box) -> Fit:
    """The rectangle on plain ground that `box` is, or is part of, as far as there is one.

    `pixels` is (H, W, 3).
    """
    height, width = pixels.shape[:2]
    start = np.round(box).astype(int).clip(0, [width, height] * 2).tolist()
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

    def __init__(self, pixels: NDArray[np.uint8], start: list[int]) -> None:
        self.pixels, self.start, self.box = pixels, start, list(start)
        height, width = pixels.shape[:2]
        self.ends = (0, 0, width, height)
        self.grounds: list[Colour | None] = [None] * 4
        self._points: dict[tuple[int, int], NDArray[np.intp]] = {}
        self._seen: dict[tuple[int, ...], tuple[float, Colour | None]] = {}

    def result(self) -> Fit:
        start = np.array(self.start, np.float64)
        if self._is_nothing():
            return Fit(start, _NOTHING, _NOTHING)
        before = solid = self._all_settled()
        for _ in range(_PASSES):
            if min(solid) >= ground.SOLID:
                break
            old = list(self.box)
            colours = self._colours(solid)
            for side in range(4):
                if solid[side] < ground.SOLID:
                    self._move(side, colours)
            if self._is_nothing():
                return Fit(start, _NOTHING, before)
            if old == self.box:
                break
            solid = self._all_settled()
            if clear(solid) < _HOPEFUL:
                break
        box = np.array(self.box, np.float64)
        if min(solid) < ground.SOLID:
            return Fit(box, solid, before)
        moved = overlap(start, box) < Limits.CLOSE_IOU
        gap, corners, farther = moved and self._has_gap(), self._corners(), self._farther()
        self._drop_rim()
        return Fit(np.array(self.box, np.float64), solid, before, gap, farther, corners)

    def _is_nothing(self) -> bool:
        left, top, right, bottom = self.box
        return min(right - left, bottom - top) < _LEAST

    def _all_settled(self) -> tuple[float, ...]:
        solid = [self._settled(side) for side in range(4)]
        known = [colour for colour in self.grounds if colour is not None]
        for side in range(4):  # the screen ends, but the picture ended before
            if self.box[side] == self.ends[side] and known:
                line = self._lines(side, -1, 0)
                if line.size and ground.is_ground(line, known)[0]:
                    solid[side] = 0.0
        return tuple(solid)

    def _settled(self, side: int) -> float:
        """How much of the line inside a side differs from the strip outside, if that is plain."""
        if self.box[side] == self.ends[side]:
            self.grounds[side] = None
            return 1.0
        place = (side, self.box[side], *self._ends_of(side))
        if place not in self._seen:
            self._seen[place] = self._look(side)
        solid, self.grounds[side] = self._seen[place]
        return solid

    def _look(self, side: int) -> tuple[float, Colour | None]:
        lines = self._lines(side, -ground.BLEND, ground.BLEND + ground.STRIP)
        inside, outside = lines[..., : ground.BLEND], lines[..., ground.BLEND :]
        smooth = ground.smooth_lines(outside)
        for begin in range(min(ground.BLEND, len(smooth))):
            if ground.is_plain(outside, smooth, begin):
                first = outside[..., begin]
                return ground.difference(inside, first), ground.median(first)
        return 0.0, None

    def _colours(self, solid: tuple[float, ...]) -> list[Colour]:
        """The grounds outside the settled sides; of none, what is plain outside most sides."""
        known = [colour for colour in self.grounds if colour is not None]
        settled = [
            colour
            for colour, share in zip(self.grounds, solid, strict=True)
            if colour is not None and share >= ground.SOLID
        ]
        return settled or [
            one for one in known if sum(ground.alike(one, other) for other in known) >= _MOST
        ]

    def _move(self, side: int, colours: list[Colour], *, known_only: bool = False) -> None:
        """Put a side where the ground begins; it stays where there is none near enough.

        Other plain strips behind a clear edge will do, unless it is to be `known_only`.
        """
        sign = -1 if side in (LEFT, TOP) else 1
        inwards = self._ground_inside(side, colours)
        if inwards:
            self.box[side] -= sign * (inwards if inwards < _size(self.start, side) else 0)
            return
        room, known = self._room(side), None
        for begin in range(0, room, _CHUNK):
            lines = self._lines(
                side, begin - ground.BLEND, min(begin + _CHUNK, room) + ground.STRIP
            )
            clear_place = None if known_only else ground.clear_begin(lines)
            if clear_place is not None:
                known = begin + clear_place
                break
            if known is None:
                place = ground.begin(lines[..., ground.BLEND :], colours)
                known = None if place is None else begin + place
                if known_only and known is not None:
                    break
        if known is not None:
            self.box[side] += sign * known
        elif room == abs(self.ends[side] - self.box[side]):
            self.box[side] = self.ends[side]

    def _ground_inside(self, side: int, colours: list[Colour]) -> int:
        """How many lines inside a side are ground; as many as the box has, if all of them are."""
        inwards, seen = int(_INWARDS * _size(self.start, side)), 0
        while colours and seen < inwards:
            more = min(seen + (_CHUNK if seen else ground.STRIP), inwards)
            is_ground = ground.is_ground(self._lines(side, -more, -seen), colours)
            if not len(is_ground):
                break
            content = np.flatnonzero(~is_ground)
            if len(content):
                return seen + len(is_ground) - 1 - int(content[-1])
            seen = more
        return _size(self.start, side) if seen else 0

    def _farther(self) -> Box | None:
        """The box without the one side, if any, whose ground is not that of all others."""
        box, grounds = list(self.box), list(self.grounds)
        for side in range(4):
            colour = self.grounds[side]
            if colour is None or self.box[side] == self.ends[side]:
                continue
            others = [
                each
                for other, each in enumerate(self.grounds)
                if other != side and each is not None
            ]
            if len(others) < 2 or any(ground.alike(colour, each) for each in others):
                continue
            if all(ground.alike(others[0], each) for each in others):
                self._move(side, others[:1], known_only=True)
                settled = not self._is_nothing() and min(self._all_settled()) >= ground.SOLID
                result, self.box, self.grounds = self.box, box, grounds
                return np.array(result, np.float64) if settled and result != box else None
        return None

    def _has_gap(self) -> bool:
        """Whether a strip of the ground outside runs through the box, with something beyond."""
        colours: list[Colour] = []
        for colour in self.grounds:
            if colour is not None and not any(ground.alike(colour, each) for each in colours):
                colours.append(colour)
        if not colours:
            return False
        for side in (RIGHT, BOTTOM):
            lines = self._lines(side, -_size(self.box, side), 0)[:, ::2]
            length = lines.shape[-1]
            margin = max(ground.STRIP, int(_GAP_PART * length))
            middle = ground.is_gap(lines[..., margin : length - margin], colours)
            if len(middle) >= ground.STRIP and (
                np.lib.stride_tricks.sliding_window_view(middle, ground.STRIP).all(1).any()
            ):
                return True
        return False

    def _corners(self) -> int:
        """How many corners have something else than ground a little way inside."""
        colours = [colour for colour in self.grounds if colour is not None]
        left, top, right, bottom = self.box
        inset = max(2, round(_ROUND * min(right - left, bottom - top)))
        spots = self.pixels[
            np.ix_((top + inset, bottom - 1 - inset), (left + inset, right - 1 - inset))
        ].astype(np.int16)
        off = [np.abs(spots - colour).max(-1) > ground.SAME for colour in colours]
        return int(np.all(off, axis=0).sum()) if off else 4

    def _room(self, side: int) -> int:
        """By how much a side may move outwards."""
        most = min(_FARTHEST, max(2 * _size(self.start, side), 2 * _CHUNK))
        return min(most, abs(int(self.ends[side]) - self.box[side]))

    def _lines(self, side: int, first: int, last: int) -> Strip:
        """Lines parallel to a side, counted outwards from the first outside → (3, points, lines),
        those beyond the screen left out."""
        place = self.box[side]
        if side in (LEFT, TOP):
            across = slice(max(0, place - last), max(0, place - first))
        else:
            across = slice(max(0, place + first), max(0, place + last))
        read = strips.upright if side in (LEFT, RIGHT) else strips.level
        lines = read(self.pixels, self._along(side), across)
        return lines[..., ::-1] if side in (LEFT, TOP) else lines

    def _along(self, side: int) -> NDArray[np.intp]:
        """The points of a line along a side that are looked at."""
        ends = self._ends_of(side)
        if ends not in self._points:
            begin, end = ends
            margin = int(_CORNER * (end - begin))
            count = max(2, min(_POINTS, end - begin - 2 * margin))
            self._points[ends] = strips.spread(begin + margin, end - margin - 1, count).astype(
                np.intp
            )
        return self._points[ends]

    def _ends_of(self, side: int) -> tuple[int, int]:
        """Where a line along a side begins and ends."""
        left, top, right, bottom = self.box
        return (top, bottom) if side in (LEFT, RIGHT) else (left, right)

    def _drop_rim(self) -> None:
        """Leave out a frame or shadow: plain lines at opposite sides, sharply ended."""
        for low, high in ((LEFT, RIGHT), (TOP, BOTTOM)):
            first = self._rim(low)
            last = self._rim(high) if first else 0
            if last and abs(first - last) <= _EVEN:
                self.box[low] += first
                self.box[high] -= last

    def _rim(self, side: int) -> int:
        lines = self._lines(side, -_RIM - 2, 0)[..., ::-1]
        plain = (strips.most(lines) - strips.least(lines)).max(0) <= 2 * ground.SAME
        rim = int(np.argmin(plain))
        if plain.all() or not rim:
            return 0
        step = strips.contrast(lines[..., rim], lines[..., rim - 1])
        return rim if (step > Limits.FULL_CONTRAST / 2).mean() >= _SHARP else 0


def _size(box: list[int], side: int) -> int:
    """Of a box, across a side."""
    return box[RIGHT] - box[LEFT] if side in (LEFT, RIGHT) else box[BOTTOM] - box[TOP]
