"""One text on its way to the ear, and what all speakers share: one at a time, stoppable."""

from __future__ import annotations

import itertools
import logging
import re
import threading
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from describer_daemon import processes
from describer_daemon.core import i18n
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, SpeechDone, VoiceSettings

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

log = logging.getLogger(__name__)

_numbers = itertools.count(1)


def speakable(text: str) -> str:
    """The text on one line, without control characters.

    Synthesisers take some of those as commands (espeak: Ctrl-A), and no ear misses them.
    """
    printable = (char if char.isprintable() else " " for char in text)
    return " ".join("".join(printable).split())


def max_seconds(text: str, rate: int) -> float:
    """Seconds after which `text` at `rate` words a minute must be over, or something is stuck."""
    words = sum(max(1.0, len(run) / 3) for run in re.findall(r"[^\W\d_]+", text))
    words += 2 * len(re.findall(r"[\d_]|[^\w\s]", text))  # digits and signs may be said singly
    return 5.0 + 2 * words * 60 / max(rate, 40)


def likely_seconds(text: str, rate: int) -> float:
    """Seconds that saying `text` at `rate` words a minute takes, by all likelihood.

    A little more than espeak-ng needs for English. Digits, and the signs of East Asian scripts,
    count as words of their own.
    """
    letters = sum(4 if char.isdigit() or char >= "\u2e80" else 1 for char in text)
    return 0.5 + letters / 5 * 60 / max(rate, 40)


class Utterance:
    """A thread that says one text, and what must end for it to fall silent."""

    def __init__(self, say: Callable[[Utterance], None], done: SpeechDone) -> None:
        """`say` returns when all was heard or `stop` was called, or raises DescriberError."""
        self.number = next(_numbers)  # greater than that of any earlier one
        self._say, self._done = say, done
        self._lock = threading.Lock()
        self._enders: list[Callable[[], None]] = []
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="speech", daemon=True)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Silence; `done` follows from the thread. Never raises; harmless when it is over."""
        with self._lock:
            self._stopped = True
            enders, self._enders = self._enders, []
        for end in enders:
            end()

    def join(self, timeout: float) -> None:
        """Wait until the thread has called `done`."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def adopt(self, end: Callable[[], None]) -> None:
        """Have `stop` call `end`, which must not raise: at once if `stop` was already called."""
        with self._lock:
            if not self._stopped:
                self._enders.append(end)
                return
        end()

    def adopt_process(self, process: subprocess.Popen[bytes]) -> None:
        """Have `stop` kill a process made by `processes.start`; the thread has to reap it."""

        def end() -> None:
            if process.returncode is None:
                processes.end(process, timeout=0.0)

        self.adopt(end)

    def _run(self) -> None:
        error: DescriberError | None = None
        try:
            self._say(self)
        except DescriberError as problem:
            error = problem
        except Exception as problem:
            log.exception("the speaker failed")
            error = DescriberError(
                _("The speech failed. Please look in the log of the describer."),
                detail=repr(problem),
            )
        with self._lock:
            self._enders.clear()
            if self._stopped:
                error = None  # what a killed process complained of
        self._done(error)


class OneAtATime(ABC):
    """The part of `ports.Speaker` that is the same for all: order, stop and close.

    A subclass says a text in `say`, with the voice that was set when `speak` was called.
    """

    name = ""
    voice_from = ""  # whose settings give it its voice, if not the describer's

    def __init__(self) -> None:
        self._voice = VoiceSettings()
        self._lock = threading.Lock()
        self._live: list[Utterance] = []

    @property
    def voice(self) -> VoiceSettings:
        """What `say` will be given: the settings, the voice named as the back-end names it."""
        return self._voice

    @abstractmethod
    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        """Say it and return when it was heard. Raises DescriberError when it was not."""

    def speak(self, text: str, done: SpeechDone, language: str | None = None) -> None:
        """See `ports.Speaker`."""
        language = i18n.language() if language is None else language
        voice, text = replace(self._voice, language=language), speakable(text)

        def say(utterance: Utterance) -> None:
            if text:
                self.say(text, voice, utterance)

        def finished(error: DescriberError | None) -> None:
            with self._lock:
                self._live.remove(utterance)
            done(error)

        utterance = Utterance(say, finished)
        with self._lock:
            previous = list(self._live)
            utterance.start()  # raises where no thread is left; then nothing is live
            self._live.append(utterance)
        for other in previous:
            other.stop()

    def stop(self) -> None:
        """See `ports.Speaker`."""
        for utterance in self._live_utterances():
            utterance.stop()

    def speaks(self, _language: str) -> bool:
        """Whether there is a voice of a language, by its code; may take a second.

        Raises DescriberError when it cannot be told.
        """
        return True

    def check_heard(self) -> str:
        """How well it is known that the last text was heard; for `describer doctor`.

        Raises DescriberError when it cannot have been.
        """
        return _("speech was played to its end")

    def close(self) -> None:
        """See `ports.Speaker`."""
        utterances = self._live_utterances()
        for utterance in utterances:
            utterance.stop()
        for utterance in utterances:
            utterance.join(2.0)

    def _live_utterances(self) -> list[Utterance]:
        with self._lock:
            return list(self._live)
