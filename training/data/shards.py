"""Sharded archives: pictures and captions in tar files, read as a stream of batches.

The files are laid out as webdataset's: KEY.jpg and KEY.json beside each other. `index.json` says
how many pictures each holds; nothing else of the data set is ever in memory (ADR 0018).
"""

from __future__ import annotations

import io
import itertools
import json
import tarfile
import threading
from collections import Counter, OrderedDict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from models.captioning.vocabulary import PAD, Vocabulary
from models.runtime.tables import make
from training.data.cleaning import Cleaning
from training.data.datasets import mirrored, most_frequent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

INDEX = "index.json"
TRAIN, DEVELOPMENT = "train", "development"
Place = tuple[int, int]  # number of the shard, number of the picture in it


@dataclass(frozen=True, slots=True)
class Shards:
    """One split: `counts` pictures in its tar files, `size` by `size` pixels, each with at most
    `captions` captions, which were cleaned by the rules of `cleaning`."""

    folder: Path
    split: str
    size: int
    captions: int
    counts: tuple[int, ...]
    cleaning: Cleaning = field(default_factory=Cleaning)

    def __len__(self) -> int:
        return sum(self.counts)

    def path(self, number: int) -> Path:
        return self.folder / shard_name(self.split, number)


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture (S, S, 3) with its captions in words; `name` is the original file's."""

    name: str
    image: NDArray[np.uint8]
    captions: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """`images`: bytes (B, S, S, 3). `tokens`: ids (2, B, K, T) of the plain and the mirrored
    captions, as `training.trainer.training_data.tokenise` makes them."""

    images: NDArray[np.uint8]
    tokens: Tensor
    names: list[str]


class DamagedMemberError(ValueError):
    """A picture or its captions cannot be read from the archive."""


def shard_name(split: str, number: int) -> str:
    return f"{split}-{number:06}.tar"


def open_shards(folder: Path, split: str = TRAIN) -> Shards:
    """Read the index. Raises FileNotFoundError for a missing index or tar file, ValueError for a
    split that is not there or an index that cannot be read."""
    path = folder / INDEX
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: `python -m training shards` writes it")
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        size, splits = int(table["size"]), dict(table["splits"])
        cleaning = make(Cleaning, table.get("cleaning", {}), "cleaning")
        known = {
            name: (int(each["captions"]), tuple(int(count) for count in each["counts"]))
            for name, each in splits.items()
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error!r}): write the shards again") from error
    if split not in known:
        raise ValueError(f"{path} knows no split {split}, only {', '.join(known)}")
    shards = Shards(folder, split, size, *known[split], cleaning)
    for number in range(len(shards.counts)):
        if not shards.path(number).is_file():
            raise FileNotFoundError(f"{shards.path(number)} is missing: write the shards again")
    return shards


