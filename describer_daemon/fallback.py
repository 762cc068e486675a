"""Stand-ins for a back-end that is missing or fails, which look again for one that works.

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


class SourceFallback:
    """See `ports.ImageSource`: looks for a source with each request, until there is one."""

    def __init__(self, find: Callable[[], ImageSource]) -> None:
        """`find` raises DescriberError, with the reason, as long as there is none."""
        self._find = find
        self._source: ImageSource | None = None

    @property
    def name(self) -> str:
        return str(getattr(self._source, "name", "none"))

    def grab(self) -> Picture:
        if self._source is None:
            self._source = self._find()
        return self._source.grab()


class SpeakerBackend(Speaker, Protocol):
    """What `SpeakerFallback` chooses from: the speaking back-ends."""

    name: str

    @property
    def voice(self) -> VoiceSettings:
        """See `OneAtATime`."""

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        """See `OneAtATime`."""


class SpeakerFallback(OneAtATime):
    """See `ports.Speaker`: the preferred back-end, and another one while that one fails."""

    def __init__(self, find: Callable[[], SpeakerBackend]) -> None:
        """`find` makes the best speaker there is now; it raises DescriberError without any."""
        super().__init__()
        self._find = find
        self._settings = VoiceSettings()
        self._guard = threading.Lock()  # of the speaker in use, and its settings
        self._current: SpeakerBackend | None = None
        self._preferred = ""  # the name of the first that was in use
        self.name = "none"
        try:
            self._use(find())
        except DescriberError as error:
            log.warning("no speech: %s", error.spoken)

    def configure(self, voice: VoiceSettings) -> None:
        """See `ports.Speaker`."""
        with self._guard:
            self._settings = voice
            if self._current is not None:
                self._current.configure(voice)
                self._voice = self._current.voice

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        """See `OneAtATime`."""
        speaker = self._current
        if speaker is None:
            speaker, voice = self._find_replacement()
        try:
            speaker.say(text, voice, utterance)
        except DescriberError as error:
            if utterance.stopped:
                return
            failed = speaker.name
            try:
                speaker, voice = self._find_replacement()
            except DescriberError:
                raise error from None
            if speaker.name == failed:
                raise
            log.warning("%s failed, so %s speaks: %s", failed, speaker.name, error.detail)
            speaker.say(text, voice, utterance)
        if self.name != self._preferred:  # nobody should have to wait for this
            threading.Thread(target=self._restore_preferred, name="voice", daemon=True).start()

    def save(self, text: str, path: Path) -> None:
        """See `ports.Speaker`."""
        (self._current or self._find_replacement()[0]).save(text, path)

    def voices(self) -> Sequence[str]:
        """See `ports.Speaker`."""
        return [] if self._current is None else self._current.voices()

    def _restore_preferred(self) -> None:
        """Go back to the preferred speaker if it is available again."""
        try:
            speaker = self._find()
        except DescriberError:
            return
        with self._guard:
            if speaker.name != self.name:
                log.info("%s speaks again", speaker.name)
                self._use(speaker)

    def _find_replacement(self) -> tuple[SpeakerBackend, VoiceSettings]:
        """→ a speaker, now in use, and the settings as it takes them."""
        speaker = self._find()
        with self._guard:
            self._use(speaker)
            return speaker, self._voice

    def _use(self, speaker: SpeakerBackend) -> None:
        try:
            speaker.configure(self._settings)
        except DescriberError as error:  # another's voices may have other names
            log.warning("%s", error.spoken)
            speaker.configure(replace(self._settings, name=""))
        self._current, self.name, self._voice = speaker, speaker.name, speaker.voice
        self._preferred = self._preferred or speaker.name
