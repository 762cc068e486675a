"""Speak and wait for the end, for commands that have nothing else to do meanwhile."""

from __future__ import annotations

import threading

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Speaker


def speak_blocking(
    speaker: Speaker,
    text: str,
    timeout: float | None = None,
    language: str | None = None,
    stopped: threading.Event | None = None,
) -> None:
    """Return when `text`, in that `language` (see `VoiceSettings`), was heard, or was stopped.

    Whoever stops the speaker from another thread sets `stopped` first: then it is silent, too, if
    it begins just now. Raises DescriberError when it could not be, or not within `timeout` seconds.
    """
    ended = threading.Event()
    errors: list[DescriberError] = []

    def done(error: DescriberError | None) -> None:
        if error is not None:
            errors.append(error)
        ended.set()

    speaker.speak(text, done, language)
    if stopped is not None and stopped.is_set():
        speaker.stop()
    if not ended.wait(timeout):
        raise DescriberError(_("The sound output takes no sound. Is another program blocking it?"))
    if errors:
        raise errors[0]
