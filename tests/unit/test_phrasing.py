"""What is said of a caption."""

from __future__ import annotations

from typing import Literal

import pytest

from describer_daemon.phrasing import sentence
from describer_daemon.ports import Caption, Verb

WORDS = ("a", "dog", "on", "a", "man", "'s", "lap")


@pytest.mark.parametrize(
    ("certainty", "expected"),
    [("sure", "A dog on a man's lap."),
     ("medium", "Could be: a dog on a man's lap."),
     ("unsure", "Not sure: a dog on a man's lap.")],
)
@pytest.mark.parametrize("verb", [None, Verb.SCREEN, Verb.CLIPBOARD])
def test_certainty_is_heard(
    certainty: Literal["sure", "medium", "unsure"], expected: str, verb: Verb | None
) -> None:
    assert sentence(Caption(WORDS, (-1.0,) * 8, 0.5, certainty), verb) == expected


@pytest.mark.parametrize(
    ("finding", "verb", "expected"),
    [("black", Verb.SCREEN, "The screen is black. A screen curtain may be on."),
     ("black", Verb.CLIPBOARD, "I see no picture: it is all black."),
     ("black", None, "I see no picture: it is all black."),
     ("plain", Verb.SCREEN, "I see no picture: it is all one colour."),
     ("plain", None, "I see no picture: it is all one colour.")],
)
def test_a_picture_of_nothing_gets_no_invented_caption(
    finding: Literal["black", "plain"], verb: Verb | None, expected: str
) -> None:
    assert sentence(Caption((), (), 1.0, finding=finding), verb) == expected
