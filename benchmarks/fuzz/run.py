"""Try so many inputs of a kind, keep those that ended badly, and try one of them again."""

from __future__ import annotations

import collections
import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.fuzz.trial import Ending, Kind, Sample, descriptors, faults, sample, tried

THOROUGH = 20  # one input of so many goes the long way
_NAME = re.compile(r"([a-z]+)-(-?\d+)-(\d+)\.input")


@dataclass(slots=True)
class Tally:
    """What became of a range of inputs; `lost` are captioner processes that died."""

    kind: str
    seed: int
    first: int
    tried: int = 0
    accepted: int = 0
    lost: int = 0
    most_seconds: float = 0.0
    most_megabytes: float = 0.0
    left_open: int = 0
    sentences: dict[str, int] = field(default_factory=dict)
    mishandled: list[dict[str, Any]] = field(default_factory=list)

    def add(self, number: int, tested: Sample, ending: Ending) -> None:
        """Count one ending."""
        self.tried += 1
        self.accepted += ending.accepted
        self.lost += ending.lost
        self.most_seconds = max(self.most_seconds, ending.seconds)
        self.most_megabytes = max(self.most_megabytes, ending.megabytes)
        if not ending.accepted:
            pattern = re.sub(r"\d+", "N", ending.sentence)[:120]
            self.sentences[pattern] = self.sentences.get(pattern, 0) + 1
        if wrong := faults(ending):
            self.mishandled.append(
                {"number": number, "how": tested.how, "faults": wrong, **dataclasses.asdict(ending)}
            )


def run(make: Callable[[], Kind], name: str, seed: int, numbers: range, folder: Path) -> Tally:
    """Try the inputs of these numbers; what is mishandled is written to `folder`."""
    tally = Tally(name, seed, numbers.start)
    before = descriptors()
    with make() as kind:
        for number in tqdm(numbers, desc=name, unit="input"):
            tested = sample(kind, name, seed, number)
            ending = tried(kind, tested, number % THOROUGH == 0)
            tally.add(number, tested, ending)
            if faults(ending):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{name}-{seed}-{number}.input").write_bytes(tested.data)
    tally.left_open = max(0, descriptors() - before)
    return tally


def replay(kinds: Mapping[str, Callable[[], Kind]], path: Path) -> Iterator[Ending]:
    """Try a kept input again, the short way and the long. Raises ValueError for another file."""
    named = _NAME.fullmatch(path.name)
    if named is None or named[1] not in kinds:
        raise ValueError(
            f"{path.name} is no kept input; they are named such as pictures-1-77.input."
        )
    with kinds[named[1]]() as kind:
        for thorough in (False, True):
            yield tried(kind, Sample("kept", path.read_bytes()), thorough)


def save(tally: Tally, folder: Path) -> None:
    """Write a piece's tally beside the others."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{tally.kind}-{tally.seed}-from-{tally.first}.json"
    text = json.dumps(dataclasses.asdict(tally), indent=1)  # ASCII: what was said may be no text
    (folder / name).write_text(text + "\n", encoding="utf-8")


def saved(folder: Path, seed: int) -> list[Tally]:
    """The tallies of all pieces with this seed."""
    return [
        Tally(**json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(folder.glob(f"*-{seed}-from-*.json"))
    ]


def table(tallies: list[Tally]) -> str:
    """One line a kind, its pieces added up; then why, and how often, inputs were mishandled."""
    lines = [
        f"{'input':12}{'tried':>8}{'taken':>8}{'refused':>9}{'mishandled':>12}"
        f"{'slowest s':>11}{'most MB':>9}{'processes lost':>16}{'left open':>11}"
    ]
    for kind in dict.fromkeys(tally.kind for tally in tallies):
        own = [tally for tally in tallies if tally.kind == kind]
        total, taken = sum(each.tried for each in own), sum(each.accepted for each in own)
        lines.append(
            f"{kind:12}{total:8}{taken:8}{total - taken:9}"
            f"{sum(len(each.mishandled) for each in own):12}"
            f"{max(each.most_seconds for each in own):11.2f}"
            f"{max(each.most_megabytes for each in own):9.0f}"
            f"{sum(each.lost for each in own):16}{sum(each.left_open for each in own):11}"
        )
    why = collections.Counter(
        f"{tally.kind}: {fault}"
        for tally in tallies
        for wrong in tally.mishandled
        for fault in wrong["faults"]
    )
    lines += [f"  {count} x {fault}" for fault, count in why.most_common(12)]
    return "\n".join(lines)
