"""Speak and wait for the end, for commands that have nothing else to do meanwhile."""

from __future__ import annotations

import threading

from describer_daemon.core.ports import ENGLISH, DescriberError, Speaker


def speak_blocking(
    speaker: Speaker, text: str, timeout: float | None = None, language: str = ENGLISH
) -> None:
    """Return when `text`, in that `language` (see `VoiceSettings`), was heard.

    Raises DescriberError when it could not be, or not within `timeout` seconds.
    """
    ended = threading.Event()
    errors: list[DescriberError] = []

    def done(error: DescriberError | None) -> None:
        if error is not None:
            errors.append(error)
        ended.set()

    speaker.speak(text, done, language)
    if not ended.wait(timeout):
        raise DescriberError("The sound output takes no sound. Is another program blocking it?")
    if errors:
        raise errors[0]
