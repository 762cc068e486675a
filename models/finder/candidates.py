"""From regions of cells to the places of pictures: rectangles on plain ground, each once.

A region may be a part of its picture, or have something beside it. Where plain ground lies around,
`frames.fit` tells all of it. What the cells are too unsure of to make a region at all is looked at
in the same way, and kept if it is a whole rectangle and looks like a picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.finder import frames, rounds
from models.finder.components import components
from models.finder.limits import Limits
from models.finder.region import BOTTOM, LEFT, RIGHT, TOP, Region, Wallpaper
from models.finder.regions import CELL, DRAWING, PHOTOGRAPH, median_claims
from models.finder.surfaces import Surface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Box = NDArray[np.float64]  # (left, top, right, bottom) in pixels


class Cells(NamedTuple):
    """What the network says: see `regions.pictures`; `size` is a cell's side in pixels."""

    kinds: NDArray[np.float32]
    reach: NDArray[np.float32]
    size: int


class Candidate(NamedTuple):
    """`box` in whole pixels; `framed` is how many of its sides are clear, to plain ground or at
    the screen's end; `ends` how many are at that end; `open` is what lies open of a wallpaper."""

    box: Box
    framed: int
    ends: int
    score: float
    photograph: bool
    open: Box | None = None

    @property
    def whole(self) -> bool:
        """Whether it is set apart from all that is around it."""
        return self.framed == 4


def candidates(
    pixels: NDArray[np.uint8], regions: Sequence[Region], cells: Cells, limits: Limits
) -> list[Candidate]:
    """→ the places of pictures, each once, in the order of `regions`; then doubtful ones.

    The boxes of `regions` are in `pixels`, (H, W, 3).
    """
    in_front = [each for each in regions if each.wallpaper is None]
    found = [_fitted(pixels, region, in_front, cells) for region in in_front]
    found = _once(
        [
            each
            for each, region in zip(found, in_front, strict=True)
            if _shorter(each.box) >= limits.side and (each.whole or not region.beside)
        ]
    )
    behind = []
    for region in regions:
        if region.wallpaper is not None:
            behind.append(_behind(pixels, region, region.wallpaper, cells))
            cells = cells._replace(kinds=cells.kinds * ~region.wallpaper.seen)
    return found + _doubtful(pixels, found, cells, limits) + behind


def _behind(
    pixels: NDArray[np.uint8], region: Region, wallpaper: Wallpaper, cells: Cells
) -> Candidate:
    """A wallpaper, which is judged by what lies open of it."""
    ends, lies_open = _ends(pixels, region.box), cells.size * np.array(wallpaper.open, np.float64)
    return Candidate(region.box, 4, ends, region.score, region.photograph, lies_open)


def _fitted(
    pixels: NDArray[np.uint8], region: Region, regions: Sequence[Region], cells: Cells
) -> Candidate:
    fit = frames.fit(pixels, region.box)
    box, framed = region.box, frames.clear(fit.before)
    if fit.framed == 4 and _is_plausible(pixels, fit, region, regions, cells):
        box, framed = fit.box, 4
        if fit.farther is not None and _is_doubtful(cells, fit.farther, box):
            box = fit.farther
    elif framed < 4:
        circle = rounds.fit(pixels, region.box)
        box = box if circle is None else circle
    return Candidate(box, framed, _ends(pixels, box), region.score, region.photograph)


def _is_plausible(
    pixels: NDArray[np.uint8],
    fit: frames.Fit,
    region: Region,
    regions: Sequence[Region],
    cells: Cells,
) -> bool:
    """Whether a rectangle is one picture: no ground runs through it, what it adds is none, and
    where several regions lie in it, their cells claim all of it rather than their own parts."""
    if frames.overlap(fit.box, region.box) >= Limits.CLOSE_IOU:
        return True
    if fit.gap or _adds_ground(pixels, fit.box, region.box):
        return False
    if not any(each is not region and _inside(each.box, fit.box) for each in regions):
        return True
    of_all, of_parts = median_claims(
        cells.kinds, cells.reach, fit.box / _scale(cells), region.box / _scale(cells)
    )
    return of_all >= max(of_parts, Limits.CLAIMED_IOU)


def _adds_ground(pixels: NDArray[np.uint8], box: Box, without: Box) -> bool:
    """Whether what `box` has beyond one side of another is ground, as chequers are."""
    for side in (LEFT, TOP, RIGHT, BOTTOM):
        beyond = box.copy()
        beyond[(side + 2) % 4] = without[side]
        left, top, right, bottom = beyond.astype(int)
        if (
            min(right - left, bottom - top) >= CELL
            and Surface(pixels[top:bottom, left:right]).is_ground()
        ):
            return True
    return False


