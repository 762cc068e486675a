"""Speech by pyttsx3: the system's own voice on Windows and macOS, espeak-ng's on Linux.

On Linux pyttsx3 is silent without an error where there is no sound device, and cannot be
stopped. There it only writes a file, which our own player plays. The file is in memory and has no
name, so that nothing of what is said lies on a disk, whoever is killed.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import wave
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from describer_daemon import processes
from describer_daemon.core import i18n
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, VoiceSettings
from describer_daemon.speech import players, voices, wav
from describer_daemon.speech.utterance import OneAtATime, Utterance, max_seconds, speakable

if TYPE_CHECKING:
    from collections.abc import Sequence

_START_TIMEOUT = 15.0  # seconds that a busy machine may take to start the child
_SPEAKS_ITSELF = sys.platform in ("win32", "darwin")


class Pyttsx3Speaker(OneAtATime):
    """See `ports.Speaker`."""

    name = "pyttsx3"

    @classmethod
    def unavailable_reason(cls) -> str:
        """See `backends.Backend`."""
        if importlib.util.find_spec("pyttsx3") is None:
            return _("pyttsx3 is missing: install it with pip")
        if not _SPEAKS_ITSELF:
            if not hasattr(os, "memfd_create"):
                return _("pyttsx3 would write what it says to the disk here")
            if reason := players.unavailable_reason():
                return reason
        try:
            identifiers = _identifiers()
        except DescriberError as error:
            pattern = (
                # Translators: {detail} is English, for who looks for the reason
                _("pyttsx3 does not run here ({detail})")
                if _SPEAKS_ITSELF
                # Translators: {detail} is English, for who looks for the reason
                else _("pyttsx3 does not run here: install libespeak-ng1 ({detail})")
            )
            return pattern.format(detail=error.detail)
        if identifiers:
            return ""
        return _("pyttsx3 finds no voice: install one in the system's settings")

    def configure(self, voice: VoiceSettings) -> None:
        """See `ports.Speaker`."""
        name = voices.pick(voice.name, _identifiers()) if voice.name else ""
        self._voice = replace(voice, name=name)

    def voices(self) -> Sequence[str]:
        """See `ports.Speaker`."""
        return sorted({name for name, _ in _listed()})

    def speaks(self, language: str) -> bool:
        """See `OneAtATime`."""
        child = _start_child({"do": "speaks", "language": language})
        return bool(_finish(child, _START_TIMEOUT)[0]["speaks"])

    def save(self, text: str, path: Path) -> None:
        """See `ports.Speaker`."""
        text = speakable(text)
        if not text:
            wav.write(path, 22050, b"")
        elif _SPEAKS_ITSELF:
            self._save_by_file(text, path)
        else:
            wav.write(path, *_samples(_synthesise(text, self._voice)))

    def _save_by_file(self, text: str, path: Path) -> None:
        """As Windows and macOS do it; beside `path`, where it is wanted on the disk anyway."""
        try:
            with tempfile.TemporaryDirectory(prefix=".describer-", dir=path.parent) as folder:
                sound = Path(folder) / "speech.wav"
                child = _start_child(_request("save", text, self._voice, sound))
                _finish(child, _START_TIMEOUT + len(text))
                _as_wav(sound)
                samples = _samples(sound.read_bytes() if sound.is_file() else b"")
        except OSError as error:
            raise wav.unwritable(path, error) from error
        wav.write(path, *samples)

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        """See `OneAtATime`."""
        timeout = max_seconds(text, voice.rate)
        if _SPEAKS_ITSELF:
            child = _start_child(_request("say", text, voice), utterance)
            _finish(child, _START_TIMEOUT + timeout)
            return
        sound = _synthesise(text, voice, utterance)
        if not utterance.stopped:
            _samples(sound)  # nothing there must not pass for heard
            players.play(sound, utterance, timeout=timeout)


def _synthesise(text: str, voice: VoiceSettings, utterance: Utterance | None = None) -> bytes:
    """The speech as the bytes of a WAV file; stopping `utterance` ends the work."""
    child = _start_child(_request("synthesise", text, voice), utterance)
    return _finish(child, _START_TIMEOUT + len(text))[1]


def _request(do: str, text: str, voice: VoiceSettings, path: Path | None = None) -> dict[str, Any]:
    return {
        "do": do,
        "text": text,
        "voice": voice.name,
        # espeak's own voice is nobody's choice, that of Windows or macOS is the person's
        "language": voice.language or ("" if _SPEAKS_ITSELF else i18n.language()),
        "rate": voice.rate,
        "volume": min(max(voice.volume, 0), 100),
        "path": str(path),
    }


def _start_child(
    request: dict[str, Any], utterance: Utterance | None = None
) -> subprocess.Popen[bytes]:
    """Start a child with a request; stopping `utterance` kills it."""
    pipe = subprocess.PIPE
    command = processes.python("describer_daemon.speech.pyttsx3_child")
    child = processes.start(command, stdin=pipe, stdout=pipe, stderr=pipe)
    if utterance is not None:
        utterance.adopt_process(child)
    requests = processes.pipe(child.stdin)
    try:
        requests.write(json.dumps(request).encode())
        requests.flush()
    except BrokenPipeError:
        pass  # it died; its end will tell
    return child


def _finish(child: subprocess.Popen[bytes], timeout: float) -> tuple[dict[str, Any], bytes]:
    """The child's answer, and its sound. Raises DescriberError when it failed, hung or died."""
    try:
        output, errors = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        processes.end(child)
        child.communicate()
        raise _failed(f"no answer in {timeout:.0f} s") from error
    line, _, sound = output.partition(b"\n")
    try:
        reply: dict[str, Any] = json.loads(line)
    except ValueError as error:
        message = errors.decode(errors="replace").strip()[-200:]
        raise _failed(f"it ended with {child.returncode}: {message}") from error
    if "error" in reply:
        raise _failed(str(reply["error"]))
    return reply, sound


