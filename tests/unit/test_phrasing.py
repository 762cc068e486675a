"""What is said of a caption."""

from __future__ import annotations

from typing import Literal

import pytest

from describer_daemon.phrasing import sentence
from describer_daemon.ports import Caption, Tag, Verb

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


def tags(*names: str, sure: bool = True) -> tuple[Tag, ...]:
    return tuple(Tag(name, 0.8, sure) for name in names)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [(tags("a laptop"), "Not sure. I recognise a laptop."),
     (tags("a laptop", "a coffee mug"), "Not sure. I recognise a laptop and a coffee mug."),
     (tags("a laptop", "a coffee mug", "the coast"),
      "Not sure. I recognise a laptop, a coffee mug and the coast."),
     (tags("a laptop", "a coffee mug", "the coast", "an oven", "hay"),
      "Not sure. I recognise a laptop, a coffee mug and the coast."),
     (tags("a laptop") + tags("a coffee mug", sure=False), "Not sure. I recognise a laptop."),
     (tags("a laptop", "a coffee mug", sure=False), "Not sure: a dog on a man's lap."),
     ((), "Not sure: a dog on a man's lap.")],
)
@pytest.mark.parametrize("verb", [None, Verb.SCREEN, Verb.CLIPBOARD])
def test_what_is_recognised_is_said_instead_of_a_guess(
    seen: tuple[Tag, ...], expected: str, verb: Verb | None
) -> None:
    assert sentence(Caption(WORDS, (-1.0,) * 8, 0.1, "unsure", tags=seen), verb) == expected


@pytest.mark.parametrize(
    ("certainty", "expected"),
    [("sure", "A dog on a man's lap."), ("medium", "Could be: a dog on a man's lap.")],
)
def test_tags_add_nothing_to_a_caption_that_can_be_trusted(
    certainty: Literal["sure", "medium"], expected: str
) -> None:
    caption = Caption(WORDS, (-1.0,) * 8, 0.9, certainty, tags=tags("a laptop"))
    assert sentence(caption) == expected


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
