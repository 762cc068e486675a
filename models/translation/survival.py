"""Whether what an English caption names is named by its translation, too.

The words of each kind of thing are those of the language's table (`captioning/languages.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.captioning.kinds import named
from models.captioning.languages import FOLDER, TableError, table
from models.translation import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Words = Mapping[int, tuple[str, ...]]

_COMPOUNDS = frozenset({"de"})  # where a word's last part says what it is: a Parkbank is a Bank
_LEAST = 4  # letters of such a part


def words(language: str) -> Words:
    """The words that name each kind in a language; none for a language without a table."""
    try:
        known = table(language, FOLDER)
    except TableError:  # who needs the table to speak has told of it
        return {}
    return (
        {} if known is None else prepared(language, enumerate(each.words for each in known.kinds))
    )


def prepared(language: str, kinds: Iterable[tuple[int, tuple[str, ...]]]) -> Words:
    """Each kind's words as they are looked for in a text."""
    joins = language in _COMPOUNDS
    return {
        kind: tuple(
            spaced.lstrip() if joins and len(spaced.strip()) >= _LEAST else spaced
            for spaced in map(text.spaced, names)
            if spaced.strip()
        )
        for kind, names in kinds
    }


def missing(english: str, translated: str, of: Words) -> frozenset[int]:
    """The kinds that the English names and the translation does not; those without words in `of`
    are not asked for."""
    wanted = named(text.words(english))
    there = text.spaced(translated)
    return frozenset(
        kind for kind in wanted if kind in of and not any(word in there for word in of[kind])
    )
