"""From request to speech: one queue, one thread that decides, one that looks.

The deciding thread never waits for a picture, a caption or a voice: grabbing and captioning
happen on the looking thread, speaking in the speaker's own process, and both report back
through the same queue. So a stop is obeyed at once whatever else is going on.

What the deciding thread does with each event. It is "working" while a job has no result yet;
every request first silences what is being said, whatever the state.

    event                       idle                       working
    --------------------------  -------------------------  ---------------------------------
    screen, clipboard, text     start a job → working      overtake it, start another
    repeat, copy                answer                     overtake it, answer → idle
    stop                        reply ""                   overtake it, reply "" → idle
    _JobDone of the job         -                          answer → idle
    _JobDone of another job     drop it: it was overtaken  drop it
    _Spoken                     notify if it failed        notify if it failed
    _Announcement               speak it                   speak it
    still_looking_after passed  -                          say so, once
    None (`stop` was called)    silence, end               overtake it, silence, end

To overtake a job is to answer its request as stale, and to cancel it if it is an OCR. Requests
that come once `stop` was called are answered as stale in either state.
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
from describer_daemon.core.picture_cycle import PictureCycle
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

    def acknowledge(self) -> None: ...
    def failed(self) -> None: ...
    def make_way(self) -> None: ...


@dataclass(slots=True, eq=False)
class _Job:
    """A picture to take; compared by identity, so that no two are ever the same."""

    request: Request
    still_looking_at: float | None  # time.monotonic() at which to say so; None: said already
    already_described: tuple[Rectangle, ...]  # see `PictureCycle`


@dataclass(frozen=True, slots=True)
class _JobDone:
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
class _Announcement:
    """Something to be spoken that nobody asked for."""

    text: str


class Pipeline:
    """Takes requests from any thread by `put`, and answers each exactly once."""

    def __init__(
        self,
        sources: Mapping[Verb, ImageSource],
        captioner: Captioner,
        speaker: Speaker,
        copy: Callable[[str], None],
        earcons: Earcons,
        notify: Callable[[DescriberError], None],
        *,
        still_looking_after: float = 1.5,
        cycle_timeout: float = 3.0,
    ) -> None:
        """`sources` may be replaced at any time by assigning a new mapping.

        `notify` gets the error when speech failed, to show it elsewhere. After
        `still_looking_after` seconds without a caption the person hears that work goes on. The
        same key again, until `cycle_timeout` seconds after the speech has ended, asks for the
        next of several pictures.
        """
        self.sources, self.captioner, self.speaker = sources, captioner, speaker
        self.earcons = earcons
        self._copy, self._notify = copy, notify
        self._still_looking_after = still_looking_after
        self._events: queue.Queue[Request | _JobDone | _Spoken | _Announcement | None] = (
            queue.Queue()
        )
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        # written by the deciding thread alone; the looking thread reads it to spare itself
        # work that nobody waits for, and it is no harm when it reads it a moment too early
        self._current: _Job | None = None
        self._cycle = PictureCycle(cycle_timeout)
        self._last = ""
        self._gate = threading.Lock()  # so that no request can follow the end of the queue
        self._stopping = False
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
        return self._cycle.speaking

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def put(self, request: Request) -> None:
        """Enqueue and return; after `stop`, answer it as stale from the caller's thread."""
        with self._gate:
            if not self._stopping:
                stages.reached("taken")
                self._events.put(request)
                return
        self._give_up(request)

    def say(self, text: str) -> None:
        """Enqueue something to be spoken that nobody asked for, such as a settings error."""
        self._events.put(_Announcement(text))

    def stop(self, timeout: float = 1.0) -> None:
        """End both threads; what was still asked for is answered as stale.

        Waits at most `timeout` seconds: a thread that is busy ends when it has done its work.
        """
        with self._gate:
            self._stopping = True
            self._events.put(None)
            self._jobs.put(None)
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _decide(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=self._until_still_looking())
            except queue.Empty:
                self._say_still_looking()
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

    def _handle(self, event: Request | _JobDone | _Spoken | _Announcement) -> None:
        if isinstance(event, _Spoken):
            self._cycle.utterance_ended()
            if event.error is not None:
                self._report_unheard(event.error)
        elif isinstance(event, _Announcement):
            self._speak(event.text)
        elif isinstance(event, _JobDone):
            self._finish_job(event)
        elif self._stopping:
            self._give_up(event)
        else:
            self._begin(event)

    def _begin(self, request: Request) -> None:
        """Whatever it raises, it raises before the request is answered (see `_fail`)."""
        self._cycle.requested(request.verb, busy=self._current is not None)
        self._overtake()
        self._silence()
        if request.verb in (Verb.SCREEN, Verb.CLIPBOARD, Verb.TEXT):
            self._sound(self.earcons.acknowledge)
            self._current = _Job(
                request, time.monotonic() + self._still_looking_after, self._cycle.already_described
            )
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

    def _finish_job(self, done: _JobDone) -> None:
        """Like `_begin`: whatever it raises, it raises before the request is answered."""
        if done.job is not self._current:
            return  # overtaken while it was made: never spoken
        self._current = None
        if done.result is None:
            self.failures += 1
            self._sound(self.earcons.failed)
        else:
            self._last = done.sentence
            if isinstance(done.result, Caption):
                self._cycle.described(done.result)
        self._answer(done.job.request, done.sentence, failed=done.result is None)

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

    def _fail(
        self, error: DescriberError, event: Request | _JobDone | _Spoken | _Announcement
    ) -> None:
        """Report a failure outside the looking thread, and answer whoever asked."""
        self.failures += 1
        log.error("%s (%s)", error.spoken, error.detail)
        self._sound(self.earcons.failed)
        if isinstance(event, Request):
            self._answer(event, error.spoken, failed=True)
        elif isinstance(event, _JobDone):
            self._answer(event.job.request, error.spoken, failed=True)
        else:
            self._speak(error.spoken)

    def _speak(self, text: str) -> None:
        """Never raises: a voice that fails at once is reported like one that fails later."""

        def done(error: DescriberError | None) -> None:
            self._events.put(_Spoken(text, error))

        self._cycle.utterance_begun()
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

    def _report_unheard(self, error: DescriberError) -> None:
        self.failures += 1
        log.error("not heard: %s (%s)", error.spoken, error.detail)
        try:
            self._notify(error)
        except Exception:  # spoken it cannot be either: that would go round in a circle
            log.exception("notification failed")

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

    def _until_still_looking(self) -> float | None:
        job = self._current
        if job is None or job.still_looking_at is None:
            return None
        return max(0.0, job.still_looking_at - time.monotonic())

    def _say_still_looking(self) -> None:
        job = self._current
        if job is not None:
            job.still_looking_at = None
            reads = job.request.verb is Verb.TEXT
            self._speak(phrasing.STILL_READING if reads else phrasing.STILL_LOOKING)

    def _look(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job is self._current:  # else overtaken before it began
                self._events.put(self._describe(job))

    def _describe(self, job: _Job) -> _JobDone:
        verb = job.request.verb
        try:
            picture = self.sources[verb].grab()
            stages.reached("grabbed")
            if job is not self._current:  # overtaken: the next picture need not wait for this
                return _JobDone(job, "")
            if verb is Verb.TEXT:
                text = self._with_captioner(lambda captioner: captioner.read(picture))
                return _JobDone(job, phrasing.text_aloud(text, verb), text)
            caption = self._with_captioner(
                lambda captioner: captioner.describe(picture, job.already_described)
            )
            stages.reached("described")
            return _JobDone(job, phrasing.sentence(caption, verb), caption)
        except DescriberError as error:
            log.warning("%s: %s (%s)", verb, error.spoken, error.detail)
            return _JobDone(job, error.spoken)
        except Exception:  # the looking thread must outlive any one picture
            log.exception("%s failed", verb)
            return _JobDone(job, phrasing.INTERNAL)

    def _with_captioner(self, work: Callable[[Captioner], T]) -> T:
        captioner = self.captioner
        try:
            return work(captioner)
        except DescriberError:
            if self.captioner is captioner:
                raise
        return work(self.captioner)  # new settings ended the first one at its work
