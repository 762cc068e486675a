"""From what the captioner knows of its captions to a confidence that can be believed."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from models.captioning.confidence import Calibration
from training.data.regression import logistic, ordinal, sigmoid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from training.evaluation.evaluate import Result

RIDGE = 40.0  # for captions, each of which is in CLASSES - 1 comparisons
_RIDGE_FAMILIAR = 5.0  # both chosen by the cross-fitted AUROC, which hardly depends on them
FOLDS = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Fit:
    """`calibration` is fitted on all; `confidences` and `auroc` are cross-fitted, so that no
    caption's confidence was fitted on that caption. `good` is what they should tell. `aurocs`
    are those of the first split's captions, and of those of each further one."""

    calibration: Calibration
    names: tuple[str, ...]
    confidences: NDArray[np.float64]
    good: NDArray[np.bool_]
    ciders: NDArray[np.float64]
    auroc: float
    aurocs: tuple[float, ...] = ()


def fit(
    result: Result,
    limits: Calibration,
    ood_signals: Sequence[Mapping[str, float]] = (),
    seed: int = 0,
    others: Sequence[Result] = (),
) -> Fit:
    """Fit P(the caption is not among the worst third by CIDEr); `limits` are kept.

    Of the captions of `others`, further splits, the worst third is theirs: elsewhere people
    agree more or less.

    On the standardised signals, with ridges: an ordinal regression of the captions' CIDEr
    (`ordinal`), times a logistic regression that tells development pictures from out-of-domain
    ones (outlier exposure, Hendrycks et al. 2019), whose captions' signals are `ood_signals`, if
    there are any. `FOLDS`-fold cross-fitting (Chernozhukov et al. 2018) for everything that is
    reported.
    """
    splits = [(each, name) for each in (result, *others) for name in sorted(each.signals)]
    names = tuple(name for _, name in splits)
    kinds = sorted(result.signals[names[0]])
    values = np.asarray([[each.signals[name][kind] for kind in kinds] for each, name in splits])
    ood_values = np.asarray([[each[kind] for kind in kinds] for each in ood_signals])
    ciders = np.asarray([each.ciders[name] for each, name in splits])
    ends = np.cumsum([0, *(len(each.signals) for each in (result, *others))])
    parts = [slice(first, last) for first, last in itertools.pairwise(ends.tolist())]
    ranks = np.concatenate([_ranks(ciders[part]) for part in parts])
    good = np.concatenate([ciders[part] > np.quantile(ciders[part], 1 / 3) for part in parts])

    def factors(inside: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
        """Slopes and offset of each factor of the confidence, fitted to some captions."""
        found = [_standardised(ordinal, values[inside], ranks[inside], RIDGE)]
        if len(ood_values):
            both = np.concatenate([values[inside], ood_values])
            in_domain = np.arange(len(both)) < inside.sum()
            found.append(_standardised(logistic, both, in_domain, _RIDGE_FAMILIAR))
        return found

    def slopes(factor: NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(kinds, factor[:-1].tolist(), strict=True))

    good_factor, *familiar_factors = factors(np.ones(len(names), bool))
    calibration = dataclasses.replace(
        limits, weights=slopes(good_factor), offset=float(good_factor[-1])
    )
    for factor in familiar_factors:
        calibration = dataclasses.replace(
            calibration, familiar=slopes(factor), familiar_offset=float(factor[-1])
        )
    folds = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    confidences = np.zeros(len(names))
    for fold in range(FOLDS):
        inside = folds == fold
        if inside.any():
            confidences[inside] = np.prod(
                [sigmoid(values[inside] @ part[:-1] + part[-1]) for part in factors(~inside)], 0
            )
    return Fit(
        calibration,
        names,
        confidences,
        good,
        ciders,
        auroc(confidences, good),
        tuple(auroc(confidences[part], good[part]) for part in parts),
    )


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the scores that are no higher than each: what is equal stays so."""
    return np.searchsorted(np.sort(scores), scores, side="right") / max(1, len(scores))


def _standardised(
    regression: Callable[[NDArray[np.float64], Any, float], NDArray[np.float64]],
    values: NDArray[np.float64],
    targets: NDArray[Any],
    ridge: float,
) -> NDArray[np.float64]:
    """Slopes and offset, for the values as they are, of a regression on them standardised."""
    if not len(values):
        return np.zeros(values.shape[1] + 1)
    mean, spread = values.mean(0), np.maximum(values.std(0), 1e-9)
    weights = regression((values - mean) / spread, targets, ridge)
    slopes = weights[:-1] / spread
    return np.append(slopes, weights[-1] - slopes @ mean)


def fit_tags(
    probabilities: NDArray[np.float64], right: NDArray[np.bool_], calibration: Calibration
) -> Calibration:
    """Platt scaling (Platt 1999) of tags' (N,) probabilities by whether they were right."""
    inside = probabilities.clip(1e-6, 1 - 1e-6)
    weights = logistic(np.log(inside / (1 - inside))[:, None], right, 1e-3)
    return dataclasses.replace(
        calibration, tag_slope=float(weights[0]), tag_offset=float(weights[1])
    )


def auroc(values: NDArray[np.float64], good: NDArray[np.bool_]) -> float:
    """Chance that a good caption has a higher value than a bad one; ties count half."""
    pairs = np.sign(values[good][:, None] - values[~good])
    return float((pairs.mean() + 1) / 2) if pairs.size else float("nan")


def reliability(
    confidences: NDArray[np.float64], good: NDArray[np.bool_], bins: int = 10
) -> list[tuple[float, float, int]]:
    """Equally filled bins: mean confidence, share of good captions, how many."""
    order = np.argsort(confidences, kind="stable")
    return [
        (float(confidences[part].mean()), float(good[part].mean()), len(part))
        for part in np.array_split(order, bins)
        if len(part)
    ]


def calibration_error(confidences: NDArray[np.float64], good: NDArray[np.bool_]) -> float:
    """Expected calibration error (Naeini et al. 2015) over equally filled bins."""
    parts = reliability(confidences, good)
    return sum(abs(predicted - observed) * count for predicted, observed, count in parts) / len(
        good
    )


def risk_coverage(
    confidences: NDArray[np.float64], ciders: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of pictures spoken of when the least sure are left out, and the mean CIDEr there."""
    order = np.argsort(-confidences, kind="stable")
    counts = np.arange(1, len(order) + 1)
    return counts / len(order), np.cumsum(ciders[order]) / counts
