"""More of the picture described last: without a new grab, stopped and overtaken like all else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from describer_daemon.core import telling
from describer_daemon.core.details import Details
from describer_daemon.core.looking import ABOUT_THE_LAST
from describer_daemon.core.ports import (
    DescriberError,
    OcrResult,
    Outcome,
    Rectangle,
    TextLine,
    Thing,
    Verb,
)
from tests.unit.core.room import Room, until

PICTURE = Rectangle(0, 0, 600, 400)
DOG = Thing("dog", "a dog", 0.95, 1, Rectangle(250, 150, 100, 100))
MAN = Thing("person", "a person", 0.95, 1, Rectangle(10, 150, 100, 100))
FIRST = "A dog in the middle. A person on the left."


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    made.captioner.details = Details(PICTURE, sure=(DOG, MAN), colours=("blue",))
    yield made
    made.close()


@pytest.mark.parametrize("verb", ABOUT_THE_LAST)
def test_before_any_description_it_is_said_what_to_do(room: Room, verb: Verb) -> None:
    room.answer(Verb.TEXT)  # that is none
    assert room.answer(verb) == Outcome(telling.NOTHING_DESCRIBED)
    assert room.captioner.recalled == []


def test_the_parts_come_one_after_the_other_without_a_grab(room: Room) -> None:
    room.answer(Verb.SCREEN)
    assert [room.answer(Verb.MORE).sentence for _ in range(5)] == [
        FIRST,
        "Mostly blue.",
        "Wider than high, 600 by 400 pixels.",
        telling.ALL_TOLD,
        FIRST,
    ]
    assert (room.screen.grabbed, room.captioner.made) == (1, 1)
    assert room.captioner.recalled == [False] * 5
    assert room.earcons.heard == ["taken", *["words"] * 6]  # the answer comes at once


def test_the_next_picture_is_told_from_the_beginning(room: Room) -> None:
    room.answer(Verb.SCREEN)
    assert [room.answer(Verb.MORE).sentence, room.answer(Verb.NEXT_THING).sentence] == [
        FIRST,
        "A person on the left. Almost certain. 1 of 2.",
    ]
    room.answer(Verb.CLIPBOARD)
    assert room.answer(Verb.NEXT_THING).sentence.startswith("A person")
    assert room.answer(Verb.MORE).sentence == FIRST


def test_a_picture_that_nobody_waited_for_is_told_from_the_beginning_too(room: Room) -> None:
    room.answer(Verb.SCREEN)
    room.answer(Verb.MORE)
    room.captioner.may_go.clear()
    overtaken = room.ask(Verb.SCREEN)
    until(lambda: room.screen.grabbed == 2)
    told = room.ask(Verb.MORE)
    room.captioner.may_go.set()
    until(lambda: bool(told))
    assert overtaken == [Outcome("", stale=True)]
    assert told == [Outcome(FIRST)]


def test_what_was_overtaken_is_told_again(room: Room) -> None:
    room.answer(Verb.SCREEN)
    room.captioner.may_go.clear()
    first = room.ask(Verb.MORE)
    until(lambda: bool(room.captioner.recalled))
    second = room.ask(Verb.MORE)
    until(lambda: bool(first))
    room.captioner.may_go.set()
    until(lambda: bool(second))
    assert (first, second) == ([Outcome("", stale=True)], [Outcome(FIRST)])


def test_stop_ends_it_and_the_next_part_is_not_lost(room: Room) -> None:
    room.answer(Verb.SCREEN)
    room.speaker.held = []
    room.answer(Verb.MORE)
    stops = room.speaker.stops
    assert room.answer(Verb.STOP) == Outcome("")
    assert room.speaker.stops == stops + 1
    assert room.answer(Verb.MORE).sentence == "Mostly blue."


def test_each_thing_comes_with_a_tone_from_its_place(room: Room) -> None:
    room.answer(Verb.SCREEN)
    room.earcons.heard.clear()
    for verb in (Verb.NEXT_THING, Verb.NEXT_THING, Verb.WHERE, Verb.NEXT_THING):
        room.answer(verb)
    assert room.speaker.said[1:] == [
        "A person on the left. Almost certain. 1 of 2.",
        "A dog in the middle. Almost certain. 2 of 2.",
        "A dog: half way across, half way down; a fifth of the width, a quarter of the height.",
        telling.LAST_THING,
    ]
    at = ["at 0.10 0.50", "at 0.50 0.50", "at 0.50 0.50"]
    assert room.earcons.heard == [at[0], "words", at[1], "words", at[2], "words", "words"]


def test_what_was_told_is_repeated_and_copied_but_not_that_it_was_all(room: Room) -> None:
    room.captioner.details = Details(PICTURE, "plain", colours=("blue",))
    room.answer(Verb.SCREEN)
    room.answer(Verb.MORE)
    assert room.answer(Verb.MORE).sentence == telling.ALL_TOLD
    assert room.answer(Verb.REPEAT).sentence == "Mostly blue."
    room.answer(Verb.COPY)
    assert room.copied == ["Mostly blue."]


def test_text_is_read_when_its_turn_comes_and_in_no_language_that_is_known(room: Room) -> None:
    room.captioner.details = Details(PICTURE, "text", readable=True)
    room.captioner.text = OcrResult(((TextLine("Geschlossen", 0.9, 0, 0, 9, 9),),))
    room.answer(Verb.SCREEN)
    assert room.answer(Verb.MORE) == Outcome("It says: Geschlossen.")
    assert room.speaker.languages[-1] == ""
    assert room.captioner.recalled == [False, True]
    assert not room.captioner.cancelled.is_set()


def test_long_reading_is_told_and_gives_way_without_the_captioners_end() -> None:
    brief = Room(still_looking_after=0.01)
    try:
        brief.captioner.details = Details(PICTURE, "text", readable=True)
        brief.answer(Verb.SCREEN)
        brief.captioner.may_go.clear()
        told = brief.ask(Verb.MORE)
        until(lambda: "Still reading." in brief.speaker.said)
        assert brief.answer(Verb.STOP) == Outcome("")
        assert told == [Outcome("", stale=True)]
        assert not brief.captioner.cancelled.is_set()
    finally:
        brief.close()


@pytest.mark.parametrize("verb", ABOUT_THE_LAST)
def test_what_is_forgotten_is_a_failure_with_a_cure(room: Room, verb: Verb) -> None:
    room.answer(Verb.SCREEN)
    room.captioner.error = DescriberError("I no longer have that picture.")
    assert room.answer(verb) == Outcome("I no longer have that picture.", failed=True)
    room.captioner.error = None
    assert not room.answer(verb).failed


def test_a_captioner_that_new_settings_brought_is_the_one_that_is_asked(room: Room) -> None:
    room.answer(Verb.SCREEN)
    other = type(room.captioner)()
    other.details = replace(room.captioner.details, sure=(DOG,))
    room.pipeline.captioner = other
    assert room.answer(Verb.MORE).sentence == "A dog in the middle."
    assert room.captioner.recalled == []
