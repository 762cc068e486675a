"""The captioner that somebody chose, and the one that ships while that one fails.

A large captioner may take too long here, need more memory than there is, or break off. Nobody
shall get no answer for that: the one that ships describes the picture then, as honestly as ever.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from describer_daemon.captioner import messages
from describer_daemon.captioner.client import (
    ChildCaptioner,
    CrashedError,
    OutOfMemoryError,
    TimedOutError,
)
from describer_daemon.core.details import Details
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import Caption, DescriberError, OcrResult, Picture, Rectangle

log = logging.getLogger(__name__)

T = TypeVar("T")

_MOST_FAILURES = 2  # in a row, until it is not asked any more
_TOLD: dict[type[DescriberError], str] = {
    TimedOutError: N_(
        "The captioner that you chose takes too long here. The one that ships answers instead."
    ),
    OutOfMemoryError: N_(
        "The captioner that you chose needs more memory than there is. "
        "The one that ships answers instead."
    ),
    CrashedError: N_("The captioner that you chose broke off. The one that ships answers instead."),
}


class StandingIn:
    """See `details.RecallingCaptioner`. Two captioners, of which one answers each picture."""

    def __init__(
        self,
        chosen: ChildCaptioner,
        shipped: ChildCaptioner,
        tell: Callable[[DescriberError], None],
    ) -> None:
        """`tell` is told why the one that ships answers."""
        self._chosen, self._shipped, self._tell = chosen, shipped, tell
        self._last = chosen  # who described the last picture, and knows more of it
        self._failures = 0
        self._why = ""
        self._guard = threading.Lock()  # of these three

    def describe(self, picture: Picture, already_described: Sequence[Rectangle] = ()) -> Caption:
        return self._ask(lambda one: one.describe(picture, already_described))

    def read(self, picture: Picture) -> OcrResult:
        return self._last.read(picture)

    def cancel(self) -> None:
        self._chosen.cancel()
        self._shipped.cancel()

    def warm_up(self) -> None:
        self._ask(lambda one: one.warm_up())

    def recall(self, *, read: bool = False) -> Details:
        """See `details.RecallingCaptioner`."""
        return self._last.recall(read=read)

    def picture(self) -> bytes:
        """See `details.RecallingCaptioner`."""
        return self._last.picture()

    def confined(self) -> str:
        """See `ChildCaptioner.confined`."""
        return self._chosen.confined()

    def told(self) -> messages.Told:
        """See `ChildCaptioner.told`."""
        return self._chosen.told()

    def close(self) -> None:
        self._chosen.close()
        self._shipped.close()

    def is_loaded(self) -> bool:
        """Whether a child runs now."""
        return self._chosen.is_loaded() or self._shipped.is_loaded()

    @property
    def trouble(self) -> str:
        """Why the one that ships answered last, as a sentence; "" when it did not."""
        return self._why

    def _ask(self, work: Callable[[ChildCaptioner], T]) -> T:
        if self._failures < _MOST_FAILURES:
            try:
                answer = work(self._chosen)
            except (TimedOutError, OutOfMemoryError, CrashedError) as error:
                self._failed(error)
            else:
                self._answered(self._chosen)
                return answer
        answer = work(self._shipped)
        self._answered(self._shipped)
        return answer

    def _failed(self, error: DescriberError) -> None:
        told = DescriberError(_(_TOLD[type(error)]), detail=error.spoken)
        log.warning("the chosen captioner failed: %s (%s)", error.spoken, error.detail)
        with self._guard:
            self._failures += 1
            self._why = told.spoken
        self._tell(told)

    def _answered(self, one: ChildCaptioner) -> None:
        with self._guard:
            self._last = one
            if one is self._chosen:
                self._failures, self._why = 0, ""
        if one is self._chosen and self._shipped.is_loaded():
            self._shipped.unload()  # no memory is paid for two
