"""Where a training's batches come from: memory maps of a data set, or archives as a stream.

A batch has the rows of one process only, and says which rows of the whole batch they are.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from models.captioning.vocabulary import PAD
from training.data.datasets import batches
from training.data.shards import ShardBatchSource
from training.trainer.recipe import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from models.captioning.vocabulary import Vocabulary
    from training.data.shards import Shards
    from training.trainer.distributed import Team
    from training.trainer.recipe import Stage
    from training.trainer.training_data import Everyday, TrainingData


@dataclass(frozen=True, slots=True)
class Batch:
    """B rows of a batch: first pictures with captions, then those without.

    `rows` (B,) are their numbers among all rows, of which `captioned` tells those that have
    captions. `tokens` (2, B, K, T): plain and mirrored captions. `images()` gives (B, S, S, 3)
    bytes. `indices` are the pictures' numbers in the data; a stream has none.
    """

    rows: Tensor
    captioned: Tensor
    tokens: Tensor
    images: Callable[[], NDArray[np.uint8]]
    indices: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        """How many rows the whole batch has."""
        return len(self.captioned)

    def only(self, kept: Tensor) -> tuple[Batch, Tensor]:
        """→ the batch without the rows that are not `kept` (total,), and which of its B rows
        those are that are left, (B,) booleans, for what was made of them.

        The rows are numbered anew, so that random numbers are drawn for those alone.
        """
        mine = kept[self.rows]
        numbers = kept.cumsum(0) - 1
        indices = tuple(
            index for index, stays in zip(self.indices, mine.tolist(), strict=False) if stays
        )
        return Batch(
            numbers[self.rows][mine],
            self.captioned[kept],
            self.tokens[:, mine],
            lambda: self.images()[mine.numpy()],
            indices,
        ), mine

    def captioned_only(self) -> tuple[Batch, Tensor]:
        """As `only`, of the rows that have captions."""
        return self.only(self.captioned)


class BatchSource(Protocol):
    """Gives every stage its batches, in an order that the seed alone decides."""

    indexed: bool
    """Whether its pictures have numbers, under which features and classes are kept."""

    shards: Shards | None
    """The archives that it reads; None of what lies in memory."""

    def steps(self, stage: Stage) -> int:
        """Batches in an epoch. Raises RecipeError when there are too few pictures for one."""

    def epoch(self, stage: Stage, number: int, epoch: int, skip: int) -> Iterator[Batch]:
        """The batches of an epoch of stage `number`, but for the first `skip`."""


class MapBatchSource:
    """Batches of what was decoded once into memory maps."""

    indexed = True
    shards: Shards | None = None

    def __init__(self, data: TrainingData, seed: Callable[[int], int], team: Team) -> None:
        """`seed(place)` makes the seed of a place in the training."""
        self.data, self.seed, self.team = data, seed, team

    def steps(self, stage: Stage) -> int:
        if stage.objective == "text":
            return max(1, len(self._everyday(stage).text) // stage.text)
        return _enough(len(self._pictures(stage)), stage, self.team)

    def epoch(self, stage: Stage, number: int, epoch: int, skip: int) -> Iterator[Batch]:
        if stage.objective == "text":  # each step draws captions of its own
            for _ in range(skip, self.steps(stage)):
                yield self._batch([], [])
            return
        pictures = self._pictures(stage)
        order = batches(len(pictures), stage.batch, self.seed(1000 * number + epoch))
        first = epoch * (len(pictures) // stage.batch)
        for place, indices in enumerate(order):
            if place >= skip:
                yield self._batch(
                    [pictures[index] for index in indices],
                    self.unlabelled(stage, number, first + place),
                )

    def _pictures(self, stage: Stage) -> Sequence[int]:
        """Numbers of the pictures in an epoch: those with captions, or all of known things."""
        if stage.objective == "objects":
            return range(len(self._everyday(stage).targets.presence))
        return self.data.rows

    def _everyday(self, stage: Stage) -> Everyday:
        if self.data.everyday is None:
            raise RecipeError(f"stage {stage.name} learns from everyday pictures: give --everyday")
        return self.data.everyday

    def unlabelled(self, stage: Stage, number: int, step: int) -> list[int]:
        """Numbers of the pictures without captions in this step: all of them in turn."""
        if not stage.unlabelled:
            return []
        count, first = len(self.data.unlabelled), len(self.data.train)
        order = np.random.default_rng(self.seed(number)).permutation(count)
        places = (step * stage.unlabelled + np.arange(stage.unlabelled)) % count
        return [first + int(each) for each in order[places]]

    def _batch(self, indices: list[int], more: list[int]) -> Batch:
        everyone = torch.tensor([*indices, *more], dtype=torch.long)
        rows = torch.tensor(
            [
                *self.team.local_rows(len(indices)),
                *(len(indices) + row for row in self.team.local_rows(len(more))),
            ],
            dtype=torch.long,
        )
        captioned = (self.data.tokens[0, everyone, :, 0] != PAD).any(-1)
        mine = everyone[rows]
        return Batch(
            rows,
            captioned,
            self.data.tokens[:, mine],
            functools.partial(self._images, mine.tolist()),
            tuple(mine.tolist()),
        )

    def _images(self, indices: list[int]) -> NDArray[np.uint8]:
        return np.stack([self.data.images[index] for index in indices])


class StreamBatchSource:
    """Batches of shards, in constant memory (see `training.data.shards`)."""

    indexed = False

    def __init__(
        self,
        shards: Shards,
        vocabulary: Vocabulary,
        max_words: int,
        seed: Callable[[int], int],
        team: Team,
    ) -> None:
        self.archives, self.vocabulary, self.max_words = shards, vocabulary, max_words
        self.shards: Shards | None = shards
        self.seed, self.team = seed, team

    def steps(self, stage: Stage) -> int:
        return _enough(len(self.archives), stage, self.team)

    def epoch(self, stage: Stage, number: int, epoch: int, skip: int) -> Iterator[Batch]:
        feed = ShardBatchSource(
            self.archives,
            self.vocabulary,
            self.max_words,
            stage.batch,
            rank=self.team.rank,
            world=self.team.size,
        )
        rows = torch.tensor(self.team.local_rows(stage.batch))
        captioned = torch.ones(stage.batch, dtype=torch.bool)
        for batch in feed.epoch(self.seed(1000 * number + epoch), skip):
            yield Batch(rows, captioned, batch.tokens, functools.partial(np.asarray, batch.images))


def _enough(pictures: int, stage: Stage, team: Team) -> int:
    """Batches in an epoch of so many pictures. Raises RecipeError when there are too few."""
    if stage.batch < team.size:
        raise RecipeError(
            f"a batch of {stage.batch} pictures cannot be split among {team.size} "
            "processes: start fewer, or make it larger"
        )
    if pictures < stage.batch:
        raise RecipeError(f"{pictures} pictures are fewer than one batch")
    return pictures // stage.batch
