"""Photographs to caption, as files: one's own, or parts of scikit-image's."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

_KINDS = (".jpg", ".jpeg", ".png", ".webp")
_LONGER = 500  # pixels: as photo sites show them
_NAMES = ("astronaut", "chelsea", "coffee", "rocket")


def photographs(folder: Path | None, count: int) -> list[bytes]:
    """The first `count` files in a folder, or as many JPEGs of parts of public photographs.

    Raises ValueError when the folder has none, ImportError without scikit-image.
    """
    if folder is None:
        return _parts(count)
    names = sorted(path for path in folder.iterdir() if path.suffix.lower() in _KINDS)[:count]
    if not names:
        raise ValueError(f"There are no pictures in {folder}. Please name another folder.")
    return [names[number % len(names)].read_bytes() for number in range(count)]


def encoded(image: Image.Image, kind: str = "JPEG") -> bytes:
    """An image as a file's bytes; a PNG is not made as small as it could be, to save time."""
    stream = io.BytesIO()
    options = {"quality": 90} if kind == "JPEG" else {"compress_level": 1}
    image.save(stream, kind, **options)
    return stream.getvalue()


def _parts(count: int) -> list[bytes]:
    """Parts that differ, of three quarters of each side."""
    from skimage import data

    whole = [Image.fromarray(getattr(data, name)()).convert("RGB") for name in _NAMES]
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        image = whole[number % len(whole)]
        width, height = image.width * 3 // 4, image.height * 3 // 4
        left, top = (
            int(rng.integers(0, room + 1)) for room in (image.width - width, image.height - height)
        )
        part = image.crop((left, top, left + width, top + height))
        scale = _LONGER / max(part.size)
        made.append(encoded(part.resize((round(part.width * scale), round(part.height * scale)))))
    return made
