"""Speech by Orca, the screen reader, when it runs: in its voice, at its speed, and in braille.

Two voices at once are hard to understand, and the person has set Orca up as they need it. See
ADR 0039.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, VoiceSettings
from describer_daemon.speech import espeak, orca_bus
from describer_daemon.speech.rates import words_a_minute
from describer_daemon.speech.utterance import OneAtATime, Utterance, likely_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

_USUAL_RATE = 50  # of Orca's 0 to 100


class OrcaSpeaker(OneAtATime):
    """See `ports.Speaker`.

    The voice, speed and loudness of our settings are not used. Orca does not tell when it has
    said something: the end is reckoned from its speed. `stop` ends all that Orca says, as any
    key does that a person presses while Orca reads.
    """

    name = "orca"
    voice_from = "Orca"

    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.Lock()  # one after the other, in the order in which it was asked
        self._guard = threading.Lock()  # of the following, and never held for long
        self._unwanted = False  # what Orca says, until it was told so
        self._sounding: Utterance | None = None  # what Orca has of us, and is likely to say now
        self._newest = 0  # the greatest number of what Orca was given
        self._hush: threading.Thread | None = None  # the last one to interrupt Orca

    @classmethod
    def unavailable_reason(cls) -> str:
        """See `backends.Backend`."""
        try:
            with orca_bus.connected() as orca:
                orca.version()  # it may own its name, and hang
        except orca_bus.OrcaAbsentError as error:
            return error.detail
        except DescriberError:
            return _("Orca runs, but does not answer: start it again")
        return ""

    def configure(self, voice: VoiceSettings) -> None:
        """See `ports.Speaker`. No voice is refused: it serves `save`, and when Orca is gone."""
        self._voice = voice

    def voices(self) -> Sequence[str]:
        """See `ports.Speaker`. None: Orca's own preferences have them."""
        return []

    def save(self, text: str, path: Path) -> None:
        """See `ports.Speaker`. Orca cannot save, so espeak-ng does in its stead."""
        espeak.save_instead_of(self.name, text, self._voice, path)

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        """See `OneAtATime`."""
        over = threading.Event()
        try:
            with orca_bus.connected() as orca:
                if not self._present(orca, text, utterance):
                    return
                utterance.adopt(lambda: self._interrupt(utterance))
                utterance.adopt(over.set)
                seconds = likely_seconds(text, _rate(orca))
            over.wait(seconds)
        finally:
            with self._guard:
                if self._sounding is utterance:
                    self._sounding = None

    def stop(self) -> None:
        """See `ports.Speaker`."""
        super().stop()
        self._interrupt(None)

    def close(self) -> None:
        """See `ports.Speaker`."""
        super().close()
        if self._hush is not None:
            self._hush.join(2.0)  # Orca shall be told before all ends

    def check_heard(self) -> str:
        """See `OneAtATime`."""
        with orca_bus.connected() as orca:
            if orca.setting("SpeechIsMuted") or not orca.setting("SpeechIsEnabled"):
                raise DescriberError(
                    _(
                        "Orca's speech is switched off, so nothing is heard. "
                        "Please switch it on with the Orca key and S."
                    ),
                    detail="Orca tells that its speech is muted or not enabled",
                )
            return _("Orca {version} has taken the words; it does not tell what is heard").format(
                version=orca.version()
            )

    def _present(self, orca: orca_bus.Orca, text: str, utterance: Utterance) -> bool:
        """Give Orca the text, once it has dropped what is not wanted any more; → whether it was.

        Threads run as they please: one that comes after a newer text has nothing to say.
        """
        with self._turn:
            with self._guard:
                if utterance.stopped or utterance.number < self._newest:
                    return False
                unwanted = self._unwanted or self._sounding is not None
                self._unwanted, self._sounding = False, utterance
                self._newest = utterance.number
            if unwanted:
                orca.interrupt()
            orca.present(text)
            return True

    def _interrupt(self, utterance: Utterance | None) -> None:
        """Have Orca fall silent: if an utterance is given, only while that is what it says.

        A newer text has interrupted it already.
        """
        with self._guard:
            if utterance is not None and self._sounding is not utterance:
                return
            self._unwanted = True
        with contextlib.suppress(RuntimeError):  # no thread is left: who speaks next will do it
            hush = threading.Thread(target=self._fall_silent, name="hush", daemon=True)
            hush.start()
            self._hush = hush

    def _fall_silent(self) -> None:
        with self._turn:
            with self._guard:
                unwanted, self._unwanted = self._unwanted, False
            if unwanted:
                try:
                    with orca_bus.connected() as orca:
                        orca.interrupt()
                except DescriberError as error:
                    log.debug("Orca was not interrupted: %s", error.detail)


def _rate(orca: orca_bus.Orca) -> int:
    """Orca's speed in words a minute."""
    try:
        rate = int(orca.setting("Rate"))
    except (DescriberError, TypeError, ValueError):
        rate = _USUAL_RATE
    return words_a_minute(2 * rate - 100)
