"""Captions without pictures, from which a grounded decoder learns its language."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.captioning.kinds import SEVERAL, mentions
from models.captioning.vocabulary import PAD, UNKNOWN
from models.networks.objects import FACTS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from models.captioning.vocabulary import Vocabulary

FILE = "text.txt.gz"
_NAMED = 6  # things that a caption may name


@dataclass(frozen=True, slots=True)
class Text:
    """M captions: `tokens` (M, T), `kinds` that they name (M, `_NAMED`), -1 for none, and their
    `counts` (1, 2, `SEVERAL`, 0 where it is not said)."""

    tokens: Tensor
    kinds: Tensor
    counts: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def evidence(self, rows: Tensor, size: int, total: int) -> tuple[Tensor, Tensor]:
        """What an object head might have told of pictures with these captions: kinds (B, E) of
        `total`, none twice, and facts (B, E, `FACTS`).

        What is named is likely and of about that number, anywhere; the others, drawn at random,
        are unlikely. Of more things than `size` the first are told.
        """
        first = min(_NAMED, size)
        named, counted = self.kinds[rows, :first], self.counts[rows, :first].float()
        count = len(rows)
        there = torch.zeros(count, size, dtype=torch.bool)
        there[:, :first] = named >= 0
        kinds = _others(named, size, total).masked_scatter(there, named[named >= 0])
        logits = torch.where(
            there, 2.0 + 1.5 * torch.randn(count, size), -3.0 + 1.2 * torch.randn(count, size)
        )
        several = SEVERAL + 3 * torch.rand(count, first)
        numbers = torch.where(counted == SEVERAL, several, counted)
        numbers = torch.where(counted == 0, 1.5 + 3 * torch.rand(count, first), numbers)
        counts = torch.rand(count, size)
        counts[:, :first] = torch.where(named >= 0, numbers, counts[:, :first])
        facts = torch.empty(count, size, FACTS)
        facts[..., 0] = logits
        facts[..., 1:3] = 0.5 + 0.15 * torch.randn(count, size, 2)
        facts[..., 3:5] = 0.05 + 0.2 * torch.rand(count, size, 2)
        facts[..., 5] = counts * (0.2 * torch.randn(count, size)).exp()
        return kinds, facts


def _others(named: Tensor, size: int, total: int) -> Tensor:
    """Kinds that are not `named` (B, N), in random order: (B, size); where a named one stands
    (its column has an entry of at least 0), anything.

    Raises ValueError when there are fewer than `size` kinds.
    """
    if size > total:
        raise ValueError(f"evidence of {size} kinds cannot be told of {total}")
    order = torch.rand(len(named), total + 1)
    # the last column takes what names nothing
    order.scatter_(1, named.masked_fill(named < 0, total), 2.0)
    drawn = order[:, :total].argsort(1)  # the named ones come last
    free = torch.ones(len(named), size, dtype=torch.bool)
    free[:, : named.shape[1]] = named < 0
    return drawn.gather(1, (free.cumsum(1) - 1).clamp(min=0))


def read(folder: Path, without: Collection[str] = ()) -> list[str]:
    """The lines of `text.txt.gz`, but for those that are kept for measuring.

    Raises FileNotFoundError naming the file.
    """
    path = folder / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: captions without pictures, a line each")
    with gzip.open(path) as packed:
        lines = (line.strip() for line in io.TextIOWrapper(packed, encoding="utf-8"))
        return [line for line in lines if line and line not in without]


def tokenised(captions: Sequence[Sequence[str]], vocabulary: Vocabulary, longest: int) -> Text:
    """Captions, cleaned into words, as a decoder learns them; what has unknown words is left
    out, and what is longer than `longest` words."""
    rows = []
    for words in captions:
        ids = vocabulary.encode(words)
        if 0 < len(words) <= longest and UNKNOWN not in ids:
            rows.append((ids, mentions(words)))
    tokens = torch.full((len(rows), longest + 2), PAD)
    kinds = torch.full((len(rows), _NAMED), -1)
    counts = torch.zeros(len(rows), _NAMED, dtype=torch.long)
    for row, (ids, found) in enumerate(rows):
        tokens[row, : len(ids)] = torch.tensor(ids)
        each: dict[int, list[int]] = {}
        for mention in found:
            each.setdefault(mention.kind, []).append(mention.count)
        for column, (kind, numbers) in enumerate(list(each.items())[:_NAMED]):
            kinds[row, column] = kind
            counts[row, column] = min(SEVERAL, sum(numbers)) if all(numbers) else 0
    return Text(tokens, kinds, counts)
