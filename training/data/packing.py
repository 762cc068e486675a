"""Data sets in one small archive, for a machine elsewhere: pictures get smaller until all fits."""

from __future__ import annotations

import gzip
import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, features
from tqdm import tqdm

from models.captioning.preprocess import Preprocessing, squash, upright_rgb
from models.runtime.engines.onnx import processors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_QUALITIES = (80, 70, 60, 55, 50, 45, 40, 35, 30, 25, 20)  # of AVIF; 100 is the best
_SPEED = 8  # of its encoder; 10 is the fastest
_PICTURES = (".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_SAMPLE = 96  # pictures by which the quality is chosen
_RESERVE = 1.02  # they are not quite as large as the others
_HEADER = 160  # bytes of a member besides its contents, after compression
_AT_ONCE = 64  # pictures that are encoded before the first of them is written


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive of so many `pictures`, of `quality` (0 to 100), and so many `other` files; `size`
    is its own, in bytes."""

    pictures: int
    other: int
    quality: int
    size: int


def pack(sources: Sequence[Path], path: Path, limit: int, side: int) -> Packed:
    """Write folders and files into one tar file of at most `limit` bytes.

    Pictures, in the best quality that fits, are squashed to squares of `side` pixels, as training
    squashes them anyway, smaller ones to their longer side. They keep their names, by which tables
    call them, whatever their format now is. What is no picture, or cannot be read, stays as it is.

    Raises ValueError when two members would have one name, when there is nothing, when it does not
    fit in the worst quality, and where Pillow cannot write AVIF.
    """
    if not features.check("avif"):
        raise ValueError("Pillow was built without AVIF here: install it from a wheel")
    members = {name: each for name, each in _members(sources).items() if each != path.resolve()}
    if not members:
        raise ValueError("there is nothing to pack")
    pictures = {name: each for name, each in members.items() if each.suffix.lower() in _PICTURES}
    others = [each for name, each in members.items() if name not in pictures]
    rest = limit - sum(len(gzip.compress(each.read_bytes())) for each in others)
    rest -= _HEADER * len(members)
    quality, expected = _best_quality([*pictures.values()], rest, side)
    needed = limit - rest + expected
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        while quality:
            _write(members, pictures, part, side, quality)
            size = part.stat().st_size
            if size <= limit:
                part.replace(path)
                return Packed(len(pictures), len(others), quality, size)
            needed = size
            quality = _next_worse(quality)
    finally:
        part.unlink(missing_ok=True)
    raise ValueError(
        f"it does not fit into {limit / 2**20:.1f} MiB: in the worst quality it takes about "
        f"{needed / 2**20:.1f}. Allow more, or choose smaller pictures"
    )


def _members(sources: Sequence[Path]) -> dict[str, Path]:
    """Name in the archive → file."""
    found: dict[str, Path] = {}
    for source in sources:
        root = source.resolve()
        files = sorted(root.rglob("*")) if root.is_dir() else [root]
        for each in files:
            if each.is_file():
                name = each.relative_to(root.parent).as_posix()
                if name in found:
                    raise ValueError(f"two of them have the name {name}: rename a folder")
                found[name] = each
    return found


def _best_quality(pictures: Sequence[Path], budget: int, side: int) -> tuple[int, int]:
    """→ the best quality in which pictures take at most `budget` bytes, and how many those are;
    0 if there is none, and how many in the worst."""
    if not pictures:
        return _QUALITIES[0] if budget >= 0 else 0, 0
    sample = pictures[:: max(1, len(pictures) // _SAMPLE)]
    expected = 0
    with ThreadPoolExecutor(processors()) as pool:
        for quality in _QUALITIES:
            sizes = pool.map(lambda each, q=quality: len(_smaller(each, side, q)), sample)
            expected = round(sum(sizes) / len(sample) * len(pictures) * _RESERVE)
            if expected <= budget:
                return quality, expected
    return 0, expected


def _next_worse(quality: int) -> int:
    later = _QUALITIES[_QUALITIES.index(quality) + 1 :]
    return later[0] if later else 0


def _smaller(path: Path, side: int, quality: int) -> bytes:
    """The picture as it goes into the archive; the file itself, if it cannot be read."""
    try:
        with Image.open(path) as image:
            upright = upright_rgb(image)
    # Pillow's decoders raise whatever they stumble over: struct.error, SyntaxError, KeyError …
    except Exception:
        return path.read_bytes()
    data = io.BytesIO()
    square = squash(upright, Preprocessing(size=min(side, max(upright.size))))
    square.save(data, "AVIF", quality=quality, speed=_SPEED)
    return data.getvalue()


def _write(
    members: Mapping[str, Path], pictures: Mapping[str, Path], path: Path, side: int, quality: int
) -> None:
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        bar = tqdm(
            _contents(members, pictures, side, quality),
            f"packed, quality {quality}",
            len(members),
            unit="file",
        )
        for name, contents in bar:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(contents), 0o644
            archive.addfile(info, io.BytesIO(contents))


def _contents(
    members: Mapping[str, Path], pictures: Mapping[str, Path], side: int, quality: int
) -> Iterator[tuple[str, bytes]]:
    def content(name: str) -> bytes:
        if name in pictures:
            return _smaller(pictures[name], side, quality)
        return members[name].read_bytes()

    names = [*members]
    with ThreadPoolExecutor(processors()) as pool:
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            yield from zip(some, pool.map(content, some), strict=True)
