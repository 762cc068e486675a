"""Which kinds of thing are on the pictures, where, and how many: what an object head learns from.

Two teachers: people's labels of some pictures, and a detector's boxes on all of them.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from models.captioning.kinds import kinds, mentions, numbers
from training.data.datasets import Example, load
from training.data.regression import logistic, sigmoid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from training.data.cleaning import Cleaning

LABELS, DETECTIONS = "objects.csv", "detections.csv.gz"
MAP = 16  # cells a side of the maps that tell where a thing is
_COUNTED = 0.35  # least score of a box that counts
_LARGE = 0.08  # of the picture: five people would have named so large a thing
_UNNAMED = 0.3  # how much of a box's belief is left when nobody did
_AGREED = 2  # captions of a picture that must name a thing, or its number, for it to be so


@dataclass(frozen=True, slots=True)
class ObjectTargets:
    """What is known of N pictures and K kinds.

    `presence` (N, K) in 0..1. `counts` (N, K), -1 where unknown. `boxes` has for each picture
    (M, 6): kind, left, top, right, bottom with the picture's sides as 1, and how far the box is
    believed. `labelled` (N,) tells whose presence people have told.
    """

    presence: NDArray[np.float32]
    counts: NDArray[np.float32]
    boxes: tuple[NDArray[np.float32], ...]
    labelled: NDArray[np.bool_]

    def coverage(self, pictures: Sequence[int]) -> Tensor:
        """Where the things of these B pictures are: (B, K, `MAP`, `MAP`), 0 where unknown."""
        maps = torch.zeros(len(pictures), self.presence.shape[1], MAP, MAP)
        for row, picture in enumerate(pictures):
            for kind, left, top, right, bottom, belief in self.boxes[picture].tolist():
                begin, first = (min(round(side * MAP), MAP - 1) for side in (left, top))
                end, last = max(round(right * MAP), begin + 1), max(round(bottom * MAP), first + 1)
                # each box has the same weight, however large it is
                share = belief / ((end - begin) * (last - first))
                maps[row, int(kind), first:last, begin:end] += share
        return maps


def read_labels(folder: Path) -> dict[str, frozenset[int]]:
    """The kinds on each labelled picture, by file name, from `objects.csv` (`image,objects`).

    Raises FileNotFoundError, or ValueError for a kind that is not known.
    """
    path = folder / LABELS
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: which kinds of thing are on which picture")
    found = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = [name for name in row["objects"].split(",") if name]
            unknown = sorted(set(names) - set(numbers()))
            if unknown:
                raise ValueError(f"{path}: {unknown[0]} is none of the known kinds of thing")
            found[row["image"]] = frozenset(numbers()[name] for name in names)
    return found


def read_detections(folder: Path) -> dict[str, NDArray[np.float32]]:
    """A detector's boxes by file name, (M, 6): kind, left, top, right, bottom, score."""
    path = folder / DETECTIONS
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: what a detector finds on the pictures")
    rows: dict[str, list[list[float]]] = {}
    with gzip.open(path) as packed, io.TextIOWrapper(packed, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["image"], []).append(
                [
                    numbers()[row["kind"]],
                    *(float(row[side]) for side in ("left", "top", "right", "bottom", "score")),
                ]
            )
    return {name: np.asarray(boxes, np.float32) for name, boxes in rows.items()}


def is_held_out(name: str) -> bool:
    """Whether a labelled picture is for choosing and calibrating: those with ids divisible by 10.

    `name` is a file name that begins with the picture's number.
    """
    return int(name.partition(".")[0]) % 10 == 0


def examples(folder: Path, cleaning: Cleaning | None = None) -> list[Example]:
    """The labelled pictures that are there, in order of name, with the captions that they have."""
    captioned = load(folder, "table", cleaning)
    known = {each.path.name: each for each in (*captioned.train, *captioned.development)}
    paths = {path.name: path for path in (folder / "Images").iterdir()}
    return [
        known.get(name, Example(paths[name], ()))
        for name in sorted(read_labels(folder))
        if name in paths
    ]


def held_out_examples(folder: Path) -> list[Example]:
    """The labelled pictures that nothing learns from: for choosing, calibrating and measuring."""
    return [each for each in examples(folder) if is_held_out(each.path.name)]


