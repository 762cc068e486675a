"""To hear more of a picture: how soon it sounds, and whether memory grows with the rounds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.latency import Bench, Press, bench
from benchmarks.memory import cost
from describer_daemon.core.ports import Verb
from describer_daemon.hotkeys.usual import usual_key

TARGET = 100  # milliseconds from the key to the first sound
_THINGS = ("next-thing", "where", "previous-thing")
_SETTLED = 5.0  # seconds until nobody does anything any more
_FIRST = 50  # rounds until all that is loaded late is there


@dataclass(frozen=True, slots=True)
class More:
    """`presses` of each key; `megabytes` of all processes after so many `rounds`."""

    presses: dict[str, list[Press]]
    rounds: list[int]
    megabytes: list[float]

    @property
    def slope(self) -> float:
        """Kilobytes that a round leaves behind, by least squares; 0 without rounds."""
        if len(self.rounds) < 2:
            return 0.0
        return float(1024 * np.polyfit(self.rounds, self.megabytes, 1)[0])


def run(picture: Path, presses: int, rounds: int) -> More:
    """Describe a picture, ask for more of it, and do so again and again."""
    with bench(picture) as running:
        running.press()
        pressed = {
            verb.value: _pressed(running, verb, presses) for verb in (Verb.REPEAT, Verb.MORE)
        }
        return More(pressed, *_rounds(running, rounds))


def _pressed(running: Bench, verb: Verb, presses: int) -> list[Press]:
    """After the last part comes the first again. Where OCR is installed, one press reads the text
    of the picture, once."""
    running.key = str(usual_key(verb))
    return [running.press() for _ in tqdm(range(presses), desc=verb.value, unit="press")]


def _rounds(running: Bench, rounds: int) -> tuple[list[int], list[float]]:
    """A round: the picture is described anew, two parts of it are told, three things explored."""
    marks, megabytes = [], []
    for number in tqdm(range(1, rounds + 1), desc="rounds", unit="round"):
        for verb in ("screen", "more", "more", *_THINGS):
            running.ask(verb)
        if number >= _FIRST and (number - _FIRST) % max(1, (rounds - _FIRST) // 8) == 0:
            time.sleep(_SETTLED)
            marks.append(number)
            megabytes.append(cost(running.daemon.pid).megabytes)
    return marks, megabytes


def table(found: More) -> str:
    """One line a key, then the memory."""
    lines = [f"{'from key to first sound, ms':30}{'median':>9}{'95 %':>9}{'most':>9}{'presses':>9}"]
    for name, presses in found.presses.items():
        totals = [press.total for press in presses]
        lines.append(f"{name:30}{_cells(totals)}{len(totals):9}")
    lines += ["", *_memory(found), f"(target: more within {TARGET} ms)"]
    return "\n".join(lines)


def _cells(totals: Sequence[float]) -> str:
    figures: Iterable[float] = (*np.percentile(totals, [50, 95]), max(totals))
    return "".join(f"{each:9.0f}" for each in figures)


def _memory(found: More) -> list[str]:
    if not found.rounds:
        return []
    lines = [f"{'rounds':>8}{'MB of all processes':>22}"]
    lines += [f"{n:8}{mb:22.1f}" for n, mb in zip(found.rounds, found.megabytes, strict=True)]
    return [*lines, f"kilobytes that a round leaves behind: {found.slope:.2f}"]
