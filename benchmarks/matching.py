"""Which pictures were found, how well, and what was found that is not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.boxes import Box
from benchmarks.screens.labels import Kind, Label, Shown

_SAME = 0.5  # below this IoU a find is of something else
_FORGIVEN = 0.5  # so much of a find may lie on what does not count
_FILLS, _LIES_OPEN = 0.9, 0.08  # of a screen: a wallpaper's box, and what is seen of it


@dataclass(frozen=True, slots=True)
class Find:
    """What a finder says is a picture."""

    box: Box
    kind: Kind
    score: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One screen.

    `matches` has, for each of the label's photographs, its find or None; `ious` how well they
    agree, 0 for none; `drawing_ious` the same of drawings; `strays` are finds of what is no
    picture, or of a drawing that is taken for a photograph.
    """

    matches: tuple[Find | None, ...]
    ious: tuple[float, ...]
    drawing_ious: tuple[float, ...]
    strays: tuple[Find, ...]


def judge(label: Label, finds: Sequence[Find]) -> Outcome:
    """Match finds of each kind with the label's pictures, one to one, the best pairs first."""
    photographs, drawings = label.of_kind("photograph"), label.of_kind("drawing")
    matches, ious = paired(
        [each.box for each in photographs], [each for each in finds if each.kind == "photograph"]
    )
    drawn, drawing_ious = paired(
        [each.box for each in drawings], [each for each in finds if each.kind == "drawing"]
    )
    used = {id(each) for each in (*matches, *drawn) if each is not None}
    strays = tuple(
        each for each in finds if id(each) not in used and not _forgiven(each, label, drawings)
    )
    return Outcome(matches, ious, drawing_ious, strays)


def paired(
    pictures: Sequence[Box], finds: Sequence[Find]
) -> tuple[tuple[Find | None, ...], tuple[float, ...]]:
    """Match finds with the boxes of pictures one to one → each one's find, and how they agree."""
    pairs = sorted(
        (
            (picture.iou(find.box), p, f)
            for p, picture in enumerate(pictures)
            for f, find in enumerate(finds)
        ),
        reverse=True,
    )
    matches: list[Find | None] = [None] * len(pictures)
    ious, taken = [0.0] * len(pictures), set()
    for iou, p, f in pairs:
        if iou >= _SAME and matches[p] is None and f not in taken:
            matches[p], ious[p] = finds[f], iou
            taken.add(f)
    return tuple(matches), tuple(ious)


def _forgiven(find: Find, label: Label, drawings: Sequence[Shown]) -> bool:
    """Whether a find without a partner is no error."""
    if find.kind == "drawing" and any(find.box.overlap(each.box) for each in drawings):
        return True  # part of a drawing, or more than it: where one ends is a matter of taste
    common = sum(find.box.overlap(box) for box in label.ignore)
    screen = label.size[0] * label.size[1]
    if find.box.area >= _FILLS * screen and common >= _LIES_OPEN * screen:
        return True  # the wallpaper, of which the label has what windows leave of it
    return common >= _FORGIVEN * find.box.area
