"""Stand-ins for a back-end that is missing or fails, which look again for a better one.

At login the sound server and the speech service may come later than the describer, and what is
missing may be installed while it runs: nobody should have to start it again for that. Better is
what stands before it in the order of preference, not what served first.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from describer_daemon.core import i18n
from describer_daemon.core.ports import (
    DescriberError,
    ImageSource,
    Picture,
    Speaker,
    VoiceSettings,
)
from describer_daemon.speech.utterance import OneAtATime, Utterance

log = logging.getLogger(__name__)

Made = TypeVar("Made", covariant=True)

_SOONEST, _RAREST = 5.0, 300.0  # seconds between two looks for a better back-end


class Find(Protocol[Made]):
    """Makes the best back-end that there is now.

    Only of those preferred to the one named `than`, if one is, and never the one named
    `without`. Raises DescriberError, with the reasons, when there is none.
    """

    def __call__(self, than: str = "", without: str = "") -> Made: ...


class _Looks:
    """When it is time to look for a better one: soon at first, and ever more rarely in vain."""

    def __init__(self, soonest: float) -> None:
        self._soonest = self._wait = soonest
        self._guard = threading.Lock()
        self._last = time.monotonic()

    def due(self, *, used: bool) -> bool:
        """Whether to look now; what was `used` just now may be looked for sooner."""
        now = time.monotonic()
        with self._guard:
            if now - self._last < (self._soonest if used else self._wait):
                return False
            self._last, self._wait = now, min(2 * self._wait, _RAREST)
            return True

    def begin(self) -> None:
        """Something has changed: wait as long as at the beginning."""
        with self._guard:
            self._last, self._wait = time.monotonic(), self._soonest


def _aside(work: Callable[[], None]) -> None:
    """Nobody should have to wait for it."""
    threading.Thread(target=work, name="better", daemon=True).start()


class SourceFallback:
    """See `ports.ImageSource`: the best source there is, looked for until there is one."""

    def __init__(self, find: Find[ImageSource], *, look_every: float = _SOONEST) -> None:
        """`look_every`: seconds that pass at least before a better one is looked for."""
        self._find = find
        self._looks = _Looks(look_every)
        self._source: ImageSource | None = None
        try:
            self._source = find()
        except DescriberError as error:
            log.info("%s", error.spoken)

    @property
    def name(self) -> str:
        return str(getattr(self._source, "name", "none"))

    def grab(self) -> Picture:
        source = self._source
        if source is None:
            source = self._source = self._find()
        try:
            return source.grab()
        finally:
            if self._looks.due(used=True):
                _aside(self._take_better)

    def _take_better(self) -> None:
        try:
            source = self._find(than=self.name)
        except DescriberError:
            return
        self._source = source
        log.info("%s serves from now on", self.name)


class SpeakerBackend(Speaker, Protocol):
    """What `SpeakerFallback` chooses from: the speaking back-ends."""

    name: str

    @property
    def voice(self) -> VoiceSettings:
        """See `OneAtATime`."""

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        """See `OneAtATime`."""

    def speaks(self, language: str, /) -> bool:
        """See `OneAtATime`."""


class SpeakerFallback(OneAtATime):
    """See `ports.Speaker`: the best back-end there is, and another one while that one fails."""

    def __init__(self, find: Find[SpeakerBackend], *, look_every: float = _SOONEST) -> None:
        """`look_every`: seconds that pass at least before a better one is looked for."""
        super().__init__()
        self._find = find
        self._looks = _Looks(look_every)
        self._settings = VoiceSettings()
        self._guard = threading.Lock()  # of the speaker in use, and its settings
        self._current: SpeakerBackend | None = None
        self.name = "none"
        try:
            self._use(find())
        except DescriberError as error:
            log.warning("no speech: %s", error.spoken)

    def configure(self, voice: VoiceSettings) -> None:
        """See `ports.Speaker`. For an unknown voice the usual one serves, at that rate."""
        with self._guard:
            self._settings = voice
            if self._current is None:
                return
            try:
                self._current.configure(voice)
            except DescriberError:
                self._current.configure(replace(voice, name=""))
                raise
            finally:
                self._voice = self._current.voice

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        """See `OneAtATime`."""
        speaker, language = self._current, voice.language
        if speaker is None:
            speaker, voice = self._replace("", language)
        try:
            speaker.say(text, voice, utterance)
        except DescriberError as error:
            if utterance.stopped:
                return
            failed = speaker.name
            try:
                speaker, voice = self._replace(failed, language)
            except DescriberError:
                raise error from None
            log.warning("%s failed, so %s speaks: %s", failed, speaker.name, error.detail)
            speaker.say(text, voice, utterance)
        self.look_again(used=True)

    def stop(self) -> None:
        """See `ports.Speaker`."""
        super().stop()
        if (speaker := self._current) is not None:
            speaker.stop()  # it may still sound though its `say` has returned

    def close(self) -> None:
        """See `ports.Speaker`."""
        super().close()
        if (speaker := self._current) is not None:
            speaker.close()

    def save(self, text: str, path: Path) -> None:
        """See `ports.Speaker`."""
        (self._current or self._replace("", i18n.language())[0]).save(text, path)

    def voices(self) -> Sequence[str]:
        """See `ports.Speaker`."""
        return [] if self._current is None else self._current.voices()

    def speaks(self, language: str) -> bool:
        """See `OneAtATime`; True while nobody speaks at all."""
        return self._current is None or self._current.speaks(language)

    def look_again(self, *, used: bool = False) -> None:
        """Take a better speaker, if there is one by now; returns at once, and looks rarely."""
        if self._looks.due(used=used):
            _aside(self._take_better)

    def reconsider(self) -> None:
        """Somebody came or went: take whoever is best now; returns at once."""
        self._looks.begin()
        _aside(self._take_best)

    def _take_best(self) -> None:
        try:
            speaker = self._find()
            with self._guard:
                if self.name != speaker.name:
                    self._use(speaker)
                    log.info("%s speaks from now on", speaker.name)
        except DescriberError as error:
            log.info("%s", error.spoken)

    def _take_better(self) -> None:
        worse = self.name
        try:
            speaker = self._find(than=worse)
            with self._guard:
                if self.name == worse:
                    self._use(speaker)
                    log.info("%s speaks from now on", speaker.name)
        except DescriberError as error:
            log.debug("%s speaks on: %s", worse, error.spoken)

    def _replace(self, failed: str, language: str) -> tuple[SpeakerBackend, VoiceSettings]:
        """→ another speaker than `failed`, now in use, and the settings as it takes them.

        They are for a text in this `language`.
        """
        speaker = self._find(without=failed)
        self._looks.begin()  # one that failed just now shall not be tried with every sentence
        with self._guard:
            self._use(speaker)
            return speaker, replace(self._voice, language=language)

    def _use(self, speaker: SpeakerBackend) -> None:
        try:
            speaker.configure(self._settings)
        except DescriberError as error:  # another's voices may have other names
            log.warning("%s", error.spoken)
            speaker.configure(replace(self._settings, name=""))
        self._current, self.name, self._voice = speaker, speaker.name, speaker.voice
