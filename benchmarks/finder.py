"""Run finders over labelled screens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from benchmarks.matching import Find, Outcome, judge
from benchmarks.screens import labels
from benchmarks.screens.labels import Label
from benchmarks.statistics import Share, clustered, wilson

if TYPE_CHECKING:
    from models.finder.finder import Finder

FindPictures = Callable[[NDArray[np.uint8]], Sequence[Find]]
FULL_HD = (1920, 1080)


@dataclass(frozen=True, slots=True)
class Measured:
    """`milliseconds` are of the screens of 1920 by 1080 pixels only."""

    screens: list[tuple[Path, Label, Outcome]] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def found(self, iou: float, family: str | None = None) -> Share:
        """Photographs found at least so well."""
        return clustered(
            [
                [each >= iou for each in outcome.ious]
                for _, label, outcome in self._of(family)
                if outcome.ious
            ]
        )

    def drawings(self, iou: float) -> Share:
        return clustered(
            [
                [each >= iou for each in outcome.drawing_ious]
                for _, _, outcome in self.screens
                if outcome.drawing_ious
            ]
        )

    def inventing(self, family: str | None = None) -> Share:
        """Screens without a photograph on which something is found that is no picture."""
        empty = [
            outcome for _, label, outcome in self._of(family) if not label.of_kind("photograph")
        ]
        return wilson(sum(bool(outcome.strays) for outcome in empty), len(empty))

    def astray(self) -> Share:
        """Screens with photographs on which something else is found, too."""
        full = [outcome for _, label, outcome in self.screens if label.of_kind("photograph")]
        return wilson(sum(bool(outcome.strays) for outcome in full), len(full))

    def failures(self) -> list[tuple[Path, Label, Outcome]]:
        return [
            (path, label, outcome)
            for path, label, outcome in self.screens
            if outcome.strays or any(iou < 0.75 for iou in outcome.ious)
        ]

    def _of(self, family: str | None) -> list[tuple[Path, Label, Outcome]]:
        return [each for each in self.screens if family in (None, each[1].family)]


def learned(finder: Finder) -> FindPictures:
    """The shipped finder in the benchmark's words."""
    from benchmarks.boxes import Box

    def find(pixels: NDArray[np.uint8]) -> list[Find]:
        return [
            Find(Box(each.left, each.top, each.width, each.height), each.kind, each.score)
            for each in finder.find(pixels).detections
        ]

    return find


def read(folder: Path) -> list[tuple[Path, Label]]:
    """All labelled screens of a folder. Raises ValueError when there are none or one is damaged."""
    found = [
        (path.with_suffix(".png"), labels.read(path))
        for path in sorted(folder.glob("*.json"))
        if path.with_suffix(".png").exists()
    ]
    if not found:
        raise ValueError(
            f"{folder} holds no screens. Please make some: "
            "python -m benchmarks screens --out FOLDER --data FLICKR8K"
        )
    return found


def measure(
    screens: Sequence[tuple[Path, Label]], finders: Mapping[str, FindPictures]
) -> dict[str, Measured]:
    """Run every finder on every screen, in the same run, so that times can be compared."""
    measured = {name: Measured() for name in finders}
    for path, label in tqdm(screens, desc="finders", unit="screen"):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        for name, find in finders.items():
            if not measured[name].screens:
                find(pixels)  # the first call may allocate and load
            begun = time.perf_counter()
            finds = find(pixels)
            taken = 1000 * (time.perf_counter() - begun)
            measured[name].screens.append((path, label, judge(label, finds)))
            if label.size == FULL_HD:
                measured[name].milliseconds.append(taken)
    return measured
