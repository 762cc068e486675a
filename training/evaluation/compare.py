"""Is one captioner better than another, or was it luck? Two results on the same pictures.

A paired bootstrap: the pictures are drawn again with replacement, both results are scored on
each draw, and the middle 95 % of the differences are their interval (Efron and Tibshirani 1993;
Koehn 2004, "Statistical significance tests for machine translation evaluation"). It tells of the
chance in which pictures there were, not of the chance in a training's seed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.evaluation.metrics import normalise, score_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    # (D, N) how often each draw has each picture → (D,) scores
    Score = Callable[[NDArray[np.float64]], NDArray[np.float64]]

DRAWS = 2000
_WIDTH = 0.95


@dataclass(frozen=True, slots=True)
class Saved:
    """What of a saved result is compared, by file name; `losses` may be empty."""

    captions: dict[str, str]
    references: dict[str, list[str]]
    losses: dict[str, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """Scores of both, and the interval of the second's less the first's."""

    name: str
    first: float
    second: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        return self.low > 0 or self.high < 0


def read(path: Path) -> Saved:
    """Read what `evaluate --out` wrote. Raises ValueError for another file."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["captions"]
        return Saved(
            {row["file"]: row["caption"] for row in rows},
            {row["file"]: row["references"] for row in rows},
            {row["file"]: row["loss"] for row in rows if "loss" in row},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no result of `evaluate --out`: write it again") from error


def compare(first: Saved, second: Saved, draws: int = DRAWS, seed: int = 0) -> list[Difference]:
    """Compare on the pictures that both have. Raises ValueError when these do not fit."""
    names = sorted(set(first.captions) & set(second.captions))
    if len(names) < 2:
        raise ValueError("the two results have no two pictures in common")
    if any(first.references[name] != second.references[name] for name in names):
        raise ValueError(
            "the two results were scored against different captions of the same "
            "pictures: evaluate both on the same data"
        )
    random = np.random.default_rng(seed)
    counts = random.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    draw = np.concatenate([np.ones((1, len(names))), counts])  # the first is the pictures as are
    each = [_scores(saved, names) for saved in (first, second)]
    found = []
    for name in (name for name in each[0] if name in each[1]):
        one, other = (scores[name](draw) for scores in each)
        low, high = np.quantile((other - one)[1:], [(1 - _WIDTH) / 2, (1 + _WIDTH) / 2])
        found.append(Difference(name, float(one[0]), float(other[0]), float(low), float(high)))
    return found


def lines(differences: Sequence[Difference], first: str, second: str) -> list[str]:
    """A table for the terminal, which marks the differences that are more than luck."""
    rows = [
        f"first: {first}",
        f"second: {second}",
        f"{'':10s}{'first':>9s}{'second':>9s}{'difference':>12s}  95 % interval",
    ]
    rows += [
        f"{each.name:10s}{each.first:9.2f}{each.second:9.2f}"
        f"{each.second - each.first:+12.2f}  {each.low:+.2f} to {each.high:+.2f}"
        f"{'  clear' if each.is_clear else ''}"
        for each in differences
    ]
    if not any(each.is_clear for each in differences):
        rows.append("None of these differences is clearly more than luck.")
    return rows


def _scores(saved: Saved, names: Sequence[str]) -> dict[str, Score]:
    captions = {name: saved.captions[name] for name in names}
    references = {name: saved.references[name] for name in names}
    each = score_all(captions, references, java=False).each
    scores = _bleu(captions, references)
    for name in ("ROUGE-L", "CIDEr"):
        scores[name] = _mean(np.asarray([each[name][key] for key in names]), np.ones(len(names)))
    if set(names) <= set(saved.losses):
        words = [sum(len(text.split()) + 1 for text in references[name]) for name in names]
        scores["loss"] = _mean(
            np.asarray([saved.losses[name] for name in names]), np.asarray(words, float)
        )
    return scores


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> Score:
    return lambda draw: (draw @ (values * weights)) / (draw @ weights)


def _bleu(captions: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> dict[str, Score]:
    """BLEU-1..4 of a corpus from each picture's counts, in pycocoevalcap's own arithmetic."""
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer

    scorer = BleuScorer(n=4)
    for name, text in captions.items():
        scorer += (normalise(text), [normalise(each) for each in references[name]])
    right = np.asarray([each["correct"] for each in scorer.ctest], float)
    guessed = np.asarray([each["guess"] for each in scorer.ctest], float)
    length = np.asarray([each["testlen"] for each in scorer.ctest], float)
    wanted = np.asarray(
        [
            min((abs(true - each["testlen"]), true) for true in each["reflen"])[1]
            for each in scorer.ctest
        ],
        float,
    )

    def score(n: int) -> Score:
        def of(draw: NDArray[np.float64]) -> NDArray[np.float64]:
            precision = (draw @ right[:, :n] + 1e-15) / (draw @ guessed[:, :n] + 1e-9)
            ratio = (draw @ length + 1e-15) / (draw @ wanted + 1e-9)
            brevity = np.exp(np.minimum(0.0, 1 - 1 / ratio))
            bleu: NDArray[np.float64] = 100 * brevity * np.exp(np.log(precision).mean(1))
            return bleu

        return of

    return {f"BLEU-{n}": score(n) for n in range(1, 5)}
