"""How the deciding thread speaks: one utterance at a time, each after the tone before it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from describer_daemon.core import i18n, stages
from describer_daemon.core.events import Event, Spoken, Words
from describer_daemon.core.i18n import _
from describer_daemon.core.picture_cycle import PictureCycle
from describer_daemon.core.ports import DescriberError, Speaker

log = logging.getLogger(__name__)


class Earcons(Protocol):
    """Short sounds that say "heard you", "that failed" or "there", and end before words begin.

    None of these waits. `make_way` tells whether words may begin; if not, it calls `then` from
    another thread as soon as they may.
    """

    def acknowledge(self) -> None: ...
    def failed(self) -> None: ...
    def point(self, across: float, down: float) -> None: ...
    def make_way(self, then: Callable[[], None]) -> bool: ...


class Saying:
    """Words and tones for the ear. Used by the deciding thread only; nothing here waits or raises.

    What becomes of each utterance is reported by `put` as a `Spoken`, exactly once.
    """

    def __init__(
        self,
        speaker: Speaker,
        earcons: Earcons,
        cycle: PictureCycle,
        put: Callable[[Event], None],
    ) -> None:
        """`speaker` and `earcons` may be replaced at any time; `cycle` is told of utterances."""
        self.speaker, self.earcons = speaker, earcons
        self._cycle, self._put = cycle, put
        self._waiting: Words | None = None  # for the end of a tone

    def taken(self) -> None:
        """Sound that a key was heard."""
        self._sound(lambda: self.earcons.acknowledge())

    def failed(self) -> None:
        """Sound that something failed."""
        self._sound(lambda: self.earcons.failed())

    def point(self, across: float, down: float) -> None:
        """Sound where a thing is: shares of the picture, from the left and from the top."""
        self._sound(lambda: self.earcons.point(across, down))

    def say(self, text: str, language: str | None = None) -> None:
        """Say it as soon as no tone sounds any more; `language` as in `ports.Speaker.speak`."""
        self._drop_waiting()
        words = self._waiting = Words(text, i18n.language() if language is None else language)
        self._cycle.utterance_begun()
        try:
            clear = self.earcons.make_way(lambda: self._put(words))
        except Exception:  # an ornament must not cost the answer
            log.exception("an earcon failed")
            clear = True
        if clear:
            self._utter(words)

    def utter_if_latest(self, words: Words) -> None:
        """The tone is over that these words waited for."""
        if words is self._waiting:
            self._utter(words)

    def silence(self) -> None:
        """End what is being said, and what waits to be."""
        self._drop_waiting()
        try:
            self.speaker.stop()
        except Exception:  # a voice that cannot stop is no reason not to describe
            log.exception("the voice could not be stopped")

    def _drop_waiting(self) -> None:
        words, self._waiting = self._waiting, None
        if words is not None:
            self._put(Spoken(words.text, None))

    def _utter(self, words: Words) -> None:
        """A voice that fails at once is reported like one that fails later."""

        def done(error: DescriberError | None) -> None:
            self._put(Spoken(words.text, error))

        self._waiting = None
        stages.reached("phrased")
        try:
            self.speaker.speak(words.text, done, words.language)
        except DescriberError as error:
            done(error)
        except Exception as error:  # it must not cost the person the next answer too
            log.exception("the voice failed")
            done(DescriberError(_("The voice failed."), detail=repr(error)))

    @staticmethod
    def _sound(play: Callable[[], None]) -> None:
        try:
            play()
        except Exception:  # an ornament must not cost the answer
            log.exception("an earcon failed")
