"""Words and their ids."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unicodedata import category

from models.captioning.pieces import JOINS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from models.captioning.pieces import Groups, Join

PAD, START, END, UNKNOWN = range(4)
_LONGEST = 200  # letters of a word
_CONTROLS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # and half characters, and ends of lines
SPECIALS = ("<pad>", "<start>", "<end>", "<unk>")
# what a good sentence may say twice; any other word said twice is a stutter
_TWICE = """
a an the this that his her their its and or but of in on at by to from with into onto over under
through across around along near behind beside between above below up down out off for as while
is are be being has have it he she they him them who which one two three other another some very
"""
FUNCTION_WORDS = frozenset(_TWICE.split())


class Vocabulary:
    """A fixed list of words, or of the pieces that make words by the rule `join`.

    The first four ids are the special tokens.
    """

    def __init__(self, words: Sequence[str], join: Join = "words") -> None:
        """`words` in order of id, specials included. Raises ValueError for a bad list."""
        if join not in JOINS:
            raise ValueError(f"a vocabulary cannot join by {join!r}; known: {', '.join(JOINS)}")
        if tuple(words[: len(SPECIALS)]) != SPECIALS:
            raise ValueError(f"a vocabulary must begin with {' '.join(SPECIALS)}")
        if len(set(words)) != len(words):
            raise ValueError("a vocabulary must not hold a word twice")
        self.words, self.join = tuple(words), join
        self._ids = {word: index for index, word in enumerate(words)}

    @classmethod
    def from_words(cls, words: Iterable[str]) -> Vocabulary:
        """Make one from ordinary words, most frequent first."""
        return cls([*SPECIALS, *words])

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Iterable[str]) -> list[int]:
        """Ids of the words between START and END; words not known become UNKNOWN."""
        return [START, *(self._ids.get(word, UNKNOWN) for word in words), END]

    def decode(self, ids: Iterable[int]) -> tuple[str, ...]:
        """Words of the ids, special tokens left out."""
        return self.spell(ids)[0]

    def spell(self, ids: Iterable[int]) -> Groups:
        """Words of the ids, special tokens left out, and how many ids made each of them."""
        return JOINS[self.join]([self.words[index] for index in ids if index >= len(SPECIALS)])

    def function_words(self) -> frozenset[int] | None:
        """Ids of the words that may come twice in a caption. None: all may, for pieces do."""
        if self.join != "words":
            return None
        return frozenset(self._ids[word] for word in FUNCTION_WORDS if word in self._ids)

    def save(self, path: Path) -> None:
        known: object = self.words
        if self.join != "words":
            known = {"join": self.join, "pieces": self.words}
        text = json.dumps(known, ensure_ascii=False, indent=0)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Raises ValueError when the file is not a list of distinct words or pieces."""
        words: Any = json.loads(path.read_text(encoding="utf-8"))
        join: Any = "words"
        if isinstance(words, dict) and set(words) == {"join", "pieces"}:
            words, join = words["pieces"], words["join"]
        if not isinstance(words, list) or not all(isinstance(each, str) for each in [join, *words]):
            raise ValueError("a vocabulary must be a JSON list of words")
        if not all(
            len(word) <= _LONGEST and _CONTROLS.isdisjoint(map(category, word)) for word in words
        ):
            raise ValueError("a word of a vocabulary is too long or has control characters")
        return cls(words, join)