def _listed() -> list[tuple[str, str]]:
    """Name and identifier of every voice."""
    reply, _ = _finish(_start_child({"do": "voices"}), _START_TIMEOUT)
    return [(str(name), str(key)) for name, key in reply["voices"] if not _mbrola(key)]


def _identifiers() -> dict[str, str]:
    """What people may call each voice (its name, identifier, or language) -> its identifier."""
    listed = _listed()
    identifiers = dict(reversed(listed))
    identifiers |= {key: key for _, key in listed}
    for __, key in listed:
        identifiers.setdefault(key.rpartition("/")[2], key)
    return identifiers


def _mbrola(key: str) -> bool:
    return key.startswith("mb/")  # listed even where MBROLA is not installed, and then silent


def _as_wav(sound: Path) -> None:
    """Convert what macOS writes, which is AIFF whatever the name."""
    if sys.platform == "darwin" and sound.is_file() and sound.read_bytes()[:4] == b"FORM":
        aiff = sound.rename(sound.with_suffix(".aiff"))
        processes.run(
            ["afconvert", "-f", "WAVE", "-d", "LEI16", "-c", "1", str(aiff), str(sound)],
            timeout=30.0,
            what="The voice",
        )


def _samples(sound: bytes) -> tuple[int, bytes]:
    try:
        with wave.open(io.BytesIO(sound), "rb") as file:
            if (file.getsampwidth(), file.getnchannels()) != (2, 1):
                raise _failed("the speech is not 16-bit mono")
            rate, samples = file.getframerate(), file.readframes(file.getnframes())
    except (EOFError, wave.Error) as error:
        raise _failed(f"no speech was written: {error}") from error
    if not samples:
        raise _failed("the speech is empty")
    return rate, samples


def _failed(detail: str) -> DescriberError:
    return DescriberError(
        _("The voice of pyttsx3 failed. Please choose another voice."), detail=detail
    )