def targets(folder: Path, examples: Sequence[Example]) -> ObjectTargets:
    """What is known of these pictures: of those with labels what people say, of the others what
    the detector and the captions say."""
    labels, detections = read_labels(folder), read_detections(folder)
    slope, offset = _trust(labels, detections)
    none = np.zeros((0, 6), np.float32)
    presence = np.zeros((len(examples), len(kinds())), np.float32)
    counts = np.full_like(presence, -1.0)
    labelled = np.asarray([example.path.name in labels for example in examples])
    boxes = []
    for row, example in enumerate(examples):
        found = detections.get(example.path.name, none).copy()
        scores = found[:, 5].copy()
        found[:, 5] = sigmoid(slope * _logit(scores) + offset)
        names, every, counted = _captioned(example)
        if labelled[row]:
            presence[row, list(labels[example.path.name])] = 1.0
            found, scores = _only(presence[row], found, scores)
        else:
            areas = (found[:, 3] - found[:, 1]) * (found[:, 4] - found[:, 2])
            unnamed = ~np.isin(found[:, 0], list(every)) & (areas >= _LARGE) & bool(every)
            found[unnamed, 5] *= _UNNAMED
            np.maximum.at(presence[row], found[:, 0].astype(int), found[:, 5])
            presence[row, names] = 1.0
        for kind in np.flatnonzero(presence[row] > 0.5):
            number = int(((found[:, 0] == kind) & (scores >= _COUNTED)).sum())
            claimed = counted.get(int(kind), 0)
            counts[row, kind] = max(claimed, min(number, 1 if claimed == 1 else number)) or -1
        boxes.append(found)
    return ObjectTargets(presence, counts, tuple(boxes), labelled)


def _only(
    presence: NDArray[np.float32], boxes: NDArray[np.float32], scores: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    kept = presence[boxes[:, 0].astype(int)] > 0
    return boxes[kept], scores[kept]


def _captioned(example: Example) -> tuple[list[int], list[int], dict[int, int]]:
    """The kinds that several captions name, all that are named, and the numbers that several
    give."""
    names: Counter[int] = Counter()
    counted: Counter[tuple[int, int]] = Counter()
    for words in example.captions:
        found = mentions(words)
        names.update({mention.kind for mention in found})
        for kind in {mention.kind for mention in found}:
            each = [mention.count for mention in found if mention.kind == kind]
            if all(each):
                counted[kind, min(3, sum(each))] += 1
    numbers = {
        kind: count for (kind, count), times in reversed(counted.most_common()) if times >= _AGREED
    }
    return [kind for kind, times in names.items() if times >= _AGREED], list(names), numbers


def _trust(
    labels: Mapping[str, frozenset[int]], detections: Mapping[str, NDArray[np.float32]]
) -> tuple[float, float]:
    """Slope and offset of the logit of P(the box is right) over that of a box's score."""
    scores, right = [], []
    for name, boxes in detections.items():
        if name in labels and not is_held_out(name):
            scores += boxes[:, 5].tolist()
            right += [int(kind) in labels[name] for kind in boxes[:, 0]]
    if not scores:
        return 1.0, 0.0
    slope, offset = logistic(_logit(np.asarray(scores))[:, None], np.asarray(right), 1e-3)
    return float(slope), float(offset)


def _logit(values: NDArray[Any]) -> NDArray[Any]:
    inside = np.clip(values, 1e-3, 1 - 1e-3)
    odds: NDArray[Any] = np.log(inside / (1 - inside))
    return odds


def mean_average_precision(scores: NDArray[Any], presence: NDArray[Any]) -> float:
    """Mean over the kinds that are on some picture of the average precision, 0..1.

    (N, K) scores, of which the order alone counts, and presence; as in Everingham et al. 2015
    ("The PASCAL visual object classes challenge"), with the precision at every picture.
    """
    found = []
    for kind in np.flatnonzero((presence > 0.5).any(0)):
        right = presence[np.argsort(-scores[:, kind], kind="stable"), kind] > 0.5
        precision = right.cumsum() / np.arange(1, len(right) + 1)
        found.append(precision[right].mean())
    return float(np.mean(found)) if found else float("nan")
