"""Write pictures and captions into sharded archives, once."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image
from tqdm import tqdm

from models.captioning.preprocess import Preprocessing, squash, upright_rgb
from models.runtime.engines.onnx import processors
from training.data.prepare import reason
from training.data.shards import DEVELOPMENT, INDEX, TRAIN, shard_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from training.data.datasets import Dataset, Example

_AT_ONCE = 256  # pictures that are decoded before the first of them is written


class Member(NamedTuple):
    """A square picture; `captions` in words, none of which holds a space."""

    name: str
    jpeg: bytes
    captions: Sequence[Sequence[str]]


def write_shards(
    dataset: Dataset,
    folder: Path,
    size: int,
    per_shard: int,
    note: Mapping[str, object],
    quality: int = 95,
) -> list[str]:
    """Write both splits as pictures of `size` by `size` pixels; returns what was left out and why.

    `note` goes into the index as it is. Raises FileExistsError when `folder` has shards already,
    ValueError when a split has no picture that can be read.
    """
    problems: list[str] = []
    splits = {
        split: _members(examples, split, size, quality, problems)
        for split, examples in ((TRAIN, dataset.train), (DEVELOPMENT, dataset.development))
    }
    write_splits(splits, folder, size, per_shard, note)
    return problems


def write_splits(
    splits: Mapping[str, Iterator[Member]],
    folder: Path,
    size: int,
    per_shard: int,
    note: Mapping[str, object],
) -> None:
    """Write the tar files of every split and then the index, without which they do not count."""
    if (folder / INDEX).exists():
        raise FileExistsError(f"{folder} holds shards already: give another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*-[0-9]*.tar"):  # of a run that was killed
        path.unlink()
    written = {}
    for split, members in splits.items():
        counts, most = _write_split(folder, split, members, per_shard)
        if not counts:
            raise ValueError(f"the {split} split has no picture that can be read")
        written[split] = {"captions": most, "counts": counts}
    part = folder / f"{INDEX}.part"
    table = {"size": size, "splits": written, **note}
    part.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / INDEX)


def _write_split(
    folder: Path, split: str, members: Iterator[Member], per_shard: int
) -> tuple[list[int], int]:
    """→ pictures in each tar file, and the most captions that a picture has."""
    counts: list[int] = []
    most = 0
    part = folder / f"{split}.part"
    while True:
        count = 0
        with tarfile.open(part, "w", format=tarfile.USTAR_FORMAT) as archive:
            for count, member in enumerate(itertools.islice(members, per_shard), 1):
                _add(archive, f"{sum(counts) + count - 1:08}", member)
                most = max(most, len(member.captions))
        if not count:
            part.unlink()
            return counts, most
        part.replace(folder / shard_name(split, len(counts)))
        counts.append(count)


def _add(archive: tarfile.TarFile, key: str, member: Member) -> None:
    notes = {"name": member.name, "captions": [" ".join(words) for words in member.captions]}
    for kind, content in (("jpg", member.jpeg), ("json", json.dumps(notes).encode())):
        header = tarfile.TarInfo(f"{key}.{kind}")
        header.size = len(content)
        archive.addfile(header, io.BytesIO(content))


def _members(
    examples: Sequence[Example], split: str, size: int, quality: int, problems: list[str]
) -> Iterator[Member]:
    """The pictures that can be read, decoded a few ahead; the others go into `problems`."""
    bar = tqdm(total=len(examples), desc=f"{split} shards", unit="picture")
    with ThreadPoolExecutor(processors()) as pool, bar:
        for start in range(0, len(examples), _AT_ONCE):
            chunk = examples[start : start + _AT_ONCE]
            yield from _sound(
                chunk, pool.map(lambda each: _made(each.path, size, quality), chunk), problems
            )
            bar.update(len(chunk))


def _sound(
    examples: Iterable[Example], made: Iterable[tuple[bytes, str]], problems: list[str]
) -> Iterator[Member]:
    for example, (jpeg, why) in zip(examples, made, strict=True):
        if why:
            problems.append(f"{example.path.name}: {why}")
        else:
            yield Member(example.path.name, jpeg, example.captions)


def _made(path: Path, size: int, quality: int) -> tuple[bytes, str]:
    """A square JPEG, or why there is none."""
    try:
        return square_jpeg(path, size, quality), ""
    # Pillow's decoders raise whatever they stumble over: struct.error, SyntaxError, KeyError …
    except Exception as error:
        return b"", reason(error, path)


def square_jpeg(path: Path, size: int, quality: int = 95) -> bytes:
    """The picture as a square JPEG; one that is such already stays as it is, to the byte."""
    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        plain = (image.format, image.mode, image.size) == ("JPEG", "RGB", (size, size))
        if plain and not image.getexif():
            return content
        square = squash(upright_rgb(image), Preprocessing(size))
    file = io.BytesIO()
    square.save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()
