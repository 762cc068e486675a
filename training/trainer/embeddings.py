"""Word embeddings that somebody else trained: GloVe's text files (Pennington et al. 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from models.captioning.vocabulary import SPECIALS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from numpy.typing import NDArray

    from models.captioning.vocabulary import Vocabulary
    from models.networks.decoder_base import Decoder

_NAMED = 10  # missing words that are worth a line


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of a vocabulary's words: `missing` ones, in its order, stay random.

    `size` is that of the file's vectors, `width` how many numbers of an embedding they fill.
    """

    found: int
    missing: tuple[str, ...]
    size: int
    width: int

    def __str__(self) -> str:
        total = self.found + len(self.missing)
        projected = f", projected to {self.width}" if self.width < self.size else ""
        text = (
            f"{self.found:,} of {total:,} words have a vector of {self.size} numbers"
            f"{projected}; {len(self.missing):,} are missing"
        )
        named = ", ".join(self.missing[:_NAMED])
        more = ", …" if len(self.missing) > _NAMED else ""
        return f"{text}: {named}{more}" if named else text


def read_glove(path: Path, words: Collection[str]) -> dict[str, NDArray[np.float32]]:
    """The vectors (D,) of those `words` that are in a text file: a word and D numbers a line.

    A word that is only there in lower case has that one's vector; a line of counts at the top,
    as word2vec writes it, is passed over. Raises ValueError naming file and line for a damaged one.
    """
    wanted = {word.lower() for word in words} | set(words)
    found: dict[str, NDArray[np.float32]] = {}
    size, number = 0, 0
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                fields = line.rstrip().split(" ")
                if number == 1 and len(fields) == 2 and all(map(str.isdecimal, fields)):
                    continue
                size = size or len(fields) - 1
                if len(fields) <= size or not size:
                    raise ValueError(
                        f"{path}, line {number}: {len(fields) - 1} numbers, not {size or 'any'}"
                    )
                word = " ".join(fields[:-size])  # some of the largest files' words have spaces
                if word in wanted and word not in found:
                    found[word] = _numbers(fields[-size:], path, number)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}, after line {number}: this is no text in UTF-8") from error
    except OSError as error:
        raise ValueError(f"the word vectors {path} cannot be read: {error.strerror}") from error
    if not size:
        raise ValueError(f"{path}: there are no word vectors in it")
    either = {word: found.get(word, found.get(word.lower())) for word in words}
    return {word: vector for word, vector in either.items() if vector is not None}


def _numbers(fields: list[str], path: Path, line: int) -> NDArray[np.float32]:
    try:
        vector = np.asarray(fields, np.float32)
    except ValueError as error:
        raise ValueError(f"{path}, line {line}: {error}") from error
    if not np.isfinite(vector).all():
        raise ValueError(f"{path}, line {line}: a number is not finite")
    return vector


def fill(decoder: Decoder, vocabulary: Vocabulary, path: Path) -> Filled:
    """Put a file's vectors into the embeddings of all members of the decoder's ensemble.

    They are scaled to the spread that the embedding starts with. Vectors that are longer than it
    are projected to their principal components; shorter ones leave the rest of it random.
    """
    words = vocabulary.words[len(SPECIALS) :]
    vectors = read_glove(path, words)
    missing = tuple(word for word in words if word not in vectors)
    if not vectors:
        raise ValueError(f"{path}: it has none of the vocabulary's {len(words)} words")
    rows = [index for index, word in enumerate(vocabulary.words) if word in vectors]
    table = np.stack([vectors[vocabulary.words[row]] for row in rows])  # (F, D)
    width = 0
    for member in decoder.ensemble_members():
        weight = member.embedding.weight
        fitted = _projected(table, weight.shape[1])
        width = fitted.shape[1]
        with torch.no_grad():
            scale = float(weight.std()) / max(float(fitted.std()), 1e-9)
            weight[rows, :width] = torch.from_numpy(fitted * scale).to(weight)
    return Filled(len(rows), missing, table.shape[1], width)


def _projected(table: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """(F, D) → (F, at most `size`)."""
    if table.shape[1] <= size:
        return table
    _, _, directions = np.linalg.svd(table, full_matrices=False)  # (min(F, D), D)
    fitted: NDArray[np.float32] = table @ directions[:size].T
    return fitted
