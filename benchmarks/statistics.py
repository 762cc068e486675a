"""Intervals of 95 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_Z = 1.959964
_RESAMPLED = 2000


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `total`, with the interval of the share; all in 0..1."""

    hits: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else float("nan")


def wilson(hits: int, total: int) -> Share:
    """Wilson's interval for independent trials (JASA 22, 1927); right also at 0 and at all."""
    if not total:
        return Share(0, 0, 0.0, 1.0)
    share, squared = hits / total, _Z * _Z
    middle = (share + squared / (2 * total)) / (1 + squared / total)
    half = _Z * np.sqrt(share * (1 - share) / total + squared / (4 * total**2))
    half /= 1 + squared / total
    return Share(hits, total, max(0.0, float(middle - half)), min(1.0, float(middle + half)))


def clustered(groups: Sequence[Sequence[bool]]) -> Share:
    """Hits that come in groups, such as the pictures of one screen: whole groups are resampled."""
    hits = np.array([sum(group) for group in groups], float)
    sizes = np.array([len(group) for group in groups], float)
    if not sizes.sum():
        return Share(0, 0, 0.0, 1.0)
    low, high = ratio_interval(hits, sizes)
    if hits.sum() in (0, sizes.sum()):  # resampling cannot see beyond what happened
        return wilson(int(hits.sum()), int(sizes.sum()))
    return Share(int(hits.sum()), int(sizes.sum()), low, high)


def ratio_interval(
    above: Sequence[float] | np.typing.NDArray[np.float64],
    below: Sequence[float] | np.typing.NDArray[np.float64],
) -> tuple[float, float]:
    """Percentile bootstrap of sum(above) / sum(below) over pairs."""
    rng = np.random.default_rng(0)
    picked = rng.integers(0, len(above), (_RESAMPLED, len(above)))
    tops, bottoms = np.asarray(above, float)[picked].sum(1), np.asarray(below, float)[picked].sum(1)
    ratios = tops[bottoms > 0] / bottoms[bottoms > 0]
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)