def _is_doubtful(cells: Cells, box: Box, without: Box) -> bool:
    """Whether some cells of `box` beyond `without` think that they belong to a picture."""
    rows, columns = _cells(box, cells.size)
    beyond = np.ones(cells.kinds.shape[1:], bool)
    beyond[_cells(without, cells.size)] = False
    part = (cells.kinds[PHOTOGRAPH] + cells.kinds[DRAWING])[rows, columns][beyond[rows, columns]]
    return not part.size or float(part.mean()) >= Limits.DOUBT_SCORE


def _once(found: Sequence[Candidate]) -> list[Candidate]:
    """Leave out what is found twice, and parts of what is found whole."""
    order = sorted(found, key=lambda each: (-each.whole, -each.score))
    kept: list[Candidate] = []
    for each in order:
        twice = any(frames.overlap(each.box, other.box) > Limits.SAME_IOU for other in kept)
        part = not each.whole and any(
            other.whole and _inside(each.box, other.box) for other in kept
        )
        if not twice and not part:
            kept.append(each)
    return [each for each in found if any(each is one for one in kept)]


def _doubtful(
    pixels: NDArray[np.uint8], found: Sequence[Candidate], cells: Cells, limits: Limits
) -> list[Candidate]:
    """Rectangles that look like a picture, and of which some cells at least think so."""
    picture = cells.kinds[PHOTOGRAPH] + cells.kinds[DRAWING]
    for each in found:  # and what is around it, which may seem part of it
        picture[_cells(each.box + np.array([-1, -1, 1, 1]) * cells.size, cells.size)] = 0.0
    result: list[Candidate] = []
    for limit in Limits.DOUBTS:
        doubt = _in_runs(picture > limit)
        for component in components(doubt):
            left, top, right, bottom = component
            if (
                _shorter(component) < Limits.DOUBT_SIDE
                or doubt[top:bottom, left:right].mean() < Limits.DOUBT_FILL
                or len(result) >= Limits.MAX_PICTURES
            ):
                continue
            box = _rectangle(pixels, component.astype(np.float64) * cells.size, picture, cells)
            if box is None or any(frames.shared(box, each.box) for each in (*found, *result)):
                continue
            result.append(Candidate(box, 4, _ends(pixels, box), limits.score, photograph=True))
    return result


def _in_runs(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those that are at least `DOUBT_SIDE` in a row: the others are text, and very many."""
    length = Limits.DOUBT_SIDE
    if flags.shape[1] < length:
        return np.zeros_like(flags)
    begins = flags[:, : 1 - length].copy()
    for shift in range(1, length):
        begins &= flags[:, shift : flags.shape[1] - length + 1 + shift]
    result = np.zeros_like(flags)
    for shift in range(length):
        result[:, shift : shift + begins.shape[1]] |= begins
    return result


def _rectangle(
    pixels: NDArray[np.uint8], box: Box, picture: NDArray[np.float32], cells: Cells
) -> Box | None:
    """The rectangle that a component is part of, if it looks like a picture."""
    fit = frames.fit(pixels, box)
    if (
        fit.framed < 4
        or fit.gap
        or fit.corners < Limits.CORNERS
        or _shorter(fit.box) < Limits.DOUBT_PIXELS
    ):
        return None
    score = float(picture[_cells(fit.box, cells.size)].mean())
    left, top, right, bottom = fit.box.astype(int)
    inside = Surface(pixels[top:bottom, left:right])
    likely = (
        score >= Limits.LIKELY_SCORE
        and _shorter(fit.box) >= Limits.LIKELY_PIXELS
        and inside.plainness <= Limits.LIKELY_PLAIN
    )
    if likely or (score >= Limits.DOUBT_SCORE and inside.is_rich()):
        return fit.box
    return None


def _cells(box: Box, size: int) -> tuple[slice, slice]:
    left, top, right, bottom = (max(0, int(np.floor(side / size + 0.5))) for side in box)
    return slice(top, max(top + 1, bottom)), slice(left, max(left + 1, right))


def _scale(cells: Cells) -> float:
    return cells.size / CELL


def _ends(pixels: NDArray[np.uint8], box: Box) -> int:
    height, width = pixels.shape[:2]
    return int((np.abs(box - [0, 0, width, height]) < 1).sum())


def _shorter(box: NDArray[np.float64] | NDArray[np.int64]) -> float:
    return float(min(box[RIGHT] - box[LEFT], box[BOTTOM] - box[TOP]))


def _inside(box: Box, other: Box) -> bool:
    """Whether most of a box lies in another one."""
    return frames.shared(box, other) >= Limits.INSIDE_SHARE * frames.area(box)
