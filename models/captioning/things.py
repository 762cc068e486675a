"""The things on a picture: each kind with its probability, place and number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.captioning.kinds import SEVERAL, kinds

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from models.captioning.confidence import Calibration

# what `thing_signals` knows of a caption
THING_SIGNALS = frozenset({"least thing", "things", "mean thing", "unnamed", "surest"})
_NUMBERS = {2: "two", SEVERAL: "several"}
_SPREAD = 3**0.5  # half the width of an even stretch, in its standard deviations


@dataclass(frozen=True, slots=True)
class Thing:
    """A kind of thing, by its number and `name`, with what is known of it on one picture.

    `count` is 1, 2 or `SEVERAL` if it is there at all, with `probability`; `place` is left, top,
    right, bottom of where it is, or they are, with the picture's sides as 1. `spoken` has the
    number or the article: "two dogs".
    """

    kind: int
    name: str
    spoken: str
    probability: float
    count: int
    place: tuple[float, float, float, float]

    @property
    def area(self) -> float:
        """Share of the picture that its place takes."""
        left, top, right, bottom = self.place
        return (right - left) * (bottom - top)


def read_things(objects: NDArray[np.float32], calibration: Calibration) -> tuple[Thing, ...]:
    """All kinds, likeliest first, from what an object head tells (K, 6): logit, centre across and
    down, spread across and down, count; () where there is no head."""
    found = []
    for number, (kind, row) in enumerate(zip(kinds(), objects.tolist(), strict=False)):
        logit, across, down, wide, high, density = row
        count = 1 + sum(density >= limit for limit in calibration.count_limits)
        place = (
            max(0.0, across - _SPREAD * wide),
            max(0.0, down - _SPREAD * high),
            min(1.0, across + _SPREAD * wide),
            min(1.0, down + _SPREAD * high),
        )
        spoken = (
            kind.one if count == 1 or kind.one == kind.many else (f"{_NUMBERS[count]} {kind.many}")
        )
        found.append(
            Thing(
                number,
                kind.name,
                spoken,
                calibration.object_probability(number, logit),
                count,
                place,
            )
        )
    return tuple(sorted(found, key=lambda thing: -thing.probability))


def thing_signals(named: Collection[int], things: Sequence[Thing]) -> dict[str, float]:
    """What the things on a picture say of a caption that names these kinds of thing."""
    known = {thing.kind: max(thing.probability, 1e-6) for thing in things}
    claimed = [math.log(known[kind]) for kind in named if kind in known]
    unnamed = [value for kind, value in known.items() if kind not in named]
    return {
        "least thing": min(claimed, default=0.0),
        "things": float(len(claimed)),
        "mean thing": sum(claimed) / len(claimed) if claimed else 0.0,
        "unnamed": max(unnamed, default=0.0),
        "surest": max(known.values(), default=0.0),
    }
