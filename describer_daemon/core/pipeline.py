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
from typing import Protocol, TypeVar

from describer_daemon.core import phrasing, stages
from describer_daemon.core.ports import (
    Caption,
    Captioner,
    DescriberError,
    ImageSource,
    OcrResult,
    Outcome,
    Rectangle,
    Request,
    Speaker,
    Verb,
)

log = logging.getLogger(__name__)

T = TypeVar("T")


class Earcons(Protocol):
    """Short sounds that say "heard you" and "that failed", and end before words begin."""

    def taken(self) -> None: ...
    def failed(self) -> None: ...
    def make_way(self) -> None: ...


@dataclass(slots=True, eq=False)
class _Job:
    """A picture to take; compared by identity, so that no two are ever the same."""

    request: Request
    hurry_at: float | None  # time.monotonic() at which to say that we are still looking
    already_described: tuple[Rectangle, ...]  # where the pictures are that were described before


@dataclass(frozen=True, slots=True)
class _Seen:
    """The looking thread is done with a job."""

    job: _Job
    sentence: str
    result: Caption | OcrResult | None = None  # None: a failure, or nothing that anyone waits for


@dataclass(frozen=True, slots=True)
class _Spoken:
    """An utterance ended, was stopped (error None), or could not be heard."""

    text: str
    error: DescriberError | None


@dataclass(frozen=True, slots=True)
class _Say:
    """Somebody else in the daemon has something to tell the person."""

    text: str


