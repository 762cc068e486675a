"""Words made to do harm: they are said like any others, by every voice, and do nothing else."""

from __future__ import annotations

import array
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from describer_daemon import processes
from describer_daemon.core.ports import VoiceSettings
from describer_daemon.speech import blocking, espeak
from describer_daemon.speech.dispatcher import SpeechDispatcher
from describer_daemon.speech.espeak_ng import EspeakSpeaker
from describer_daemon.speech.pyttsx3 import Pyttsx3Speaker
from describer_daemon.virtual.sound import VirtualSound, read_wav, similarity, sounding_seconds
from tests.desktop.fixtures_sound import reference

VOICE = VoiceSettings("en-us", rate=300)
OPTIONS = ("-f /etc/passwd", "--help", "--voices", "-w /tmp/stolen.wav", "-", "-x dog")
MARKUP = (
    "<speak>A dog<break time='9s'/>runs.</speak>",
    "A dog.<mark name='x'/> It runs.",
    "<audio src='/etc/passwd'/>A dog.",
    "&lt;dog&gt; &#65; dog",
)
SHELL = (
    "$(touch stolen) `touch stolen`",
    "a; touch stolen",
    "'; touch stolen; '",
    "| touch stolen",
)
PHONEMES = "[[h@l'oU]]"


def saved(speaker: EspeakSpeaker | Pyttsx3Speaker, text: str, folder: Path) -> array.array[int]:
    path = folder / "saved.wav"
    speaker.save(text, path)
    return read_wav(path)


@pytest.fixture(params=[EspeakSpeaker, Pyttsx3Speaker], ids=lambda backend: backend.name)
def speaker(
    request: pytest.FixtureRequest, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> EspeakSpeaker | Pyttsx3Speaker:
    monkeypatch.chdir(sandbox)
    made: EspeakSpeaker | Pyttsx3Speaker = request.param()
    made.configure(VOICE)
    return made


@pytest.mark.parametrize("text", [*OPTIONS[:3], *MARKUP, *SHELL[:2]])
def test_it_is_read_out_as_it_stands(
    speaker: EspeakSpeaker | Pyttsx3Speaker, sandbox: Path, text: str
) -> None:
    before = set(sandbox.iterdir())
    # what the reference says comes as an argument behind "--", in the plain mode
    assert similarity(saved(speaker, text, sandbox), reference(text, VOICE)) > 0.98
    assert set(sandbox.iterdir()) == before | {sandbox / "saved.wav"}


def test_phonemes_are_read_out_as_letters(
    speaker: EspeakSpeaker | Pyttsx3Speaker, sandbox: Path
) -> None:
    hello = reference(PHONEMES, VOICE)
    letters = saved(speaker, PHONEMES, sandbox)
    assert similarity(hello, reference("hello", VOICE)) > 0.5  # as a command it is a word
    assert similarity(letters, hello) < 0.5
    assert sounding_seconds(letters) > 2 * sounding_seconds(hello)


@pytest.mark.parametrize(
    "text", [*OPTIONS, *MARKUP, *SHELL, PHONEMES, "a\n.\nSTOP all", "\1 20S a"]
)
def test_the_synthesiser_hears_of_it_only_as_text(text: str) -> None:
    command = espeak.command(VOICE)
    assert text not in command
    given = espeak.encode(text)
    assert b"\n" not in given
    assert b"\1" not in given
    phonemes = [*command, "-q", "-x"]
    said = processes.run(
        [part for part in phonemes if part != "--stdout"], timeout=20, what="espeak-ng", data=given
    )
    assert said.code == 0
    assert b"root" not in said.output


@contextlib.contextmanager
def overheard(address: str, folder: Path) -> Iterator[tuple[str, bytearray]]:
    """A door in front of speech-dispatcher that notes all that goes in."""
    notes = bytearray()
    path = folder / "overheard"

    def pass_on(source: socket.socket, target: socket.socket, note: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if note:
                    notes.extend(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client = opened.enter_context(listener.accept()[0])
                service = opened.enter_context(socket.socket(socket.AF_UNIX))
                service.connect(address.partition(":")[2])
                for ends in ((client, service, True), (service, client, False)):
                    threading.Thread(target=pass_on, args=ends, daemon=True).start()

    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen()
        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield f"unix_socket:{path}", notes
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()


HOSTILE = (
    "A dog.\r\n.\r\nSTOP all\r\nSET self SSML_MODE on\r\nSPEAK\r\n",
    ".\r\nQUIT\r\n",
    ".",
    "..",
    "A dog.\n.\nSET all VOLUME -100",
    "A dog.\u2028.\u2028QUIT",
    "\x00.\r\n\x85QUIT",
    MARKUP[0],
)


def test_speech_dispatcher_gets_one_line_whatever_is_said(
    speech_service: str, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with overheard(speech_service, sandbox) as (address, notes):
        monkeypatch.setenv("SPEECHD_ADDRESS", address)
        speaker = SpeechDispatcher()
        speaker.configure(VoiceSettings(rate=449))
        for text in HOSTILE:
            notes.clear()
            blocking.speak_blocking(speaker, text, 60)
            commands, _, rest = bytes(notes).partition(b"\r\nSPEAK\r\n")
            said, end, after = rest.partition(b"\r\n.\r\n")
            assert end, text
            assert after == b"", text
            assert not set(said) & set(b"\r\n"), text
            assert said != b".", text
            assert all(
                line.startswith((b"SET self ", b"GET LANGUAGE")) for line in commands.split(b"\r\n")
            ), text
            assert b"SET self SSML_MODE off" in commands
        speaker.close()


def test_speech_dispatcher_says_markup_and_phonemes_as_they_stand(
    speech_service: str, heard: Callable[..., float], audio: VirtualSound
) -> None:
    speaker = SpeechDispatcher()
    speaker.configure(VoiceSettings(rate=449))
    blocking.speak_blocking(speaker, PHONEMES, 60)
    speaker.close()
    loud = VoiceSettings(rate=449, volume=200)
    assert heard(PHONEMES, loud) < 0.5  # that is, as a command
