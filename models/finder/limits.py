"""All thresholds of the way from cells to boxes, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as a picture; chosen on screens that were composed for it.

    The fields stand in the finder's config.json. A cell belongs to a picture from `cell` on. A
    picture has a shorter side of at least `side` pixels (of the screen as the network saw it), is
    filled by its cells to at least `fill`, and has a score of at least `score`, a drawing of at
    least `drawing`. A line through a region is a border between two pictures when its strength
    and what the cells beside it say of it come to `border`.

    The constants are the same for every finder. Shares and strengths are in 0..1, lengths in
    pixels, contrasts in levels of 255.
    """

    cell: float = 0.4
    side: float = 40.0
    fill: float = 0.6
    score: float = 0.5
    border: float = 0.5
    drawing: float = 0.65

    # how much is looked at
    MAX_PICTURES: ClassVar[int] = 100  # on one screen
    MAX_CUT_DEPTH: ClassVar[int] = 12  # cuts one after another
    SCAN_LINES: ClassVar[int] = 64  # rows or columns that are looked at across a side
    EDGE_CANDIDATES: ClassVar[int] = 4  # edges through a box that are worth a closer look
    SUPPRESSION_RADIUS: ClassVar[int] = 3  # pixels from an edge to the next that is none of it

    # edges
    FULL_CONTRAST: ClassVar[float] = 32.0  # a difference that is as clear as an edge can be
    EDGE_STRENGTH: ClassVar[float] = 0.2  # from which an edge counts at all
    GAP_STRENGTH: ClassVar[float] = 0.5  # that of a plain gap at least, however soft its ends
    FLAT: ClassVar[int] = 4  # by so much the pixels of a gap between two pictures may differ
    GROUND_OFFSET: ClassVar[int] = 3  # from a side to the ground outside
    GROUND_WIDTH: ClassVar[int] = 3  # of a strip of ground at least

    # candidates: their boxes, and where they are cut
    TRIM_FILL: ClassVar[float] = 0.25  # share of picture cells that an outer row must have
    GROUND_PART: ClassVar[int] = 64  # smaller parts between strips of ground are no pictures
    CUT_MARGIN: ClassVar[int] = 10  # thinner strips are part of a picture
    THIN_PENALTY: ClassVar[float] = 0.25  # by which a cut that leaves too little must be clearer
    REACH_WEIGHT: ClassVar[float] = 0.3  # of what the cells beside a line say, against what is seen
    WHOLE_IOU: ClassVar[float] = 0.7  # of a box with the picture that its cells claim, if it is one
    PARTED_SHARE: ClassVar[float] = 0.2  # of the cells that may claim otherwise
    HORIZON_MARGIN: ClassVar[float] = 0.15  # of a box; a narrower strip cannot have a horizon

    # suppression
    FRAGMENT_RATIO: ClassVar[float] = 3.0  # claimed area by its own of what others may cover
    NEIGHBOUR_SHARE: ClassVar[float] = 0.65  # of picture in the rest of it, where none covers it
    DRAWING_RATIO: ClassVar[float] = 2.0  # times as much drawing as photograph
    FRAMED_STRENGTH: ClassVar[float] = 0.4  # the edge all around a picture of unsure cells …
    FRAMED_FILL: ClassVar[float] = 0.25  # … of which so many must be, and be so sure on average
    FRAMED_SIDE: ClassVar[int] = 200  # … at most; larger ones have cells enough to be sure

    # rectangles on plain ground
    SAME_IOU: ClassVar[float] = 0.5  # from which two boxes are of one picture
    INSIDE_SHARE: ClassVar[float] = 0.8  # of a box that lies in another one
    CLOSE_IOU: ClassVar[float] = 0.8  # from which one box is but a better place of another
    CLAIMED_IOU: ClassVar[float] = 0.6  # with what cells claim, of a box that has several regions
    PLAUSIBLE: ClassVar[float] = 0.4  # cells that are asked what they claim
    DOUBTS: ClassVar[tuple[float, ...]] = (0.3, 0.1)  # cells that may belong to a picture …
    DOUBT_FILL: ClassVar[float] = 0.35  # … of a rectangle around them …
    DOUBT_SIDE: ClassVar[int] = 3  # … so many of them along a side …
    DOUBT_SCORE: ClassVar[float] = 0.06  # … and so sure on average in all of the rectangle …
    LIKELY_SCORE: ClassVar[float] = 0.3  # … or this, however few colours it has …
    LIKELY_PIXELS: ClassVar[int] = 100  # … if it is too large for an icon …
    LIKELY_PLAIN: ClassVar[float] = 0.6  # … and has no more equal neighbours than a picture …
    DOUBT_PIXELS: ClassVar[int] = 56  # … that has so many pixels along a side …
    CORNERS: ClassVar[int] = 3  # … and corners

    # wallpapers
    MOSAIC: ClassVar[int] = 3  # parts into which one does not fall

    # rows of equal pictures
    EQUAL: ClassVar[float] = 3.0  # pixels by which equal sides may differ
    ROW_WITNESSES: ClassVar[int] = 3  # equal pictures that make a row
    ROW_OVERLAP: ClassVar[float] = 0.6  # share of a place in a row that must have been found
