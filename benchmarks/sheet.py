"""Contact sheets: screens side by side with boxes on them, for people who would rather look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from benchmarks.boxes import Box

TRUE, FOUND, IGNORED, DRAWN = "#00e000", "#ff2020", "#808080", "#e000e0"
_CELL = (640, 384)
_TITLE = 22
_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """One screen's file, what to write above it, and boxes with their colours."""

    path: Path
    title: str
    boxes: tuple[tuple[Box, str], ...]


def contact_sheet(cells: Sequence[Cell], out: Path) -> None:
    """Write all cells into one picture, in rows of four."""
    rows = -(-len(cells) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * _CELL[0], max(1, rows) * _CELL[1]), "white")
    for number, cell in enumerate(cells):
        left = number % _COLUMNS * _CELL[0]
        top = number // _COLUMNS * _CELL[1]
        ImageDraw.Draw(sheet).text((left + 4, top + 4), cell.title, "black")
        sheet.paste(_small(cell.path, cell.boxes), (left, top + _TITLE))
    sheet.save(out)


def _small(path: Path, boxes: Iterable[tuple[Box, str]]) -> Image.Image:
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    room = (_CELL[0] - 4, _CELL[1] - _TITLE - 4)
    factor = min(room[0] / image.width, room[1] / image.height, 1.0)
    image = image.resize((round(image.width * factor), round(image.height * factor)))
    draw = ImageDraw.Draw(image)
    for box, colour in boxes:
        edges = [round(edge * factor) for edge in box.edges()]
        edges[2:] = max(edges[0], edges[2] - 1), max(edges[1], edges[3] - 1)
        draw.rectangle(edges, outline=colour, width=2)
    return image
