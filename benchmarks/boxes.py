"""Rectangles in pixels of a grab: clipping, covering, overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Box:
    """Right and bottom are exclusive."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def from_edges(cls, left: float, top: float, right: float, bottom: float) -> Self:
        """Round each edge to the nearest pixel, as a renderer does."""
        x, y = round(left), round(top)
        return cls(x, y, max(0, round(right) - x), max(0, round(bottom) - y))

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height

    @property
    def area(self) -> int:
        return self.width * self.height

    def moved(self, x: int, y: int) -> Box:
        return Box(self.left + x, self.top + y, self.width, self.height)

    def clipped(self, to: Box) -> Box:
        """The part within `to`; its width or height is 0 when there is none."""
        left, top = max(self.left, to.left), max(self.top, to.top)
        right, bottom = min(self.right, to.right), min(self.bottom, to.bottom)
        return Box(left, top, max(0, right - left), max(0, bottom - top))

    def overlap(self, other: Box) -> int:
        """Pixels in common."""
        return self.clipped(other).area

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        common = self.overlap(other)
        return common / (self.area + other.area - common) if common else 0.0

    def edges(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom, as Pillow's `crop` wants them."""
        return self.left, self.top, self.right, self.bottom


def uncovered(box: Box, covers: Iterable[Box], tolerated: float = 0.15) -> Box | None:
    """What is seen of `box` under things that lie upon it.

    A cover that spans a whole side cuts like a window's edge. Others leave the box as it is;
    None when they hide more than the tolerated share of it: that is a picture no more.
    """
    hidden = 0
    seen = box
    for cover in covers:
        part = cover.clipped(seen)
        if not part.area:
            continue
        cut = _cut(seen, part)
        if cut is None:
            hidden += part.area
        else:
            seen = cut
    if not seen.area or hidden > tolerated * seen.area:
        return None
    return seen


def _cut(box: Box, part: Box) -> Box | None:
    if part.width == box.width and part.top == box.top:
        return Box(box.left, part.bottom, box.width, box.bottom - part.bottom)
    if part.width == box.width and part.bottom == box.bottom:
        return Box(box.left, box.top, box.width, part.top - box.top)
    if part.height == box.height and part.left == box.left:
        return Box(part.right, box.top, box.right - part.right, box.height)
    if part.height == box.height and part.right == box.right:
        return Box(box.left, box.top, part.left - box.left, box.height)
    return None


def remaining(whole: Box, windows: Sequence[Box]) -> list[Box]:
    """Disjoint rectangles that make up `whole` without the windows upon it."""
    rest = [whole]
    for window in windows:
        rest = [piece for each in rest for piece in _without(each, window.clipped(each))]
    return rest


def _without(box: Box, hole: Box) -> list[Box]:
    if not hole.area:
        return [box]
    pieces = (
        Box(box.left, box.top, box.width, hole.top - box.top),
        Box(box.left, hole.bottom, box.width, box.bottom - hole.bottom),
        Box(box.left, hole.top, hole.left - box.left, hole.height),
        Box(hole.right, hole.top, box.right - hole.right, hole.height),
    )
    return [piece for piece in pieces if piece.area]
