"""The picture finder: a small network classifies every cell of a screen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from models.finder import edges, parts, views
from models.finder.candidates import Cells, candidates
from models.finder.regions import CELL, INTERFACE, TEXT, pictures
from models.finder.surfaces import Surface
from models.runtime.engines.onnx import processors, session

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models.finder.candidates import Candidate
    from models.finder.limits import Limits

_CERTAIN_SCORE = 0.82  # a score that letters hardly ever have …
_LETTER_SIDE = 200  # … however large they are, in pixels
_FLAT_COLOURS = 0.05  # colours for each pixel of a sample of what has but a few
_MANY_COLOURS = 0.1  # … and of what has more than drawn things have
_PLAIN_SHARE = 0.5  # of ground, or of equal neighbours, that needs a frame to be a picture
_ICON_SIDE = 100  # pixels; what is larger is no icon
_ICON_COLOURS = 0.35  # colours for each pixel of a sample: photographs have more


@dataclass(frozen=True, slots=True)
class Detection:
    """A picture on a screen, in pixels of the grab; `score` is in 0..1."""

    left: int
    top: int
    width: int
    height: int
    score: float
    kind: Literal["photograph", "drawing"]


@dataclass(frozen=True, slots=True)
class Screen:
    """What a screen shows.

    `detections` has the pictures, best first. `interface` is the share of the area that is no
    picture (text, controls, plain ground), `text` the share that is text; both in 0..1.
    """

    detections: tuple[Detection, ...]
    interface: float
    text: float


class Finder:
    """Finds the pictures on a screen; deterministic, and good for any number of screens."""

    def __init__(self, network: Any, limits: Limits) -> None:
        """`network` is an ONNX Runtime session of the exported graph."""
        self._network, self._limits = network, limits

    def find(self, pixels: NDArray[np.uint8]) -> Screen:
        """(H, W, 3) RGB of any size → what it shows.

        Raises ValueError for an array of another shape or type.
        """
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise ValueError(f"a screen is (H, W, 3) uint8, not {pixels.shape} {pixels.dtype}")
        height, width = pixels.shape[:2]
        if not height or not width:
            return Screen((), 1.0, 0.0)
        factor = views.factor(height, width)
        small = views.reduced(pixels, factor)
        kinds, reach = self.read(small)
        regions = []
        for region in pictures(small, kinds, reach, self._limits):
            box = region.box if region.wallpaper else edges.snap(small, region.box, 2)
            if factor > 1:
                box = edges.snap(pixels, box * factor, factor + 1)
            regions.append(replace(region, box=np.array(_inside(box, width, height), float)))
        cells = Cells(kinds, reach, CELL * factor)
        detections = [
            detection
            for each in candidates(pixels, regions, cells, self._limits)
            if (detection := self._judged(pixels, each)) is not None
        ]
        text = float(kinds[TEXT].mean())
        return Screen(tuple(detections), float(kinds[INTERFACE].mean()) + text, text)

    def _judged(self, pixels: NDArray[np.uint8], candidate: Candidate) -> Detection | None:
        """What a candidate shows, None for nothing that anyone wants to hear of."""
        left, top, right, bottom = (int(side) for side in candidate.box)
        inside = Surface(_part(pixels, candidate.box if candidate.open is None else candidate.open))
        if inside.is_ground():
            return None
        photograph = (candidate.photograph or inside.has_grain()) and not inside.is_drawn()
        shorter = min(right - left, bottom - top)
        uncertain = not (photograph and candidate.whole) and (
            candidate.score < self._least_score(inside, shorter, photograph=photograph)
        )
        if uncertain or _is_interface(candidate, inside, shorter, photograph=photograph):
            return None
        kind: Literal["photograph", "drawing"] = "photograph" if photograph else "drawing"
        return Detection(left, top, right - left, bottom - top, candidate.score, kind)

    def _least_score(self, inside: Surface, shorter: int, *, photograph: bool) -> float:
        """The score that a detection must have, by what is inside."""
        if photograph:
            return _CERTAIN_SCORE if inside.is_monotonous() else 0.0  # large letters
        if shorter >= _LETTER_SIDE:
            return self._limits.drawing
        if inside.is_two_toned():
            return math.inf
        return max(self._limits.drawing, _CERTAIN_SCORE)

    def read(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What the network says of each cell of (H, W, 3): see `regions.pictures`."""
        return views.read(self._network, pixels, CELL)


def _is_interface(candidate: Candidate, inside: Surface, shorter: int, *, photograph: bool) -> bool:
    """Whether it is part of the interface: the plainer it is, the more it needs sides of its own.

    What is not set apart from the page around it is part of that page: a plot, a selected entry,
    a sign.
    """
    if photograph and candidate.whole and candidate.ends < 2:
        return False
    richness, plainness = inside.richness, inside.plainness
    if not photograph:
        flat = richness < _FLAT_COLOURS
        return candidate.framed < (4 if flat else 3) or (flat and candidate.ends > 1)
    if candidate.whole:  # unless it is but a column of the interface
        return richness < _MANY_COLOURS and plainness > _PLAIN_SHARE
    if max(plainness, inside.ground_share()) > _PLAIN_SHARE:
        return True
    return shorter < _ICON_SIDE and richness < _ICON_COLOURS


def load(folder: Path = parts.SHIPPED, threads: int | None = None) -> Finder:
    """Load a finder. Raises BundleError naming the part that is missing or damaged."""
    limits = parts.read(folder)
    return Finder(session(folder / parts.NETWORK, threads or processors()), limits)


def _part(pixels: NDArray[np.uint8], box: NDArray[np.float64]) -> NDArray[np.uint8]:
    left, top, right, bottom = box.astype(int)
    return pixels[top:bottom, left:right]


def _inside(box: NDArray[np.float64], width: int, height: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(float(side)) for side in box)
    left, top = min(max(0, left), width - 1), min(max(0, top), height - 1)
    return left, top, max(left + 1, min(right, width)), max(top + 1, min(bottom, height))
