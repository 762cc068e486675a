"""What the daemon costs while it waits and when it has worked: memory, time, wake-ups."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from benchmarks.latency import Bench, bench
from describer_daemon.core.ports import DescriberError

_GONE = (FileNotFoundError, ProcessLookupError)
_SETTLED = 5.0  # seconds until nobody does anything any more
_TICKS = os.sysconf("SC_CLK_TCK")  # of processor time, a second


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a process and all that it started.

    `megabytes` is the proportional set size (a page that n processes share counts 1/n for
    each); `seconds` of processor time so far; `wakes` how often a thread has slept so far.
    """

    megabytes: float
    processes: int
    seconds: float
    wakes: int


@dataclass(frozen=True, slots=True)
class Idle:
    """Over `seconds`: share of one core in percent, wake-ups a second."""

    seconds: float
    percent: float
    wakes: float


def cost(pid: int) -> Cost:
    """Raises DescriberError where the system does not tell (it needs Linux)."""
    found = Cost(0.0, 0, 0.0, 0)
    try:
        for member in _family(pid):
            # what speaks may end while it is looked at
            with contextlib.suppress(*(() if member == pid else _GONE)):
                found = Cost(
                    found.megabytes + megabytes(member),
                    found.processes + 1,
                    found.seconds + _seconds(member),
                    found.wakes + _wakes(member),
                )
    except OSError as error:
        raise DescriberError(
            "The memory of the daemon cannot be read here.", detail=repr(error)
        ) from error
    return found


def idle(running: Bench, seconds: float) -> Idle:
    """Leave the daemon alone and see what it does all the same."""
    before, began = cost(running.daemon.pid), time.monotonic()
    for _ in tqdm(range(max(1, round(seconds))), desc="idle", unit="s"):
        time.sleep(1)
    after, length = cost(running.daemon.pid), time.monotonic() - began
    return Idle(
        length,
        100 * (after.seconds - before.seconds) / length,
        (after.wakes - before.wakes) / length,
    )


@dataclass(frozen=True, slots=True)
class Course:
    """The daemon from its start to its end; `course` says how."""

    seconds_to_listen: float
    started: Cost
    idle: Idle
    loaded: Cost
    captions: int
    used: Cost
    idle_loaded: Idle
    unloaded: Cost

    def states(self) -> list[tuple[str, float]]:
        """Megabytes in each state."""
        return [
            ("started and idle", self.started.megabytes),
            ("captioner loaded", self.loaded.megabytes),
            (f"after {self.captions} captions", self.used.megabytes),
            ("unloaded again", self.unloaded.megabytes),
        ]

    def rows(self) -> list[tuple[str, float, str]]:
        """Name, value and target of each figure."""
        targets = (
            "at most 60",
            "at most 200",
            f"at most {self.loaded.megabytes + 5:.0f}: 5 more than when loaded",
            "",
        )
        rows = [("start to listening, ms", 1000 * self.seconds_to_listen, "at most 700")]
        rows += [
            (f"{name}, MB", value, target)
            for (name, value), target in zip(self.states(), targets, strict=True)
        ]
        for name, seen in (("unloaded", self.idle), ("loaded", self.idle_loaded)):
            rows.append(
                (
                    f"idle {seen.seconds:.0f} s {name}: share of a core, %",
                    seen.percent,
                    "at most 0.1",
                )
            )
            rows.append((f"idle {seen.seconds:.0f} s {name}: wake-ups a second", seen.wakes, ""))
        return rows


def course(picture: Path, seconds: float, captions: int) -> Course:
    """Start a daemon, leave it alone, let it caption, leave it alone, unload its captioner."""
    with bench(picture) as running:
        pid = running.daemon.pid
        time.sleep(_SETTLED)
        started, quiet = cost(pid), idle(running, seconds)
        running.press()
        time.sleep(_SETTLED)
        loaded = cost(pid)
        for _ in tqdm(range(captions), desc="captions", unit="caption"):
            running.ask("screen")
        time.sleep(_SETTLED)
        used = cost(pid)
        quiet_loaded = idle(running, min(seconds, 60))
        running.unload()
        return Course(
            running.seconds_to_listen,
            started,
            quiet,
            loaded,
            captions,
            used,
            quiet_loaded,
            cost(pid),
        )


def children(pid: int) -> Iterator[int]:
    """The processes that a process has started itself, and that are there."""
    with contextlib.suppress(*_GONE):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield int(child)


def _family(pid: int) -> Iterator[int]:
    yield pid
    for child in children(pid):
        yield from _family(child)


def megabytes(pid: int) -> float:
    """The proportional set size of one process. Raises OSError when it is gone."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return (
        next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024
    )


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS  # in the program and in the system


def _wakes(pid: int) -> int:
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        text = (task / "status").read_text(encoding="utf-8")
        total += next(
            int(line.split()[1])
            for line in text.splitlines()
            if line.startswith("voluntary_ctxt_switches")
        )
    return total
