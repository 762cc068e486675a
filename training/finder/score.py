"""How well pictures are found on composed screens that were not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.finder.canvas import DRAWING, PHOTOGRAPH, TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.finder.finder import Detection, Finder


@dataclass(slots=True)
class Score:
    """Counts over screens; `photographs` and `drawings` are those that are there."""

    photographs: int = 0
    found: int = 0  # photographs at IoU >= 0.75
    exact: int = 0  # photographs at IoU >= 0.9
    drawings: int = 0
    known: int = 0  # drawings that are found as drawings
    without: int = 0  # screens on which no picture is, not even a small one
    invented: int = 0  # of these, those on which a photograph was found
    spurious: int = 0  # photographs found where none is, on any screen

    def table(self) -> dict[str, float]:
        """Shares in percent."""
        def share(part: int, whole: int) -> float:
            return round(100 * part / max(1, whole), 1)

        return {"photographs": self.photographs,
                "found at IoU 0.75 %": share(self.found, self.photographs),
                "found at IoU 0.9 %": share(self.exact, self.photographs),
                "drawings": self.drawings, "found as drawings %": share(self.known, self.drawings),
                "screens without": self.without,
                "of them with an invention %": share(self.invented, self.without),
                "photographs found where none is": self.spurious}


def score(finder: Finder, files: Sequence[Path]) -> Score:
    """Find the pictures on each composed screen (see `train.compose`) and compare."""
    total = Score()
    for file in files:
        with np.load(file, allow_pickle=False) as loaded:
            pixels, kinds, owners, boxes = (loaded[name] for name in
                                            ("pixels", "kinds", "owners", "boxes"))
        found = finder.find(pixels).detections
        for number, box in enumerate(boxes, 1):
            if box[0] < 0:
                continue
            kind = int(np.median(kinds[owners == number]))
            best = max((overlap(each, box) for each in found), default=0.0)
            if kind == PHOTOGRAPH:
                total.photographs += 1
                total.found += best >= 0.75
                total.exact += best >= 0.9
            elif kind == DRAWING:
                total.drawings += 1
                total.known += any(each.kind == "drawing" and overlap(each, box) >= 0.75
                                   for each in found)
        photographs = [each for each in found if each.kind == "photograph"]
        empty = int(kinds.max()) <= TEXT
        total.without += empty
        total.invented += empty and bool(photographs)
        total.spurious += sum(float((kinds[_part(each)] > TEXT).mean()) < 0.5
                              for each in photographs)
    return total


def _part(found: Detection) -> tuple[slice, slice]:
    return (slice(found.top, found.top + found.height),
            slice(found.left, found.left + found.width))


def overlap(found: Detection, box: Sequence[int]) -> float:
    """Intersection over union of a find and a (left, top, right, bottom) box."""
    left, top, right, bottom = (int(side) for side in box)
    across = min(right, found.left + found.width) - max(left, found.left)
    down = min(bottom, found.top + found.height) - max(top, found.top)
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / ((right - left) * (bottom - top) + found.width * found.height - shared)
