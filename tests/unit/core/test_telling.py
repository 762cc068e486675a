"""What is told of a picture after its description: part by part, thing by thing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from describer_daemon.core import telling
from describer_daemon.core.details import Details, Place, Told
from describer_daemon.core.ports import OcrResult, Rectangle, TextLine, Thing, Verb

PICTURE = Rectangle(0, 0, 600, 400)
PEOPLE = Thing("person", "two people", 0.95, 2, Rectangle(10, 130, 150, 140))
DOG = Thing("dog", "a dog", 0.85, 1, Rectangle(180, 120, 240, 260))
BALL = Thing("sports ball", "a ball", 0.72, 1, Rectangle(500, 20, 40, 40))
CAT = Thing("cat", "a cat", 0.65, 1, Rectangle(450, 300, 90, 60))
PARK = Details(PICTURE, sure=(DOG, PEOPLE, BALL), unsure=(CAT,), others=("a tripod", "hay"))


def text(*lines: str) -> OcrResult:
    return OcrResult(
        tuple((TextLine(line, 0.9, 0, 9 * row, 99, 9),) for row, line in enumerate(lines))
    )


def never() -> Details:
    raise AssertionError("nobody asked for the text")


def all_of(details: Details, read: Details | None = None) -> list[str]:
    """Each part in turn, up to the sentence that says that it was the last."""
    sentences, place = [], Place()
    while not sentences or place.part:
        told = telling.more(details, place, never if read is None else lambda: read)
        sentences.append(told.sentence)
        place = told.place
    return sentences


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (
            {"sure": (DOG, PEOPLE)},
            "A dog in the middle, near. Two people on the left.",
        ),
        (
            {"sure": (PEOPLE,), "unsure": (CAT,)},
            "Two people on the left. Maybe a cat at the bottom right.",
        ),
        (
            {"sure": (BALL,), "others": ("a tripod", "hay")},
            "A ball at the top right. Also a tripod and hay.",
        ),
        ({"others": ("a tripod",)}, "Also a tripod."),
        ({}, "There is nothing in it that I can name."),
        ({"sure": (BALL,) * 9}, " ".join(["A ball at the top right."] * 6)),
    ],
)
def test_first_comes_what_there_is_and_where(known: dict[str, Any], expected: str) -> None:
    assert all_of(Details(PICTURE, **known))[0] == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"colours": ("blue",)}, ["Mostly blue."]),
        ({"colours": ("blue", "green")}, ["Mostly blue and green."]),
        ({"colours": ("black",), "brightness": "dark"}, ["Dark, mostly black."]),
        ({"colours": ("white",), "brightness": "light"}, ["Light, mostly white."]),
        ({"sharpness": "sharp"}, ["It is sharp."]),
        (
            {"sharpness": "blurred", "cut": ("bottom",)},
            ["It looks blurred. It may be cut off at the bottom."],
        ),
        ({"cut": ("left", "top")}, ["It may be cut off at the left and the top."]),
        (
            {"colours": ("blue",), "sharpness": "sharp"},
            ["Mostly blue.", "It is sharp."],
        ),
    ],
)
def test_then_come_colours_light_and_sharpness(known: dict[str, Any], expected: list[str]) -> None:
    _, *parts, shape, end = all_of(Details(PICTURE, sure=(DOG,), **known))
    assert parts == expected
    assert shape == "Wider than high, 600 by 400 pixels."
    assert end == telling.ALL_TOLD


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((100, 400), "A tall strip, 100 by 400 pixels."),
        ((300, 400), "Higher than wide, 300 by 400 pixels."),
        ((400, 400), "About square, 400 by 400 pixels."),
        ((410, 400), "About square, 410 by 400 pixels."),
        ((800, 400), "Wider than high, 800 by 400 pixels."),
        ((1000, 400), "A wide strip, 1000 by 400 pixels."),
        ((9, 0), "A wide strip, 9 by 0 pixels."),
    ],
)
def test_shape_and_size(size: tuple[int, int], expected: str) -> None:
    assert all_of(Details(Rectangle(7, 7, *size)))[1] == expected


def test_text_comes_last_and_is_read_only_then() -> None:
    details = replace(PARK, readable=True)
    place = Place()
    for _ in range(2):  # what there is, its shape
        told = telling.more(details, place, never)
        place = told.place
    asked = []

    def read() -> Details:
        asked.append(1)
        return replace(details, text=text("STOP", "All way"))

    told = telling.more(details, place, read)
    assert told.sentence == "It says: STOP. All way."
    assert told.language == ""  # it may be in any
    assert asked == [1]
    assert telling.more(replace(details, text=text("STOP")), told.place, never).sentence == (
        telling.ALL_TOLD
    )


def test_of_much_text_the_first_lines_are_told() -> None:
    details = replace(PARK, readable=True)
    *_, last, end = all_of(details, replace(details, text=text(*"abcdef")))
    assert last == "Its text begins: a. b. c. d."
    assert end == telling.ALL_TOLD


@pytest.mark.parametrize("found", [text(), text("\u2022", "|")])
def test_without_text_nothing_is_said_of_it(found: OcrResult) -> None:
    details = replace(PARK, readable=True)
    assert all_of(details, replace(details, text=found)) == all_of(PARK)


def test_where_reading_is_not_installed_it_is_not_asked_for() -> None:
    assert all_of(PARK)[-1] == telling.ALL_TOLD


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        ("black", [telling.NO_MORE]),
        ("plain", ["Mostly blue.", telling.ALL_TOLD]),
        ("none", ["Mostly blue.", "It says: Hi.", telling.ALL_TOLD]),
        ("text", ["Mostly blue.", "It says: Hi.", telling.ALL_TOLD]),
        (
            "drawing",
            [
                "Mostly blue.",
                "Wider than high, 600 by 400 pixels.",
                "It says: Hi.",
                telling.ALL_TOLD,
            ],
        ),
    ],
)
def test_what_is_no_picture_has_fewer_parts(finding: Any, expected: list[str]) -> None:
    words = text() if finding in ("black", "plain") else text("Hi")
    found = Details(PICTURE, finding, colours=("blue",), sharpness="sharp", text=words)
    assert all_of(found) == expected


def test_after_the_last_part_it_begins_again_and_that_is_not_repeated() -> None:
    first = telling.more(PARK, Place(), never)
    end = telling.more(PARK, Place(part=5, thing=1), never)
    assert end == Told(telling.ALL_TOLD, Place(0, 1), lasting=False)
    assert telling.more(PARK, end.place, never).sentence == first.sentence


def toured(details: Details, verbs: list[Verb]) -> list[Told]:
    place, told = Place(), []
    for verb in verbs:
        told.append(telling.explore(details, place, verb))
        place = told[-1].place
    return told


NEXT, BEFORE, WHERE = Verb.NEXT_THING, Verb.PREVIOUS_THING, Verb.WHERE


def test_things_come_from_left_to_right_with_sureness_and_tone() -> None:
    told = toured(PARK, [NEXT] * 6)
    assert [each.sentence for each in told] == [
        "Two people on the left. Almost certain. 1 of 4.",
        "A dog in the middle, near. Quite sure. 2 of 4.",
        "Maybe a cat at the bottom right. Not sure. 3 of 4.",
        "A ball at the top right. Fairly sure. 4 of 4.",
        telling.LAST_THING,
        "Two people on the left. Almost certain. 1 of 4.",
    ]
    points = [each.point for each in told]
    assert points[:2] == [pytest.approx((85 / 600, 0.5)), pytest.approx((0.5, 250 / 400))]
    assert points[4] is None
    assert [each.lasting for each in told] == [True, True, True, True, False, True]


def test_backwards_it_ends_on_the_left() -> None:
    told = toured(PARK, [NEXT, NEXT, BEFORE, BEFORE, BEFORE, BEFORE])
    assert [each.sentence.partition(".")[0] for each in told] == [
        "Two people on the left",
        "A dog in the middle, near",
        "Two people on the left",
        telling.FIRST_THING.partition(".")[0],
        "A ball at the top right",
        "Maybe a cat at the bottom right",
    ]


def test_where_repeats_the_thing_in_coordinates() -> None:
    told = toured(PARK, [NEXT, NEXT, WHERE, WHERE, NEXT])
    exact = (
        "A dog: half way across, a third from the bottom; "
        "a third of the width, two thirds of the height."
    )
    assert [each.sentence for each in told[2:4]] == [exact, exact]
    assert told[2].point == told[1].point
    assert told[4].sentence.startswith("Maybe a cat")
    [first] = toured(PARK, [WHERE])  # nothing was told yet: that is the first
    assert first.sentence.startswith("Two people: near the left, half way down; ")


@pytest.mark.parametrize("verb", [NEXT, BEFORE, WHERE])
def test_a_picture_of_nothing_has_nothing_to_explore(verb: Verb) -> None:
    [told] = toured(Details(PICTURE, others=("hay",)), [verb])
    assert told == Told(telling.NOTHING_NAMED, Place(), lasting=False)


@given(
    st.lists(st.sampled_from([PEOPLE, DOG, BALL, CAT]), unique=True, min_size=1),
    st.lists(st.sampled_from([NEXT, BEFORE, WHERE])),
    st.integers(0, 9),
)
def test_every_way_through_leads_to_things_that_are_there(
    things: list[Thing], verbs: list[Verb], at: int
) -> None:
    details = Details(PICTURE, sure=tuple(things))
    place = Place(thing=at)  # as of a picture that had more
    for verb in verbs:
        told = telling.explore(details, place, verb)
        place = told.place
        assert told.sentence
        assert place.thing is None or 0 <= place.thing < len(things)
