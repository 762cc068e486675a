"""Which screens a seed stands for, before any is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from benchmarks.screens import pages, scenes

ShownBy = Literal["page", "window", "desktop"]

_SIZES = ((1920, 1080), (1920, 1080), (1920, 1080), (1366, 768), (1280, 800), (1600, 900),
          (2560, 1440))
_SCALES = (1.0, 1.0, 1.0, 1.25, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Wish:
    """One screen to be made; `pictured`: it has to show a photograph, or must not.

    Shown as a "page" (a browser without its window), in a browser's "window", or by other
    programs on a "desktop".
    """

    number: int
    family: str
    pictured: bool
    shown_by: ShownBy
    size: tuple[int, int]
    scale: float

    @property
    def name(self) -> str:
        return f"{self.number:04d}-{self.family.replace(' ', '-')}"


def plan(count: int, seed: int) -> list[Wish]:
    """Every second screen is without a photograph; the families take turns, in mixed order."""
    sources = {
        True: _turns(Random(f"{seed} pictured"), list(pages.PICTURED), list(scenes.PICTURED)),
        False: _turns(Random(f"{seed} without"), list(pages.WITHOUT), list(scenes.WITHOUT)),
    }
    wishes = []
    for number in range(count):
        rng, pictured = Random(f"{seed} {number} plan"), number % 2 == 0
        family, shown_by = next(sources[pictured])
        size, scale = rng.choice(_SIZES), rng.choice(_SCALES)
        if scale > 1.25 and size[1] < 1000:  # nobody magnifies a small screen so far
            scale = 1.25
        wishes.append(Wish(number, family, pictured, shown_by, size, scale))
    return wishes


def _turns(
    rng: Random, web: Sequence[str], programs: Sequence[str]
) -> Iterator[tuple[str, ShownBy]]:
    """Each page once and each program twice, then again; a third of the pages in a window."""
    while True:
        turn: list[tuple[str, ShownBy]] = [
            (family, "window" if rng.random() < 0.35 else "page") for family in web]
        turn += [(family, "desktop") for family in programs] * 2
        rng.shuffle(turn)
        yield from turn
