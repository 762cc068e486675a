"""Whatever takes its time, the deciding thread does not wait for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from describer_daemon.core import grabs, phrasing
from describer_daemon.core.ports import DescriberError, Outcome, Verb
from tests import threads
from tests.unit.core.room import LONG, Room, until

GONE = Outcome("The screen is gone.", failed=True)


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.close()


@pytest.fixture
def held(room: Room) -> None:
    """The screen is gone, and the tone that tells of it sounds until `end_tone`."""
    room.screen.error = DescriberError(GONE.sentence)
    room.earcons.held = []


def end_tone(room: Room) -> None:
    assert room.earcons.held
    for then in room.earcons.held:
        then()
    room.earcons.held.clear()


@pytest.mark.usefixtures("held")
def test_words_wait_for_a_tone(room: Room) -> None:
    assert room.answer(Verb.SCREEN) == GONE
    assert room.speaker.said == []
    assert room.pipeline.speaking
    end_tone(room)
    until(lambda: room.speaker.said == [GONE.sentence])
    until(lambda: not room.pipeline.speaking)


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("verb", [Verb.STOP, Verb.CLIPBOARD])
def test_a_key_is_obeyed_while_a_tone_sounds_and_its_words_are_never_said(
    room: Room, verb: Verb
) -> None:
    room.answer(Verb.SCREEN)
    tone, room.earcons.held = room.earcons.held, None
    room.answer(verb)
    assert tone is not None
    [then] = tone
    then()  # over at last
    room.answer(Verb.REPEAT)
    assert GONE.sentence not in room.speaker.said
    until(lambda: not room.pipeline.speaking)


@pytest.mark.usefixtures("held")
def test_of_words_that_wait_the_latest_are_said(room: Room) -> None:
    assert room.answer(Verb.REPEAT) == Outcome(phrasing.NOTHING_YET)
    assert room.answer(Verb.SCREEN) == GONE
    end_tone(room)
    until(lambda: not room.pipeline.speaking)
    assert room.speaker.said == [GONE.sentence]


@pytest.mark.usefixtures("held")
def test_words_that_wait_at_the_end_are_not_said(room: Room) -> None:
    room.answer(Verb.SCREEN)
    room.pipeline.stop(20)
    end_tone(room)
    assert room.speaker.said == []


def test_a_key_is_obeyed_while_the_clipboard_hangs(room: Room) -> None:
    room.answer(Verb.SCREEN)
    room.may_copy.clear()
    asked = room.ask(Verb.COPY)
    assert room.answer(Verb.STOP) == Outcome("")
    assert asked == [Outcome("", stale=True)]
    assert room.answer(Verb.REPEAT) == Outcome("Picture 1.")
    room.may_copy.set()
    until(lambda: room.copied == ["Picture 1."])
    assert room.answer(Verb.SCREEN) == Outcome("Picture 2.")
    assert phrasing.COPIED not in room.speaker.said


def test_that_something_was_copied_is_no_description(room: Room) -> None:
    room.answer(Verb.SCREEN)
    assert room.answer(Verb.COPY) == Outcome(phrasing.COPIED)
    assert room.pipeline.last == "Picture 1."


def test_a_copy_for_which_there_is_no_thread_fails_like_others(room: Room) -> None:
    room.answer(Verb.SCREEN)
    with threads.none_left():
        assert room.answer(Verb.COPY) == Outcome(phrasing.INTERNAL, failed=True)
    assert room.answer(Verb.COPY) == Outcome(phrasing.COPIED)


@pytest.mark.parametrize("hung", [Verb.CLIPBOARD, Verb.SCREEN])
def test_a_source_that_hangs_holds_up_no_other_request(room: Room, hung: Verb) -> None:
    source, other = room.screen, Verb.CLIPBOARD
    if hung is Verb.CLIPBOARD:
        source, other = room.clipboard, Verb.SCREEN
    source.may_go.clear()
    outcomes = room.ask(hung)
    assert source.grabbing.wait(LONG)
    assert room.answer(other).sentence
    until(lambda: bool(outcomes))
    assert outcomes == [Outcome("", stale=True)]


@pytest.mark.parametrize("hung", [Verb.CLIPBOARD, Verb.SCREEN, Verb.TEXT])
def test_a_source_that_hangs_ends_in_one_sentence_at_every_press(
    room: Room, hung: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grabs, "MAX_SILENCE", 0.2)
    source = room.clipboard if hung is Verb.CLIPBOARD else room.screen
    source.may_go.clear()
    for _ in range(3):
        outcome = room.answer(hung)
        assert outcome.failed
        assert "did not answer" in outcome.sentence
    source.may_go.set()
    monkeypatch.undo()
    assert not room.answer(hung).failed
