"""What is remembered of answers, and what the copy key copies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from describer_daemon.core import phrasing, remembering
from describer_daemon.core.events import Offer
from describer_daemon.core.ports import DescriberError, Encoded, Outcome, Picture, Pixels, Verb
from describer_daemon.history import History
from tests.unit.core.room import Room, until

PIXELS = Pixels(1, 1, b"rgb")


class Copied:
    def __init__(self, *, secret: bool) -> None:
        self.secret = secret

    def grab(self) -> Picture:
        return Encoded(b"picture", secret=self.secret)


@pytest.fixture
def history() -> Iterator[History]:
    made = History(lambda _: None)
    made.follow(9, 0, False)
    yield made
    made.close()


@pytest.fixture
def room(history: History, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    made = Room(memory=history)
    make = made.captioner._make
    monkeypatch.setattr(made.captioner, "_make", lambda _: make(PIXELS))
    yield made
    made.close()


def kinds(history: History) -> list[tuple[str, str]]:
    return [(entry.verb, entry.sentence) for entry in history.entries()]


def test_descriptions_and_read_text_are_remembered_and_nothing_else(
    room: Room, history: History
) -> None:
    for verb in (Verb.SCREEN, Verb.REPEAT, Verb.COPY, Verb.MORE, Verb.TEXT, Verb.STOP):
        room.answer(verb)
    room.pipeline.offer(Offer(Copied(secret=False)))
    until(lambda: len(history.entries()) == 3)
    room.captioner.error = DescriberError("It broke off.")
    assert room.answer(Verb.CLIPBOARD).failed
    assert kinds(history) == [
        ("screen", "Picture 1."), ("text", "text 2."), ("copied", "Picture 3."),
    ]  # fmt: skip
    assert [entry.language for entry in history.entries()] == ["en", "", "en"]


@pytest.mark.parametrize("verb", [Verb.CLIPBOARD, Verb.TEXT])
def test_nothing_of_a_secret_is_remembered(room: Room, history: History, verb: Verb) -> None:
    room.pipeline.sources = dict.fromkeys(room.pipeline.sources, Copied(secret=True))
    assert not room.answer(verb).failed
    assert history.entries() == []
    assert room.answer(Verb.REPEAT).sentence == room.pipeline.last  # who asked may hear it again


def test_the_one_before_is_said_repeated_and_copied(room: Room) -> None:
    room.answer(Verb.TEXT)
    room.answer(Verb.SCREEN)
    assert room.answer(Verb.PREVIOUS) == Outcome("text 1.")
    assert room.speaker.languages[-1] == ""
    assert room.answer(Verb.REPEAT) == Outcome("text 1.")
    room.answer(Verb.COPY)
    assert room.copied == ["text 1."]
    assert room.answer(Verb.PREVIOUS) == Outcome(remembering.OLDEST)
    assert room.answer(Verb.NEXT) == Outcome("Picture 2.")
    assert room.pipeline.failures == 0


def test_stop_remembering_leaves_nothing_to_repeat(room: Room, history: History) -> None:
    room.answer(Verb.SCREEN)
    assert room.answer(Verb.FORGET) == Outcome(remembering.FORGOTTEN)
    assert room.answer(Verb.REPEAT) == Outcome(phrasing.NOTHING_YET)
    assert room.pipeline.last == ""
    room.answer(Verb.SCREEN)
    assert history.entries() == []


def test_who_remembers_nothing_says_how_to_change_that() -> None:
    room = Room()
    try:
        room.answer(Verb.SCREEN)
        assert room.answer(Verb.PREVIOUS) == Outcome(remembering.OFF)
        assert room.answer(Verb.REPEAT) == Outcome("Picture 1.")
    finally:
        room.close()


def test_the_copy_key_twice_copies_the_picture_with_its_sentence(room: Room) -> None:
    room.answer(Verb.SCREEN)
    assert room.answer(Verb.COPY) == Outcome(phrasing.COPIED)
    assert room.answer(Verb.COPY) == Outcome("Copied both.")
    assert room.copied == ["Picture 1."]
    assert room.pictures_copied == [(b"the picture", "Picture 1.")]
    assert room.answer(Verb.COPY) == Outcome(phrasing.COPIED)  # the third is a first one


def test_the_second_press_may_come_while_the_first_is_at_work(room: Room) -> None:
    room.answer(Verb.SCREEN)
    room.may_copy.clear()
    first, second = room.ask(Verb.COPY), room.ask(Verb.COPY)
    until(lambda: bool(first))
    room.may_copy.set()
    until(lambda: bool(second))
    assert (first, second) == ([Outcome("", stale=True)], [Outcome("Copied both.")])
    assert (room.copied, len(room.pictures_copied)) == (["Picture 1."], 1)


def test_who_tries_again_after_a_failure_wants_the_sentence(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: str) -> None:
        raise DescriberError("I could not copy.")

    room.answer(Verb.SCREEN)
    with monkeypatch.context() as missing:
        missing.setattr(room.pipeline._copying, "_copy", fails)
        assert room.answer(Verb.COPY).failed
    assert room.answer(Verb.COPY) == Outcome(phrasing.COPIED)
    assert (room.copied, room.pictures_copied) == (["Picture 1."], [])


def test_another_key_between_makes_it_a_first_one(room: Room) -> None:
    room.answer(Verb.SCREEN)
    for verb in (Verb.COPY, Verb.STOP, Verb.COPY):
        room.answer(verb)
    assert room.copied == ["Picture 1."] * 2
    assert room.pictures_copied == []


def test_two_presses_far_apart_are_two_first_ones(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("describer_daemon.core.copying._TWICE", 0.0)
    room.answer(Verb.SCREEN)
    for _ in range(2):
        room.answer(Verb.COPY)
    assert room.copied == ["Picture 1."] * 2


def test_of_text_a_secret_or_an_earlier_description_there_is_no_picture_to_copy(
    room: Room,
) -> None:
    room.answer(Verb.SCREEN)
    room.answer(Verb.TEXT)
    copied_twice(room)
    room.answer(Verb.PREVIOUS)
    copied_twice(room)
    room.pipeline.sources = dict.fromkeys(room.pipeline.sources, Copied(secret=True))
    room.answer(Verb.CLIPBOARD)
    copied_twice(room)
    assert room.pictures_copied == []
    assert len(room.copied) == 6


def copied_twice(room: Room) -> None:
    room.answer(Verb.STOP)
    for _ in range(2):
        assert room.answer(Verb.COPY) == Outcome(phrasing.COPIED)


def test_a_picture_that_is_not_kept_any_more_is_told(room: Room) -> None:
    room.answer(Verb.SCREEN)
    room.answer(Verb.COPY)
    room.captioner.error = DescriberError("I no longer have that picture.")
    outcome = room.answer(Verb.COPY)
    assert outcome == Outcome("I no longer have that picture.", failed=True)
    assert room.copied == ["Picture 1."]
