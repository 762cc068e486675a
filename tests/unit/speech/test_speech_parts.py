"""The parts of speech that need no sound."""

from __future__ import annotations

import array
import functools
import math
import queue
import struct
import threading
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from describer_daemon.core.ports import DescriberError, VoiceSettings
from describer_daemon.speech import espeak, voices, wav
from describer_daemon.speech.dispatcher import socket_path, stuffed
from describer_daemon.speech.rates import ssip_rate, words_a_minute
from describer_daemon.speech.utterance import OneAtATime, Utterance, max_seconds, speakable
from describer_daemon.virtual.sound import RATE, similarity, sounding_seconds
from tests import threads


@given(st.text())
def test_speakable_text_is_one_line_without_commands(text: str) -> None:
    spoken = speakable(text)
    assert spoken.isprintable()
    assert speakable(spoken) == spoken
    assert [char for char in spoken if char.isalnum()] == [char for char in text if char.isalnum()]
    assert stuffed(spoken) != "."
    assert b"[[" not in espeak.encode(text)


def test_the_longest_time_grows_with_text_and_slowness() -> None:
    assert 5 < max_seconds("A dog.", 180) < 10
    assert max_seconds("A dog on a lawn.", 90) > max_seconds("A dog on a lawn.", 180)
    assert max_seconds("1234567890", 180) > max_seconds("abcdefghij", 180)


@pytest.mark.parametrize(
    ("words", "rate"), [(80, -100), (125, -50), (170, 0), (449, 100), (10, -100), (900, 100)]
)
def test_the_rate_of_ssip(words: int, rate: int) -> None:
    assert ssip_rate(words) == rate
    assert words_a_minute(rate) == min(max(words, 80), 449)


def test_where_speech_dispatcher_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/me")
    for address in ("", "unix_socket"):
        monkeypatch.setenv("SPEECHD_ADDRESS", address)
        assert socket_path() == Path("/run/me/speech-dispatcher/speechd.sock")
    monkeypatch.setenv("SPEECHD_ADDRESS", "unix_socket:/a/b")
    assert socket_path() == Path("/a/b")
    monkeypatch.setenv("SPEECHD_ADDRESS", "inet_socket:example.org:6560")
    with pytest.raises(DescriberError):
        socket_path()


def test_a_voice_goes_by_any_case_and_an_unknown_one_has_neighbours() -> None:
    known = {"English (America)": "en-us", "en-us": "en-us", "German": "de", "Dutch": "nl"}
    assert voices.pick("EN-US", known) == "en-us"
    assert voices.pick("english (america)", known) == "en-us"
    with pytest.raises(DescriberError, match=r"no voice named Germany\. .*: German, "):
        voices.pick("Germany", known)
    with pytest.raises(DescriberError, match="install a voice"):
        voices.pick("x", {})


def test_the_table_of_voices() -> None:
    table = (
        b"Pty Language       Age/Gender VoiceName          File\n"
        b" 2  en-us           --/M      English_(America)  gmw/en-US   (en 3)\n"
        b" 5  en-us           --/M      us-mbrola-2        mb/mb-us2   (en 7)\n"
        b" 5  variant         --/F      female3            !v/f3\n"
    )
    assert espeak.parse(table) == {
        "English (America)": "en-us",
        "en": "en",
        "en-us": "en-us",
        "female3": "f3",
        "f3": "f3",
    }


def stream(rate: int = RATE, channels: int = 1, samples: bytes = b"\1\2\3\4") -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate, 2 * rate, 2, 16)
    return b"RIFF$\xf0\xff\x7fWAVEfmt \x10\0\0\0" + form + b"data\0\xf0\xff\x7f" + samples


def test_a_wav_from_a_pipe_gets_its_true_length(tmp_path: Path) -> None:
    rate, samples = wav.parse_stream(stream(16000) + b"\5")  # half a sample at the end
    assert (rate, samples) == (16000, b"\1\2\3\4")
    wav.write(tmp_path / "a.wav", rate, samples)
    with wave.open(str(tmp_path / "a.wav"), "rb") as file:
        assert (file.getnframes(), file.getframerate()) == (2, 16000)
    for broken in (b"", b"RIFF", stream(channels=2), b"\0" * 60):
        with pytest.raises(ValueError, match=r"WAV|channels"):
            wav.parse_stream(broken)


def chirp(low: float, seconds: float = 0.3) -> array.array[int]:
    count = int(RATE * seconds)
    return array.array(
        "h", (round(9000 * math.sin((low + place / 20) * place / RATE)) for place in range(count))
    )


def test_similarity_finds_a_sound_anywhere() -> None:
    silence = array.array("h", bytes(4000))
    wanted, other = chirp(2000), chirp(5000)
    assert similarity(silence + wanted + silence, wanted) > 0.999
    assert similarity(other + wanted, silence + wanted) > 0.999
    quiet = array.array("h", (value // 4 for value in wanted))
    assert similarity(other + silence + quiet, wanted) > 0.99
    assert similarity(silence + other, wanted) < 0.5
    assert similarity(wanted[: len(wanted) // 2], wanted) < 0.9
    assert similarity(silence, wanted) == 0.0
    assert abs(sounding_seconds(silence + wanted + silence) - 0.3) < 0.01
    assert sounding_seconds(silence) == 0.0


class Waiting(OneAtATime):
    """A speaker that says a text until it is stopped."""

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        if text == "fail":
            raise DescriberError("It failed.")
        if text == "crash":
            raise ZeroDivisionError
        stopped = threading.Event()
        utterance.adopt(stopped.set)
        assert stopped.wait(20)


@pytest.mark.parametrize(("text", "spoken"), [("fail", "It failed."), ("crash", "speech failed")])
def test_a_failure_reaches_done(text: str, spoken: str) -> None:
    ends: queue.Queue[DescriberError | None] = queue.Queue()
    speaker = Waiting()
    speaker.speak(text, ends.put)
    error = ends.get(timeout=20)
    speaker.close()
    assert error is not None
    assert spoken in error.spoken
    assert ends.empty()


def test_every_done_is_called_once_whatever_comes_first() -> None:
    speaker = Waiting()
    ends: list[tuple[int, DescriberError | None]] = []
    for number in range(50):
        speaker.speak("a", functools.partial(lambda n, error: ends.append((n, error)), number))
        if number % 3 == 0:
            speaker.stop()
    speaker.close()
    assert sorted(ends) == [(number, None) for number in range(50)]
    speaker.close()


def test_done_may_speak_again() -> None:
    speaker, over = Waiting(), threading.Event()
    speaker.speak("a", lambda _: speaker.speak("", lambda _: over.set()))
    speaker.stop()
    assert over.wait(20)
    speaker.close()


class _Murmurer(OneAtATime):
    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None: ...


def test_a_sentence_for_which_there_is_no_thread_leaves_nothing_behind() -> None:
    speaker, ends = _Murmurer(), queue.SimpleQueue[DescriberError | None]()
    with threads.none_left(), pytest.raises(RuntimeError):
        speaker.speak("Lost.", ends.put)
    speaker.speak("A dog.", ends.put)
    assert ends.get(timeout=20) is None
    speaker.close()
    assert ends.empty()
