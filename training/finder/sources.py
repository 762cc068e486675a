"""The files that the pictures of each medium are made from, and crops of real screens."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SIGNS = {"computer", "buttons", "signs_and_symbols", "shapes", "logos", "special", "geography"}
_MAPS, _ICONS = {"maps", "kgeography"}, {"icons"}
_NO_ART = {"l10n", "flags", "doc", "gui"}  # folders of what is no picture by itself
_PICTURES = {".png", ".jpg", ".jpeg", ".webp"}
_LEAST_SIDE, _LEAST_ICON, _MOST_ICON = 150, 100, 256  # pixels
_MOST_PIXELS = 2_500_000  # of a file: larger ones take seconds to open
_KINDS = {"photograph": True, "artwork-drawing": False}
_SEE_THROUGH = "laid on white"


@dataclass(frozen=True, slots=True)
class Sources:
    """Files that pictures are composed of. `scenes` are cut-out drawings of things, `signs` those
    that serve as logos and icons; `paintings` and `maps` may have see-through grounds, too."""

    photographs: Sequence[Path]
    scenes: Sequence[Path]
    signs: Sequence[Path]
    paintings: Sequence[Path]
    maps: Sequence[Path]

    def __post_init__(self) -> None:
        lacking = [each.name for each in fields(self) if not getattr(self, each.name)]
        if lacking:
            raise ValueError(f"There are no {' and no '.join(lacking)} in those folders. Please "
                             "see python -m training medium --help for what to unpack.")

    def part(self, every: int, *, held_out: bool) -> Sources:
        """One file of so many, which are held out, or the others."""
        return Sources(*(
            [file for n, file in enumerate(getattr(self, each.name))
             if (n % every == 0) == held_out]
            for each in fields(self)
        ))

    def counts(self) -> list[int]:
        """How many files there are of each."""
        return [len(getattr(self, each.name)) for each in fields(self)]


def sources(photographs: Sequence[Path], drawings: Path, art: Sequence[Path]) -> Sources:
    """`drawings` has cut-out drawings in folders by subject, as Open Clip Art has them; `art`
    are folders in which maps lie in one named so, icons likewise, and paintings anywhere else.

    Raises ValueError naming what there is none of.
    """
    clips = sorted(drawings.rglob("*.png"))
    signs = [file for file in clips if _SIGNS & set(file.parts)]
    maps: list[Path] = []
    paintings: list[Path] = []
    for file in (file for folder in art for file in _pictures(folder)):
        least = min(_size(file))
        if _ICONS & set(file.parts):
            if _LEAST_ICON <= least <= _MOST_ICON:
                signs.append(file)
        elif least >= _LEAST_SIDE:
            (maps if _MAPS & set(file.parts) else paintings).append(file)
    return Sources(photographs, [file for file in clips if not _SIGNS & set(file.parts)], signs,
                   paintings, maps)


def _pictures(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in _PICTURES and not _NO_ART & set(file.relative_to(folder).parts):
            yield file


def _size(file: Path) -> tuple[int, int]:
    """None of what is no picture, or too large."""
    try:
        with Image.open(file) as image:
            return image.size if image.width * image.height <= _MOST_PIXELS else (0, 0)
    except (OSError, Image.DecompressionBombError):
        return 0, 0


def real_crops(folder: Path) -> list[tuple[Image.Image, bool]]:
    """The photographs and artworks on screens that a truth.json tells of (see
    `benchmarks/truth.py`), each with whether it is a photograph; real grabs alone."""
    crops = []
    for name, row in sorted(json.loads((folder / "truth.json").read_text("utf-8")).items()):
        boxes = [box for box in row["boxes"] if box["kind"] in _KINDS]
        if not boxes or _SEE_THROUGH in row["note"]:
            continue
        with Image.open(folder / name) as file:
            screen = file.convert("RGB")
        for box in boxes:
            left, top = box["left"], box["top"]
            crop = screen.crop((left, top, left + box["width"], top + box["height"]))
            crops.append((crop, _KINDS[box["kind"]]))
    return crops
