"""English is read by an English voice, whatever the person's own language is."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

import pytest

from describer_daemon.core.i18n import ENGLISH
from describer_daemon.core.ports import DescriberError, VoiceSettings
from describer_daemon.speech.dispatcher import SpeechDispatcher
from describer_daemon.speech.espeak_ng import EspeakSpeaker
from describer_daemon.speech.pyttsx3 import Pyttsx3Speaker
from describer_daemon.virtual.sound import VirtualSound, similarity
from tests.desktop.fixtures_sound import reference, speech_dispatcher

if TYPE_CHECKING:
    from tests.desktop.fixtures_sound import Heard

TEXT = "Two cats sleep on a chair."
RATE = 170  # one of those that speech-dispatcher has exactly
GERMAN, AMERICAN = 'DefaultLanguage "de"', 'DefaultLanguage "en-US"'

# sound is recorded as it is played: on a busy machine the player runs dry
pytestmark = pytest.mark.quiet


def said(voice: str, volume: int = 200) -> VoiceSettings:
    """The voice as espeak-ng itself has it: speech-dispatcher's is twice as loud."""
    return VoiceSettings(voice, RATE, volume)


@pytest.mark.parametrize(
    ("options", "voice", "language", "spoken"),
    [
        (GERMAN, "", ENGLISH, "en"),
        (GERMAN, "", "", "de"),  # text that was read: nobody knows its language
        (AMERICAN, "", "de", "de"),
        (GERMAN, "German", ENGLISH, "de"),  # who chooses a voice gets it
        (GERMAN, "English (America)", ENGLISH, "en-us"),
        (AMERICAN, "", ENGLISH, "en-us"),  # the person's own English stays
    ],
)
def test_speech_dispatcher_is_told_the_language(
    audio: VirtualSound,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    voice: str,
    language: str,
    spoken: str,
) -> None:
    best = {"": -1.0}
    for _ in range(4):  # a busy machine breaks its sound, which has no buffer to speak of
        with speech_dispatcher(audio, options) as address, audio.record() as recording:
            monkeypatch.setenv("SPEECHD_ADDRESS", address)
            speaker = SpeechDispatcher()
            speaker.configure(VoiceSettings(voice, RATE))
            ends: queue.Queue[DescriberError | None] = queue.Queue()
            speaker.speak(TEXT, ends.put, language)
            assert ends.get(timeout=60) is None
            recording.wait_for_silence()
        found = {
            name: similarity(recording.samples, reference(TEXT, said(name)))
            for name in ("en", "en-us", "de")
        }
        best = max(best, found, key=lambda each: max(each.values()))
        if max(best.values()) > 0.98:
            break
    assert max(best, key=lambda name: best[name]) == spoken, best
    assert best[spoken] > 0.98
    assert min(best.values()) < 0.5


@pytest.mark.parametrize("backend", [EspeakSpeaker, Pyttsx3Speaker], ids=lambda b: b.name)
def test_english_is_english_whatever_the_language_of_the_desktop(
    backend: type[EspeakSpeaker | Pyttsx3Speaker], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANG", "LC_ALL", "LANGUAGE"):
        monkeypatch.setenv(name, "de_DE.UTF-8")
    speaker = backend()
    speaker.configure(VoiceSettings("", RATE))
    ends: queue.Queue[DescriberError | None] = queue.Queue()
    speaker.speak(TEXT, ends.put, ENGLISH)
    assert ends.get(timeout=60) is None
    assert heard(TEXT, said("en", 100)) > 0.98
    assert heard(TEXT, said("de", 100)) < 0.5
