"""How time grows: with the picture's size, with the beam, with the number of files."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks.pictures import encoded
from describer_daemon import processes
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.core.ports import DescriberError, Encoded

MEGAPIXELS = (0.1, 0.5, 1, 2, 5, 10, 20, 50)
BEAMS = tuple(range(1, 11))
RATE, BUSY = 1.7, 80  # targets: times the rate of one core; percent of all cores
_SHAPE = (4, 3)


@dataclass(frozen=True, slots=True)
class Size:
    """Milliseconds of each caption of a picture of one size and kind."""

    kind: str
    megapixels: float
    milliseconds: list[float]


@dataclass(frozen=True, slots=True)
class Beam:
    """Milliseconds of each caption with one beam."""

    beam: int
    milliseconds: list[float]


@dataclass(frozen=True, slots=True)
class Many:
    """`describer describe` of many files: `busy` is the share of all cores that worked, in 0..1."""

    cores: int
    files: int
    seconds: float
    busy: float

    @property
    def rate(self) -> float:
        """Files a second."""
        return self.files / self.seconds


@dataclass(frozen=True, slots=True)
class Growth:
    """All that was measured."""

    sizes: list[Size]
    beams: list[Beam]
    many: list[Many]


def sizes(picture: bytes, repeats: int, megapixels: Sequence[float] = MEGAPIXELS) -> list[Size]:
    """One photograph, enlarged, as a JPEG and as a PNG: from the file's bytes to the caption."""
    made: list[tuple[str, float, Encoded]] = []
    for million in megapixels:
        unit = (1e6 * million / (_SHAPE[0] * _SHAPE[1])) ** 0.5
        image = _image(picture).resize((round(_SHAPE[0] * unit), round(_SHAPE[1] * unit)))
        made += [(kind, million, Encoded(encoded(image, kind))) for kind in ("JPEG", "PNG")]
    found = [Size(kind, million, []) for kind, million, _ in made]
    with _captioner() as captioner:
        for _ in tqdm(range(repeats), desc="sizes", unit="round"):
            for each, (_, _, file) in zip(found, made, strict=True):
                each.milliseconds.append(_timed(captioner, file))
    return found


def beams(pictures: Sequence[bytes], beams: Sequence[int] = BEAMS) -> list[Beam]:
    """Each picture with each beam, in turn."""
    found = [Beam(beam, []) for beam in beams]
    with contextlib.ExitStack() as stack:
        captioners = [stack.enter_context(_captioner(beam)) for beam in beams]
        for picture in tqdm(pictures, desc="beams", unit="picture"):
            for each, captioner in zip(found, captioners, strict=True):
                each.milliseconds.append(_timed(captioner, Encoded(picture)))
    return found


def many(folder: Path, pictures: Sequence[bytes], files: int) -> list[Many]:
    """So many files in one command, on one core and then on all that we may use."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number in range(files):
        name = folder / f"{number:05}.jpg"
        name.write_bytes(pictures[number % len(pictures)])
        names.append(str(name))
    every = sorted(os.sched_getaffinity(0))
    try:
        return [_described(names, every[:count]) for count in sorted({1, len(every)})]
    finally:
        os.sched_setaffinity(0, every)


def _described(names: Sequence[str], cores: Sequence[int]) -> Many:
    os.sched_setaffinity(0, cores)  # what is started may use the same
    command = [*processes.python("describer_daemon.cli.main"), "describe", *names]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = done.stdout.count(b"\n")
    if done.returncode or lines != len(names):
        raise DescriberError(
            f"Of {len(names)} pictures {lines} were described. "
            "What was said of the others is above."
        )
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Many(len(cores), len(names), seconds, used / seconds / len(cores))


@contextlib.contextmanager
def _captioner(beam: int | None = None) -> Iterator[ChildCaptioner]:
    """A captioner that has said something already, without the picture finder."""
    captioner = ChildCaptioner(beam=beam, find=False, timeout=120)
    try:
        captioner.describe(Encoded(encoded(Image.effect_noise((64, 64), 90).convert("RGB"))))
        yield captioner
    finally:
        captioner.close()


def _timed(captioner: ChildCaptioner, file: Encoded) -> float:
    began = time.perf_counter()
    captioner.describe(file)
    return 1e3 * (time.perf_counter() - began)


def _image(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def table(found: Growth) -> str:
    """Three small tables: by size, by beam, by cores."""
    lines = [f"{'megapixels':>10}{'JPEG, ms':>22}{'PNG, ms':>22}"]
    for million in sorted({each.megapixels for each in found.sizes}):
        cells = "".join(
            f"{_spread(each.milliseconds):>22}"
            for each in found.sizes
            if each.megapixels == million
        )
        lines.append(f"{million:10g}{cells}")
    lines += ["", f"{'beam':>10}{'ms':>22}"]
    lines += [f"{each.beam:10}{_spread(each.milliseconds):>22}" for each in found.beams]
    lines += [
        "",
        f"{'cores':>10}{'files':>8}{'seconds':>10}{'files/s':>10}{'cores in use':>14}"
        f"{'times one core':>17}",
    ]
    for each in found.many:
        lines.append(
            f"{each.cores:10}{each.files:8}{each.seconds:10.1f}{each.rate:10.1f}"
            f"{100 * each.busy:12.0f} %{each.rate / found.many[0].rate:17.2f}"
        )
    return "\n".join(
        [
            *lines,
            "",
            f"(targets for two cores: {RATE} times one, {BUSY} % in use; in brackets: nine of ten)",
        ]
    )


def plot(found: Growth, path: Path) -> None:
    """The same as curves and bars."""
    from matplotlib.figure import Figure

    figure = Figure((11, 3.4), layout="constrained")
    by_size, by_beam, by_cores = figure.subplots(1, 3)
    for kind in ("JPEG", "PNG"):
        mine = [each for each in found.sizes if each.kind == kind]
        by_size.plot(
            [each.megapixels for each in mine],
            [np.median(each.milliseconds) for each in mine],
            "o-",
            label=kind,
        )
    by_size.set(xlabel="megapixels", ylabel="milliseconds a caption", xscale="log", yscale="log")
    by_size.legend()
    by_beam.plot(
        [each.beam for each in found.beams],
        [np.median(each.milliseconds) for each in found.beams],
        "o-",
    )
    by_beam.set(xlabel="beam", ylabel="milliseconds a caption")
    by_beam.set_ylim(bottom=0)
    bars = by_cores.bar(
        [str(each.cores) for each in found.many], [each.rate for each in found.many]
    )
    by_cores.bar_label(bars, fmt="%.1f")
    by_cores.set(xlabel="cores", ylabel="files a second")
    for axes in (by_size, by_beam, by_cores):
        axes.grid(visible=True, alpha=0.4)
    figure.savefig(path, dpi=100, metadata={"Software": None})


def _spread(milliseconds: Sequence[float]) -> str:
    low, middle, high = np.percentile(milliseconds, [5, 50, 95])
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"
