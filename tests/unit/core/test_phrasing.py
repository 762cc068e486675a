"""What is said of a caption, and of text."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from describer_daemon.core.phrasing import sentence, text_aloud
from describer_daemon.core.ports import (
    Caption,
    Detection,
    NoCaptionReason,
    OcrResult,
    Rectangle,
    Tag,
    TextLine,
    Verb,
)

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
     ("plain", None, "I see no picture: it is all one colour."),
     ("none", Verb.SCREEN, "I see no picture."),
     ("none", None, "I see no picture."),
     ("text", Verb.SCREEN, "I see no picture, only text."),
     ("text", Verb.CLIPBOARD, "I see no picture, only text."),
     ("drawing", Verb.SCREEN, "A chart or drawing; I am only good with photographs."),
     ("drawing", None, "A chart or drawing; I am only good with photographs.")],
)
def test_a_picture_of_nothing_gets_no_invented_caption(
    finding: NoCaptionReason, verb: Verb | None, expected: str
) -> None:
    assert sentence(Caption((), (), 1.0, finding=finding), verb) == expected


TWO = tuple(Detection(Rectangle(n, 0, 9, 9), 0.9, "photograph") for n in (0, 50))


@pytest.mark.parametrize(
    ("caption", "expected"),
    [(Caption(WORDS, (), 0.9, pictures=TWO, number=2), "Picture 2 of 2: A dog on a man's lap."),
     (Caption(WORDS, (), 0.5, "medium", pictures=TWO, number=1),
      "Picture 1 of 2: Could be: a dog on a man's lap."),
     (Caption((), (), 1.0, finding="drawing", pictures=TWO, number=1),
      "Picture 1 of 2: A chart or drawing; I am only good with photographs."),
     (Caption(WORDS, (), 0.9, pictures=TWO[:1], number=1), "A dog on a man's lap."),
     (Caption(WORDS, (), 0.9), "A dog on a man's lap.")],
)
def test_which_picture_it_is_is_told_only_where_there_are_several(
    caption: Caption, expected: str
) -> None:
    assert sentence(caption, Verb.SCREEN) == expected


def paragraph(*lines: str) -> tuple[TextLine, ...]:
    return tuple(TextLine(line, 0.9, 0, 20 * row, 100, 20) for row, line in enumerate(lines))


@pytest.mark.parametrize(
    ("paragraphs", "expected"),
    [([("Dear Sir or", "Madam,"), ("we are sorry.",)], "Dear Sir or Madam, we are sorry."),
     ([("File",), ("Edit",), ("View",)], "File. Edit. View."),
     ([("Is it?",), ("Yes!",), ("He said “no.”",), ("(Or so.)",), ("More…",)],
      "Is it? Yes! He said “no.” (Or so.) More…"),
     ([("a dic-", "tionary of well-", "Known words",)], "a dictionary of well- Known words."),
     ([("5 -", "3 is 2",)], "5 - 3 is 2."),
     ([("an e-", "mail",)], "an email."),
     ([("known and well-", "(un)known",)], "known and well- (un)known."),
     ([("•",), ("|",), ("first point",), ("—",)], "first point."),
     ([("•",)], "I see no text."),
     ([], "I see no text.")],
)
@pytest.mark.parametrize("verb", [None, Verb.TEXT])
def test_text_is_put_so_that_a_voice_pauses(
    paragraphs: list[tuple[str, ...]], expected: str, verb: Verb | None
) -> None:
    assert text_aloud(OcrResult(tuple(paragraph(*lines) for lines in paragraphs)), verb) == expected


@pytest.mark.parametrize(
    ("finding", "verb", "expected"),
    [("black", Verb.TEXT, "The screen is black. A screen curtain may be on."),
     ("black", None, "I see no text: it is all black."),
     ("plain", Verb.TEXT, "I see no text: it is all one colour."),
     ("plain", None, "I see no text: it is all one colour.")],
)
def test_a_picture_of_nothing_has_no_text(
    finding: Literal["black", "plain"], verb: Verb | None, expected: str
) -> None:
    assert text_aloud(OcrResult((), finding), verb) == expected


@given(st.lists(st.lists(st.text(min_size=1), min_size=1), max_size=5))
def test_every_word_is_said(paragraphs: list[list[str]]) -> None:
    said = text_aloud(OcrResult(tuple(paragraph(*lines) for lines in paragraphs)))
    kept = [lines for lines in paragraphs if any(map(str.isalnum, "".join(lines)))]
    assert "".join(filter(str.isalnum, said)) == (
        "".join(filter(str.isalnum, "".join("".join(lines) for lines in kept)))
        or "Iseenotext")
