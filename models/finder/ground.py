"""Ground: what is plain on a screen, or a gradient, and where it begins beside a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.finder import strips

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.finder.strips import Strip

    Colour = NDArray[np.int16]

_SMOOTH = 6  # levels by which neighbours of a plain line may differ: it may be a gradient
SAME = 8  # levels by which two grounds may differ
_NEAR = 12  # … and two lines of one strip
STRIP = 3  # pixels of ground at least: less is a line
BLEND = 3  # pixels in which an edge may be blended, or drawn as a line
_QUITE = 4  # levels by which ground that runs through a box may differ from that outside …
_ALONG = 0.97  # … at this share of its length
SOLID = 0.85  # share of a side that must differ from what is outside


def is_ground(lines: Strip, colours: list[Colour]) -> NDArray[np.bool_]:
    """Which lines have the colour of some ground all along."""
    alike = np.zeros(lines.shape[-1], bool)
    if colours and lines.size:
        least, most = strips.least(lines).astype(np.int16), strips.most(lines).astype(np.int16)
        for colour in colours:
            level = colour[:, None]
            alike |= ((least >= level - SAME) & (most <= level + SAME)).all(0)
    return alike


def smooth_lines(lines: Strip) -> NDArray[np.bool_]:
    """Which lines are plain along their length, or a gradient."""
    smooth: NDArray[np.bool_] = strips.most(strips.contrast(lines[:, 1:], lines[:, :-1])) <= _SMOOTH
    return smooth


def is_plain(lines: Strip, smooth: NDArray[np.bool_], begin: int) -> bool:
    """Whether a strip of lines is ground: smooth along them, and alike across them."""
    strip = lines[..., begin : begin + STRIP]
    return bool(
        smooth[begin : begin + STRIP].all()
        and strips.contrast(strip, strip[..., :1]).max() <= _NEAR
    )


def difference(inside: Strip, ground: Strip) -> float:
    """The share of points at which some line inside differs from the ground beside it."""
    return float((strips.contrast(inside, ground[..., None]) > SAME).any(1).mean())


def median(line: Strip) -> Colour:
    """(3, points) → the middle one of each channel, rounded down."""
    ordered = np.sort(line, axis=1).astype(np.int16)
    count = ordered.shape[1]
    middle: Colour = (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) // 2
    return middle


def clear_begin(lines: Strip) -> int | None:
    """The first place from which there is a plain strip behind a clear edge, if there is one.

    Before the first place lie `BLEND` lines.
    """
    if lines.shape[-1] <= BLEND:
        return None
    ahead = lines[..., BLEND:]
    smooth = smooth_lines(ahead)
    places = _in_a_row(smooth)
    if not len(places):
        return None
    here, before = ahead[..., places], [lines[..., places + back] for back in range(BLEND)]
    most, least = here, here
    for each in before:
        most, least = np.maximum(most, each), np.minimum(least, each)
    steps = np.maximum(most - here, here - least)
    edge = np.maximum(np.maximum(steps[0], steps[1]), steps[2]) > SAME
    for place in places[strips.share(edge) >= SOLID].tolist():
        if is_plain(ahead, smooth, place):
            return int(place)
    return None


def _in_a_row(smooth: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The places from which as many lines are smooth as a strip has, or all that there are."""
    begins = smooth.copy()
    for shift in range(1, STRIP):
        begins[:-shift] &= smooth[shift:]
    return np.flatnonzero(begins)


def begin(lines: Strip, colours: list[Colour]) -> int | None:
    """The first line with the colour of some ground all along."""
    found = np.flatnonzero(is_ground(lines, colours))
    return int(found[0]) if len(found) else None


def is_gap(lines: Strip, colours: list[Colour]) -> NDArray[np.bool_]:
    """Which lines have quite the colour of some ground nearly all along."""
    gap = np.zeros(lines.shape[-1], bool)
    for colour in colours:
        gap |= strips.share(strips.within(lines, colour, _QUITE)) >= _ALONG
    return gap


def alike(one: Colour, other: Colour) -> bool:
    return bool(np.abs(one - other).max() <= SAME)
