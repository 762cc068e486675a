"""Pictures that nobody asked for: told when nothing else goes on, and never in anybody's way."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from describer_daemon.core.events import Offer
from describer_daemon.core.ports import (
    DescriberError,
    Detection,
    Encoded,
    Outcome,
    Picture,
    Rectangle,
    Verb,
)
from tests.unit.core.room import LONG, Room, until

TWO = tuple(Detection(Rectangle(100 * n, 0, 90, 90), 0.9, "photograph") for n in range(2))


class Copied:
    """A copied picture of these bytes."""

    def __init__(self, data: bytes = b"1") -> None:
        self.data = data
        self.grabbed = 0
        self.error: Exception | None = None
        self.may_go = threading.Event()
        self.may_go.set()

    def grab(self) -> Picture:
        self.grabbed += 1
        assert self.may_go.wait(LONG)
        if self.error is not None:
            raise self.error
        return Encoded(self.data)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    made = Room()
    captioner = made.captioner

    def make(_: Picture) -> None:
        captioner.working.set()
        assert captioner.may_go.wait(LONG)
        if captioner.error is not None:
            raise captioner.error
        captioner.made += 1

    monkeypatch.setattr(captioner, "_make", make)
    yield made
    made.close()


def offered(room: Room, source: Copied) -> Copied:
    room.pipeline.offer(Offer(source))
    return source


def is_idle(room: Room) -> bool:
    return room.pipeline._current is None and room.pipeline._offer is None


def settled(room: Room) -> None:
    """Wait until whatever was offered so far was dealt with."""
    room.pipeline.say("and")
    until(lambda: room.speaker.said[-1:] == ["and"])
    room.speaker.said.remove("and")


def test_an_offer_is_described_without_a_tone(room: Room) -> None:
    offered(room, Copied())
    until(lambda: room.speaker.said == ["Picture 1."])
    assert room.earcons.heard == ["words"]
    assert room.speaker.stops == 0
    assert room.pipeline.last == "Picture 1."
    assert room.answer(Verb.REPEAT) == Outcome("Picture 1.")


def test_an_offer_waits_for_the_end_of_speech_and_the_last_one_wins(room: Room) -> None:
    room.speaker.held = []
    room.answer(Verb.SCREEN)
    copies = [offered(room, Copied(bytes([number]))) for number in range(10)]
    until(lambda: room.pipeline._events.empty())
    assert [copy.grabbed for copy in copies] == [0] * 10
    room.speaker.held[0](None)
    until(lambda: len(room.speaker.said) == 2)
    assert [copy.grabbed for copy in copies] == [0] * 9 + [1]
    assert room.speaker.stops == 1  # of the key itself


def test_an_offer_waits_for_the_answer_to_a_request(room: Room) -> None:
    room.captioner.may_go.clear()
    asked = room.ask(Verb.SCREEN)
    until(room.captioner.working.is_set)
    copy = offered(room, Copied())
    until(lambda: room.pipeline._events.empty())
    assert not copy.grabbed
    room.captioner.may_go.set()
    until(lambda: room.speaker.said == ["Picture 1.", "Picture 2."])
    assert asked == [Outcome("Picture 1.")]


@pytest.mark.parametrize("verb", list(Verb))
def test_any_key_drops_an_offer_that_waits(room: Room, verb: Verb) -> None:
    room.speaker.held = []
    room.answer(Verb.SCREEN)
    copy = offered(room, Copied())
    until(lambda: room.pipeline._offer is not None)
    room.answer(verb)
    while room.speaker.held:
        room.speaker.held.pop()(None)
    until(lambda: not room.pipeline.speaking)
    settled(room)
    assert not copy.grabbed


@pytest.mark.parametrize("where", ["grabbing", "captioning"])
def test_a_key_overtakes_an_offer_that_is_looked_at(room: Room, where: str) -> None:
    copy = Copied()
    gate = copy.may_go if where == "grabbing" else room.captioner.may_go
    gate.clear()
    offered(room, copy)
    until(lambda: copy.grabbed == 1 and (where == "grabbing" or room.captioner.working.is_set()))
    asked = room.ask(Verb.SCREEN)
    until(lambda: room.earcons.heard == ["taken"])
    gate.set()
    until(lambda: bool(asked))
    settled(room)
    assert room.speaker.said == [asked[0].sentence]
    offered(room, copy)  # nobody has heard of it yet
    until(lambda: len(room.speaker.said) == 2)


def test_a_later_offer_overtakes_an_earlier_one(room: Room) -> None:
    room.captioner.may_go.clear()
    offered(room, Copied(b"1"))
    until(room.captioner.working.is_set)
    offered(room, Copied(b"2"))
    until(lambda: room.pipeline._events.empty())
    room.captioner.may_go.set()
    until(lambda: room.speaker.said == ["Picture 2."])
    settled(room)
    assert room.speaker.said == ["Picture 2."]


def test_the_same_picture_is_described_once(room: Room) -> None:
    for data in (b"1", b"1", b"2", b"1"):
        offered(room, Copied(data))
        until(lambda: is_idle(room) and room.pipeline._events.empty())
        settled(room)
    assert room.speaker.said == ["Picture 1.", "Picture 3.", "Picture 4."]


def test_the_same_picture_encoded_anew_is_described_once(room: Room) -> None:
    for data in (b"1", b"a clipboard manager's"):
        room.captioner.made = 0  # so that its caption is the same
        offered(room, Copied(data))
        until(lambda: is_idle(room) and room.pipeline._events.empty())
        settled(room)
    assert room.speaker.said == ["Picture 1."]


@pytest.mark.parametrize("where", ["source", "captioner"])
@pytest.mark.parametrize("error", [DescriberError("It holds text."), RuntimeError("bug")])
def test_nothing_is_heard_of_an_offer_that_fails(room: Room, where: str, error: Exception) -> None:
    copy = Copied()
    (copy if where == "source" else room.captioner).error = error
    offered(room, copy)
    until(lambda: copy.grabbed == 1 and is_idle(room))
    settled(room)
    assert room.speaker.said == []
    assert room.earcons.heard == ["words"]  # of what `settled` says
    assert room.pipeline.failures == 0


def test_the_clipboard_key_goes_on_to_the_next_picture_of_an_offer(room: Room) -> None:
    room.captioner.pictures = TWO
    assert room.answer(Verb.CLIPBOARD).sentence.startswith("Picture 1 of 2")
    offered(room, Copied())
    until(lambda: len(room.speaker.said) == 2)
    assert room.speaker.said[1].startswith("Picture 1 of 2")
    assert room.answer(Verb.CLIPBOARD).sentence.startswith("Picture 2 of 2")


def test_nothing_is_looked_at_once_the_pipeline_ends(room: Room) -> None:
    room.close()
    copy = offered(room, Copied())
    assert not copy.grabbed
