"""From an object's place in its window to its place in a picture of that window.

Under Wayland a program knows no more than the former. The picture may have a shadow and a title
bar that the window does not know of, or lack the shadow that the program draws itself, and may
have more pixels than the window has units. Pure arithmetic; the reasons are in ADR 0038.
"""

from __future__ import annotations

from dataclasses import dataclass

from describer_daemon.core.ports import Rectangle

_SCALES = (1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0, 4.0)  # what desktops offer
_LARGEST_MARGIN = 0.3  # of the picture's side: with more of it this is another window
_EXACT = 2  # pixels that rounding may cost


@dataclass(frozen=True, slots=True)
class InWindow:
    """A focused object and the window around it, both in the window's own units."""

    box: Rectangle
    frame: Rectangle


def in_picture(focused: InWindow, size: tuple[int, int]) -> Rectangle | None:
    """Where the object is in a picture of `size` (width, height) pixels; None: nobody knows."""
    frame = focused.frame
    if frame.width <= 0 or frame.height <= 0:
        return None
    scale = _scale(frame, size)
    spare_x, spare_y = size[0] - frame.width * scale, size[1] - frame.height * scale
    if abs(spare_x) > _LARGEST_MARGIN * size[0] or abs(spare_y) > _LARGEST_MARGIN * size[1]:
        return None
    left = spare_x / 2
    # What is more, or is missing more, above and below than at the sides is a title bar.
    titled = abs(spare_y) > abs(spare_x) and spare_x * spare_y >= 0
    top = spare_y - spare_x / 2 if titled else spare_y / 2
    box = focused.box
    return Rectangle(
        round((box.left - frame.left) * scale + left),
        round((box.top - frame.top) * scale + top),
        round(box.width * scale),
        round(box.height * scale),
    )


def _scale(frame: Rectangle, size: tuple[int, int]) -> float:
    """Pixels a unit: the one that fits exactly, else the one whose margins are the likeliest."""
    exact = size[0] / frame.width
    if abs(frame.height * exact - size[1]) <= _EXACT:
        return exact

    def unlikelihood(scale: float) -> float:
        spare_x, spare_y = size[0] - frame.width * scale, size[1] - frame.height * scale
        # a shadow is as wide on all sides: unequal margins tell of another scale
        return abs(spare_x) + abs(spare_y) + 4 * abs(spare_x - spare_y)

    return min(_SCALES, key=unlikelihood)


def size_of(data: bytes) -> tuple[int, int] | None:
    """(width, height) of a PNG or a PPM, read out of its head alone; None for another file."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    if data[:2] == b"P6":
        head = data[:64].split(None, 3)
        if len(head) == 4 and head[1].isdigit() and head[2].isdigit():
            return int(head[1]), int(head[2])
    return None
