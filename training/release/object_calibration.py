"""How far the object head can be believed, and from where on its word is enough to speak."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.captioning.answer import answer
from training.data.regression import sigmoid
from training.evaluation.honesty import COUNTED, Asked, by_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.captioner import Caption
    from models.captioning.confidence import Calibration
    from models.captioning.things import Thing
    from training.data.objects import ObjectTargets

FOLDS = 5
_RIDGE = 10.0  # on what parts a kind's offset from that of all kinds
SUPPORTS = tuple(np.round(np.arange(0.3, 0.91, 0.05), 2).tolist())  # for kinds that a caption names
_LISTED = tuple(each for each in SUPPORTS if each >= 0.5)  # what is likelier absent is not seen
_FURTHER = (0.0, 0.7, 0.8, 0.9, 0.95)  # for kinds, listed beside a surer one
_MEDIUM = (0.4, 0.5, 0.6)  # for captions that come hedged
_CAPTIONS = 0.15  # what a percent of captions, not lists, is worth, in percent of helpful answers
_OVER = 10.0  # what a percent of inventions beyond the limit costs, in percent of helpful answers


@dataclass(frozen=True, slots=True)
class ObjectFit:
    """`calibration` is fitted on all pictures, `probabilities` (N, K) are cross-fitted."""

    calibration: Calibration
    probabilities: NDArray[np.float64]


def fit_objects(
    logits: NDArray[np.float64],
    counts: NDArray[np.float64],
    truth: ObjectTargets,
    calibration: Calibration,
    seed: int = 0,
) -> ObjectFit:
    """Fit the kinds' probabilities and the limits of their counts on N pictures whose kinds are
    known, (N, K) each.

    Platt scaling (Platt 1999) with one slope, and an offset for each kind that is drawn to the
    common one: most kinds are on few pictures.
    """
    presence = truth.presence > 0.5
    parts = np.random.default_rng(seed).permutation(len(logits)) % FOLDS
    probabilities = np.zeros(logits.shape)
    for part in range(FOLDS):
        inside = parts == part
        if inside.any() and not inside.all():
            slope, offsets = _scaling(logits[~inside], presence[~inside])
            probabilities[inside] = sigmoid(slope * logits[inside] + offsets)
    slope, offsets = _scaling(logits, presence)
    known = presence & (truth.counts > 0)
    limits = _count_limits(counts[known], truth.counts[known])
    return ObjectFit(
        dataclasses.replace(
            calibration,
            object_slope=slope,
            object_offsets=tuple(offsets.tolist()),
            count_limits=limits,
        ),
        probabilities,
    )


def _scaling(
    logits: NDArray[np.float64], presence: NDArray[np.bool_]
) -> tuple[float, NDArray[np.float64]]:
    """Slope, and offset of each kind, by Newton's method on slope, common and own offsets."""
    kinds = logits.shape[1]
    slope, common, own = 1.0, 0.0, np.zeros(kinds)
    for _ in range(30):
        p = sigmoid(slope * logits + common + own)
        error, weight = presence - p, p * (1 - p)
        own += (error.sum(0) - _RIDGE * own) / (weight.sum(0) + _RIDGE)
        design = np.stack([logits.ravel(), np.ones(logits.size)], 1)
        p = sigmoid(slope * logits + common + own)
        error, weight = (presence - p).ravel(), (p * (1 - p)).ravel()
        step = np.linalg.solve(
            (design * weight[:, None]).T @ design + 1e-6 * np.eye(2), design.T @ error
        )
        slope, common = slope + float(step[0]), common + float(step[1])
    return slope, common + own


def _count_limits(
    counts: NDArray[np.float64], known: NDArray[np.floating[Any]]
) -> tuple[float, float]:
    """The least counts of two and of several that are right most often."""
    if not len(counts):
        return (1.5, 2.5)
    wanted = np.minimum(known, COUNTED)
    steps = np.unique(np.quantile(counts, np.linspace(0.02, 0.98, 49)))
    scored = [
        (float((1 + (counts >= two) + (counts >= several) == wanted).mean()), two, several)
        for two in steps
        for several in steps[steps >= two]
    ]
    _, two, several = max(scored)
    return float(two), float(several)


def asked_again(
    captions: Sequence[Caption], probabilities: NDArray[np.float64], calibration: Calibration
) -> list[Asked]:
    """What would be said of pictures, given captions of them that were made before.

    `probabilities` (N, K) stand in for those of their things: cross-fitted ones, say.
    """
    return _answers(
        [
            _Described.of(caption, known)
            for caption, known in zip(captions, probabilities, strict=True)
        ],
        calibration,
    )


@dataclass(frozen=True, slots=True)
class _Described:
    """A caption with its things as probable as they are `known` (K,) to be, and their `counts`."""

    caption: Caption
    things: tuple[Thing, ...]
    known: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, caption: Caption, known: NDArray[np.float64]) -> _Described:
        counts = np.zeros(len(known), np.int64)
        for thing in caption.things:
            counts[thing.kind] = thing.count
        things = (
            dataclasses.replace(thing, probability=float(known[thing.kind]))
            for thing in caption.things
        )
        return cls(caption, tuple(things), known, counts)


def _answers(described: Sequence[_Described], calibration: Calibration) -> list[Asked]:
    made = []
    for each in described:
        caption = each.caption
        said = answer(
            caption.confidence,
            caption.claimed,
            each.things,
            caption.tags,
            calibration,
            calibration.familiarity(caption.signals),
        )
        made.append(Asked(said.form, said.said, each.known, each.counts))
    return made


def choose_limits(
    captions: Sequence[Caption],
    probabilities: NDArray[np.float64],
    truth: ObjectTargets,
    calibration: Calibration,
    invented: float = 6.0,
    plainly: float = 4.0,
    supports: Sequence[float] = SUPPORTS,
) -> tuple[float, Calibration]:
    """The limits with which most answers name something that is there, while at most so many
    percent name something that is not: of all, and of those that come plainly. → what they are
    worth, in percent of helpful answers, and they.

    A caption tells more than a list of things, which decides where hardly anything else does.
    `supports` are those to choose from for the kinds that a caption names.
    """
    best, chosen = -np.inf, calibration
    described = [
        _Described.of(caption, known)
        for caption, known in zip(captions, probabilities, strict=True)
    ]
    for support, least, further, medium in itertools.product(supports, _LISTED, _FURTHER, _MEDIUM):
        tried = dataclasses.replace(
            calibration,
            object_support=float(support),
            object_listed=float(least),
            object_further=float(further),
            medium=float(medium),
        )
        rows = {row.form: row for row in by_form(_answers(described, tried), truth)}
        plain = rows["plain"].invented if "plain" in rows else 0.0
        over = max(0.0, rows["all"].invented - invented) + max(0.0, plain - plainly)
        told = sum(rows[form].share for form in ("plain", "hedged") if form in rows)
        worth = rows["all"].helpful + _CAPTIONS * told - _OVER * over
        if worth > best:
            best, chosen = worth, tried
    return best, chosen
