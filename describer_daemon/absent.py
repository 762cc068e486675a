"""What stands where this desktop has no back-end: each request is answered with the reason."""

from __future__ import annotations

import logging
from pathlib import Path

from describer_daemon.ports import DescriberError, Picture, SpeechDone, VoiceSettings

log = logging.getLogger(__name__)


class NoSource:
    """See `ports.ImageSource`."""

    name = "none"

    def __init__(self, error: DescriberError) -> None:
        self._error = error

    def grab(self) -> Picture:
        raise DescriberError(self._error.spoken, detail=self._error.detail)


class NoSpeaker:
    """See `ports.Speaker`: everything it is given ends as not heard."""

    name = "none"

    def __init__(self, error: DescriberError) -> None:
        self._error = error

    def configure(self, voice: VoiceSettings) -> None: ...

    def speak(self, text: str, done: SpeechDone) -> None:
        log.error("unheard: %s", text)
        done(self._error)

    def stop(self) -> None: ...

    def save(self, text: str, path: Path) -> None:
        raise self._error

    def voices(self) -> list[str]:
        return []

    def close(self) -> None: ...
