"""The copy key: the sentence; pressed twice, the picture together with its sentence."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from describer_daemon.core import looking, phrasing
from describer_daemon.core.details import RecallingCaptioner
from describer_daemon.core.events import Event, Job, JobDone
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Request

_TWICE = 2.0  # seconds within which the key is pressed twice

CopyPicture = Callable[[bytes, str], str]
"""Puts a PNG and its words on the clipboard → what is said of it. Raises DescriberError."""


class Copying:
    """Each copy is made by a thread of its own, which reports by `put`, one after the other."""

    def __init__(
        self,
        copy: Callable[[str], None],
        copy_picture: CopyPicture | None,
        put: Callable[[Event], None],
    ) -> None:
        """Without `copy_picture` it is always the sentence."""
        self._copy, self._copy_picture, self._put = copy, copy_picture, put
        self._asked_at = -math.inf
        self._guard = threading.Lock()  # the sentence must not come after the picture

    def start(self, request: Request, text: str, of: RecallingCaptioner | None) -> Job:
        """Begin to copy `text`, which is of the picture that `of` keeps, if it is of any."""
        now = time.monotonic()
        twice = now - self._asked_at < _TWICE
        self._asked_at = -math.inf if twice else now
        copy_picture = self._copy_picture if twice else None

        def work(job: Job) -> JobDone:
            with self._guard:
                if copy_picture is not None and of is not None:
                    return JobDone(job, copy_picture(of.picture(), text))
                try:
                    self._copy(text)
                except DescriberError:
                    self._asked_at = -math.inf  # who tries again wants the sentence
                    raise
                return JobDone(job, _(phrasing.COPIED))

        job = Job(request, None, ())
        thread = threading.Thread(
            target=lambda: self._put(looking.attempt(job, work)), name="copying", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # there can be no more
            self._asked_at = -math.inf
            raise
        return job

    def asked_for_another(self) -> None:
        """Another key came between."""
        self._asked_at = -math.inf
