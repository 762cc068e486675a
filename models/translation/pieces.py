"""Cut words into the pieces of a vocabulary by byte pair encoding, and join pieces to text.

(Sennrich et al. 2016; the same pieces as SentencePiece's, Kudo and Richardson 2018.)
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from models.captioning.vocabulary import SPECIALS, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SPACE = "\u2581"  # stands for a space in pieces
_LONGEST = 100  # letters of a word that are merged; nobody writes longer ones


class Pieces:
    """A vocabulary of pieces; those that stand earlier are merged first."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self.pieces = tuple(pieces)
        self._numbers = {piece: at for at, piece in enumerate(pieces) if at >= len(SPECIALS)}
        # merges come in their order, single letters are never made by one
        self._cut = lru_cache(maxsize=20_000)(self._word)

    def __len__(self) -> int:
        return len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's pieces; UNKNOWN for letters that no piece has."""
        return [number for word in text.split() for number in self._cut(word)]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of such numbers, without those that stand for no text."""
        text = "".join(self.pieces[number] for number in numbers if number >= len(SPECIALS))
        return text.replace(_SPACE, " ").strip()

    def _word(self, word: str) -> tuple[int, ...]:
        parts = [*(_SPACE + word)]
        merged = parts[:_LONGEST]
        while len(merged) > 1:
            found = [
                (self._numbers.get(first + second, len(self.pieces)), at)
                for at, (first, second) in enumerate(pairwise(merged))
            ]
            number, at = min(found)
            if number == len(self.pieces):
                break
            merged[at : at + 2] = [merged[at] + merged[at + 1]]
        numbers: list[int] = []
        for part in (*merged, *parts[_LONGEST:]):
            number = self._numbers.get(part, UNKNOWN)
            if number != UNKNOWN or numbers[-1:] != [UNKNOWN]:  # unknown letters in a row are one
                numbers.append(number)
        return tuple(numbers)
