"""Requests as fast as keys and programs can send them: does each get exactly one answer?

Three parts, each with its own account: programs alone, whose stale answers must be as many as
the daemon counts itself; keys alone; and both at once.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol, Self

import numpy as np
from tqdm import tqdm

from benchmarks.latency import Bench, bench
from benchmarks.memory import children, cost, megabytes
from describer_daemon.core.ports import DescriberError
from describer_daemon.service import control
from describer_daemon.settings.settings import Settings

_VERBS = ("screen", "screen", "clipboard", "repeat", "repeat", "stop")
_BUSY = "The describer is busy. Please try again."
_SHARES = {"programs": 0.4, "keys": 0.2, "both": 0.4}  # of the requests
_SAMPLE_EVERY = 1.0  # seconds
_SETTLES = 20.0  # seconds
_START = 0.2  # of the requests: memory is let grow while caches fill


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon and its children after so many requests.

    `lasting` are the megabytes of the daemon and the captioner: what speaks comes and goes.
    """

    requests: int
    megabytes: float
    lasting: float
    descriptors: int
    processes: int


@dataclass(slots=True)
class Part:
    """One part's account; `answered` to `lost` as the clients saw it, `daemon` as it counts.

    `busy` are refusals in words because too many asked at once: each was tried again.
    """

    name: str
    asked: int = 0
    keys: int = 0
    key_stops: int = 0
    answered: int = 0
    stale: int = 0
    stops: int = 0
    failed: int = 0
    busy: int = 0
    lost: int = 0
    seconds: float = 0.0
    daemon: dict[str, int] = field(default_factory=dict)

    @property
    def lost_keys(self) -> int:
        """Keys for which the daemon counts no answer; less than 0: it counts too many."""
        counted = self.daemon["answered"] + self.daemon["stale"]
        return self.keys - self.key_stops - (counted - self.answered - self.stale)

    @property
    def agrees(self) -> bool:
        """Whether the daemon counts as many answers, stale and not, as were seen and pressed."""
        equal = self.keys or (self.stale, self.answered) == (
            self.daemon["stale"],
            self.daemon["answered"],
        )
        return bool(equal) and not self.lost_keys


@dataclass(slots=True)
class Load:
    """The whole course; `after` and `zombies` are of a moment after the last sentence."""

    parts: list[Part]
    samples: list[Sample]
    before: Sample
    after: Sample
    zombies: int
    clients: int

    @property
    def late(self) -> list[Sample]:
        """All samples but those of the first fifth of the requests."""
        latest = self.samples[-1].requests if self.samples else 0
        return [each for each in self.samples if each.requests >= _START * latest]

    def slope(self, *, lasting: bool) -> float:
        """MB per 1,000 requests, by least squares, of all processes or the `lasting` ones."""
        late = self.late
        if len({each.requests for each in late}) < 2:
            return 0.0
        line = np.polyfit(
            [each.requests for each in late],
            [each.lasting if lasting else each.megabytes for each in late],
            1,
        )
        return 1000 * float(line[0])


class _Count(Protocol):
    """Adds to the fields of a `Part`, from any thread."""

    def __call__(self, **more: int) -> None: ...


class _Watch:
    """Looks at the daemon's memory, files and processes while it is at work."""

    def __init__(self, pids: Sequence[int], done: Counter[str]) -> None:
        self._pids, self._done = pids, done
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self.samples: list[Sample] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_SAMPLE_EVERY):
            with contextlib.suppress(DescriberError, OSError):
                self.samples.append(_sample(self._pids, self._done.total()))


def _sample(pids: Sequence[int], requests: int) -> Sample:
    """Of the daemon, the first of `pids`, with all that it started; all of `pids` last."""
    now, files = cost(pids[0]), list(Path(f"/proc/{pids[0]}/fd").iterdir())
    return Sample(requests, now.megabytes, sum(map(megabytes, pids)), len(files), now.processes)


def run(picture: Path, requests: int, clients: int, seed: int) -> Load:
    """Ask so often, from the keyboard and from so many programs at once."""
    done: Counter[str] = Counter()
    with bench(picture) as running, _there(running.display.env):
        _copied(running, picture)
        running.ask("screen")
        running.ask("clipboard")
        _hush(running)
        pids = [running.daemon.pid, *children(running.daemon.pid)]
        before = _sample(pids, 0)
        with _Watch(pids, done) as watch, tqdm(total=requests, unit="request") as bar:
            parts = [
                _part(running, name, round(share * requests), clients, seed, done, bar)
                for name, share in _SHARES.items()
            ]
            _hush(running)
        return Load(
            parts,
            watch.samples,
            before,
            _sample(pids, requests),
            _zombies(running.daemon.pid),
            clients,
        )


def _hush(running: Bench) -> None:
    """Let the daemon come to rest."""
    running.ask("stop")
    running.wait("silent", lambda status: not status["speaking"])
    time.sleep(1.0)


