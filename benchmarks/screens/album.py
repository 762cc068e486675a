"""The photographs that the screens show: a data set's, or anybody's own folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_FEWEST = 20  # a gallery has so many


@dataclass(frozen=True, slots=True)
class Album:
    """Paths in order of name."""

    paths: tuple[Path, ...]

    def deal(self, rng: Random) -> Iterator[Path]:
        """Photographs in an order that `rng` decides, without end; none twice until all came."""
        while True:
            yield from rng.sample(self.paths, len(self.paths))


def open_album(data: Path | None, pictures: Path | None) -> Album:
    """Flickr8k's development split, or the pictures in a folder.

    Raises ValueError when there is neither or too little.
    """
    if pictures is not None and data is None:
        paths = [path for path in sorted(pictures.iterdir()) if path.suffix.lower() in _SUFFIXES]
    elif data is not None and pictures is None:
        from training.data.datasets import load_flickr8k

        paths = [each.path for each in load_flickr8k(data).development]
    else:
        raise ValueError("Please give either --data with Flickr8k's folder or --pictures with a "
                         "folder of photographs.")
    if len(paths) < _FEWEST:
        raise ValueError(f"{pictures or data} holds {len(paths)} pictures; at least {_FEWEST} are "
                         "needed. Please add some.")
    return Album(tuple(path.resolve() for path in paths))
