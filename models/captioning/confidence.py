"""How far a caption can be trusted: one number from everything that the captioner knows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.captioning.caption_store import neighbour_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.captioning.caption_store import CaptionStore, Neighbours
    from models.captioning.decoding import Encoding, Hypothesis

NEIGHBOUR_COUNTS = (3, 8, 20, 60)
_BANDWIDTH = 0.07  # for what the nearer ones count more
_FAINT = 0.05  # a channel whose mean over the picture is below it has seen nothing
# what `signals` knows of a caption alone, and what only by a memory of others
OWN = frozenset({"mean", "least", "total", "end", "words", "attention", "channels"})
COMPARED = frozenset(
    {
        "behind",
        "by rarity",
        "expected rarity",
        "total rarity",
        "rarity",
        "rarest",
        "beam",
        "nearest",
        "near",
        "support",
        "least support",
        "neighbours",
        "humans",
        "weighted agreement",
        *(f"agreement {count}" for count in NEIGHBOUR_COUNTS),
    }
)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence = P(good, if the picture is familiar) * P(familiar), each of them
    1 / (1 + exp(-(Σ weight * signal + offset))) over the named signals.

    `weights` and `offset` are the first's, `familiar` and `familiar_offset` the second's, which
    is 1 without weights: a picture is familiar when it is anything like those learnt from.
    `sure` and `medium` are the least confidences of a plain and of a hedged caption.
    `tag_slope` and `tag_offset` do the same for the logit of a tag's probability, and `tag` is
    the least probability of a tag that is worth saying.

    The probability of kind k of thing is that of the natural log odds `object_slope` * logit +
    `object_offsets`[k]. `object_support` is the least of a kind that a caption may name,
    `object_listed` that of the surest one to be worth saying by itself, and `object_further`,
    if it is more, that of others beside it. `count_limits` are the least numbers, as the head
    counts, of two and of several.
    """

    weights: dict[str, float] = field(default_factory=lambda: {"mean": 1.0})
    offset: float = 0.0
    familiar: dict[str, float] = field(default_factory=dict)
    familiar_offset: float = 0.0
    sure: float = 0.6
    medium: float = 0.3
    tag_slope: float = 1.0
    tag_offset: float = 0.0
    tag: float = 0.7
    object_slope: float = 1.0
    object_offsets: tuple[float, ...] = ()
    count_limits: tuple[float, float] = (1.5, 2.5)
    object_support: float = 0.5
    object_listed: float = 0.7
    object_further: float = 0.0

    def confidence(self, signals: Mapping[str, float]) -> float:
        """Raises KeyError for a signal that is not there."""
        good = _logistic(self.offset + _sum(self.weights, signals))
        return good * self.familiarity(signals)

    def familiarity(self, signals: Mapping[str, float]) -> float:
        """P(the picture is anything like those learnt from). Raises KeyError as above."""
        if not self.familiar:
            return 1.0
        return _logistic(self.familiar_offset + _sum(self.familiar, signals))

    def tag_probability(self, probability: float) -> float:
        """What the classifier's own probability for a tag is worth."""
        inside = min(max(probability, 1e-6), 1 - 1e-6)
        return _logistic(self.tag_slope * math.log(inside / (1 - inside)) + self.tag_offset)

    def object_probability(self, kind: int, logit: float) -> float:
        """What the object head's logit for a kind of thing is worth."""
        offset = self.object_offsets[kind] if self.object_offsets else 0.0
        return _logistic(self.object_slope * logit + offset)


def _sum(weights: Mapping[str, float], signals: Mapping[str, float]) -> float:
    return sum(weight * signals[name] for name, weight in weights.items())


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(min(-odds, 700.0)))  # exp overflows beyond


def signals(
    found: Sequence[Hypothesis],
    chosen: Hypothesis,
    encoding: Encoding,
    store: CaptionStore,
    neighbours: Neighbours | None,
) -> dict[str, float]:
    """Everything known of the `chosen` one of the captions that were `found`.

    `neighbours` has at least the last of `NEIGHBOUR_COUNTS` pictures of the `store`, if it has so
    many; None, of an empty store, leaves nothing to compare with, and its signals are not there.
    Probabilities are natural logarithms; agreements are mean CIDErs in 0..1.
    """
    each = np.asarray(chosen.log_probabilities)
    attention = np.maximum(chosen.attention, 1e-9)
    own = {
        "mean": float(each.mean()),
        "least": float(each.min()),
        "total": float(each.sum()),
        "end": float(each[-1]),
        "words": float(len(chosen.tokens)),
        "attention": float(-(attention * np.log(attention)).sum(-1).mean()),
        # half of them see something in a photograph, a seventh in noise
        "channels": float((encoding.features > _FAINT).mean()),
    }
    return own if neighbours is None else own | _compared(found, chosen, store, neighbours)


def _compared(
    found: Sequence[Hypothesis], chosen: Hypothesis, store: CaptionStore, neighbours: Neighbours
) -> dict[str, float]:
    """What the caption store knows of the chosen one."""
    captions = [each.tokens for each in found]
    totals = np.asarray([sum(each.log_probabilities) for each in found])
    shares = np.exp(totals - totals.max())
    most, several = NEIGHBOUR_COUNTS[-1], NEIGHBOUR_COUNTS[2]
    pictures, cosines = neighbours.pictures[:most], neighbours.cosines[:most]
    references = neighbours.references.first(most)
    each = np.asarray(chosen.log_probabilities)
    rarity = store.rarity(chosen.tokens)
    weight = rarity / max(float(rarity.sum()), 1e-9)
    support = store.support(chosen.tokens, pictures[:several])
    first = [(np.arange(len(pictures)) < count).astype(np.float64) for count in NEIGHBOUR_COUNTS]
    *agreed, weighted = store.agreements(
        chosen.tokens, references, [*first, neighbour_weights(cosines, _BANDWIDTH)]
    )
    agreements = {
        f"agreement {count}": agreement
        for count, agreement in zip(NEIGHBOUR_COUNTS, agreed, strict=True)
    }
    return agreements | {
        "weighted agreement": weighted,
        "behind": max(other.score for other in found) - chosen.score,
        "by rarity": float((each[:-1] * weight).sum()),
        "expected rarity": float((np.exp(each[:-1]) * rarity).mean()),
        "total rarity": float(rarity.sum()),
        "rarity": float(rarity.mean()),
        "rarest": float(rarity.max()),
        "beam": float(store.agreement_among(captions, shares / shares.sum())[found.index(chosen)]),
        "nearest": float(cosines[0]),
        "near": float(cosines[:several].mean()),
        "support": float((support * weight).sum()),
        "least support": float(support.min()),
        "neighbours": store.neighbour_agreement(pictures[:several]),
        "humans": store.annotator_agreement(pictures[:several]),
    }
