"""From when on a captioner of others is believed: `limits.json` in its folder, once measured.

Until somebody has measured it, nothing that it says is said plainly.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.captioning.kinds import named
from models.captioning.vocabulary import FUNCTION_WORDS
from models.eyes.folder import read_table
from models.runtime.bundle import unusable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

LIMITS = "limits.json"
FORMAT = 1
# what is known of a caption by which it is judged; few, for few pictures must do
SIGNALS = (
    "mean",
    "least",
    "words",
    "least thing",
    "unnamed",
    "surest",
    "familiarity",
    "own confidence",
    "agreement",
)
_SURE, _MEDIUM = 0.8, 0.4  # as of the captioner that ships
_NEVER = 2.0
_ENOUGH = 50  # pictures, and a fifth of them of either kind
_FOLDS = 5
_SLACK = 0.05  # by how much a promise may be missed on pictures that were not fitted
_RIDGE, _ROUNDS = 1.0, 25
_STEEPEST = 1000.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Confidence = 1 / (1 + exp(-(Σ weight * signal + offset))), over the named `SIGNALS`.

    `sure` and `medium` are the least confidences of a plain and of a hedged caption.
    """

    weights: dict[str, float] = field(default_factory=dict)
    offset: float = 0.0
    sure: float = _NEVER
    medium: float = 0.0

    def confidence(self, signals: Mapping[str, float]) -> float:
        """How likely a caption of these signals is good."""
        odds = self.offset + sum(self.weights[name] * signals[name] for name in self.weights)
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, odds))))

    def text(self, **more: float) -> str:
        """What limits.json has, with whatever else was measured beside it."""
        return json.dumps({"format": FORMAT, **asdict(self), **more}, indent=2) + "\n"

    def save(self, folder: Path, **more: float) -> None:
        """Write limits.json."""
        (folder / LIMITS).write_text(self.text(**more), encoding="utf-8")


def read_limits(folder: Path) -> Limits:
    """Those of a folder; without the file such that all is hedged.

    Raises BundleError for a file that is damaged.
    """
    if not (folder / LIMITS).is_file():
        return Limits()
    table = read_table(folder, LIMITS)
    try:
        weights = {str(name): float(value) for name, value in table["weights"].items()}
        numbers = [float(table[name]) for name in ("offset", "sure", "medium")]
        found = Limits(weights, *numbers)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise unusable(LIMITS, "it is no table of limits", repr(error)) from error
    if table.get("format") != FORMAT or not _in_bounds(found) or not set(weights) <= set(SIGNALS):
        raise unusable(LIMITS, "it is no table of limits")
    return found


def _in_bounds(limits: Limits) -> bool:
    """Whether no number is so large that nothing but an accident would explain it."""
    numbers = (*limits.weights.values(), limits.offset, limits.sure, limits.medium)
    return all(abs(value) <= _STEEPEST for value in numbers)


def good(words: Sequence[str], references: Sequence[Sequence[str]]) -> bool:
    """Whether a caption says what people say of the picture: it names no kind of thing that none
    of them names (as CHAIR asks, Rohrbach et al. 2018), and at least one thing that they do.

    Words in lower case, without punctuation.
    """
    seen = frozenset[int]().union(*map(named, references))
    claimed = named(words)
    if claimed or seen:
        return claimed <= seen and bool(claimed)
    said = {word for each in references for word in each} - FUNCTION_WORDS
    return bool(said.intersection(words))


def fit(rows: Sequence[tuple[Mapping[str, float], bool]]) -> Limits:
    """Limits from captions' signals, and whether each caption was good.

    From too few of either kind, or signals that are nearly all alike, nothing is learnt, and where
    what is promised does not hold on pictures that were left out of the fit, nothing is ever said
    plainly.
    """
    truth = np.asarray([value for _, value in rows], np.float64)
    least = min(truth.sum(), len(rows) - truth.sum()) if len(rows) else 0
    if len(rows) < _ENOUGH or least < _ENOUGH / 5:
        return Limits()
    table = np.asarray([[signals[name] for name in SIGNALS] for signals, _ in rows])
    fold = np.arange(len(rows)) % _FOLDS
    found = np.zeros(len(rows))
    for each in range(_FOLDS):
        weights, offset = _logistic(table[fold != each], truth[fold != each])
        found[fold == each] = 1 / (1 + np.exp(-(table[fold == each] @ weights + offset)))
    plain = truth[found >= _SURE]
    holds = len(plain) > 0 and plain.mean() >= _SURE - _SLACK
    weights, offset = _logistic(table, truth)
    found_weights = dict(zip(SIGNALS, weights.tolist(), strict=True))
    limits = Limits(found_weights, offset, _SURE if holds else _NEVER, _MEDIUM)
    return limits if _in_bounds(limits) else Limits()


def _logistic(
    table: NDArray[np.float64], truth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Logistic regression with a ridge over standardised columns, by Newton's method."""
    mean, spread = table.mean(0), table.std(0)
    spread[spread < 1e-9] = 1.0
    scaled = np.column_stack([(table - mean) / spread, np.ones(len(table))])
    ridge = np.diag([*[_RIDGE] * table.shape[1], 1e-6])
    weights = np.zeros(scaled.shape[1])
    for _ in range(_ROUNDS):
        found = 1 / (1 + np.exp(-np.clip(scaled @ weights, -30, 30)))
        gradient = scaled.T @ (truth - found) - ridge @ weights
        curve = (scaled * (found * (1 - found))[:, None]).T @ scaled + ridge
        weights += np.linalg.solve(curve, gradient)
    inner = weights[:-1] / spread
    return inner, float(weights[-1] - inner @ mean)
