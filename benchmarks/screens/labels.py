"""What is known of a screen: written beside its PNG as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.boxes import Box, uncovered

Kind = Literal["photograph", "drawing"]
SMALLEST = 64  # pixels at 100 %: what is smaller is an icon to a person, and nobody's fault


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture: `box` is what is seen of it, `drawn` the size it would have uncut.

    `file` is the name of the photograph's file, "" for a drawing.
    """

    box: Box
    file: str
    kind: Kind
    drawn: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Label:
    """`size` is (width, height) of the grab in pixels, `scale` the desktop's (1 is 100 %).

    What lies mostly in one of the `ignore` boxes may be found or not: small pictures, pictures
    half hidden, the wallpaper behind windows.
    """

    size: tuple[int, int]
    scale: float
    family: str
    shown_by: str
    pictures: tuple[Shown, ...]
    ignore: tuple[Box, ...] = field(default=())

    def of_kind(self, kind: Kind) -> tuple[Shown, ...]:
        return tuple(each for each in self.pictures if each.kind == kind)

    def save(self, path: Path) -> None:
        table = dataclasses.asdict(self)
        for row, each in zip(table["pictures"], self.pictures, strict=True):
            row["box"] = _row(each.box)
        table["ignore"] = [_row(box) for box in self.ignore]
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Label:
    """Raises ValueError naming the file when it is not a screen's label."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        pictures = tuple(Shown(Box(*row["box"]), row["file"], _kind(row["kind"]),
                               _pair(row["drawn"])) for row in table["pictures"])
        return Label(_pair(table["size"]), float(table["scale"]), str(table["family"]),
                     str(table["shown_by"]), pictures, tuple(Box(*b) for b in table["ignore"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not the label of a screen: {error!r}. Please remove it and "
                         "make the screens again.") from error


def _row(box: Box) -> list[int]:
    return [box.left, box.top, box.width, box.height]


def _kind(text: str) -> Kind:
    kinds: dict[str, Kind] = {"photograph": "photograph", "drawing": "drawing"}
    return kinds[text]


def _pair(values: Any) -> tuple[int, int]:
    width, height = values
    return int(width), int(height)


@dataclass(frozen=True, slots=True)
class Placed:
    """One element as the renderer reports it, in pixels of the grab.

    `kind` is a picture's or "ignore"; `box` is already cut by what scrolls around it, `covers`
    lie upon it.
    """

    kind: str
    file: str
    box: Box
    drawn: Box
    covers: tuple[Box, ...] = ()


def sort_out(
    placed: Iterable[Placed], viewport: Box, scale: float
) -> tuple[tuple[Shown, ...], tuple[Box, ...]]:
    """Cut everything to what is seen → pictures, and what is too small or too hidden to count."""
    pictures, ignore = [], []
    for each in placed:
        inside = each.box.clipped(viewport)
        if not inside.area:
            continue
        seen = uncovered(inside, each.covers)
        small = seen is None or min(seen.width, seen.height) < SMALLEST * scale
        if each.kind == "ignore" or small or seen is None:
            ignore.append(inside)
        else:
            drawn = (each.drawn.width, each.drawn.height)
            pictures.append(Shown(seen, each.file, _kind(each.kind), drawn))
    return tuple(pictures), tuple(ignore)
