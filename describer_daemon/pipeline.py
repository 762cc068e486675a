"""From wish to speech: one queue, one thread that decides, one that looks.

The deciding thread never waits for a picture, a caption or a voice: grabbing and captioning
happen on the looking thread, speaking in the speaker's own process, and both report back
through the same queue. So a stop is obeyed at once whatever else is going on.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from describer_daemon import phrasing
from describer_daemon.ports import (
    Captioner,
    DescriberError,
    ImageSource,
    Outcome,
    Request,
    Speaker,
    Verb,
)

log = logging.getLogger(__name__)


class Earcons(Protocol):
    """Short sounds that say "heard you" and "that failed"."""

    def taken(self) -> None: ...
    def failed(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Seen:
    """The looking thread is done with a job."""

    ticket: int
    sentence: str
    failed: bool


@dataclass(frozen=True, slots=True)
class _Spoken:
    """An utterance ended, was stopped (error None), or could not be heard."""

    text: str
    error: DescriberError | None


@dataclass(frozen=True, slots=True)
class _Say:
    """Somebody else in the daemon has something to tell the person."""

    text: str


@dataclass(slots=True)
class _Job:
    ticket: int
    request: Request
    hurry_at: float | None  # time.monotonic() at which to say that we are still looking


class Pipeline:
    """Takes requests from any thread by `put`, and answers each exactly once."""

    def __init__(
        self, sources: Mapping[Verb, ImageSource], captioner: Captioner, speaker: Speaker,
        copy: Callable[[str], None], earcons: Earcons,
        unheard: Callable[[DescriberError], None], *, patience: float = 1.5,
    ) -> None:
        """`sources` may be replaced at any time by assigning a new mapping.

        `unheard` is told when speech failed, so that silence leaves a trace elsewhere.
        After `patience` seconds without a caption the person hears that work goes on.
        """
        self.sources, self.captioner, self.speaker = sources, captioner, speaker
        self.earcons = earcons
        self._copy, self._unheard, self._patience = copy, unheard, patience
        self._events: queue.Queue[Request | _Seen | _Spoken | _Say | None] = queue.Queue()
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._current: _Job | None = None
        self._tickets = 0
        self._last = ""
        self.answered = self.stale = self.failures = 0
        self._threads = [
            threading.Thread(target=self._decide, name="pipeline", daemon=True),
            threading.Thread(target=self._look, name="looking", daemon=True),
        ]

    @property
    def last(self) -> str:
        """The sentence of the last description ("" before the first)."""
        return self._last

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def put(self, request: Request) -> None:
        """Enqueue and return."""
        self._events.put(request)

    def say(self, text: str) -> None:
        """Enqueue something to be spoken that nobody asked for, such as a settings error."""
        self._events.put(_Say(text))

    def stop(self, patience: float = 1.0) -> None:
        """End both threads; what was still asked for is answered as stale."""
        self._events.put(None)
        self._jobs.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(patience)

    def _decide(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=self._until_hurry())
            except queue.Empty:
                self._hurry()
                continue
            if event is None:
                self._overtake()
                self.speaker.stop()
                return
            try:
                self._handle(event)
            except DescriberError as error:
                self._fail(error)
            except Exception:  # the loop must outlive any one event
                log.exception("an event failed")
                self._fail(DescriberError(phrasing.INTERNAL))

    def _handle(self, event: Request | _Seen | _Spoken | _Say) -> None:
        if isinstance(event, _Spoken):
            if event.error is not None:
                self.failures += 1
                log.error("not heard: %s (%s)", event.error.spoken, event.error.detail)
                self._unheard(event.error)
        elif isinstance(event, _Say):
            self._speak(event.text)
        elif isinstance(event, _Seen):
            self._seen(event)
        else:
            self._begin(event)

    def _begin(self, request: Request) -> None:
        self._overtake()
        self.speaker.stop()
        if request.verb in (Verb.SCREEN, Verb.CLIPBOARD):
            self.earcons.taken()
            self._tickets += 1
            hurry_at = time.monotonic() + self._patience
            self._current = _Job(self._tickets, request, hurry_at)
            self._jobs.put(self._current)
        elif request.verb is Verb.REPEAT:
            self._answer(request, self._last or phrasing.NOTHING_YET)
        elif request.verb is Verb.COPY:
            self._answer(request, self._copied())
        else:
            self._reply(request, Outcome(""))

    def _copied(self) -> str:
        if not self._last:
            return phrasing.NOTHING_YET
        self._copy(self._last)
        return phrasing.COPIED

    def _seen(self, seen: _Seen) -> None:
        job = self._current
        if job is None or job.ticket != seen.ticket:
            return  # overtaken while it was made: never spoken
        self._current = None
        if seen.failed:
            self.failures += 1
            self.earcons.failed()
        else:
            self._last = seen.sentence
        self._answer(job.request, seen.sentence, failed=seen.failed)

    def _overtake(self) -> None:
        job, self._current = self._current, None
        if job is not None:
            self.stale += 1
            self._reply(job.request, Outcome("", stale=True))

    def _answer(self, request: Request, sentence: str, *, failed: bool = False) -> None:
        self.answered += 1
        try:
            self._speak(sentence)
        finally:
            self._reply(request, Outcome(sentence, failed=failed))

    def _fail(self, error: DescriberError) -> None:
        """Tell of a failure outside the looking thread; the failing speaker is tried last."""
        self.failures += 1
        log.error("%s (%s)", error.spoken, error.detail)
        try:
            self.earcons.failed()
            self._speak(error.spoken)
        except Exception:  # then no voice is left: leave a trace that can be found
            log.exception("the failure could not be spoken")
            self._unheard(error)

    def _speak(self, text: str) -> None:
        self.speaker.speak(text, lambda error: self._events.put(_Spoken(text, error)))

    @staticmethod
    def _reply(request: Request, outcome: Outcome) -> None:
        if request.reply is not None:
            try:
                request.reply(outcome)
            except Exception:  # a client that went away is its own affair
                log.exception("a reply could not be given")

    def _until_hurry(self) -> float | None:
        job = self._current
        if job is None or job.hurry_at is None:
            return None
        return max(0.0, job.hurry_at - time.monotonic())

    def _hurry(self) -> None:
        job = self._current
        if job is not None:
            job.hurry_at = None  # said once
            self._speak(phrasing.STILL_LOOKING)

    def _look(self) -> None:
        while (job := self._jobs.get()) is not None:
            current = self._current
            if current is None or current.ticket != job.ticket:
                continue  # overtaken before it began
            self._events.put(self._describe(job))

    def _describe(self, job: _Job) -> _Seen:
        verb = job.request.verb
        try:
            picture = self.sources[verb].grab()
            caption = self.captioner.describe(picture)
            return _Seen(job.ticket, phrasing.sentence(caption, verb), failed=False)
        except DescriberError as error:
            log.warning("%s: %s (%s)", verb, error.spoken, error.detail)
            return _Seen(job.ticket, error.spoken, failed=True)
        except Exception:  # the looking thread must outlive any one picture
            log.exception("%s failed", verb)
            return _Seen(job.ticket, phrasing.INTERNAL, failed=True)
