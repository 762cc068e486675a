"""What stands where a back-end is missing or fails, until one can be had: it looks again.

At login the sound server and the speech service may come later than the describer, and what is
missing may be installed while it runs: nobody should have to start it again for that.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from describer_daemon.core.ports import DescriberError, ImageSource, Picture, Speaker, VoiceSettings
from describer_daemon.speech.utterance import OneAtATime, Utterance

log = logging.getLogger(__name__)


class NoSource:
    """See `ports.ImageSource`: looks for one with each request, which it answers if it can."""

    def __init__(self, find: Callable[[], ImageSource]) -> None:
        """`find` raises DescriberError, with the reason, as long as there is none."""
        self._find = find
        self._found: ImageSource | None = None

    @property
    def name(self) -> str:
        return str(getattr(self._found, "name", "none"))

    def grab(self) -> Picture:
        if self._found is None:
            self._found = self._find()
        return self._found.grab()


class Voice(Speaker, Protocol):
    """What `AnySpeaker` chooses from: all speaking back-ends."""

    name: str

    @property
    def voice(self) -> VoiceSettings:
        """See `OneAtATime`."""

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        """See `OneAtATime`."""


class AnySpeaker(OneAtATime):
    """See `ports.Speaker`: the first one that serves, and another when that one fails."""

    def __init__(self, find: Callable[[], Voice]) -> None:
        """`find` makes a speaker; it raises DescriberError, with the reason, when none serves."""
        super().__init__()
        self._find = find
        self._wanted = VoiceSettings()
        self._guard = threading.Lock()  # of the one that serves
        self._serving: Voice | None = None
        self._first = ""  # the name of the one that should serve
        self.name = "none"
        try:
            self._take(find())
        except DescriberError as error:
            log.warning("no speech: %s", error.spoken)

    def configure(self, voice: VoiceSettings) -> None:
        """See `ports.Speaker`."""
        with self._guard:
            self._wanted = voice
            if self._serving is not None:
                self._serving.configure(voice)
                self._voice = self._serving.voice

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        """See `OneAtATime`."""
        speaker = self._serving
        if speaker is None:
            speaker, voice = self._another()
        try:
            speaker.say(text, voice, utterance)
        except DescriberError as error:
            if utterance.stopped:
                return
            failed = speaker.name
            try:
                speaker, voice = self._another()
            except DescriberError:
                raise error from None
            if speaker.name == failed:
                raise
            log.warning("%s failed, so %s speaks: %s", failed, speaker.name, error.detail)
            speaker.say(text, voice, utterance)
        if self.name != self._first:  # nobody should have to wait for this
            threading.Thread(target=self._return, name="voice", daemon=True).start()

    def save(self, text: str, path: Path) -> None:
        """See `ports.Speaker`."""
        (self._serving or self._another()[0]).save(text, path)

    def voices(self) -> Sequence[str]:
        """See `ports.Speaker`."""
        return [] if self._serving is None else self._serving.voices()

    def _return(self) -> None:
        """Go back to the voice before, if it serves again."""
        try:
            found = self._find()
        except DescriberError:
            return
        with self._guard:
            if found.name != self.name:
                log.info("%s speaks again", found.name)
                self._take(found)

    def _another(self) -> tuple[Voice, VoiceSettings]:
        found = self._find()
        with self._guard:
            self._take(found)
            return found, self._voice

    def _take(self, speaker: Voice) -> None:
        try:
            speaker.configure(self._wanted)
        except DescriberError as error:  # another's voices may have other names
            log.warning("%s", error.spoken)
            speaker.configure(replace(self._wanted, name=""))
        self._serving, self.name, self._voice = speaker, speaker.name, speaker.voice
        self._first = self._first or speaker.name
