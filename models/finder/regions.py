"""From what each cell is to boxes: candidates of connected picture cells, cut where pictures touch.

```
 cells: what each is      connected cells       snapped to edges,      cut along the strongest
 ("inside" a picture?)    make a candidate      outer rows trimmed     border, and again
 . . . . . . . . . .      ┌──────────┐          ╔══════════╗           ╔════╦═════╗
 . # # # # # # # . .      │# # # # # │          ║          ║           ║ A  ║  B  ║
 . # # # # # # # . .  ─▶  │# # # # # │    ─▶    ║          ║    ─▶     ║    ║     ║
 . # # # . . . . . .      │# # # . . │          ╚══════════╝           ╚════╩═════╝
 . # # # . . . . . .      │# # # . . │          trimmed off: looked    no border left: judged
 . . . . . . . . . .      └──────────┘          at by itself, too
```
A candidate that no border cuts is accepted, or suppressed: because its cells hardly fill it,
because it is a fragment of a picture that windows cover, or because its score is too low. A small
one with a clear edge all around is accepted nevertheless. At last `tiles.straighten` looks at rows
of equal pictures. All thresholds are in `limits.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.finder import edges, tiles, wallpapers
from models.finder.components import components
from models.finder.limits import Limits
from models.finder.region import BOTTOM, LEFT, RIGHT, TOP, Region, Wallpaper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Box = NDArray[np.float64]  # (left, top, right, bottom) in pixels

INTERFACE, TEXT, PHOTOGRAPH, DRAWING = range(4)
CELL = 8  # pixels along a side of a cell


def pictures(
    pixels: NDArray[np.uint8],
    kinds: NDArray[np.float32],
    reach: NDArray[np.float32],
    limits: Limits,
) -> list[Region]:
    """→ the pictures on a screen, best first.

    `pixels` (H, W, 3); `kinds` (4, h, w) are the probabilities of each cell's class, `reach`
    (4, h, w) the pixels from its centre to the left, top, right and bottom of its picture.
    """
    search = _Search(pixels, kinds, reach, limits)
    wallpaper = wallpapers.find(search.inside, reach, CELL)
    if wallpaper is None or search.parts(wallpaper) >= Limits.MOSAIC:
        search.add_components(search.inside, (0, 0))
        found = tiles.straighten(search.accepted[: Limits.MAX_PICTURES], limits.side)
        return sorted(found, key=lambda each: -each.score)
    for left, top, right, bottom in wallpaper.windows:
        search.add_components(search.inside[top:bottom, left:right], (top, left))
    found = [
        replace(each, beside=wallpapers.hangs_together(wallpaper, *_cells(each.box)))
        for each in tiles.straighten(search.accepted[: Limits.MAX_PICTURES], limits.side)
    ]
    return [*sorted(found, key=lambda each: -each.score), search.behind(wallpaper)]


class _Cut(NamedTuple):
    """Where a candidate falls into two: the first ends at `begin`, the second begins at `end`."""

    upright: bool
    begin: float
    end: float


class _Search:
    """`inside` (h, w): whether a cell belongs to a picture. `accepted`: what was found so far."""

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        kinds: NDArray[np.float32],
        reach: NDArray[np.float32],
        limits: Limits,
    ) -> None:
        self.pixels, self.kinds, self.reach, self.limits = pixels, kinds, reach, limits
        self.picture = kinds[PHOTOGRAPH] + kinds[DRAWING]
        self.inside = self.picture > limits.cell
        self.accepted: list[Region] = []
        self._looks_left = Limits.MAX_PICTURES  # at what trimming leaves out

    def add_components(self, inside: NDArray[np.bool_], corner: tuple[int, int]) -> None:
        """Candidates of some cells, whose first has the place `corner` (row, column)."""
        shift = np.array([corner[1], corner[0]] * 2)
        for component in components(inside):
            box = (component + shift).astype(np.float64) * CELL
            self._split(edges.snap(self.pixels, box, 2 * CELL), 0)

    def parts(self, wallpaper: Wallpaper) -> int:
        """Into how many pictures the part of a wallpaper that lies open falls, as if it were none:
        many, where pictures stand wall to wall."""
        alone = _Search(self.pixels, self.kinds, self.reach, self.limits)
        height, width = self.pixels.shape[:2]
        box = CELL * np.array(wallpaper.open, np.float64)
        alone._split(np.minimum(box, [width, height, width, height]), 0)  # the last cell may jut
        return len(alone.accepted)

    def behind(self, wallpaper: Wallpaper) -> Region:
        """A wallpaper, its sides at the screen's ends where there is no bar."""
        box = CELL * np.array(wallpaper.box, np.float64)
        height, width = self.pixels.shape[:2]
        ends = np.array([0.0, 0.0, width, height])
        snapped = edges.snap(self.pixels, box, 2 * CELL)
        box = np.where(np.abs(box - ends) <= 2 * CELL, ends, snapped)
        score = float(self.picture[wallpaper.seen].mean())
        photograph, drawing = (
            float(self.kinds[kind][wallpaper.seen].sum()) for kind in (PHOTOGRAPH, DRAWING)
        )
        drawn = drawing > Limits.DRAWING_RATIO * photograph
        return Region(box, score, not drawn, wallpaper=wallpaper)

    def _split(self, box: Box, depth: int) -> None:
        """Cut a candidate along the strongest border in it, and its parts again; judge the rest."""
        whole, box = box, self._trimmed(box)
        self._add_trimmed_off(box, whole)
        if min(box[2] - box[0], box[3] - box[1]) < self.limits.side:
            return
        cut = self._strongest_cut(box) if depth < Limits.MAX_CUT_DEPTH else None
        if cut is None:
            self._judge(box)
            return
        for part in _parts(box, cut):
            self._split(part, depth + 1)

    # ---- the box of a candidate

    def _trimmed(self, box: Box) -> Box:
        """Leave out what at the sides of a box is hardly filled by picture cells."""
        rows, columns = self._cells(box)
        part = self.inside[rows, columns]
        if not part.size:
            return box[[0, 1, 0, 1]]  # no picture
        down, across = (np.flatnonzero(part.mean(axis) > Limits.TRIM_FILL) for axis in (1, 0))
        if not len(down) or not len(across):
            return box[[0, 1, 0, 1]]  # no picture
        tight = CELL * np.array(
            [
                columns.start + across[0],
                rows.start + down[0],
                columns.start + across[-1] + 1,
                rows.start + down[-1] + 1.0,
            ]
        )
        loose = np.abs(tight - box) > 1.5 * CELL
        if not loose.any():
            return box
        moved = edges.snap(self.pixels, np.where(loose, tight, box), 2 * CELL)
        return np.where(loose, moved, box)

    def _add_trimmed_off(self, box: Box, whole: Box) -> None:
        """Candidates beside `box` in `whole`, as a last row that is hardly filled."""
        if self._looks_left < 1 or box[2] <= box[0] or box[3] <= box[1]:
            return
        rows, columns = self._cells(whole)
        beside = self.inside[rows, columns].copy()
        ours, across = self._cells(box)
        # the cells at its sides are its own
        beside[
            max(0, ours.start - 1 - rows.start) : max(0, ours.stop + 1 - rows.start),
            max(0, across.start - 1 - columns.start) : max(0, across.stop + 1 - columns.start),
        ] = False
        least = self.limits.side / CELL - 1
        if min(np.count_nonzero(beside.any(axis)) for axis in (0, 1)) >= least:
            self._looks_left -= 1
            self.add_components(beside, (rows.start, columns.start))

    # ---- where it is cut

    def _strongest_cut(self, box: Box) -> _Cut | None:
        """A strip of ground, or else the strongest border, by its edge and the cells beside it."""
        for upright in (True, False):
            gap = edges.ground_gap(self.pixels, box, upright=upright, margin=Limits.GROUND_PART)
            if gap is not None:
                return _Cut(upright, float(gap[0]), float(gap[1]))
        best, strongest = None, 0.0
        for upright in (True, False):
            for line in edges.cut_candidates(
                self.pixels, box, self.inside, CELL, upright=upright, margin=Limits.CUT_MARGIN
            ):
                cut = _Cut(upright, line.begin, line.end)
                first, last = _ends(box, upright=upright)
                thin = min(cut.begin - first, last - cut.end) < self.limits.side
                least = max(self.limits.border + Limits.THIN_PENALTY * thin, strongest)
                if line.strength + Limits.REACH_WEIGHT < least:
                    continue  # whatever the cells say
                strength = line.strength + Limits.REACH_WEIGHT * self._reach_support(box, cut)
                if strength >= least and not self._is_one_picture(box, cut):
                    best, strongest = cut, strength
        return best

    def _is_one_picture(self, box: Box, cut: _Cut) -> bool:
        """Whether the cells on both sides of a line claim all of the box for their picture.

        Then it is a horizon, or a doorpost. A gap between pictures is none, whatever they say, and
        a narrow strip may be ground that the cells near a picture are wrong about.
        """
        first, last = _ends(box, upright=cut.upright)
        narrow = min(cut.begin - first, last - cut.begin) < Limits.HORIZON_MARGIN * (last - first)
        if cut.end > cut.begin or narrow:
            return False
        for part in _parts(box, cut):
            rows, columns = self._cells(part)
            ours = self.inside[rows, columns]
            if not ours.any():
                return False
            claimed = self._claimed(rows, columns)[:, ours]
            of_all, of_part = _iou(claimed, box), _iou(claimed, part)
            if (
                np.median(of_all) <= Limits.WHOLE_IOU
                or (of_part > of_all).mean() >= Limits.PARTED_SHARE
            ):
                return False
        return True

    def _reach_support(self, box: Box, cut: _Cut) -> float:
        """How far the cells beside a line take it for their picture's side, in -1..1.

        Cells that reach up to the line count for it, those that reach on to the end of the
        box against it.
        """
        upright = cut.upright
        before, after = (LEFT, RIGHT) if upright else (TOP, BOTTOM)
        rows, columns = self._cells(box)
        supports = []
        for towards, line, step in ((after, cut.begin, -1), (before, cut.end, 1)):
            cell = line / CELL
            near = (
                slice(max(0, int(cell) - 4), int(cell))
                if step < 0
                else slice(int(np.ceil(cell)), int(np.ceil(cell)) + 4)
            )
            part = (rows, near) if upright else (near, columns)
            ours = self.inside[part]
            if not ours.any():
                continue
            centres = np.arange(near.start, near.start + ours.shape[1 if upright else 0]) + 0.5
            centres = centres[None, :] if upright else centres[:, None]
            short = np.abs(line - centres * CELL)
            far = np.abs(box[towards] - centres * CELL)
            there = self.reach[towards][part]
            # between both on a logarithmic scale: 1 at the line, -1 at the end of the box
            share = np.log((there + CELL) / (short + CELL)) / np.log((far + CELL) / (short + CELL))
            supports.append(float(np.median((1 - 2 * share.clip(0, 1))[ours])))
        return float(np.mean(supports)) if supports else 0.0

    # ---- whether it is a picture

    def _judge(self, box: Box) -> None:
        """Accept a candidate that no border cuts, or suppress it."""
        rows, columns = self._cells(box)
        part = self.inside[rows, columns]
        fill = float(part.mean()) if part.size else 0.0
        if fill < self.limits.fill:
            self._accept_if_framed(box)
        elif not self._is_fragment(box):
            score = float(self.picture[rows, columns][part].mean()) * fill
            drawn = self._is_drawn(rows, columns)
            if score >= (self.limits.drawing if drawn else self.limits.score):
                self.accepted.append(Region(box, score, not drawn))
            elif not drawn:
                self._accept_if_framed(box)

    def _accept_if_framed(self, box: Box) -> None:
        """Accept a small photograph that few cells are sure of, if all its sides are clear."""
        rows, columns = self._cells(box)
        sure, part = self.picture[rows, columns], self.inside[rows, columns]
        if (
            part.size
            and min(part.mean(), sure.mean()) >= Limits.FRAMED_FILL
            and max(box[RIGHT] - box[LEFT], box[BOTTOM] - box[TOP]) <= Limits.FRAMED_SIDE
            and not self._is_drawn(rows, columns)
            and edges.frame_strength(self.pixels, box) >= Limits.FRAMED_STRENGTH
        ):
            self.accepted.append(Region(box, self.limits.score, photograph=True))

    def _is_drawn(self, rows: slice, columns: slice) -> bool:
        """Whether it is surely a drawing. Nobody describes one: in doubt it is a photograph."""
        photograph, drawing = (
            float(self.kinds[kind, rows, columns].sum()) for kind in (PHOTOGRAPH, DRAWING)
        )
        return drawing > Limits.DRAWING_RATIO * photograph

    def _is_fragment(self, box: Box) -> bool:
        """Whether it is what is left of a larger picture that windows cover."""
        rows, columns = self._cells(box)
        across, down = (
            self.reach[one, rows, columns] + self.reach[other, rows, columns]
            for one, other in ((LEFT, RIGHT), (TOP, BOTTOM))
        )
        claimed = float(np.median((across * down)[self.inside[rows, columns]]))
        own = (box[RIGHT] - box[LEFT]) * (box[BOTTOM] - box[TOP])
        return bool(
            claimed > Limits.FRAGMENT_RATIO * own
            and self._share_around(rows, columns) < Limits.NEIGHBOUR_SHARE
        )

    def _share_around(self, rows: slice, columns: slice) -> float:
        """How much of what these cells claim for their picture, beyond them, is picture at all.

        Where windows cover one, it is not; where other pictures touch this one, it is.
        """
        part = self.inside[rows, columns]
        down, across = np.mgrid[rows, columns] + 0.5
        ends = [
            float(np.median((centre + sign * self.reach[side, rows, columns] / CELL)[part]))
            for side, centre, sign in (
                (LEFT, across, -1),
                (TOP, down, -1),
                (RIGHT, across, 1),
                (BOTTOM, down, 1),
            )
        ]
        left, top, right, bottom = (max(0, round(end)) for end in ends)
        claimed = self.inside[
            min(top, rows.start) : max(bottom, rows.stop),
            min(left, columns.start) : max(right, columns.stop),
        ]
        beyond = claimed.size - part.size
        return float(claimed.sum() - part.sum()) / beyond if beyond > 0 else 1.0

    def _claimed(self, rows: slice, columns: slice) -> NDArray[np.float64]:
        return _claimed(self.reach, rows, columns)

    def _cells(self, box: Box) -> tuple[slice, slice]:
        return _cells(box)


