"""Composed screens of every size and shape, with known pictures: how exact, fast and large.

Each shape has a few screens: pages, panels and desktops with cards, words and photographs on plain
ground, or windows over a photograph as wallpaper, over colours, or over a gradient.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks.boxes import Box
from benchmarks.matching import paired
from training.finder import widgets
from training.finder.canvas import PHOTOGRAPH, Canvas, write
from training.finder.widgets import Theme

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from benchmarks.finder import FindPictures

_FORGIVEN = 0.5  # so much of a find may lie on what does not count
_MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Shape:
    """`behind` is what lies behind the windows: "" for a page without any."""

    name: str
    size: tuple[int, int]
    scale: float = 1.0
    behind: str = ""


SHAPES = (
    Shape("1920 by 1080", (1920, 1080)),
    Shape("panel, 300 by 1400", (300, 1400)),
    Shape("200 %, 3840 by 2160", (3840, 2160), 2.0),
    Shape("page, 1200 by 12000", (1200, 12000)),
    Shape("8K at 200 %, 7680 by 4320", (7680, 4320), 2.0),
    Shape("windows on a photograph", (1920, 1080), behind="photograph"),
    Shape("windows on a gradient", (1920, 1080), behind="gradient"),
    Shape("windows on a colour", (1920, 1080), behind="colour"),
)


@dataclass(slots=True)
class Composed:
    """A screen, the boxes of its pictures, what does not count, and its wallpaper's box."""

    pixels: NDArray[np.uint8]
    boxes: list[Box] = field(default_factory=list)
    ignore: list[Box] = field(default_factory=list)
    wallpaper: Box | None = None


def compose(shape: Shape, paths: Sequence[Path], random: Generator) -> Composed:
    """One screen of a shape, of some of the photographs."""
    canvas = Canvas.blank(shape.size, shape.scale, widgets.colour(random))
    whole = Box(0, 0, *shape.size)
    result = Composed(np.zeros((0, 0, 3), np.uint8))
    if not shape.behind:
        theme = Theme(random)
        canvas.panel(whole.edges(), theme.paper)
        result.boxes += _page(canvas, random, theme, whole, paths)
    else:
        if shape.behind == "photograph":
            canvas.image.paste(_photograph(random, paths, shape.size))
            result.wallpaper = whole
        elif shape.behind == "gradient":
            canvas.image.paste(widgets.gradient(random, shape.size))
        for _ in range(int(random.integers(1, 5))):
            _window(canvas, random, result, paths)
    result.pixels = np.asarray(canvas.image)
    return result


def _window(canvas: Canvas, random: Generator, screen: Composed, paths: Sequence[Path]) -> None:
    """A window with a bar and a page, upon all that is there."""
    width, height = canvas.image.size
    across, down = (int(side * random.uniform(0.25, 0.6)) for side in (width, height))
    left, top = int(random.integers(0, width - across)), int(random.integers(0, height - down))
    box = Box(left, top, across, down)
    theme, bar = Theme(random), canvas.points(28)
    widgets.shadow(canvas, box.edges(), 0.4)
    canvas.panel(box.edges(), theme.paper, outline=theme.line)
    widgets.bar(canvas, random, theme, (left, top, box.right, top + bar))
    covered = [each for each in screen.boxes if each.overlap(box)]
    screen.ignore += covered
    screen.boxes = [each for each in screen.boxes if each not in covered]
    inner = Box(left, top + bar, across, down - bar)
    if random.random() < 0.5:
        screen.boxes += _page(canvas, random, theme, inner, paths)
    else:
        widgets.rows(canvas, random, theme, inner.edges())


