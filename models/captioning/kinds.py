"""The eighty everyday kinds of thing (those of COCO), and the words by which captions name them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TABLE = Path(__file__).with_name("kinds.tsv")
_NONE = "-"  # the table's last line: what names no kind although a word in it does
SEVERAL = 3  # as a count: so many, or more
_NUMBERS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "single": 1,
    "two": 2,
    "pair": 2,
    "couple": 2,
    "both": 2,
    "three": 3,
    "four": 3,
    "five": 3,
    "six": 3,
    "several": 3,
    "many": 3,
    "some": 3,
    "few": 3,
    "group": 3,
    "bunch": 3,
    "herd": 3,
    "flock": 3,
    "lots": 3,
    "multiple": 3,
    "crowd": 3,
    "row": 3,
    "various": 3,
    "numerous": 3,
}
_CERTAIN = {
    "couple": 2,
    "crowd": 3,
    "family": 3,
    "team": 3,
    "group of people": 3,
    "crowd of people": 3,
    "flock of birds": 3,
    "herd of sheep": 3,
    "bunch of bananas": 3,
    "pair of scissors": 1,
    "scissors": 1,
}
_REACH = 3  # words before a thing among which its number is looked for
# words that a colour may come before only if it is a fruit: nothing, or the sentence goes on
_AFTER_FRUIT = frozenset(
    [
        "",
        "and",
        "on",
        "in",
        "with",
        "is",
        "sitting",
        "sits",
        "that",
        "next",
        "from",
        "to",
        "are",
        "at",
        "hanging",
        "inside",
    ]
)


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` as COCO calls it; `one` ("a dog") and `many` ("dogs") as they are spoken."""

    name: str
    one: str
    many: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A kind (by its number) that is named in words `begin` up to `end` of a caption.

    `count` is 1, 2 or `SEVERAL`; 0 where the words do not tell.
    """

    kind: int
    begin: int
    end: int
    count: int


@dataclass(frozen=True, slots=True)
class _Phrases:
    """Each phrase's kind (None: of none) and whether it is plural; words in the longest one."""

    of: Mapping[tuple[str, ...], tuple[int | None, bool]]
    longest: int


@functools.cache
def kinds() -> tuple[Kind, ...]:
    """All kinds, in the order of the table."""
    return tuple(Kind(*row[:3]) for row in _rows() if row[0] != _NONE)


@functools.cache
def numbers() -> Mapping[str, int]:
    """The number of each kind, by its name."""
    return {kind.name: number for number, kind in enumerate(kinds())}


def mentions(words: Sequence[str]) -> list[Mention]:
    """The kinds that a caption names, in order; lower-case words.

    The longest phrase counts: "hot dog" names no dog, "baseball field" no ball.
    """
    phrases = _phrases()
    found, at = [], 0
    while at < len(words):
        for length in range(min(phrases.longest, len(words) - at), 0, -1):
            phrase = tuple(words[at : at + length])
            entry = phrases.of.get(phrase)
            if entry is None and phrase == ("orange",) and _is_fruit(words, at):
                entry = (numbers()["orange"], False)
            if entry is None:
                continue
            if entry[0] is not None:
                count = _count(words, at, " ".join(phrase), plural=entry[1])
                found.append(Mention(entry[0], at, at + length, count))
            at += length
            break
        else:
            at += 1
    return found


def named(words: Sequence[str]) -> frozenset[int]:
    """The numbers of the kinds that a caption names."""
    return frozenset(mention.kind for mention in mentions(words))


def _is_fruit(words: Sequence[str], at: int) -> bool:
    after = words[at + 1] if at + 1 < len(words) else ""
    return after in _AFTER_FRUIT and at > 0 and words[at - 1] in ("an", "one", "peeled", "sliced")


def _count(words: Sequence[str], at: int, phrase: str, *, plural: bool) -> int:
    if phrase in _CERTAIN:
        return _CERTAIN[phrase]
    if not plural:
        return 1
    before = words[max(0, at - _REACH) : at]
    # the nearest number; "a group of dogs" is no single one
    numbers = [_NUMBERS[word] for word in reversed(before) if _NUMBERS.get(word, 1) > 1]
    return numbers[0] if numbers else 0


@functools.cache
def _phrases() -> _Phrases:
    of: dict[tuple[str, ...], tuple[int | None, bool]] = {}
    for number, (name, _, _, singular, plural) in enumerate(_rows()):
        for phrases, several in ((singular, False), (plural, True)):
            for phrase in phrases.split(", "):
                if phrase != _NONE:
                    of[tuple(phrase.split())] = (None if name == _NONE else number, several)
    return _Phrases(of, max(map(len, of)))


def _rows() -> list[list[str]]:
    _, *lines = _TABLE.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines]
