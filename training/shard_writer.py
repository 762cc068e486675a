"""Write pictures and captions into sharded archives, once."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image
from tqdm import tqdm

from models.preprocess import Preprocessing, squash, upright_rgb
from training.shards import DEVELOPMENT, INDEX, TRAIN, shard_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

    from training.datasets import Dataset, Example


@dataclass(slots=True)
class ShardWriter:
    """Writes one split, `per_shard` pictures to a tar file; a context manager.

    A tar file has its name only when it is whole.
    """

    folder: Path
    split: str
    per_shard: int
    counts: list[int] = field(default_factory=list)
    captions: int = 0
    _archive: tarfile.TarFile | None = None

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._close()

    def add(self, name: str, jpeg: bytes, captions: Sequence[Sequence[str]]) -> None:
        """`captions` in words, none of which holds a space."""
        if self._archive is None or self.counts[-1] == self.per_shard:
            self._close()
            self.counts.append(0)
            self._archive = tarfile.open(self._part(), "w", format=tarfile.USTAR_FORMAT)
        key = f"{sum(self.counts):08}"
        notes = {"name": name, "captions": [" ".join(words) for words in captions]}
        for kind, content in (("jpg", jpeg), ("json", json.dumps(notes).encode())):
            member = tarfile.TarInfo(f"{key}.{kind}")
            member.size = len(content)
            self._archive.addfile(member, io.BytesIO(content))
        self.counts[-1] += 1
        self.captions = max(self.captions, len(captions))

    def _part(self) -> Path:
        return self.folder / f"{self.split}.part"

    def _close(self) -> None:
        if self._archive is not None:
            self._archive.close()
            self._part().replace(self.folder / shard_name(self.split, len(self.counts) - 1))
            self._archive = None


def write_shards(
    dataset: Dataset, folder: Path, size: int, per_shard: int, note: dict[str, object],
    quality: int = 95,
) -> list[str]:
    """Write both splits as pictures of `size` by `size` pixels; returns what was left out and why.

    `note` goes into the index as it is. Raises FileExistsError when `folder` has shards already,
    ValueError when a split has no picture that can be read.
    """
    if (folder / INDEX).exists():
        raise FileExistsError(f"{folder} holds shards already: give another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.tar"):  # of a run that was killed
        path.unlink()
    problems: list[str] = []
    splits = {}
    for split, examples in ((TRAIN, dataset.train), (DEVELOPMENT, dataset.development)):
        with ShardWriter(folder, split, per_shard) as writer:
            problems += _write(writer, examples, size, quality)
        if not writer.counts:
            raise ValueError(f"the {split} split has no picture that can be read")
        splits[split] = {"captions": writer.captions, "counts": writer.counts}
    table = {"size": size, "splits": splits, **note}
    part = folder / f"{INDEX}.part"
    part.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / INDEX)
    return problems


def _write(
    writer: ShardWriter, examples: Iterable[Example], size: int, quality: int
) -> list[str]:
    problems = []
    for example in tqdm(examples, desc=f"{writer.split} shards", unit="picture"):
        try:
            jpeg = square_jpeg(example.path, size, quality)
        # Pillow's decoders raise whatever they stumble over: struct.error, SyntaxError, KeyError …
        except Exception as error:
            problems.append(f"{example.path.name}: {error}")
        else:
            writer.add(example.path.name, jpeg, example.captions)
    return problems


def square_jpeg(path: Path, size: int, quality: int) -> bytes:
    """The picture as a square JPEG; one that is such already stays as it is, to the byte."""
    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        if (image.format, image.mode, image.size) == ("JPEG", "RGB", (size, size)) \
                and not image.getexif():
            return content
        square = squash(upright_rgb(image), Preprocessing(size))
    file = io.BytesIO()
    square.save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()
