"""What the looking thread does with a job: take the picture, describe it, tell what came of it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import TypeVar

from describer_daemon.core import grabs, i18n, phrasing, stages, telling
from describer_daemon.core.details import RecallingCaptioner
from describer_daemon.core.events import Job, JobDone
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import Captioner, DescriberError, Encoded, ImageSource, Verb

log = logging.getLogger(__name__)

T = TypeVar("T")

ABOUT_THE_LAST = (Verb.MORE, Verb.NEXT_THING, Verb.PREVIOUS_THING, Verb.WHERE)


def attempt(job: Job, work: Callable[[Job], JobDone]) -> JobDone:
    """Do the work of a job → what became of it. Never raises."""
    verb = job.request.verb
    try:
        return work(job)
    except DescriberError as error:
        level = logging.WARNING if job.offer is None else logging.DEBUG
        log.log(level, "%s: %s (%s)", verb, error.spoken, error.detail)
        return JobDone(job, error.spoken, failed=True)
    except Exception:  # the looking thread must outlive any one picture
        log.exception("%s failed", verb)
        return JobDone(job, _(phrasing.INTERNAL), failed=True)


def describe(
    job: Job,
    source: ImageSource,
    captioner: Callable[[], Captioner],
    wanted: Callable[[], bool],
) -> JobDone:
    """Grab from `source`, and describe or read that, unless it is not `wanted` any more.

    `captioner` gives the one in use. Raises as `grabs.grabbed` and the captioner do.
    """
    verb = job.request.verb
    picture = grabs.grabbed(source, verb, wanted)
    if picture is None:  # overtaken: the next picture need not wait for this
        return JobDone(job, "")
    stages.reached("grabbed")
    secret = isinstance(picture, Encoded) and picture.secret
    if verb is Verb.TEXT:
        text = _with_captioner(captioner, lambda one: one.read(picture))
        return JobDone(job, phrasing.text_aloud(text, verb), text, secret=secret)
    caption = _with_captioner(captioner, lambda one: one.describe(picture, job.already_described))
    stages.reached("described")
    digest = b"" if job.offer is None else hashlib.blake2b(picture.data).digest()
    return JobDone(job, phrasing.sentence(caption, verb), caption, digest=digest, secret=secret)


def tell(job: Job, captioner: RecallingCaptioner) -> JobDone:
    """Tell of the picture that was described last, without a new grab. Raises DescriberError."""
    details = captioner.recall()
    stages.reached("recalled")
    with i18n.spoken_in(details.language):  # the names of things are in that
        if job.request.verb is Verb.MORE:
            told = telling.more(details, job.place, lambda: captioner.recall(read=True))
        else:
            told = telling.explore(details, job.place, job.request.verb)
    return JobDone(job, told.sentence, told)


def _with_captioner(captioner: Callable[[], Captioner], work: Callable[[Captioner], T]) -> T:
    current = captioner()
    try:
        return work(current)
    except DescriberError:
        if captioner() is current:
            raise
    return work(captioner())  # new settings ended the first one at its work
