"""Sentences in two languages: read from a folder in Multi30k's layout, cut into pieces, in batches.

Beside them stand sentences of our own (`sentences.tsv`) of things that Multi30k hardly shows.
"""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from models.captioning.vocabulary import END, PAD, SPECIALS, START, UNKNOWN
from models.translation import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

OWN = Path(__file__).with_name("sentences.tsv")
_HELD_BACK = 10  # every so manieth of our own sentences is for choosing, none is learnt
_NOISE = 12.0  # tokens: sentences of about the same length come together, not always the same


@dataclass(frozen=True, slots=True)
class Pairs:
    """Sentences of two languages, as people write them."""

    source: tuple[str, ...]
    target: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.source)


def lines(path: Path) -> list[str]:
    """The lines of a text file, packed by gzip or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="\n") as file:
        return file.read().removesuffix("\n").split("\n")


def pairs(folder: Path, split: str, language: str) -> Pairs:
    """A split of Multi30k: files `SPLIT.en.gz` and `SPLIT.LANGUAGE.gz`, or without `.gz`.

    Raises ValueError when a file is missing or they have different numbers of lines.
    """
    sides = []
    for name in ("en", language):
        found = [folder / f"{split}.{name}{packed}" for packed in (".gz", "")]
        path = next((each for each in found if each.is_file()), None)
        if path is None:
            raise ValueError(f"{folder} has no {split}.{name}.gz.")
        sides.append(tuple(lines(path)))
    if len(sides[0]) != len(sides[1]):
        raise ValueError(f"{folder}: {split}.en and {split}.{language} differ in lines.")
    return Pairs(*sides)


def own(language: str, path: Path = OWN) -> tuple[Pairs, Pairs]:
    """Our own sentences → those to learn, and every tenth one, which is held back."""
    with io.StringIO(path.read_text(encoding="utf-8")) as file:
        rows = [
            (row["en"], row[language])
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]
    held = rows[::_HELD_BACK]
    learnt = [row for at, row in enumerate(rows) if at % _HELD_BACK]
    return _pairs(learnt), _pairs(held)


def _pairs(rows: Sequence[tuple[str, str]]) -> Pairs:
    return Pairs(tuple(row[0] for row in rows), tuple(row[1] for row in rows))


def train_pieces(sentences: Sequence[str], size: int) -> list[str]:
    """The pieces of byte pair encoding (Sennrich et al. 2016), in the order of their merges.

    The first four are padding, the unknown, the beginning and the end.
    """
    import sentencepiece

    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=made,
        model_type="bpe",
        vocab_size=size,
        character_coverage=1.0,
        normalization_rule_name="identity",
        pad_id=PAD,
        unk_id=UNKNOWN,
        bos_id=START,
        eos_id=END,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    return [*SPECIALS, *map(model.id_to_piece, range(len(SPECIALS), len(model)))]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Sentences as numbers of pieces: `source` ends with END; `target` has START and END."""

    source: list[list[int]]
    target: list[list[int]]


def batches(
    encoded: Encoded, tokens: int, random: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """(B, S) and (B, T) tokens of one epoch; B times the longest of a batch is about `tokens`."""
    length = np.array(
        [max(len(a), len(b)) for a, b in zip(encoded.source, encoded.target, strict=True)]
    )
    order = np.argsort(length + random.uniform(0, _NOISE / 4, len(length)), kind="stable")
    groups: list[list[int]] = [[]]
    longest = 0
    for number in order.tolist():
        longest = max(longest, int(length[number]))
        if groups[-1] and longest * (len(groups[-1]) + 1) > tokens:
            groups.append([])
            longest = int(length[number])
        groups[-1].append(number)
    for at in random.permutation(len(groups)).tolist():
        yield (
            padded([encoded.source[number] for number in groups[at]]),
            padded([encoded.target[number] for number in groups[at]]),
        )


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """Rows of numbers as one (B, T) tensor, filled with PAD."""
    whole = torch.full((len(rows), max(map(len, rows))), PAD, dtype=torch.long)
    for at, row in enumerate(rows):
        whole[at, : len(row)] = torch.tensor(row)
    return whole


def normalised(given: Pairs) -> Pairs:
    """Both sides as the network sees them."""
    return Pairs(
        tuple(text.source(line)[0] for line in given.source), tuple(map(text.target, given.target))
    )