def _page(
    canvas: Canvas, random: Generator, theme: Theme, box: Box, paths: Sequence[Path]
) -> list[Box]:
    """Words and rows of photographs that fill a box; → the photographs' boxes."""
    margin, found = canvas.points(14), []
    top, room = box.top + margin, box.width - 2 * margin
    while top < box.bottom - canvas.points(100):
        if random.random() < 0.6:
            area = (box.left + margin, top, box.right - margin, box.bottom - margin)
            lines = int(random.integers(1, 5))
            top = write(canvas, random, area, theme.ink, face=theme.face, lines=lines)
        else:
            count = int(random.integers(1, 5))
            most = (room - (count - 1) * margin) // count
            width = min(most, canvas.points(float(random.uniform(80, 480))))
            height = int(width / random.choice([1.0, 1.33, 1.5, 1.78, 0.75]))
            if width >= canvas.points(64) and top + height < box.bottom - margin:
                for number in range(count):
                    place = Box(box.left + margin + number * (width + margin), top, width, height)
                    picture = _photograph(random, paths, (width, height))
                    canvas.put(picture, place.edges(), PHOTOGRAPH)
                    found.append(place)
                top += height
        top += margin
    return found


def _photograph(random: Generator, paths: Sequence[Path], size: tuple[int, int]) -> Image.Image:
    with Image.open(paths[int(random.integers(len(paths)))]) as file:
        return file.convert("RGB").resize(size, Image.Resampling.BICUBIC)


@dataclass(slots=True)
class Result:
    """Of all screens of a shape: IoU of each picture, finds of nothing, IoU of each wallpaper,
    processor time (milliseconds) and most memory (MiB more than before) of each find."""

    ious: list[float] = field(default_factory=list)
    strays: int = 0
    wallpapers: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    mebibytes: list[float] = field(default_factory=list)


def measure(find: FindPictures, paths: Sequence[Path], count: int, seed: int) -> dict[str, Result]:
    """Compose `count` screens of each shape, and find their pictures."""
    results = {}
    for number, shape in enumerate(tqdm(SHAPES, desc="shapes", unit="shape")):
        random = np.random.default_rng([seed, number])
        result = results[shape.name] = Result()
        for _ in range(count):
            _measure_one(find, compose(shape, paths, random), result)
    return results


def _measure_one(find: FindPictures, screen: Composed, result: Result) -> None:
    before, begun = _peak_from_now(), time.process_time()
    finds = find(screen.pixels)
    result.milliseconds.append(1000 * (time.process_time() - begun))
    result.mebibytes.append((_status("VmHWM") - before) / _MEBIBYTE)
    wanted = [*screen.boxes, *([screen.wallpaper] if screen.wallpaper else [])]
    matches, ious = paired(wanted, finds)
    result.ious += ious[: len(screen.boxes)]
    result.wallpapers += ious[len(screen.boxes) :]
    result.strays += sum(
        not any(each is match for match in matches)
        and sum(each.box.overlap(box) for box in screen.ignore) < _FORGIVEN * each.box.area
        for each in finds
    )


def _peak_from_now() -> int:
    """Forget the most memory that this process had; → the bytes it has now (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def _status(name: str) -> int:
    """A size that the system tells of this process, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"this system does not tell {name}")


def table(results: dict[str, Result]) -> str:
    """One line a shape."""
    heads = (
        "pictures",
        "IoU 0.75",
        "IoU 0.9",
        "finds of nothing",
        "wallpapers, IoU 0.9",
        "milliseconds",
        "mebibytes",
    )
    width = max(map(len, results))
    lines = [f"{'':{width}}" + "".join(f"  {head:>{len(head)}}" for head in heads)]
    for name, each in results.items():
        columns = (
            str(len(each.ious)),
            _share(each.ious, 0.75),
            _share(each.ious, 0.9),
            str(each.strays),
            _share(each.wallpapers, 0.9),
            f"{np.median(each.milliseconds):.0f}",
            f"{max(each.mebibytes):.0f}",
        )
        cells = (f"  {cell:>{len(head)}}" for cell, head in zip(columns, heads, strict=True))
        lines.append(f"{name:{width}}" + "".join(cells))
    return "\n".join(lines)


def _share(ious: Sequence[float], least: float) -> str:
    return f"{100 * np.mean([iou >= least for iou in ious]):.1f} %" if ious else "-"