class ShardReader:
    """Reads single members. What is damaged is listed in `problems`, once, and left out.

    Any number of threads may read. The places of the members of the `remembered` shards that
    were last in use are kept: a few kilobytes each.
    """

    def __init__(self, shards: Shards, remembered: int = 16) -> None:
        self.shards = shards
        self.problems: list[str] = []
        self._remembered = remembered
        self._tables: OrderedDict[int, NDArray[np.int64]] = OrderedDict()
        self._lock = threading.Lock()

    def sample(self, place: Place) -> Sample:
        """The picture there, or for a damaged one the next good one of the same shard.

        So a batch keeps its size, whoever reads it. Raises DamagedMemberError when the shard
        has none that is good.
        """
        shard, first = place
        count = self.shards.counts[shard]
        for number in range(count):
            try:
                return self._read(shard, (first + number) % count)
            except DamagedMemberError as error:
                self._list(str(error))
        raise DamagedMemberError(
            f"{self.shards.path(shard)} has no picture that can be read: write the shards again"
        )

    def __iter__(self) -> Iterator[Sample]:
        """All pictures in order, but for the damaged ones."""
        for shard, count in enumerate(self.shards.counts):
            for number in range(count):
                try:
                    yield self._read(shard, number)
                except DamagedMemberError as error:
                    self._list(str(error))

    def captions(self, shard: int) -> Iterator[tuple[str, tuple[tuple[str, ...], ...]]]:
        """Name and captions of the pictures of one shard, pictures not read."""
        for number in range(self.shards.counts[shard]):
            try:
                yield self._notes(shard, number)
            except DamagedMemberError as error:
                self._list(str(error))

    def _read(self, shard: int, number: int) -> Sample:
        name, captions = self._notes(shard, number)
        start, length = self._table(shard)[number, :2]
        try:
            with Image.open(io.BytesIO(self._bytes(shard, start, length))) as picture:
                image = np.asarray(picture.convert("RGB"))
        # Pillow's decoders raise whatever they stumble over: struct.error, SyntaxError, KeyError …
        except Exception as error:
            raise DamagedMemberError(f"{self._where(shard, number)}: {error}") from error
        size = self.shards.size
        if image.shape != (size, size, 3):
            raise DamagedMemberError(
                f"{self._where(shard, number)}: {image.shape[1]} by "
                f"{image.shape[0]} pixels instead of {size} by {size}"
            )
        return Sample(name, image, captions)

    def _notes(self, shard: int, number: int) -> tuple[str, tuple[tuple[str, ...], ...]]:
        table = self._table(shard)
        if number >= len(table):
            raise DamagedMemberError(
                f"{self._where(shard, number)}: missing, the archive ends after {len(table)}"
            )
        try:
            notes = json.loads(self._bytes(shard, *table[number, 2:]))
            name, captions = (
                str(notes["name"]),
                tuple(tuple(text.split()) for text in notes["captions"][: self.shards.captions]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedMemberError(
                f"{self._where(shard, number)}: damaged captions: {error!r}"
            ) from error
        if not captions:
            raise DamagedMemberError(f"{self._where(shard, number)}: no captions")
        return name, captions

    def _bytes(self, shard: int, start: int, length: int) -> bytes:
        with self.shards.path(shard).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def _table(self, shard: int) -> NDArray[np.int64]:
        with self._lock:
            if shard not in self._tables:
                self._tables[shard] = member_table(self.shards.path(shard))
                if len(self._tables) > self._remembered:
                    self._tables.popitem(last=False)
            self._tables.move_to_end(shard)
            return self._tables[shard]

    def _where(self, shard: int, number: int) -> str:
        return f"{self.shards.path(shard).name}, picture {number}"

    def _list(self, problem: str) -> None:
        with self._lock:
            if problem in self.problems:
                return
            self.problems.append(problem)
        tqdm.write(f"left out: {problem}")


def member_table(path: Path) -> NDArray[np.int64]:
    """Where the members of a tar file are: (N, 4), start and length of KEY.jpg, of KEY.json.

    Of a file that is cut off or damaged, those before the fault. Reads headers only.
    """
    found: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                key, _, kind = member.name.partition(".")
                found.setdefault(key, {})[kind] = (member.offset_data, member.size)
    except tarfile.TarError:
        pass  # who reads finds fewer than the index says, and lists them
    rows = [
        (*parts["jpg"], *parts["json"])
        for parts in found.values()
        if parts.keys() >= {"jpg", "json"}
    ]
    return np.array(rows, np.int64).reshape(-1, 4)


def places(counts: Sequence[int], seed: int, mixed: int) -> Iterator[Place]:
    """All places of one epoch in an order that `seed` alone decides.

    The shards come in random order, `mixed` of them at a time, and the pictures of those in
    random order: reading stays near the places that were read just before.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(counts)).tolist()
    for start in range(0, len(order), mixed):
        pool = [
            (shard, number)
            for shard in order[start : start + mixed]
            for number in range(counts[shard])
        ]
        yield from (pool[index] for index in random.permutation(len(pool)).tolist())


class ShardBatchSource:
    """Batches of a split without end of memory: an epoch depends on its seed alone.

    Reading and decoding run `ahead` batches before the one in use, in `workers` threads (JPEG's
    decoder leaves Python's lock alone). Of the same batches process `rank` of `world` gets its
    share of rows: together they see what a single one would.
    """

    def __init__(
        self,
        shards: Shards,
        vocabulary: Vocabulary,
        max_words: int,
        batch: int,
        *,
        rank: int = 0,
        world: int = 1,
        workers: int = 2,
        mixed: int = 8,
        ahead: int = 4,
    ) -> None:
        """`batch` counts the pictures of all processes. Raises ValueError when it is less than
        `world` or more than the split has."""
        if not world <= batch <= len(shards):
            raise ValueError(
                f"a batch of {batch} pictures does not fit {len(shards)} pictures "
                f"and {world} processes"
            )
        self.shards, self.vocabulary, self.max_words = shards, vocabulary, max_words
        self.batch, self.workers, self.mixed, self.ahead = batch, workers, mixed, ahead
        self._rows = slice(batch * rank // world, batch * (rank + 1) // world)
        self._reader = ShardReader(shards, remembered=2 * mixed)

    def __len__(self) -> int:
        """Batches of an epoch; pictures that would make a short last one are left to others."""
        return len(self.shards) // self.batch

    @property
    def problems(self) -> list[str]:
        """What was left out so far, and why."""
        return self._reader.problems

    def epoch(self, seed: int, skip: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, but for the first `skip`, which cost nothing."""
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="shards")
        waiting: deque[list[Future[tuple[Sample, NDArray[np.int64]]]]] = deque()
        order = places(self.shards.counts, seed, self.mixed)
        try:
            for number in range(len(self)):
                rows = list(itertools.islice(order, self.batch))[self._rows]
                if number < skip:
                    continue
                waiting.append([pool.submit(self._row, place) for place in rows])
                if len(waiting) > self.ahead:
                    yield _collate(waiting.popleft())
            while waiting:
                yield _collate(waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _row(self, place: Place) -> tuple[Sample, NDArray[np.int64]]:
        sample = self._reader.sample(place)
        ids = encode(sample.captions, self.vocabulary, self.shards.captions, self.max_words)
        return sample, ids


def encode(
    captions: Sequence[tuple[str, ...]], vocabulary: Vocabulary, count: int, max_words: int
) -> NDArray[np.int64]:
    """Captions and their mirrored forms as padded ids (2, count, max_words + 2).

    Fewer captions than `count` are repeated.
    """
    ids = np.full((2, count, max_words + 2), PAD, np.int64)
    for column in range(count):
        caption = captions[column % len(captions)][:max_words]
        for side, words in enumerate((caption, mirrored(caption))):
            row = vocabulary.encode(words)
            ids[side, column, : len(row)] = row
    return ids


def _collate(rows: Iterable[Future[tuple[Sample, NDArray[np.int64]]]]) -> Batch:
    import torch

    samples, ids = zip(*(row.result() for row in rows), strict=True)
    return Batch(
        np.stack([sample.image for sample in samples]),
        torch.from_numpy(np.stack(ids, 1)),
        [sample.name for sample in samples],
    )


def count_words(shards: Shards) -> Counter[str]:
    """How often each word occurs in the captions, counted in one pass through the archives."""
    reader = ShardReader(shards, remembered=1)
    counts: Counter[str] = Counter()
    for shard in tqdm(range(len(shards.counts)), desc="words", unit="shard"):
        for _, captions in reader.captions(shard):
            for caption in captions:
                counts.update(caption)
    return counts


def build_vocabulary(shards: Shards, minimum: int) -> Vocabulary:
    """As `training.data.datasets.build_vocabulary`, without the captions in memory."""
    return Vocabulary.from_words(most_frequent(count_words(shards), minimum))
