"""From a caption as it was typed to words; the rules are options."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

_WORD = r"[a-zA-Z0-9]+(?:[-'][a-zA-Z0-9]+)*|'s"
_WORDS = re.compile(_WORD)
_WORDS_AND_MARKS = re.compile(rf"{_WORD}|[^\w\s]")
_DIGIT = re.compile("[0-9]")


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Rules for captions. Hyphens and apostrophes inside words always stay.

    `punctuation` keeps marks as words of their own; `digits` keeps words with digits in them.
    Words of fewer than `minimum_letters` are dropped, marks are not. Captions of fewer than
    `minimum_words` or more than `maximum_words` (0: no limit) are left out.
    """

    lower_case: bool = True
    punctuation: bool = False
    digits: bool = True
    minimum_letters: int = 1
    minimum_words: int = 1
    maximum_words: int = 0

    def __post_init__(self) -> None:
        if min(self.minimum_letters, self.minimum_words) < 1:
            raise ValueError("minimum_letters and minimum_words must be at least 1")
        if self.maximum_words and self.maximum_words < self.minimum_words:
            raise ValueError("maximum_words must be 0 or at least minimum_words")

    def __call__(self, caption: str) -> tuple[str, ...]:
        """The words of a caption; none when it is to be left out."""
        text = caption.lower() if self.lower_case else caption
        # interned: the captions of a large data set share their words' memory
        words = tuple(sys.intern(word) for word in self._pattern.findall(text) if self._kept(word))
        too_long = self.maximum_words and len(words) > self.maximum_words
        return () if len(words) < self.minimum_words or too_long else words

    @property
    def _pattern(self) -> re.Pattern[str]:
        return _WORDS_AND_MARKS if self.punctuation else _WORDS

    def _kept(self, word: str) -> bool:
        if not self.digits and _DIGIT.search(word):
            return False
        return len(word) >= self.minimum_letters or not word.isalnum()


def clean(caption: str) -> tuple[str, ...]:
    """Lower-case words without punctuation; hyphens and apostrophes inside words stay."""
    return Cleaning()(caption)
