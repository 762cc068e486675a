"""A voice program that has no voices, or says nothing, is never taken for one that has spoken."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from describer_daemon import processes
from describer_daemon.cli import doctor, voices
from describer_daemon.core.ports import DescriberError, VoiceSettings
from describer_daemon.settings.settings import Settings
from describer_daemon.speech import espeak
from tests.unit.core.room import Speaker

NONE = "The voice program has no voices. Please install one."


class Named(Speaker):
    name, voice_from = "fake", ""


def test_no_voices_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "settings_for_command", Settings)
    monkeypatch.setattr(voices, "speaker_for_command", lambda _: Named())
    result = CliRunner().invoke(voices.voices, [])
    assert isinstance(result.exception, DescriberError)
    assert result.exception.spoken == NONE
    monkeypatch.setattr(doctor, "make_speaker", lambda _: Named())
    with pytest.raises(DescriberError, match="has no voices"):
        doctor._voice(Settings())


def test_words_that_gave_no_sound_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = processes.Finished(0, b"", b"")
    monkeypatch.setattr(processes, "run", lambda *_, **__: silent)
    with pytest.raises(DescriberError, match="The voice espeak-ng failed"):
        espeak.synthesise("A brown dog.", VoiceSettings())
    assert espeak.synthesise(" … ", VoiceSettings()) == (22050, b"")
