"""Our captioner beside what one would take instead: time, memory, size; on the same pictures.

Each runs in its own process, all at once, and is asked in turn, so that whatever else the
machine does hits all alike. While one works, the others sleep.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.memory import cost
from describer_daemon import processes
from describer_daemon.captioner import protocol
from describer_daemon.captioner.client import LEAN
from describer_daemon.core.ports import DescriberError
from models.runtime.bundle import CONSENSUS, DECODER, ENCODER, SHIPPED, VOCABULARY, WEIGHTS

LOADS = 3
_WARM = 2  # captions that do not count
_OWN = (ENCODER, DECODER, WEIGHTS, VOCABULARY, CONSENSUS, "config.json")


@dataclass(frozen=True, slots=True)
class Peer:
    """`kind` and `name` as `benchmarks.peers_child` has them; `built` is what makes its files."""

    name: str
    kind: str
    built: str = ""
    runs: str = ""


PEERS = (
    Peer("ours", "ours", runs="ONNX Runtime, beam"),
    Peer("ours in torch", "ours in torch", runs="torch, beam"),
    Peer("vit-gpt2 int8", "onnx", "vit-gpt2", "ONNX Runtime, greedy"),
    Peer("vit-gpt2 fp32", "onnx", "vit-gpt2", "ONNX Runtime, greedy"),
    Peer("published int8", "published", "published", "our engine, greedy"),
    Peer("published torch", "torch", "published", "transformers, greedy"),
    Peer("florence-2 q4", "published", "florence-2", "our engine, greedy"),
    Peer("florence-2 torch", "asked torch", "florence-2", "transformers, greedy"),
    Peer("smolvlm int8", "published", "smolvlm", "our engine, greedy"),
    Peer("smolvlm torch", "asked torch", "smolvlm", "transformers, greedy"),
    Peer("git-base", "torch", "git-base", "transformers, greedy"),
    Peer("blip-base", "torch", "blip-base", "transformers, greedy"),
)


@dataclass(slots=True)
class Measured:
    """Of one captioner: milliseconds of each caption, seconds of each load, megabytes.

    `loaded` is the proportional set size once it could caption, `peak` the most that was ever
    resident; `disk` is that of its files.
    """

    peer: Peer
    disk: float
    captions: list[float] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    loaded: float = 0.0
    peak: float = 0.0

    def median(self) -> float:
        return float(np.median(self.captions))


class Runner:
    """A captioner in its process."""

    def __init__(self, peer: Peer, folder: Path, threads: int) -> None:
        """Start it. Returns when it can caption; raises DescriberError when it never can."""
        self.peer = peer
        began = time.perf_counter()
        self._process = _start(
            [peer.kind, peer.name, str(folder), str(threads)],
            threads,
            ours=not peer.built or peer.kind == "published",
        )
        try:
            self._answer()
        except DescriberError:
            self.close()
            raise
        self.seconds = time.perf_counter() - began

    @property
    def pid(self) -> int:
        return self._process.pid

    def caption(self, picture: bytes, words: int) -> tuple[float, int]:
        """→ milliseconds, and how many words were said."""
        protocol.write(processes.pipe(self._process.stdin), {"words": words}, picture)
        reply = self._answer()
        return float(reply["milliseconds"]), int(reply["words"])

    def peak(self) -> float:
        """The most megabytes that were ever resident."""
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return (
            next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM:"))
            / 1024
        )

    def close(self) -> None:
        _end(self._process)

    def _answer(self) -> dict[str, float]:
        message = protocol.read(processes.pipe(self._process.stdout))
        if message is None:
            raise DescriberError(f"{self.peer.name} broke off. What it said is above.")
        return message[0]


def prepare(folder: Path, peers: Sequence[Peer] = PEERS) -> None:
    """Build what is not there yet: gigabytes, and minutes."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = sorted(
        {
            peer.built
            for peer in peers
            if peer.built and not (folder / peer.name / "complete").exists()
        }
    )
    for built in tqdm(missing, desc="building", unit="captioner"):
        mine = [folder / peer.name for peer in PEERS if peer.built == built]
        for each in mine:
            shutil.rmtree(each, ignore_errors=True)
        process = _start(["build", built, str(folder), "1"], 1)
        failed = process.wait()
        _end(process)
        if failed:
            raise DescriberError(f"{built} could not be built. What it said is above.")
        for each in mine:
            (each / "complete").touch()


def measure(
    folder: Path, pictures: Sequence[bytes], threads: int, peers: Sequence[Peer] = PEERS
) -> list[Measured]:
    """All of them on all pictures, ours first; how long our captions are, theirs are, too."""
    found = [Measured(peer, _disk(peer, folder)) for peer in peers]
    for _ in range(LOADS - 1):
        for each in found:
            runner = Runner(each.peer, folder, threads)
            runner.close()
            each.loads.append(runner.seconds)
    with _running(found, folder, threads) as runners:
        words = round(float(np.mean([runners[0].caption(picture, 0)[1] for picture in pictures])))
        for runner in runners:
            for picture in pictures[:_WARM]:
                runner.caption(picture, words)
        turns = range(len(runners))
        for number, picture in enumerate(tqdm(pictures, desc="captions", unit="picture")):
            for turn in turns:  # each goes first at times
                at = (turn + number) % len(runners)
                milliseconds, count = runners[at].caption(picture, words)
                found[at].captions.append(milliseconds)
                found[at].words.append(count)
        for each, runner in zip(found, runners, strict=True):
            each.peak = runner.peak()
    return found


@contextlib.contextmanager
def _running(found: Sequence[Measured], folder: Path, threads: int) -> Iterator[list[Runner]]:
    """All at once, each just loaded; their load times and memory are noted."""
    with contextlib.ExitStack() as stack:
        runners = []
        for each in found:
            runner = Runner(each.peer, folder, threads)
            stack.callback(runner.close)
            each.loads.append(runner.seconds)
            each.loaded = cost(runner.pid).megabytes
            runners.append(runner)
        yield runners


def _disk(peer: Peer, folder: Path) -> float:
    """Megabytes of what it is made of."""
    if not peer.built:
        return sum((SHIPPED / name).stat().st_size for name in _OWN) / 1e6
    return sum(path.stat().st_size for path in (folder / peer.name).rglob("*")) / 1e6


def _start(arguments: list[str], threads: int, *, ours: bool = False) -> subprocess.Popen[bytes]:
    # ours as the daemon starts it; the others with the C library's own thresholds, which are faster
    lean = {
        **(LEAN if ours else {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}),
        "OMP_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    pipe = subprocess.PIPE
    return processes.start(
        [*processes.python("benchmarks.peers_child"), *arguments],
        stdin=pipe,
        stdout=pipe,
        stderr=None,
        env={**os.environ, **lean},
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    processes.end(process)
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was unsent has nowhere to go
            processes.pipe(stream).close()