class Pipeline:
    """Takes requests from any thread by `put`, and answers each exactly once."""

    def __init__(
        self, sources: Mapping[Verb, ImageSource], captioner: Captioner, speaker: Speaker,
        copy: Callable[[str], None], earcons: Earcons,
        unheard: Callable[[DescriberError], None], *, patience: float = 1.5, linger: float = 3.0,
    ) -> None:
        """`sources` may be replaced at any time by assigning a new mapping.

        `unheard` is told when speech failed, so that silence leaves a trace elsewhere.
        After `patience` seconds without a caption the person hears that work goes on. The
        same key again, until `linger` seconds after the speech has ended, asks for the next
        of several pictures.
        """
        self.sources, self.captioner, self.speaker = sources, captioner, speaker
        self.earcons = earcons
        self._copy, self._unheard = copy, unheard
        self._patience, self._linger = patience, linger
        self._events: queue.Queue[Request | _Seen | _Spoken | _Say | None] = queue.Queue()
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        # written by the deciding thread alone; the looking thread reads it to spare itself
        # work that nobody waits for, and it is no harm when it reads it a moment too early
        self._current: _Job | None = None
        self._last = ""
        self._gate = threading.Lock()  # so that no request can follow the end of the queue
        self._ending = False
        self._utterances = 0  # begun, and not yet known to have ended
        self._quiet_since = 0.0  # time.monotonic() at which the last of them ended
        # the verb that was last asked for, and where the pictures are that it has described
        self._visit: Verb | None = None
        self._passed: tuple[Rectangle, ...] = ()
        self.answered = self.stale = self.failures = 0
        self._threads = [
            threading.Thread(target=self._decide, name="pipeline", daemon=True),
            threading.Thread(target=self._look, name="looking", daemon=True),
        ]

    @property
    def last(self) -> str:
        """The sentence of the last description ("" before the first)."""
        return self._last

    @property
    def speaking(self) -> bool:
        """Whether something is being said."""
        return self._utterances > 0

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def put(self, request: Request) -> None:
        """Enqueue and return; after `stop`, answer it as stale from the caller's thread."""
        with self._gate:
            if not self._ending:
                stages.reached("taken")
                self._events.put(request)
                return
        self._give_up(request)

    def say(self, text: str) -> None:
        """Enqueue something to be spoken that nobody asked for, such as a settings error."""
        self._events.put(_Say(text))

    def stop(self, patience: float = 1.0) -> None:
        """End both threads; what was still asked for is answered as stale.

        Waits at most `patience` seconds: a thread that is busy ends when it has done its work.
        """
        with self._gate:
            self._ending = True
            self._events.put(None)
            self._jobs.put(None)
        deadline = time.monotonic() + patience
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _decide(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=self._until_hurry())
            except queue.Empty:
                self._hurry()
                continue
            if event is None:
                self._overtake()
                self._silence()
                return
            try:
                self._handle(event)
            except DescriberError as error:
                self._fail(error, event)
            except Exception:  # the loop must outlive any one event
                log.exception("an event failed")
                self._fail(DescriberError(phrasing.INTERNAL), event)

    def _handle(self, event: Request | _Seen | _Spoken | _Say) -> None:
        if isinstance(event, _Spoken):
            self._utterances -= 1
            self._quiet_since = time.monotonic()
            if event.error is not None:
                self._leave_trace(event.error)
        elif isinstance(event, _Say):
            self._speak(event.text)
        elif isinstance(event, _Seen):
            self._seen(event)
        elif self._ending:
            self._give_up(event)
        else:
            self._begin(event)

    def _begin(self, request: Request) -> None:
        """Whatever it raises, it raises before the request is answered (see `_fail`)."""
        if request.verb is not self._visit or self._has_been_quiet():
            self._visit, self._passed = request.verb, ()
        self._overtake()
        self._silence()
        if request.verb in (Verb.SCREEN, Verb.CLIPBOARD, Verb.TEXT):
            self._sound(self.earcons.taken)
            self._current = _Job(request, time.monotonic() + self._patience, self._passed)
            self._jobs.put(self._current)
        elif request.verb is Verb.REPEAT:
            self._answer(request, self._last or phrasing.NOTHING_YET)
        elif request.verb is Verb.COPY:
            self._answer(request, self._copied())
        else:
            self._reply(request, Outcome(""))

    def _has_been_quiet(self) -> bool:
        """Whether what was described before is a thing of the past."""
        return (self._current is None and not self.speaking
                and time.monotonic() - self._quiet_since > self._linger)

    def _copied(self) -> str:
        if not self._last:
            return phrasing.NOTHING_YET
        self._copy(self._last)
        return phrasing.COPIED

    def _seen(self, seen: _Seen) -> None:
        """Like `_begin`: whatever it raises, it raises before the request is answered."""
        if seen.job is not self._current:
            return  # overtaken while it was made: never spoken
        self._current = None
        if seen.result is None:
            self.failures += 1
            self._sound(self.earcons.failed)
        else:
            self._last = seen.sentence
            if isinstance(seen.result, Caption):
                self._pass(seen.result)
        self._answer(seen.job.request, seen.sentence, failed=seen.result is None)

    def _pass(self, caption: Caption) -> None:
        """Remember where the picture was; the first one begins a new round."""
        before = self._passed if caption.number > 1 else ()
        self._passed = (*before, caption.box) if caption.box is not None else ()

    def _overtake(self) -> None:
        job, self._current = self._current, None
        if job is not None:
            if job.request.verb is Verb.TEXT:
                self.captioner.cancel()
            self._give_up(job.request)

    def _give_up(self, request: Request) -> None:
        self.stale += 1
        self._reply(request, Outcome("", stale=True))

    def _answer(self, request: Request, sentence: str, *, failed: bool = False) -> None:
        self._speak(sentence)
        self.answered += 1
        self._reply(request, Outcome(sentence, failed=failed))

    def _fail(self, error: DescriberError, event: Request | _Seen | _Spoken | _Say) -> None:
        """Tell of a failure outside the looking thread, and answer whoever asked for it."""
        self.failures += 1
        log.error("%s (%s)", error.spoken, error.detail)
        self._sound(self.earcons.failed)
        if isinstance(event, Request):
            self._answer(event, error.spoken, failed=True)
        elif isinstance(event, _Seen):
            self._answer(event.job.request, error.spoken, failed=True)
        else:
            self._speak(error.spoken)

    def _speak(self, text: str) -> None:
        """Never raises: a voice that fails at once is told of like one that fails later."""
        def done(error: DescriberError | None) -> None:
            self._events.put(_Spoken(text, error))

        self._utterances += 1
        self._sound(self.earcons.make_way)
        stages.reached("phrased")
        try:
            self.speaker.speak(text, done)
        except DescriberError as error:
            done(error)
        except Exception as error:  # it must not cost the person the next answer too
            log.exception("the voice failed")
            done(DescriberError("The voice failed.", detail=repr(error)))

    def _silence(self) -> None:
        try:
            self.speaker.stop()
        except Exception:  # a voice that cannot stop is no reason not to describe
            log.exception("the voice could not be stopped")

    def _leave_trace(self, error: DescriberError) -> None:
        self.failures += 1
        log.error("not heard: %s (%s)", error.spoken, error.detail)
        try:
            self._unheard(error)
        except Exception:  # spoken it cannot be either: that would go round in a circle
            log.exception("no trace was left of it")

    @staticmethod
    def _sound(play: Callable[[], None]) -> None:
        try:
            play()
        except Exception:  # an ornament must not cost the answer
            log.exception("an earcon failed")

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
            reads = job.request.verb is Verb.TEXT
            self._speak(phrasing.STILL_READING if reads else phrasing.STILL_LOOKING)

    def _look(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job is self._current:  # else overtaken before it began
                self._events.put(self._describe(job))

    def _describe(self, job: _Job) -> _Seen:
        verb = job.request.verb
        try:
            picture = self.sources[verb].grab()
            stages.reached("grabbed")
            if job is not self._current:  # overtaken: the next picture need not wait for this
                return _Seen(job, "")
            if verb is Verb.TEXT:
                text = self._asked(lambda captioner: captioner.read(picture))
                return _Seen(job, phrasing.text_aloud(text, verb), text)
            caption = self._asked(
                lambda captioner: captioner.describe(picture, job.already_described))
            stages.reached("described")
            return _Seen(job, phrasing.sentence(caption, verb), caption)
        except DescriberError as error:
            log.warning("%s: %s (%s)", verb, error.spoken, error.detail)
            return _Seen(job, error.spoken)
        except Exception:  # the looking thread must outlive any one picture
            log.exception("%s failed", verb)
            return _Seen(job, phrasing.INTERNAL)

    def _asked(self, ask: Callable[[Captioner], T]) -> T:
        captioner = self.captioner
        try:
            return ask(captioner)
        except DescriberError:
            if self.captioner is captioner:
                raise
        return ask(self.captioner)  # new settings ended the first one at its work
