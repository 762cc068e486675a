"""The pipeline's counts, its patience, and what it does about a defect of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from describer_daemon.core import phrasing
from describer_daemon.core.pipeline import Pipeline
from describer_daemon.core.ports import (
    Caption,
    DescriberError,
    Detection,
    OcrResult,
    Outcome,
    Rectangle,
    Request,
    Verb,
)
from tests.unit.core.room import LONG, Room, until

TWO = tuple(Detection(Rectangle(100 * n, 0, 90 - n, 90), 0.9, "photograph") for n in range(2))


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.close()


def test_every_failure_is_counted_whoever_failed(room: Room) -> None:
    room.answer(Verb.SCREEN)
    room.copy_error = DescriberError("I could not copy.")
    for count in (1, 2):
        assert room.answer(Verb.COPY) == Outcome("I could not copy.", failed=True)
        assert room.pipeline.failures == count
    room.screen.error = DescriberError("The screen is gone.")
    for count in (3, 4):
        room.answer(Verb.SCREEN)
        assert room.pipeline.failures == count
    room.speaker.raises = DescriberError("There is no sound device.")
    for count in (5, 6):
        room.answer(Verb.REPEAT)
        room.answer(Verb.STOP)  # so what the voice reported has been dealt with
        assert room.pipeline.failures == count


def test_a_copy_that_fails_sounds_like_any_failure(room: Room) -> None:
    room.answer(Verb.SCREEN)
    room.copy_error = OSError("a defect")
    room.answer(Verb.COPY)
    assert room.earcons.heard == ["taken", "words", "failed", "words"]


def test_answers_and_stale_ones_are_counted(room: Room) -> None:
    assert (room.pipeline.answered, room.pipeline.stale, room.pipeline.failures) == (0, 0, 0)
    for verb in (Verb.SCREEN, Verb.REPEAT, Verb.COPY):
        room.answer(verb)
    room.captioner.may_go.clear()
    for count in (1, 2):
        asked = room.ask(Verb.SCREEN)
        room.answer(Verb.STOP)
        assert asked == [Outcome("", stale=True)]
        assert room.pipeline.stale == count
    assert room.pipeline.answered == 3  # a stop says nothing


def test_a_defect_while_an_answer_is_made_is_said_and_the_loop_lives(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a defect")

    with monkeypatch.context() as patched:
        patched.setattr(room.pipeline._cycle, "described", fail)
        assert room.answer(Verb.SCREEN) == Outcome(phrasing.INTERNAL, failed=True)
    assert room.speaker.said == [phrasing.INTERNAL]
    assert room.earcons.heard == ["taken", "failed", "words"]
    assert room.answer(Verb.SCREEN) == Outcome("Picture 2.")


def test_nothing_is_passed_over_when_the_first_picture_comes_again(room: Room) -> None:
    """The third press begins a second round; the fourth goes on in it."""
    room.captioner.pictures = TWO
    assert [room.answer(Verb.SCREEN).sentence[:9] for _ in range(4)] == [
        "Picture 1",
        "Picture 2",
        "Picture 1",
        "Picture 2",
    ]
    room.captioner.pictures = ()
    room.answer(Verb.SCREEN)
    assert room.pipeline._cycle.already_described == ()


def test_what_was_read_is_the_last_sentence_and_begins_no_round(room: Room) -> None:
    assert room.pipeline.last == ""
    room.captioner.pictures = TWO
    room.answer(Verb.TEXT)
    assert room.pipeline.last == "text 1."
    assert room.pipeline._cycle.already_described == ()
    room.answer(Verb.SCREEN)
    room.screen.error = DescriberError("The screen is gone.")
    room.answer(Verb.SCREEN)
    assert room.pipeline.last == "Picture 1 of 2: Picture 2."


@pytest.mark.parametrize(
    ("verb", "sentence"),
    [
        (Verb.SCREEN, phrasing.CURTAIN),
        (Verb.TEXT, phrasing.CURTAIN),
        (Verb.CLIPBOARD, "I see no picture: it is all black."),
    ],
)
def test_only_a_black_screen_may_have_a_curtain(
    room: Room, monkeypatch: pytest.MonkeyPatch, verb: Verb, sentence: str
) -> None:
    black = Caption((), (), 1.0, finding="black")
    monkeypatch.setattr(room.captioner, "describe", lambda *_: black)
    monkeypatch.setattr(room.captioner, "read", lambda *_: OcrResult((), "black"))
    assert room.answer(verb) == Outcome(sentence)


def test_a_picture_that_comes_after_the_stop_is_no_failure(room: Room) -> None:
    room.screen.may_go.clear()
    asked = room.ask(Verb.SCREEN)
    assert room.screen.grabbing.wait(LONG)
    room.answer(Verb.STOP)
    assert asked == [Outcome("", stale=True)]
    room.screen.may_go.set()
    time.sleep(0.2)  # the picture arrives, and nobody waits for it any more
    room.answer(Verb.STOP)
    assert (room.pipeline.failures, room.speaker.said) == (0, [])
    assert room.captioner.made == 0


def test_a_voice_that_breaks_is_told_with_the_cause(room: Room) -> None:
    room.speaker.raises = KeyError("a defect")
    room.answer(Verb.REPEAT)
    until(lambda: bool(room.unheard))
    [error] = room.unheard
    assert (error.spoken, error.detail) == ("The voice failed.", "KeyError('a defect')")


def test_its_threads_do_not_hold_the_program_up(room: Room) -> None:
    ours = [thread for thread in threading.enumerate() if thread in room.pipeline._threads]
    assert len(ours) == 2
    assert all(thread.daemon for thread in ours)


def test_the_usual_patience_is_that_of_the_design() -> None:
    """Still looking after 1.5 seconds, a new round after 3 seconds of quiet."""
    room = Room()
    usual = Pipeline(
        {}, room.captioner, room.speaker, room.copied.append, room.earcons, room.unheard.append
    )
    room.close()
    assert (usual._still_looking_after, usual._cycle.cycle_timeout) == (1.5, 3.0)


def test_who_asks_after_the_end_is_answered_at_once(room: Room) -> None:
    room.pipeline.stop(LONG)
    outcomes: list[Outcome] = []
    room.pipeline.put(Request(Verb.STOP, "key", outcomes.append))
    assert outcomes == [Outcome("", stale=True)]
    assert room.pipeline.stale == 1
    assert room.speaker.stops == 1  # the end silences the voice


def test_what_waits_when_the_end_comes_is_answered_as_stale(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def stop() -> None:
        reached.set()
        assert go_on.wait(LONG)

    monkeypatch.setattr(room.speaker, "stop", stop)
    first = room.ask(Verb.STOP)
    assert reached.wait(LONG)
    waiting = [room.ask(verb) for verb in Verb]
    room.pipeline.stop(0.0)
    go_on.set()
    until(lambda: all(waiting))
    assert first == [Outcome("")]
    assert waiting == [[Outcome("", stale=True)]] * len(Verb)
