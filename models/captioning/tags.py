"""Things that the encoder's ImageNet classifier knows, by the names that people use."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.captioning.kinds import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

_TABLE = Path(__file__).with_name("imagenet_names.tsv")


@dataclass(frozen=True, slots=True)
class Name:
    """What a class is called.

    `spoken` has its article ("a coffee mug"). `word` is the noun of captions and `like` a
    commoner noun that can stand in its place ("elephant" and "horse"); both are empty for what
    captions hardly name.
    """

    spoken: str
    word: str
    like: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A thing that the encoder's classifier sees: "a coffee mug", and how likely it is."""

    name: str
    probability: float


@functools.cache
def _words() -> dict[str, frozenset[str]]:
    words: dict[str, set[str]] = {}
    for name in names():
        words.setdefault(name.spoken, set()).add(name.word)
    return {spoken: frozenset(each) for spoken, each in words.items()}


def tag_kinds(tag: str) -> frozenset[int]:
    """The kinds of thing that a tag is one of, by its name: a husky is a dog."""
    words = _words().get(tag, (tag,))  # what is in no table is taken at its word
    return frozenset[int]().union(*(named(word.split()) for word in words))


@functools.cache
def names() -> tuple[Name, ...]:
    """The names of ImageNet's 1,000 classes in their usual order."""
    _, *lines = _TABLE.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return tuple(
        Name(spoken, *("" if each == "-" else each for each in (word, like)))
        for _, spoken, word, like in rows
    )


def summed(probabilities: NDArray[np.floating], labels: Sequence[str]) -> list[tuple[str, float]]:
    """Add up the probabilities of classes that share a label, likeliest label first.

    `probabilities` (1000,) and `labels` in the order of the classes; an empty label is left out.
    """
    totals: dict[str, float] = {}
    for label, probability in zip(labels, probabilities.tolist(), strict=True):
        if label:
            totals[label] = totals.get(label, 0.0) + probability
    return sorted(totals.items(), key=lambda item: -item[1])
