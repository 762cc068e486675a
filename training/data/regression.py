"""Logistic regressions, small enough for Newton's method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = 9  # of captions, from bad to good, that an ordinal regression learns to tell apart


def logistic(
    values: NDArray[np.float64], good: NDArray[np.bool_], ridge: float
) -> NDArray[np.float64]:
    """Ridge logistic regression: (N, S) → S slopes and the offset."""
    return _regressed(values, np.ones((len(values), 1)), good, ridge)


def ordinal(
    values: NDArray[np.float64], scores: NDArray[np.float64], ridge: float
) -> NDArray[np.float64]:
    """Ridge regression of proportional odds (McCullagh 1980): (N, S) → S slopes and the offset
    of P(score above the worst third).

    The same slopes for being above each of the limits that part the scores into `CLASSES`: how
    good a caption is tells more than whether it is among the worst. The comparisons are fitted
    as if they were independent.
    """
    limits = np.quantile(scores, np.arange(1, CLASSES) / CLASSES)
    above = scores[None] > limits[:, None]
    which = np.repeat(np.eye(len(limits)), len(scores), axis=0)
    weights = _regressed(np.tile(values, (len(limits), 1)), which, above.ravel(), ridge)
    slopes, offsets = np.split(weights, [values.shape[1]])
    return np.append(slopes, offsets[CLASSES // 3 - 1])


def _regressed(
    values: NDArray[np.float64],
    offsets: NDArray[np.float64],
    good: NDArray[np.bool_],
    ridge: float,
) -> NDArray[np.float64]:
    """Logistic regression by Newton's method: (N, S) values and (N, O) shares of offsets → S
    slopes, on which the ridge is, and O offsets."""
    design = np.column_stack([values, offsets])
    penalty = np.concatenate([np.full(values.shape[1], ridge), np.full(offsets.shape[1], 1e-3)])
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        p = sigmoid(design @ weights)
        gradient = design.T @ (good - p) - penalty * weights
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        weights += np.linalg.solve(hessian, gradient)
    return weights


def sigmoid(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability of such natural log odds."""
    shares: NDArray[np.float64] = 1 / (1 + np.exp(-odds.clip(-700, 700)))
    return shares
