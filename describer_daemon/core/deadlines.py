"""Calls that may wait for another machine or program, and that nobody has to wait for.

A file on a network mount, a display or a clipboard may stop answering in the middle of a system
call, and nothing ends such a call from within: it is made in a thread of its own, which is left
behind when it is late. See ADR 0040.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from describer_daemon.core.ports import DescriberError

T = TypeVar("T")

_LOOK_INTERVAL = 0.05  # seconds between looks whether the call is still wanted
_GRACE = 1.0  # seconds for one that is not: most end by themselves, and no two then run at a time
_of_this_thread = threading.local()
_left_behind: Counter[Hashable] = Counter()
_guard = threading.Lock()  # of the counter


class LeftError(Exception):
    """Nobody wants the result any more."""


class _Call(Generic[T]):
    """A call in a thread of its own, and what became of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.ended = threading.Event()
        self.moved = time.monotonic()  # when it last got anywhere
        self.result: list[T] = []
        self.error: BaseException | None = None
        self.left: Hashable = None  # once it was left behind: what it is counted as

    def run(self) -> None:
        _of_this_thread.call = self
        try:
            self.result.append(self._work())
        except BaseException as error:  # whoever waits for it raises it
            self.error = error
        with _guard:
            self.ended.set()
            if self.left is not None:
                _left_behind[self.left] -= 1
                if not _left_behind[self.left]:
                    del _left_behind[self.left]

    def leave(self, kind: Hashable) -> bool:
        """Whether it has not ended meanwhile; from now on nobody waits for it."""
        with _guard:
            if self.ended.is_set():
                return False
            self.left = kind
            _left_behind[kind] += 1
            return True


def moved() -> None:
    """Tell, from inside a call, that it gets on: it is not late yet."""
    call = getattr(_of_this_thread, "call", None)
    if call is not None:
        call.moved = time.monotonic()


def within(
    work: Callable[[], T],
    late: DescriberError,
    *,
    silence: float,
    longest: float = math.inf,
    kind: Hashable = "",
    most: int = 20,
    wanted: Callable[[], bool] = lambda: True,
) -> T:
    """Do the work in a thread of its own → its result, or raise what it raises.

    Raises `late` when it has not got on (`moved`) for `silence` seconds, or has not ended after
    `longest`; and at once while `most` earlier calls of this `kind` still hang. Raises LeftError
    a second after it began if it is not `wanted` any more.

    Without a thread to be had it is done by the caller, whatever it takes.
    """
    if _left_behind[kind] >= most:
        raise late
    call = _Call(work)
    begun = told = call.moved
    try:
        threading.Thread(target=call.run, name="deadline", daemon=True).start()
    except RuntimeError:  # the system has none left
        return work()
    while not call.ended.wait(_LOOK_INTERVAL):
        if call.moved > told:  # a call around this one gets on, too
            told = call.moved
            moved()
        now = time.monotonic()
        if now - begun > _GRACE and not wanted() and call.leave(kind):
            raise LeftError
        if (now - call.moved > silence or now - begun > longest) and call.leave(kind):
            raise late
    if call.error is not None:
        raise call.error
    return call.result[0]
