"""Pictures: mutations of what Pillow writes, bombs, lies; through the real captioner's process.

A picture that goes the short way is decoded at full length, brought upright and to RGB in the
captioner's process (its op "outline", with no boxes), which takes a few milliseconds; one of
every twenty goes the long way, through the picture finder and the captioner as a person's
would. The short way also writes a PNG, so what seems slow there goes the long way, too.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from random import Random
from typing import Self

from benchmarks.fuzz import mangling
from benchmarks.fuzz.bombs import BOMBS
from benchmarks.fuzz.seeds import openers, seeds
from benchmarks.fuzz.trial import Ending, Sample, weighted
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.core import phrasing
from describer_daemon.core.ports import DescriberError, Encoded

# what the captioner reads at all; all others must only be refused
_READ = (
    "PNG",
    "JPEG",
    "WEBP",
    "GIF",
    "BMP",
    "DIB",
    "TIFF",
    "PPM",
    "ICO",
    "JPEG2000",
    "AVIF",
    "MPO",
)
_WAYS = {"mangled": 78, "spliced": 6, "opener": 6, "bomb": 10}


class Watched(ChildCaptioner):
    """The captioner, and what becomes of its process; the next call starts a new one."""

    def __init__(self, bundle: Path | None = None) -> None:
        super().__init__(bundle)
        self.started = 0

    def _running(self) -> subprocess.Popen[bytes]:
        before = self._child
        child = super()._running()
        self.started += child is not before
        return child

    def peak(self) -> float:
        """Greatest resident size in MB since the last time; 0 when there is no process now."""
        child = self._child
        if child is None or child.poll() is not None:
            return 0.0
        kilobytes = 0
        with contextlib.suppress(OSError):
            folder = Path(f"/proc/{child.pid}")
            for line in (folder / "status").read_text(encoding="ascii").splitlines():
                if line.startswith("VmHWM:"):
                    kilobytes = int(line.split()[1])
            (folder / "clear_refs").write_text("5", encoding="ascii")  # begin again
        return kilobytes / 1024


class Pictures:
    """See `trial.Kind`."""

    def __init__(self) -> None:
        self._captioner = Watched()

    def __enter__(self) -> Self:
        self._captioner.warm_up()
        return self

    def __exit__(self, *exception: object) -> None:
        self._captioner.close()

    def make(self, random: Random) -> Sample:
        way = weighted(random, _WAYS)
        if way == "bomb":
            name = random.choice(sorted(BOMBS))
            data = BOMBS[name](random)
            if random.random() < 0.7:
                return Sample(name, data)
            how, data = mangling.mangled(random, data)
            return Sample(f"{name}, {how}", data)
        if way == "opener":
            return Sample(
                "the beginning of another format",
                random.choice(openers()) + random.randbytes(random.choice((0, 9, 2000))),
            )
        name, data = _seed(random)
        if way == "spliced":
            other, end = _seed(random)
            return Sample(f"{name}, then {other}", mangling.spliced(random, data, end))
        how, data = mangling.mangled(random, data)
        return Sample(f"{name}, {how}", data)

    def attempt(self, sample: Sample, thorough: bool) -> Ending:
        started, picture = self._captioner.started, Encoded(sample.data)
        try:
            if thorough:
                sentence, accepted = phrasing.sentence(self._captioner.describe(picture)), True
            else:
                self._captioner.outline(picture, ())
                sentence, accepted = "", True
        except DescriberError as error:
            sentence, accepted = error.spoken, False
        megabytes = self._captioner.peak()
        dead = accepted is False and not self._captioner.is_loaded()
        return Ending(
            sentence, accepted, megabytes=megabytes, lost=self._captioner.started - started + dead
        )


def _seed(random: Random) -> tuple[str, bytes]:
    """A sound picture, of a format that is read three times out of four."""
    kinds = sorted({name.split()[0] for name in seeds()})
    read = [kind for kind in kinds if kind in _READ]
    kind = random.choice(read if random.random() < 0.75 else kinds)
    name = random.choice([name for name in seeds() if name.split()[0] == kind])
    return name, seeds()[name]
