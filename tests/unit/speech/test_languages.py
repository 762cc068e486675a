"""What the describer says is spoken by a voice of the language in use; English where none is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pytest

from describer_daemon.core import i18n
from describer_daemon.core.details import Place, Told
from describer_daemon.core.last import Last
from describer_daemon.core.ports import VoiceSettings
from describer_daemon.core.remembering import Entry
from describer_daemon.speech import dispatcher, espeak, pyttsx3


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An espeak-ng that speaks English, German and French."""
    monkeypatch.setattr(espeak, "listed", lambda: {"en": "en", "de": "de", "fr": "fr"})
    espeak._usual.cache_clear()


@pytest.mark.parametrize(
    ("in_use", "voice", "expected"),
    [
        ("en", VoiceSettings(), "en"),
        ("de", VoiceSettings(language="de"), "de"),
        ("de", VoiceSettings(language="en"), "en"),  # what could not be translated
        ("de", VoiceSettings(language=""), "de"),  # text that was read: most likely in that, too
        ("en", VoiceSettings(language=""), "en"),
        ("cs", VoiceSettings(language="cs"), "en"),  # better than silence
        ("de", VoiceSettings("en-us+f3", language="de"), "en-us+f3"),  # who names one gets it
    ],
)
def test_espeak_takes_a_voice_of_the_language(
    catalogues: Path, listed: None, in_use: str, voice: VoiceSettings, expected: str
) -> None:
    i18n.use(in_use)
    assert espeak.command(voice)[-1] == expected


@pytest.mark.parametrize("itself", [True, False])
def test_pyttsx3_is_told_the_language_and_of_no_known_one_only_on_linux(
    catalogues: Path, monkeypatch: pytest.MonkeyPatch, itself: bool
) -> None:
    monkeypatch.setattr(pyttsx3, "_SPEAKS_ITSELF", itself)
    i18n.use("de")

    def told(language: str) -> object:
        return pyttsx3._request("say", "Hund", VoiceSettings(language=language))["language"]

    assert told("de") == "de"
    assert told("en") == "en"
    assert told("") == ("" if itself else "de")


def test_speech_dispatcher_tells_of_which_languages_it_has_voices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Service:
        def __init__(self, _timeout: float) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def ask(self, _command: str) -> list[str]:
            return ["English (America)\ten-US\tnone", "German\tde\tnone", "odd"]

    monkeypatch.setattr(dispatcher, "Connection", Service)
    speaker = dispatcher.SpeechDispatcher()
    assert [speaker.speaks(code) for code in ("en", "de", "cs")] == [True, True, False]


def test_whatever_has_a_language_has_the_one_in_use_unless_told(catalogues: Path) -> None:
    def made() -> list[Any]:
        return [
            VoiceSettings(),
            Last(),
            Entry(0.0, "screen", "Hund."),
            Told("Hund.", Place()),
        ]

    assert {each.language for each in made()} == {"en"}
    i18n.use("de")
    assert {each.language for each in made()} == {"de"}
