"""What is said of a caption, and of text."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from describer_daemon.core.phrasing import alt_text, language, sentence, text_aloud
from describer_daemon.core.ports import (
    Caption,
    Detection,
    Form,
    Graphic,
    NoCaptionReason,
    OcrResult,
    Rectangle,
    Tag,
    TextLine,
    Thing,
    Verb,
)

WORDS = ("a", "dog", "on", "a", "man", "'s", "lap")
ZEBRA = Thing("zebra", "a zebra", 0.4, 1, Rectangle(0, 0, 9, 9))


VERBS = [None, Verb.SCREEN, Verb.CLIPBOARD]
ONE, FOUR = ("a dog",), ("two people", "a dog", "several boats", "hay")
LISTED = {
    (): "",
    ONE: "a dog",
    ("two people", "a dog"): "two people and a dog",
    FOUR[:3]: "two people, a dog and several boats",
    FOUR: "two people, a dog, several boats and hay",
}
COLOURED = {(): "", ("blue",): ", mostly blue", ("blue", "green"): ", mostly blue and green"}
LIGHTS: dict[Literal["", "dark", "light"], str] = {"": "", "dark": " dark", "light": " light"}


def told(
    form: Form,
    seen: tuple[str, ...],
    colours: tuple[str, ...],
    brightness: Literal["", "dark", "light"],
) -> str:
    """The table of `phrasing`, each row by hand."""
    if form in ("plain", "hedged"):
        return {"plain": "A dog on a man's lap.", "hedged": "Could be: a dog on a man's lap."}[form]
    if form == "things":
        return f"I see {LISTED[seen]}."
    return f"A{LIGHTS[brightness]} picture that I cannot make out{COLOURED[colours]}."


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("brightness", LIGHTS)
@pytest.mark.parametrize("colours", COLOURED)
@pytest.mark.parametrize("seen", LISTED)
@pytest.mark.parametrize("form", get_args(Form))
def test_an_answer_has_the_words_of_its_form_and_no_others(
    form: Form,
    seen: tuple[str, ...],
    colours: tuple[str, ...],
    brightness: Literal["", "dark", "light"],
    verb: Verb | None,
) -> None:
    if form == "things" and not seen:
        return  # in that form something is
    caption = Caption(
        WORDS, (-1.0,) * 8, 0.5, form, seen=seen, colours=colours, brightness=brightness
    )
    assert sentence(caption, verb) == told(form, seen, colours, brightness)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        (Caption(WORDS, (), 0.9), "A dog on a man's lap."),
        (Caption(WORDS, (), 0.6, "hedged"), "Could be: a dog on a man's lap."),
        (
            Caption(WORDS, (), 0.2, "things", seen=("two people", "a dog")),
            "I see two people and a dog.",
        ),
        (Caption(WORDS, (), 0.2, "things", seen=("several birds",)), "I see several birds."),
        (
            Caption(WORDS, (), 0.1, "unknown", colours=("blue", "green")),
            "A picture that I cannot make out, mostly blue and green.",
        ),
        (
            Caption(WORDS, (), 0.1, "unknown", colours=("grey",)),
            "A picture that I cannot make out, mostly grey.",
        ),
        (
            Caption(WORDS, (), 0.1, "unknown", colours=("black", "blue"), brightness="dark"),
            "A dark picture that I cannot make out, mostly black and blue.",
        ),
        (
            Caption(WORDS, (), 0.1, "unknown", colours=("white",), brightness="light"),
            "A light picture that I cannot make out, mostly white.",
        ),
        (Caption(("tv", "on", "a", "desk"), (), 0.9), "Tv on a desk."),
        (Caption((), (), 0.0, "unknown"), "A picture that I cannot make out."),
    ],
)
def test_what_is_said_of_a_picture(caption: Caption, expected: str, verb: Verb | None) -> None:
    assert sentence(caption, verb) == expected


@given(
    st.sampled_from(["things", "unknown"]),
    st.lists(st.sampled_from(FOUR), min_size=1, max_size=4, unique=True),
)
def test_a_caption_that_is_not_believed_is_not_said(form: Form, seen: list[str]) -> None:
    caption = Caption(
        ("zebra", "crossing"),
        (),
        0.1,
        form,
        seen=tuple(seen),
        tags=(Tag("a zebra", 0.6),),
        things=(ZEBRA,),
        colours=("blue",),
    )
    assert "zebra" not in sentence(caption)


def test_tags_and_things_add_nothing_to_a_caption_that_can_be_trusted() -> None:
    caption = Caption(
        WORDS,
        (-1.0,) * 8,
        0.9,
        tags=(Tag("a laptop", 0.9),),
        things=(ZEBRA,),
        seen=("a zebra",),
        colours=("blue",),
        brightness="dark",
    )
    assert sentence(caption) == "A dog on a man's lap."


@pytest.mark.parametrize(
    ("finding", "verb", "expected"),
    [
        ("black", Verb.SCREEN, "The screen is black. A screen curtain may be on."),
        ("black", Verb.CLIPBOARD, "I see no picture: it is all black."),
        ("black", None, "I see no picture: it is all black."),
        ("plain", Verb.SCREEN, "I see no picture: it is all one colour."),
        ("plain", None, "I see no picture: it is all one colour."),
        ("none", Verb.SCREEN, "I see no picture."),
        ("none", None, "I see no picture."),
        ("text", Verb.SCREEN, "I see no picture, only text."),
        ("text", Verb.CLIPBOARD, "I see no picture, only text."),
        ("drawing", Verb.SCREEN, "A chart or drawing; I am only good with photographs."),
        ("drawing", None, "A chart or drawing; I am only good with photographs."),
    ],
)
def test_a_picture_of_nothing_gets_no_invented_caption(
    finding: NoCaptionReason, verb: Verb | None, expected: str
) -> None:
    assert sentence(Caption((), (), 1.0, finding=finding), verb) == expected
    unknown = Caption((), (), 1.0, "unknown", finding, colours=("black",), brightness="dark")
    assert sentence(unknown, verb) == expected


TWO = tuple(Detection(Rectangle(n, 0, 9, 9), 0.9, "photograph") for n in (0, 50))


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        (Caption(WORDS, (), 0.9, pictures=TWO, number=2), "Picture 2 of 2: A dog on a man's lap."),
        (
            Caption(WORDS, (), 0.5, "hedged", pictures=TWO, number=1),
            "Picture 1 of 2: Could be: a dog on a man's lap.",
        ),
        (
            Caption(WORDS, (), 0.1, "things", pictures=TWO, number=2, seen=("two people", "a dog")),
            "Picture 2 of 2: I see two people and a dog.",
        ),
        (
            Caption(
                WORDS,
                (),
                0.1,
                "unknown",
                pictures=TWO,
                number=2,
                colours=("red",),
                brightness="dark",
            ),
            "Picture 2 of 2: A dark picture that I cannot make out, mostly red.",
        ),
        (
            Caption(WORDS, (), 0.1, "things", pictures=TWO[:1], number=1, seen=("a dog",)),
            "I see a dog.",
        ),
        (
            Caption((), (), 1.0, finding="drawing", pictures=TWO, number=1),
            "Picture 1 of 2: A chart or drawing; I am only good with photographs.",
        ),
        (Caption(WORDS, (), 0.9, pictures=TWO[:1], number=1), "A dog on a man's lap."),
        (Caption(WORDS, (), 0.9), "A dog on a man's lap."),
    ],
)
def test_which_picture_it_is_is_told_only_where_there_are_several(
    caption: Caption, expected: str
) -> None:
    assert sentence(caption, Verb.SCREEN) == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("plain", "A drawing: a dog on a man's lap."),
        ("things", "A drawing: I see two dogs and a tree."),
        ("unknown", "A drawing, mostly red and white."),
    ],
)
def test_artwork_is_told_as_a_drawing(form: Form, expected: str) -> None:
    caption = Caption(
        WORDS,
        (),
        0.9,
        form,
        finding="drawing",
        seen=("two dogs", "a tree"),
        colours=("red", "white"),
    )
    assert sentence(caption, Verb.SCREEN) == expected
    assert alt_text(caption) == ""


@pytest.mark.parametrize(
    ("graphic", "labels", "expected"),
    [
        ("chart", (), "A chart."),
        (
            "chart",
            ("Sales by region", "Year", "revenue"),
            "A chart: Sales by region. Year, revenue.",
        ),
        ("chart", ("How many?",), "A chart: How many?"),
        ("chart", ("", "Year"), "A chart: Year."),
        ("map", (), "A map."),
        ("sign", (), "A logo or an icon."),
        ("", (), "A chart or drawing; I am only good with photographs."),
    ],
)
def test_a_graphic_is_named_and_a_chart_with_what_is_written_at_it(
    graphic: Graphic, labels: tuple[str, ...], expected: str
) -> None:
    text = OcrResult((paragraph("Sales by region"),))
    caption = Caption((), (), 1.0, finding="drawing", graphic=graphic, labels=labels)
    assert sentence(caption, Verb.SCREEN) == expected
    assert alt_text(caption) == ""
    written = dataclasses.replace(caption, written=text)
    assert ("It says" in sentence(written, Verb.SCREEN)) == (not labels)  # never twice


def paragraph(*lines: str) -> tuple[TextLine, ...]:
    return tuple(TextLine(line, 0.9, 0, 20 * row, 100, 20) for row, line in enumerate(lines))


@pytest.mark.parametrize(
    ("paragraphs", "expected"),
    [
        ([("Dear Sir or", "Madam,"), ("we are sorry.",)], "Dear Sir or Madam, we are sorry."),
        ([("File",), ("Edit",), ("View",)], "File. Edit. View."),
        (
            [("Is it?",), ("Yes!",), ("He said “no.”",), ("(Or so.)",), ("More…",)],
            "Is it? Yes! He said “no.” (Or so.) More…",
        ),
        (
            [
                (
                    "a dic-",
                    "tionary of well-",
                    "Known words",
                )
            ],
            "a dictionary of well- Known words.",
        ),
        (
            [
                (
                    "5 -",
                    "3 is 2",
                )
            ],
            "5 - 3 is 2.",
        ),
        (
            [
                (
                    "an e-",
                    "mail",
                )
            ],
            "an email.",
        ),
        (
            [
                (
                    "known and well-",
                    "(un)known",
                )
            ],
            "known and well- (un)known.",
        ),
        ([("•",), ("|",), ("first point",), ("—",)], "first point."),
        ([("•",)], "I see no text."),
        ([], "I see no text."),
    ],
)
@pytest.mark.parametrize("verb", [None, Verb.TEXT])
def test_text_is_put_so_that_a_voice_pauses(
    paragraphs: list[tuple[str, ...]], expected: str, verb: Verb | None
) -> None:
    result = OcrResult(tuple(paragraph(*lines) for lines in paragraphs))
    assert text_aloud(result, verb) == expected
    assert language(result) == ("en" if expected == "I see no text." else "")


@pytest.mark.parametrize(
    ("finding", "verb", "expected"),
    [
        ("black", Verb.TEXT, "The screen is black. A screen curtain may be on."),
        ("black", None, "I see no text: it is all black."),
        ("plain", Verb.TEXT, "I see no text: it is all one colour."),
        ("plain", None, "I see no text: it is all one colour."),
    ],
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
        "".join(filter(str.isalnum, "".join("".join(lines) for lines in kept))) or "Iseenotext"
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["STOP"], " It says: STOP."),
        (["Opening hours", "9 to 5"], " It says: Opening hours. 9 to 5."),
        (["•"], ""),
        ([" ".join(["word"] * 12)], f" It says: {' '.join(['word'] * 12)}."),
        ([" ".join(["word"] * 13)], f" Its text begins: {' '.join(['word'] * 12)}\u2026"),
        (["one two three,", *["letters" * 4] * 3], None),
        (["x" * 81], ""),
    ],
)
def test_a_sentence_ends_with_the_words_that_fit_in_a_breath(
    lines: list[str], expected: str | None
) -> None:
    written = OcrResult(tuple(paragraph(line) for line in lines))
    said = sentence(Caption(WORDS, (), 0.9, written=written))
    if expected is None:
        expected = f" Its text begins: one two three, {'letters' * 4}. {'letters' * 4}\u2026"
    assert said == f"A dog on a man's lap.{expected}"
    only = sentence(Caption((), (), 1.0, finding="text", written=written), Verb.SCREEN)
    assert only == f"I see no picture, only text.{expected}"


@given(st.lists(st.text(min_size=1), min_size=1, max_size=9))
def test_no_breath_is_too_long(lines: list[str]) -> None:
    said = sentence(Caption(WORDS, (), 0.9, written=OcrResult(tuple(map(paragraph, lines)))))
    rest = said.removeprefix("A dog on a man's lap.")
    assert len(rest) <= len(" Its text begins: ") + 81
    assert len(rest.split()) <= 3 + 12