def _part(
    running: Bench,
    name: str,
    requests: int,
    clients: int,
    seed: int,
    done: Counter[str],
    bar: tqdm[Any],
) -> Part:
    part, guard = Part(name), threading.Lock()
    keys = {"programs": 0, "keys": requests, "both": requests // 5}[name]
    before, began = _counts(), time.monotonic()
    bar.set_description(name)

    def count(**more: int) -> None:
        with guard:
            for field_name, number in more.items():
                setattr(part, field_name, getattr(part, field_name) + number)
            done["requests"] += 1
            bar.update()

    with ThreadPoolExecutor(clients + 1) as pool:
        futures = [pool.submit(_press, running, Random(f"{seed} {name}"), keys, count)]
        if requests > keys:
            shares = _shared(requests - keys, clients)
            futures += [
                pool.submit(_ask, Random(f"{seed} {name} {number}"), share, count)
                for number, share in enumerate(shares)
            ]
        for future in futures:
            future.result()
    part.seconds = time.monotonic() - began
    part.daemon = _settled(part, before)
    return part


def _shared(requests: int, clients: int) -> list[int]:
    return [requests // clients + (number < requests % clients) for number in range(clients)]


def _press(running: Bench, random: Random, presses: int, count: _Count) -> None:
    bindings = Settings().bindings
    for _ in range(presses):
        verb = random.choice(_VERBS)
        running.display.press(str(getattr(bindings, verb)))
        count(keys=1, key_stops=int(verb == "stop"))


def _ask(random: Random, requests: int, count: _Count) -> None:
    """One client: it waits for each answer before it asks again, so theirs are in order."""
    for _ in range(requests):
        verb, busy = random.choice(_VERBS), 0
        while True:
            try:
                reply: Mapping[str, object] = control.send(verb, wait=True)
            except DescriberError as error:
                reply = {"ok": False, "sentence": error.spoken}
            if reply["ok"] or reply["sentence"] != _BUSY:
                break
            busy += 1
            time.sleep(random.uniform(0.005, 0.05))
        whole = bool(reply["ok"]) and (
            bool(reply["sentence"]) or bool(reply["stale"]) or verb == "stop"
        )
        stale = whole and bool(reply["stale"])
        stops = whole and not stale and verb == "stop"
        count(
            asked=1,
            busy=busy,
            lost=int(not whole),
            stale=int(stale),
            stops=int(stops),
            answered=int(whole and not stale and not stops),
            failed=int(whole and bool(reply["failed"])),
        )


def _counts() -> dict[str, int]:
    """What the daemon has counted so far."""
    status = control.send("status")
    return {name: int(status[name]) for name in ("answered", "stale")}


def _settled(part: Part, before: Mapping[str, int]) -> dict[str, int]:
    """What it has counted since, as soon as nothing is missing, or when nothing more comes.

    Keys are on their way through the X server for a while after they were pressed.
    """
    latest = time.monotonic() + _SETTLES
    while True:
        now = _counts()
        part.daemon = {name: now[name] - before[name] for name in now}
        if part.agrees or time.monotonic() > latest:
            return part.daemon
        time.sleep(0.2)


def _copied(running: Bench, picture: Path) -> None:
    """Put the picture on the private display's clipboard."""
    kind = "image/png" if picture.suffix.lower() == ".png" else "image/jpeg"
    running.display.start(
        ["xclip", "-quiet", "-selection", "clipboard", "-t", kind, "-i", str(picture.resolve())]
    )


@contextlib.contextmanager
def _there(env: Mapping[str, str]) -> Iterator[None]:
    """The clients find the control socket where the daemon's environment says."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = env["XDG_RUNTIME_DIR"]
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before


def _zombies(pid: int) -> int:
    """Children of the daemon that ended and were not reaped."""
    dead = 0
    for child in children(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            stat = Path(f"/proc/{child}/stat").read_text(encoding="utf-8")
            dead += stat.rpartition(")")[2].split()[0] == "Z"
    return dead


def table(load: Load) -> str:
    """One line a part, then memory, files and processes."""
    lines = [
        f"{'requests':10}{'programs':>9}{'keys':>7}{'answered':>9}{'stale':>7}{'stops':>7}"
        f"{'failed':>7}{'busy':>7}{'lost':>6}{'lost keys':>10}{'daemon says':>16}{'agree':>7}"
        f"{'a second':>9}"
    ]
    for part in load.parts:
        counted = f"{part.daemon['answered']} + {part.daemon['stale']}"
        lines.append(
            f"{part.name:10}{part.asked:9}{part.keys:7}{part.answered:9}{part.stale:7}"
            f"{part.stops:7}{part.failed:7}{part.busy:7}{part.lost:6}{part.lost_keys:10}"
            f"{counted:>16}{'yes' if part.agrees else 'NO':>7}"
            f"{(part.asked + part.keys) / max(part.seconds, 1e-9):9.0f}"
        )
    lines.append(
        f"{load.clients} programs at once; answered, stale, stops: theirs; "
        "the daemon says: answered + stale, keys too"
    )
    if load.samples:
        lines.append(_flat(load))
    return "\n".join(lines)


def _flat(load: Load) -> str:
    rows = (
        ("MB of all processes", "megabytes"),
        ("MB of daemon and captioner", "lasting"),
        ("open files of the daemon", "descriptors"),
        ("processes", "processes"),
    )
    lines = []
    for name, what in rows:
        before, *values, after = (
            getattr(each, what) for each in (load.before, *load.late, load.after)
        )
        lines.append(
            f"{name}: {before:.0f} at rest before, {min(values):.0f} to "
            f"{max(values):.0f} under load, {after:.0f} at rest after"
        )
    return "\n".join(
        [
            *lines,
            "slope over the last 80 %, MB per 1,000 requests: "
            f"{load.slope(lasting=False):+.2f} of all processes, {load.slope(lasting=True):+.2f} "
            "of daemon and captioner",
            f"zombies: {load.zombies}",
        ]
    )
