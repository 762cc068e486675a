"""Strips of a screen, channel by channel, so that many lines are compared in few steps.

A strip is (3, points, lines) of uint8: what stands at some points of neighbouring lines, which run
along a side of a box. Nothing here needs more than eight bits, and reductions go by halves: both
are several times as fast as the plain way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Strip = NDArray[np.uint8]

_MOST_COUNTED = 255  # points of which flags can be counted in eight bits


def upright(pixels: NDArray[np.uint8], points: NDArray[np.intp], lines: slice) -> Strip:
    """The columns `lines` of (H, W, 3) pixels at the rows `points`."""
    return np.ascontiguousarray(pixels[points, lines].transpose(2, 0, 1))


def level(pixels: NDArray[np.uint8], points: NDArray[np.intp], lines: slice) -> Strip:
    """The rows `lines` of (H, W, 3) pixels at the columns `points`."""
    return np.ascontiguousarray(pixels[lines].take(points, axis=1).transpose(2, 1, 0))


def spread(begin: float, end: float, count: int) -> NDArray[np.float64]:
    """`numpy.linspace`, at a fraction of its time for a few places."""
    step = (end - begin) / max(count - 1, 1)
    places = np.arange(count, dtype=np.float64) * step + begin
    if count > 1:
        places[-1] = end
    return places


def contrast(one: Strip, other: Strip) -> NDArray[np.uint8]:
    """(3, …) and (3, …) → (…): by how many levels they differ in the channel where it is most."""
    each = np.maximum(one, other)
    each -= np.minimum(one, other)
    greatest: NDArray[np.uint8] = np.maximum(np.maximum(each[0], each[1]), each[2])
    return greatest


def within(strip: Strip, colour: NDArray[np.int16], levels: int) -> NDArray[np.bool_]:
    """(3, points, lines) → (points, lines): what differs from a colour by no more than `levels`."""
    low, high = (colour - levels).clip(0, 255), (colour + levels).clip(0, 255)
    above = strip - low.astype(np.uint8)[:, None, None]  # what is below wraps to a large number
    near = above <= (high - low).astype(np.uint8)[:, None, None]
    alike: NDArray[np.bool_] = near[0] & near[1] & near[2]
    return alike


def most(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(…, points, lines) → (…, lines): the greatest of each line."""
    while values.shape[-2] > 1:
        half = (values.shape[-2] + 1) // 2
        values = np.maximum(values[..., :half, :], values[..., -half:, :])
    return values[..., 0, :]


def least(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(…, points, lines) → (…, lines): the smallest of each line."""
    while values.shape[-2] > 1:
        half = (values.shape[-2] + 1) // 2
        values = np.minimum(values[..., :half, :], values[..., -half:, :])
    return values[..., 0, :]


def share(flags: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(points, lines) → (lines): the share of each line that is true, in 0..1."""
    points = flags.shape[0]
    counts: NDArray[np.integer] = flags.view(np.uint8)
    if points > _MOST_COUNTED:
        counts = flags.sum(0, keepdims=True)
    while counts.shape[0] > 1:
        half, odd = divmod(counts.shape[0], 2)
        sums = counts[:half] + counts[half : 2 * half]
        if odd:
            sums[0] += counts[-1]
        counts = sums
    shares: NDArray[np.float64] = counts[0] / points
    return shares
