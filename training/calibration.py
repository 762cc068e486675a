"""From what the captioner knows of its captions to a confidence that can be believed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from models.confidence import Calibration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.evaluate import Result

RIDGE = 20.0  # chosen by the cross-fitted AUROC, which hardly depends on it
FOLDS = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Fit:
    """`calibration` is fitted on all; `confidences` and `auroc` are cross-fitted, so that no
    caption's confidence was fitted on that caption. `good` is what they should tell."""

    calibration: Calibration
    names: tuple[str, ...]
    confidences: NDArray[np.float64]
    good: NDArray[np.bool_]
    ciders: NDArray[np.float64]
    auroc: float


def fit(
    result: Result, limits: Calibration, unfamiliar: Sequence[Mapping[str, float]] = (),
    seed: int = 0,
) -> Fit:
    """Fit P(the caption is not among the worst third by CIDEr); `limits` are kept.

    Logistic regression with a ridge on the standardised signals; `FOLDS`-fold cross-fitting
    (Chernozhukov et al. 2018) for everything that is reported. The signals of captions of
    `unfamiliar` pictures count as bad in every fit (outlier exposure, Hendrycks et al. 2019).
    """
    names = tuple(sorted(result.signals))
    kinds = sorted(result.signals[names[0]])
    values = np.asarray([[result.signals[name][kind] for kind in kinds] for name in names])
    strange = np.asarray([[each[kind] for kind in kinds] for each in unfamiliar])
    strange = strange.reshape(-1, len(kinds))
    ciders = np.asarray([result.ciders[name] for name in names])
    good = ciders > np.quantile(ciders, 1 / 3)
    mean, spread = values.mean(0), np.maximum(values.std(0), 1e-9)
    scaled, outside = (values - mean) / spread, (strange - mean) / spread
    bad = np.zeros(len(outside), bool)
    weights = logistic(np.concatenate([scaled, outside]), np.concatenate([good, bad]), RIDGE)
    slopes = weights[:-1] / spread
    calibration = dataclasses.replace(
        limits, weights={kind: float(w) for kind, w in zip(kinds, slopes, strict=True)},
        offset=float(weights[-1] - slopes @ mean))
    folds = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    confidences = np.zeros(len(names))
    for fold in range(FOLDS):
        inside = folds == fold
        if inside.any():
            part = logistic(np.concatenate([scaled[~inside], outside]),
                            np.concatenate([good[~inside], bad]), RIDGE)
            confidences[inside] = _sigmoid(scaled[inside] @ part[:-1] + part[-1])
    return Fit(calibration, names, confidences, good, ciders, auroc(confidences, good))


def fit_tags(
    probabilities: NDArray[np.float64], right: NDArray[np.bool_], calibration: Calibration
) -> Calibration:
    """Platt scaling (Platt 1999) of tags' (N,) probabilities by whether they were right."""
    inside = probabilities.clip(1e-6, 1 - 1e-6)
    weights = logistic(np.log(inside / (1 - inside))[:, None], right, 1e-3)
    return dataclasses.replace(calibration, tag_slope=float(weights[0]),
                               tag_offset=float(weights[1]))


def logistic(
    values: NDArray[np.float64], good: NDArray[np.bool_], ridge: float
) -> NDArray[np.float64]:
    """Ridge logistic regression by Newton's method: (N, S) → S slopes and the offset."""
    design = np.column_stack([values, np.ones(len(values))])
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e-3
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        p = _sigmoid(design @ weights)
        gradient = design.T @ (good - p) - penalty * weights
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        weights += np.linalg.solve(hessian, gradient)
    return weights


def auroc(values: NDArray[np.float64], good: NDArray[np.bool_]) -> float:
    """Chance that a good caption has a higher value than a bad one; ties count half."""
    pairs = np.sign(values[good][:, None] - values[~good])
    return float((pairs.mean() + 1) / 2) if pairs.size else float("nan")


def reliability(
    confidences: NDArray[np.float64], good: NDArray[np.bool_], bins: int = 10
) -> list[tuple[float, float, int]]:
    """Equally filled bins: mean confidence, share of good captions, how many."""
    order = np.argsort(confidences, kind="stable")
    return [(float(confidences[part].mean()), float(good[part].mean()), len(part))
            for part in np.array_split(order, bins) if len(part)]


def calibration_error(confidences: NDArray[np.float64], good: NDArray[np.bool_]) -> float:
    """Expected calibration error (Naeini et al. 2015) over equally filled bins."""
    parts = reliability(confidences, good)
    return sum(abs(said - was) * count for said, was, count in parts) / len(good)


def risk_coverage(
    confidences: NDArray[np.float64], ciders: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of pictures spoken of when the least sure are left out, and the mean CIDEr there."""
    order = np.argsort(-confidences, kind="stable")
    counts = np.arange(1, len(order) + 1)
    return counts / len(order), np.cumsum(ciders[order]) / counts


def _sigmoid(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = 1 / (1 + np.exp(-odds.clip(-700, 700)))
    return shares
