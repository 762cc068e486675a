"""What one fuzzed input came to, and whether that is how it should end."""

from __future__ import annotations

import builtins
import contextlib
import re
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Protocol, Self

from describer_daemon.core import phrasing

SLOW = 2.0  # seconds
MOST_MEGABYTES = 512.0  # of the captioner's process
_HANGS = 60.0  # seconds; the captioner's process is ended long before
LONGEST = 400  # letters of a sentence that refuses something
# what the outermost nets say: the cause is not known there, so something inside is missing
_NETS = (
    phrasing.INTERNAL,
    "The captioner failed on this picture.",
    "Something went wrong in the describer. Its log says more.",
)
_RAISED = "|".join(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
)
_CLASSES = re.compile(rf"\b(?:{_RAISED}|[A-Z]\w*(?:Error|Exception|Warning))\b")
_OURS = tuple(
    {str(Path(__file__).parents[2]), sys.prefix, sys.base_prefix, tempfile.gettempdir()}
    - {"/", "/usr"}
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One input: `how` it was made, in words, and the bytes that are enough to try it again."""

    how: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Ending:
    """`sentence` is what the person hears, "" when the input was taken without a word.

    `megabytes` is the greatest resident size that the captioner's process had (0: it took no
    part), `lost` how many of these processes died, `broke` what was raised that nobody may see.
    """

    sentence: str
    accepted: bool
    seconds: float = 0.0
    megabytes: float = 0.0
    lost: int = 0
    broke: str = ""


class Kind(Protocol):
    """A kind of input, and the real parts that take it; use it in a `with` block."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def make(self, random: Random) -> Sample:
        """The same `random` gives the same input."""

    def attempt(self, sample: Sample, thorough: bool) -> Ending:
        """Let the real parts have it; `thorough` takes the longer way."""


def sample(kind: Kind, name: str, seed: int, number: int) -> Sample:
    """Input `number` of a kind."""
    return kind.make(Random(f"{seed} {name} {number}"))


def tried(kind: Kind, tested: Sample, thorough: bool) -> Ending:
    """Try it; once more, the long way, when it seems slow.

    Another program may have had the processor, and the short way may do what nobody waits for.
    """
    ending = _timed(kind, tested, thorough)
    if ending.seconds <= SLOW:
        return ending
    again = _timed(kind, tested, thorough=True)
    return replace(
        min(ending, again, key=lambda each: each.seconds),
        megabytes=again.megabytes,
        lost=ending.lost + again.lost,
    )


def _timed(kind: Kind, tested: Sample, thorough: bool) -> Ending:
    """One try, in a thread of its own: what hangs is left behind."""
    endings: list[Ending] = []

    def attempt() -> None:
        try:
            endings.append(kind.attempt(tested, thorough))
        except Exception as error:  # this is what is looked for
            endings.append(Ending("", accepted=False, broke=repr(error)[:300]))

    began = time.perf_counter()
    thread = threading.Thread(target=attempt, name="attempt", daemon=True)
    thread.start()
    thread.join(_HANGS)
    ending = endings[0] if endings else Ending("", accepted=False, broke="nothing: it hangs")
    return replace(ending, seconds=time.perf_counter() - began)


def faults(ending: Ending) -> list[str]:
    """What is wrong with how it ended; [] when nothing is."""
    sentence = ending.sentence
    wrong = {
        f"it raised {ending.broke}": bool(ending.broke),
        "nothing was said": not (sentence or ending.accepted or ending.broke),
        "more than one line, or control characters": not sentence.isprintable(),
        "a traceback": "Traceback" in sentence,
        "the name of an exception": bool(_CLASSES.search(sentence)),
        "a path of the program": any(path in sentence for path in _OURS),
        "far too long a sentence": not ending.accepted and len(sentence) > LONGEST,
        "only the outermost net caught it": sentence in _NETS,
        f"over {SLOW:g} s": ending.seconds > SLOW,
        f"over {MOST_MEGABYTES:g} MB": ending.megabytes > MOST_MEGABYTES,
    }
    return [fault for fault, there in wrong.items() if there]


def descriptors() -> int:
    """How many files this process has open; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        return len(list(Path("/proc/self/fd").iterdir()))
    return 0


def weighted(random: Random, weights: Mapping[str, int]) -> str:
    """One of the names, as often as its weight says."""
    return random.choices(list(weights), list(weights.values()))[0]
