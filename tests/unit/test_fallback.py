"""What stands in for a back-end that is missing or fails."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from describer_daemon.core.ports import DescriberError, Picture, Pixels, VoiceSettings
from describer_daemon.fallback import SourceFallback, SpeakerFallback
from describer_daemon.speech.utterance import OneAtATime, Utterance

NONE = DescriberError("I have no way to do it here.")


class Screen:
    name = "a screen"

    def grab(self) -> Picture:
        return Pixels(1, 1, b"abc")


class Voice(OneAtATime):
    """Remembers what it said; fails while it is broken; knows the voices in `known`."""

    def __init__(self, name: str, known: Sequence[str] = ("", "anna")) -> None:
        super().__init__()
        self.name, self.known, self.broken = name, known, False
        self.said: list[tuple[str, VoiceSettings]] = []

    def configure(self, voice: VoiceSettings) -> None:
        if voice.name not in self.known:
            raise DescriberError(f"There is no voice named {voice.name}.")
        self._voice = voice

    def save(self, text: str, path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    def voices(self) -> Sequence[str]:
        return self.known

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        if self.broken:
            raise DescriberError(f"{self.name} is broken.")
        self.said.append((text, voice))


class Room:
    """What serves here: the first of `present`, which are in the order of preference."""

    def __init__(self, *present: Voice) -> None:
        self.present = list(present)
        self.asked = threading.Semaphore(0)

    def find(self, than: str = "", without: str = "") -> Voice:
        self.asked.release()
        for voice in self.present:
            if voice.name == than:
                break
            if voice.name != without:
                return voice
        raise NONE


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def say(speaker: SpeakerFallback, text: str) -> DescriberError | None:
    ends: queue.Queue[DescriberError | None] = queue.Queue()
    speaker.speak(text, ends.put)
    error = ends.get(timeout=20)
    assert ends.empty()
    return error


def test_a_source_that_comes_later_serves() -> None:
    there = False

    def find(than: str = "", without: str = "") -> Screen:
        if not there:
            raise NONE
        return Screen()

    source = SourceFallback(find)
    for _ in range(2):
        with pytest.raises(DescriberError, match="no way"):
            source.grab()
    assert source.name == "none"
    there = True
    assert source.grab() == Screen().grab()
    assert source.name == "a screen"


def test_a_voice_that_comes_later_serves(tmp_path: Path) -> None:
    room = Room()
    speaker = SpeakerFallback(room.find)
    assert speaker.name == "none"
    assert speaker.voices() == []
    speaker.configure(VoiceSettings("anna", rate=300))
    assert say(speaker, "hello") is NONE
    with pytest.raises(DescriberError, match="no way"):
        speaker.save("hello", tmp_path / "speech")
    late = Voice("late")
    room.present.append(late)
    assert say(speaker, "hello") is None
    assert late.said == [("hello", VoiceSettings("anna", rate=300))]
    assert speaker.name == "late"
    assert speaker.voices() == ("", "anna")
    speaker.save("hello", tmp_path / "speech")
    assert (tmp_path / "speech").exists()


def test_another_voice_speaks_when_one_fails_until_it_is_back() -> None:
    first, second = Voice("first"), Voice("second", known=("",))
    room = Room(first, second)
    speaker = SpeakerFallback(room.find, look_every=0.0)
    speaker.configure(VoiceSettings("anna", rate=300))
    room.present.remove(first)
    first.broken = True
    assert say(speaker, "one") is None
    assert second.said == [("one", VoiceSettings("", rate=300))]  # it has no anna
    room.present.insert(0, first)
    first.broken = False
    while speaker.name != "first":
        assert say(speaker, "two") is None
    assert say(speaker, "three") is None
    assert first.said[-1] == ("three", VoiceSettings("anna", rate=300))
    speaker.close()


def test_a_failure_is_told_when_there_is_no_other() -> None:
    only = Voice("only")
    room = Room(only)
    speaker = SpeakerFallback(room.find)
    only.broken = True
    for present in ([only], []):  # it still says that it serves; it says that it does not
        room.present = present
        error = say(speaker, "hello")
        assert error is not None
        assert error.spoken == "only is broken."
    only.broken, room.present = False, [only]
    assert say(speaker, "hello") is None


def test_an_unknown_voice_is_refused_and_the_usual_one_stays() -> None:
    only = Voice("only")
    speaker = SpeakerFallback(Room(only).find)
    with pytest.raises(DescriberError, match="no voice named bert"):
        speaker.configure(VoiceSettings("bert"))
    assert say(speaker, "hello") is None
    assert only.said == [("hello", VoiceSettings())]
    with pytest.raises(DescriberError, match="no voice named bert"):
        speaker.configure(VoiceSettings("bert", rate=300, volume=50))
    assert say(speaker, "hello") is None  # a mistake in one setting costs none of the others
    assert only.said[1:] == [("hello", VoiceSettings(rate=300, volume=50))]


def test_a_better_voice_that_comes_later_is_taken() -> None:
    """What served first is not what is preferred: at login the best may come last."""
    best, middle, worst = Voice("best"), Voice("middle"), Voice("worst")
    room = Room(worst)
    speaker = SpeakerFallback(room.find, look_every=0.0)
    speaker.configure(VoiceSettings("anna", rate=300))
    assert say(speaker, "one") is None
    for better in (middle, best):
        room.present.insert(0, better)
        assert say(speaker, "two") is None
        until(lambda name=better.name: speaker.name == name)
        assert say(speaker, "three") is None
        assert better.said[0] == ("three", VoiceSettings("anna", rate=300))
    assert say(speaker, "four") is None
    assert speaker.name == "best"
    assert worst.said[-1][0] == "two"


def test_a_better_voice_is_looked_for_though_nothing_is_said() -> None:
    room = Room(Voice("worst"))
    speaker = SpeakerFallback(room.find, look_every=0.0)
    room.present.insert(0, Voice("best"))
    speaker.look_again()
    until(lambda: speaker.name == "best")


def test_looking_is_rare_and_costs_no_sentence_its_time() -> None:
    only = Voice("only")
    room = Room(only)
    speaker = SpeakerFallback(room.find, look_every=3600.0)
    assert room.asked.acquire(timeout=20)
    for _ in range(5):
        assert say(speaker, "hello") is None
        speaker.look_again()
    assert not room.asked.acquire(blocking=False)

    held = threading.Event()

    def slow(than: str = "", without: str = "") -> Voice:
        if than:
            assert held.wait(20)
        return only

    speaker = SpeakerFallback(slow, look_every=0.0)
    assert say(speaker, "one") is None
    assert say(speaker, "two") is None  # while somebody still looks
    held.set()


def test_a_voice_that_says_it_serves_but_fails_is_stood_in_for() -> None:
    first, second = Voice("first"), Voice("second")
    room = Room(first, second)
    first.broken = True
    speaker = SpeakerFallback(room.find)
    for text in ("one", "two"):
        assert say(speaker, text) is None
    assert [text for text, _ in second.said] == ["one", "two"]
    second.broken = True
    error = say(speaker, "three")
    assert error is not None
    assert error.spoken == "first is broken."
    first.broken = False
    assert say(speaker, "four") is None


def test_whoever_stands_in_is_told_the_language_too() -> None:
    first, second = Voice("first"), Voice("second")
    first.broken = True
    speaker = SpeakerFallback(Room(first, second).find)
    ends: queue.Queue[DescriberError | None] = queue.Queue()
    for language in ("", "en"):
        speaker.speak("hello", ends.put, language)
        assert ends.get(timeout=20) is None
    assert [voice.language for _, voice in second.said] == ["", "en"]


def test_a_better_source_that_comes_later_is_taken() -> None:
    present = ["worst"]

    def find(than: str = "", without: str = "") -> Screen:
        if present[0] == than:
            raise NONE
        screen = Screen()
        screen.name = present[0]
        return screen

    source = SourceFallback(find, look_every=0.0)
    assert source.name == "worst"
    present.insert(0, "best")
    assert source.grab() == Screen().grab()
    until(lambda: source.name == "best")
    assert source.grab() == Screen().grab()
    assert source.name == "best"
