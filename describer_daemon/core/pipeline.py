"""From request to speech: one queue, one thread that decides, one that looks.

The deciding thread never waits for a picture, a caption, a clipboard, a tone or a voice: grabbing
and captioning happen on the looking thread, copying on one of its own, speaking in the speaker's
own process, and all report back through the same queue. So a stop is obeyed at once whatever else
is going on.

What the deciding thread does with each event. It is "working" while a job has no result yet;
every request first silences what is being said, whatever the state.

    event                       idle                       working
    --------------------------  -------------------------  ---------------------------------
    screen, clipboard, text,
    copy (of a sentence)        start a job → working      overtake it, start another
    more, the next thing, the
    one before, where           start a job → working      overtake it, start another
    repeat, previous, next,
    forget                      answer                     overtake it, answer → idle
    stop                        reply ""                   overtake it, reply "" → idle
    JobDone of the job          -                          answer → idle
    JobDone of another job      drop it: it was overtaken  drop it
    Spoken                      notify if it failed        notify if it failed
    Announcement                speak it, once all that    keep it until idle
                                is being said has ended
    Offer                       start a job, once all      keep the latest until idle;
                                that is to be said ended   overtake the job of another offer
    Words                       say them if they are the   say them if they are the
                                latest                     latest
    still_looking_after passed  -                          say so, once
    None (`stop` was called)    silence, end               overtake it, silence, end

No announcement ends another one or an answer: they wait in a line, which "stop" empties.
To overtake a job is to answer its request as stale, and to cancel it if it is an OCR. Requests
that come once `stop` was called are answered as stale in either state. A request drops the offer
that waits; of the job of an offer only a description is told, neither tone nor failure.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from describer_daemon.core import looking, phrasing, remembering, stages, telling
from describer_daemon.core.copying import Copying, CopyPicture
from describer_daemon.core.details import Place, RecallingCaptioner, Told
from describer_daemon.core.events import (
    Announcement,
    Event,
    Job,
    JobDone,
    Offer,
    Spoken,
    Words,
)
from describer_daemon.core.i18n import _
from describer_daemon.core.last import Last
from describer_daemon.core.offers import LastOffered
from describer_daemon.core.picture_cycle import PictureCycle
from describer_daemon.core.ports import (
    Caption,
    DescriberError,
    ImageSource,
    Outcome,
    Request,
    Speaker,
    Verb,
)
from describer_daemon.core.remembering import Memory, NoMemory
from describer_daemon.core.saying import Earcons, Saying

log = logging.getLogger(__name__)


class Pipeline:
    """Takes requests from any thread by `put`, and answers each exactly once."""

    def __init__(
        self,
        sources: Mapping[Verb, ImageSource],
        captioner: RecallingCaptioner,
        speaker: Speaker,
        copy: Callable[[str], None],
        earcons: Earcons,
        notify: Callable[[DescriberError], None],
        *,
        memory: Memory | None = None,
        copy_picture: CopyPicture | None = None,
        still_looking_after: float = 1.5,
        cycle_timeout: float = 3.0,
    ) -> None:
        """`sources` may be replaced at any time by assigning a new mapping.

        `memory` is told what was described, secrets excepted. With `copy_picture` the copy key
        copies the picture, too, when it is pressed twice.

        `notify` gets the error when speech failed, to show it elsewhere. After
        `still_looking_after` seconds without a caption the person hears that work goes on. The
        same key again, until `cycle_timeout` seconds after the speech has ended, asks for the
        next of several pictures.
        """
        self.sources, self.captioner = sources, captioner
        self._notify = notify
        self._memory = memory or NoMemory()
        self._still_looking_after = still_looking_after
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        # written by the deciding thread alone; the looking thread reads it to spare itself
        # work that nobody waits for, and it is no harm when it reads it a moment too early
        self._current: Job | None = None
        self._offer: Offer | None = None  # for the end of all else
        self._last_offered = LastOffered()
        self._copying = Copying(copy, copy_picture, self._events.put)
        self._cycle = PictureCycle(cycle_timeout)
        self._saying = Saying(speaker, earcons, self._cycle, self._events.put)
        self._announcements: deque[str] = deque()  # of the deciding thread alone
        self._last = Last()
        self._place: Place | None = None  # in the picture described last; None: none was yet
        self._gate = threading.Lock()  # so that no request can follow the end of the queue
        self._stopping = False
        self.answered = self.stale = self.failures = 0
        self._threads = [
            threading.Thread(target=self._decide, name="pipeline", daemon=True),
            threading.Thread(target=self._look, name="looking", daemon=True),
        ]

    @property
    def speaker(self) -> Speaker:
        """Who speaks; may be replaced at any time."""
        return self._saying.speaker

    @speaker.setter
    def speaker(self, speaker: Speaker) -> None:
        self._saying.speaker = speaker

    @property
    def earcons(self) -> Earcons:
        """The short sounds; may be replaced at any time."""
        return self._saying.earcons

    @earcons.setter
    def earcons(self, earcons: Earcons) -> None:
        self._saying.earcons = earcons

    @property
    def last(self) -> str:
        """The sentence of the last description ("" before the first)."""
        return self._last.sentence

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
        """Enqueue something to be spoken that nobody asked for, such as a settings error.

        It is said when what is asked for was answered, and all else was heard to its end.
        """
        self._events.put(Announcement(text))

    def offer(self, offer: Offer) -> None:
        """Enqueue a picture that nobody asked for: see `Offer`."""
        self._events.put(offer)

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
                self._saying.silence()
                return
            try:
                self._handle(event)
            except DescriberError as error:
                self._fail(error, event)
            except Exception:  # the loop must outlive any one event
                log.exception("an event failed")
                self._fail(DescriberError(_(phrasing.INTERNAL)), event)
            if self._current is None and not self._cycle.speaking:
                self._go_on()

    def _go_on(self) -> None:
        """Nobody waits for anything: now comes what nobody asked for."""
        if self._announcements:
            self._saying.say(self._announcements.popleft())
        elif (offer := self._offer) is not None:
            self._offer = None
            self._forget_place()
            self._current = Job(Request(Verb.CLIPBOARD, "copied"), None, (), offer)
            self._jobs.put(self._current)

    def _handle(self, event: Event) -> None:
        if isinstance(event, Spoken):
            self._cycle.utterance_ended()
            if event.error is not None:
                self._report_unheard(event.error)
        elif isinstance(event, Announcement):
            self._announcements.append(event.text)
        elif isinstance(event, Offer):
            self._offer = event
            if self._current is not None and self._current.offer is not None:
                self._overtake()  # what was copied before is gone
        elif isinstance(event, Words):
            self._saying.utter_if_latest(event)
        elif isinstance(event, JobDone):
            self._finish_job(event)
        elif self._stopping:
            self._give_up(event)
        else:
            self._begin(event)

    def _begin(self, request: Request) -> None:
        """Whatever it raises, it raises before the request is answered (see `_fail`)."""
        if request.verb not in looking.ABOUT_THE_LAST:  # else the same key goes to the next picture
            self._cycle.requested(request.verb, busy=self._current is not None)
        if request.verb is not Verb.COPY:
            self._copying.asked_for_another()
        self._offer = None  # who asks for something has other things in mind
        self._overtake()
        self._saying.silence()
        if request.verb in (Verb.SCREEN, Verb.CLIPBOARD, Verb.TEXT):
            self._saying.taken()
            if request.verb is not Verb.TEXT:
                self._forget_place()
            self._start(request)
        elif request.verb in looking.ABOUT_THE_LAST and self._place is not None:
            self._start(request)
        elif request.verb in looking.ABOUT_THE_LAST:
            self._answer(request, _(telling.NOTHING_DESCRIBED))
        elif request.verb is Verb.COPY and self._last.sentence:
            kept = self.captioner if self._last.has_picture else None
            self._current = self._copying.start(request, self._last.sentence, kept)
        elif request.verb in (Verb.PREVIOUS, Verb.NEXT, Verb.FORGET):
            self._remember_for(request)
        elif request.verb in (Verb.REPEAT, Verb.COPY):
            last = self._last
            self._answer(request, last.sentence or _(phrasing.NOTHING_YET), last.language)
        else:
            self._announcements.clear()  # who wants silence wants none of these either
            self._reply(request, Outcome(""))

    def _start(self, request: Request) -> None:
        """Have the looking thread work on it."""
        patience = time.monotonic() + self._still_looking_after
        place = self._place or Place()
        self._current = Job(request, patience, self._cycle.already_described, place=place)
        self._jobs.put(self._current)

    def _forget_place(self) -> None:
        """There will be another picture to tell more of, even if nobody waits for its caption."""
        if self._place is not None:
            self._place = Place()

    def _remember_for(self, request: Request) -> None:
        remembered = self._memory.asked(request.verb)
        if remembered.entry is not None:
            self._last = self._last.recalled(remembered.entry)
            self._answer(request, remembered.sentence, remembered.entry.language)
            return
        if request.verb is Verb.FORGET:
            self._last, self._place = Last(), None
        self._answer(request, remembered.sentence)

    def _finish_job(self, done: JobDone) -> None:
        """Like `_begin`: whatever it raises, it raises before the request is answered."""
        if done.job is not self._current:
            return  # overtaken while it was made: never spoken
        self._current = None
        if done.job.offer is not None and not self._last_offered.is_new(done):
            return
        if done.failed:
            self.failures += 1
            self._saying.failed()
        result = done.result
        language = result.language if isinstance(result, Told) else phrasing.language(result)
        if isinstance(result, Caption):
            if done.job.offer is not None:
                self._cycle.begin(Verb.CLIPBOARD)
            self._cycle.described(result)
            self._place = Place()
        elif isinstance(result, Told):
            self._place = result.place
            if result.point is not None:
                self._saying.point(*result.point)
        self._last = self._last.after(done, language)
        if (entry := remembering.entry(done, language)) is not None:
            self._memory.remember(entry)
        self._answer(done.job.request, done.sentence, language, failed=done.failed)

    def _overtake(self) -> None:
        job, self._current = self._current, None
        if job is not None:
            if job.request.verb is Verb.TEXT:
                self.captioner.cancel()
            self._give_up(job.request)

    def _give_up(self, request: Request) -> None:
        self.stale += 1
        self._reply(request, Outcome("", stale=True))

    def _answer(
        self, request: Request, sentence: str, language: str | None = None, *, failed: bool = False
    ) -> None:
        self._saying.say(sentence, language)
        self.answered += 1
        self._reply(request, Outcome(sentence, failed=failed))

    def _fail(self, error: DescriberError, event: Event) -> None:
        """Report a failure outside the looking thread, and answer whoever asked."""
        self.failures += 1
        log.error("%s (%s)", error.spoken, error.detail)
        self._saying.failed()
        if isinstance(event, Request):
            self._answer(event, error.spoken, failed=True)
        elif isinstance(event, JobDone):
            self._answer(event.job.request, error.spoken, failed=True)
        else:
            self._saying.say(error.spoken)

    def _report_unheard(self, error: DescriberError) -> None:
        self.failures += 1
        log.error("not heard: %s (%s)", error.spoken, error.detail)
        try:
            self._notify(error)
        except Exception:  # spoken it cannot be either: that would go round in a circle
            log.exception("notification failed")

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
            reads = job.request.verb in (Verb.TEXT, Verb.MORE)
            self._saying.say(_(phrasing.STILL_READING if reads else phrasing.STILL_LOOKING))

    def _look(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job is self._current:  # else overtaken before it began
                self._events.put(looking.attempt(job, self._describe))

    def _describe(self, job: Job) -> JobDone:
        if job.request.verb in looking.ABOUT_THE_LAST:
            return looking.tell(job, self.captioner)
        offer = job.offer
        source = self.sources[job.request.verb] if offer is None else offer.source
        return looking.describe(job, source, lambda: self.captioner, lambda: job is self._current)
