"""Several captioners side by side, for many files: each in its own process, with its own threads.

One picture hardly keeps two processors busy, for much of its way is one step after another; two
pictures at a time do.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from contextlib import closing
from queue import SimpleQueue
from typing import Any, TypeVar

from describer_daemon import processes
from describer_daemon.captioner.client import ChildCaptioner

WORTH = 16  # files for which it pays to load a captioner once more
MOST = 8  # captioners, unless more are asked for: each takes about 150 megabytes
AHEAD = 4  # files for each captioner that may be begun before their turn comes
_PATIENCE = 2.0  # seconds for whoever waits for a captioner to notice that it was ended

Result = TypeVar("Result")
Work = Callable[[str, ChildCaptioner], Iterable[Result]]


def size(files: int) -> int:
    """How many captioners should share so many files."""
    return max(1, min(processes.processors(), files // WORTH, MOST))


class Crew:
    """`count` captioners that share files; what they find comes in the files' order."""

    def __init__(self, make: Callable[[int], ChildCaptioner], count: int) -> None:
        """`make` gives a captioner with so many threads."""
        threads = max(1, processes.processors() // count)
        self._captioners = [make(threads) for _ in range(count)]
        self._tasks: SimpleQueue[tuple[str, Future[list[Any]]] | None] = SimpleQueue()

    def each(
        self, work: Work[Result], files: Iterable[str], done: Callable[[], None] = lambda: None
    ) -> Generator[Result, None, None]:
        """Do the `work` on each file; `done` is called after the last that a file gives.

        What `work` raises is raised here, when that file's turn comes.
        """
        if len(self._captioners) == 1:  # nothing is read before it is wanted
            for file in files:
                yield from work(file, self._captioners[0])
                done()
            return
        with closing(self._begun(work, files)) as begun:
            for result in begun:
                yield from result.result()
                done()

    def close(self) -> None:
        """End all captioners."""
        for captioner in self._captioners:
            captioner.close()

    def _begun(
        self, work: Work[Result], files: Iterable[str]
    ) -> Generator[Future[list[Result]], None, None]:
        """Each file's result to come, with few begun before their turn: memory is bounded."""
        # an interrupted program must not wait for whoever reads from a terminal or a dead disk
        hands = [threading.Thread(target=self._serve, args=(work, captioner), daemon=True)
                 for captioner in self._captioners]
        for hand in hands:
            hand.start()
        waiting: deque[Future[list[Result]]] = deque()
        broken_off = True
        try:
            for file in files:
                waiting.append(Future())
                self._tasks.put((file, waiting[-1]))
                if len(waiting) >= AHEAD * len(hands):
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
            broken_off = False
        finally:
            for left in waiting:
                left.cancel()
            for _ in hands:
                self._tasks.put(None)
            if broken_off:  # somebody may be at work on what nobody will ask for
                self.close()
            for hand in hands:
                hand.join(_PATIENCE)

    def _serve(self, work: Work[Any], captioner: ChildCaptioner) -> None:
        while (task := self._tasks.get()) is not None:
            file, result = task
            if not result.set_running_or_notify_cancel():
                continue
            try:
                found = list(work(file, captioner))
            except Exception as error:  # it is for whoever waits for this file
                result.set_exception(error)
            else:
                result.set_result(found)