def _cells(box: Box) -> tuple[slice, slice]:
    """The cells whose centres are inside, at least one each way: rows and columns."""
    left, top, right, bottom = (int(np.floor(side / CELL + 0.5)) for side in box)
    return slice(top, max(top + 1, bottom)), slice(left, max(left + 1, right))


def _claimed(reach: NDArray[np.float32], rows: slice, columns: slice) -> NDArray[np.float64]:
    """(4, rows, columns): the box of its picture, by each cell's reach."""
    down, across = (CELL * (each + 0.5) for each in np.mgrid[rows, columns])
    left, top, right, bottom = reach[:, rows, columns]
    return np.stack([across - left, down - top, across + right, down + bottom])


def median_claims(
    kinds: NDArray[np.float32], reach: NDArray[np.float32], box: Box, part: Box
) -> tuple[float, float]:
    """How well what the cells in a box claim for their picture agrees with it, and with a part.

    Both are medians of the intersection over union, in 0..1.
    """
    rows, columns = _cells(box)
    ours = (kinds[PHOTOGRAPH] + kinds[DRAWING])[rows, columns] > Limits.PLAUSIBLE
    if not ours.any():
        return 0.0, 0.0
    claimed = _claimed(reach, rows, columns)[:, ours]
    of_box, of_part = (float(np.median(_iou(claimed, each))) for each in (box, part))
    return of_box, of_part


def _ends(box: Box, *, upright: bool) -> tuple[float, float]:
    """Begin and end of a box in the direction that a cut runs across."""
    return (box[LEFT], box[RIGHT]) if upright else (box[TOP], box[BOTTOM])


def _parts(box: Box, cut: _Cut) -> tuple[Box, Box]:
    """What a cut leaves of a box: left and right of it, or above and below."""
    first, second = box.copy(), box.copy()
    first[RIGHT if cut.upright else BOTTOM] = cut.begin
    second[LEFT if cut.upright else TOP] = cut.end
    return first, second


def _iou(boxes: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    """Intersection over union of (4, N) boxes with another one → (N,)."""
    width, height = (
        np.minimum(boxes[end], box[end]) - np.maximum(boxes[begin], box[begin])
        for begin, end in ((LEFT, RIGHT), (TOP, BOTTOM))
    )
    common = width.clip(0) * height.clip(0)
    areas = [(each[RIGHT] - each[LEFT]) * (each[BOTTOM] - each[TOP]) for each in (boxes, box)]
    iou: NDArray[np.float64] = common / np.maximum(areas[0] + areas[1] - common, 1e-9)
    return iou
