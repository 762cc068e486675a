"""What is told of a picture in other languages than English: the kinds of thing by their tables.

A table a language (`languages/CODE.tsv`) has, for each kind of `kinds.tsv` and in its order, what
it is called as the subject of a sentence (`one`, `two`, `several`: "ein Hund", "zwei Hunde") and as
the object of "I see" (`seen_one`, …: "einen Hund"), and the `words` by which captions name it. A
second one, which need not be there (`languages/CODE.tags.tsv`), has the same for names of
`imagenet_names.tsv`: `name`, `said`, `seen`. Sentences then need no grammar: see docs/languages.md.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.captioning.answer import MOST_SEEN, Answer, Form
from models.captioning.kinds import SEVERAL, kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.captioning.things import Thing

FOLDER = Path(__file__).with_name("languages")
ENGLISH = "en"
_COLUMNS = ("kind", "one", "two", "several", "seen_one", "seen_two", "seen_several", "words")
_TAG_COLUMNS = ("name", "said", "seen")


class TableError(ValueError):
    """A table that cannot be used: file, line, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Forms:
    """One kind of thing: `said` as the subject of a sentence and `seen` as the object of "I see",
    each for one, two and several; and the `words` by which a caption names it, in small letters."""

    said: tuple[str, str, str]
    seen: tuple[str, str, str]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A language's names: `kinds` in the order of `kinds.kinds`, `tags` by their English names,
    (said, seen) each."""

    language: str
    kinds: tuple[Forms, ...]
    tags: Mapping[str, tuple[str, str]]

    def said(self, thing: Thing) -> str:
        """The thing with its number, as the subject of a sentence."""
        return self.kinds[thing.kind].said[min(thing.count, SEVERAL) - 1]

    def seen(self, thing: Thing) -> str:
        """The thing with its number, as the object of "I see"."""
        return self.kinds[thing.kind].seen[min(thing.count, SEVERAL) - 1]


@dataclass(frozen=True, slots=True)
class Telling:
    """What is said of a picture in a language; as in `answer.Answer`.

    `caption` is the whole one, "" where it is not said, or in English: then its words are.
    `seen` is listed after "I see", `listed` the same by itself.
    """

    language: str
    form: Form
    caption: str = ""
    seen: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    table: Table | None = None

    def name(self, thing: Thing) -> str:
        """A thing with its number, as the subject of a sentence."""
        return thing.spoken if self.table is None else self.table.said(thing)


def in_english(answer: Answer) -> Telling:
    """What is told to whom nothing needs to be translated."""
    return Telling(ENGLISH, answer.form, "", answer.seen, answer.seen, answer.others)


def told(answer: Answer, table: Table, caption: str) -> Telling:
    """The same in the table's language; `caption` is the translated one, "" if there is none.

    What cannot be said whole is not said in part: the things are listed instead. What was
    recognised besides is left out where the table has no name for it.
    """
    things = answer.sure[:MOST_SEEN]
    tags = [table.tags[name] for name in answer.others if name in table.tags]
    seen = (*map(table.seen, things), *(seen for _, seen in tags))
    others = tuple(said for said, _ in tags)
    form = answer.form
    if form not in ("plain", "hedged") or not caption:
        form, caption = "things" if seen else "unknown", ""
    listed = (*map(table.said, things), *others)
    return Telling(table.language, form, caption, seen, listed, others, table)


@functools.cache
def table(language: str, folder: Path) -> Table | None:
    """A language's table; None where there is none. Raises TableError when it is not in order."""
    path, tags_path = folder / f"{language}.tsv", folder / f"{language}.tags.tsv"
    if not path.is_file():
        return None
    rows = _rows(path, _COLUMNS)
    names = [kind.name for kind in kinds()]
    for line, (row, name) in enumerate(zip(rows, names, strict=False), 2):
        if row[0] != name:
            raise TableError(f"{path.name} line {line} has {row[0]}, where {name} belongs")
    if len(rows) != len(names):
        raise TableError(f"{path.name} has {len(rows)} kinds of thing instead of {len(names)}")
    forms = tuple(
        Forms((one, two, several), (seen_one, seen_two, seen_several), _split(words))
        for _, one, two, several, seen_one, seen_two, seen_several, words in rows
    )
    tags = _rows(tags_path, _TAG_COLUMNS) if tags_path.is_file() else []
    return Table(language, forms, {name: (said, seen) for name, said, seen in tags})


def languages(folder: Path = FOLDER) -> tuple[str, ...]:
    """The codes of all languages that there is a table for."""
    return tuple(sorted(path.stem for path in folder.glob("*.tsv") if "." not in path.stem))


def _split(words: str) -> tuple[str, ...]:
    return tuple(filter(None, (word.strip() for word in words.lower().split(","))))


def _rows(path: Path, columns: tuple[str, ...]) -> list[list[str]]:
    """The cells of each line. Raises TableError for another heading and for an empty cell."""
    heading, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    if tuple(heading.split("\t")) != columns:
        raise TableError(f"{path.name} does not begin with the columns {', '.join(columns)}")
    rows = [[cell.strip() for cell in line.split("\t")] for line in lines]
    for line, row in enumerate(rows, 2):
        if len(row) != len(columns) or not all(row):
            raise TableError(f"{path.name} line {line} does not have {len(columns)} filled cells")
    return rows
