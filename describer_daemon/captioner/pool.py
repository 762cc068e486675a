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
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

FILES_PER_WORKER = 16  # files for which it pays to load a captioner once more
MAX_WORKERS = 8  # unless more are asked for: each takes about 150 megabytes
PREFETCH = 4  # files for each worker that may be begun before their turn comes
_JOIN_TIMEOUT = 2.0  # seconds for a thread to notice that its captioner was ended

Result = TypeVar("Result")
Work = Callable[[str, ChildCaptioner], Iterable[Result]]


def worker_count(files: int) -> int:
    """How many captioners should share so many files."""
    return max(1, min(processes.processors(), files // FILES_PER_WORKER, MAX_WORKERS))


class CaptionerPool:
    """`count` captioners that share files; the results come in the files' order."""

    def __init__(self, make: Callable[[int], ChildCaptioner], count: int) -> None:
        """`make` gives a captioner with so many threads."""
        threads = max(1, processes.processors() // count)
        self._captioners = [make(threads) for _ in range(count)]
        self._tasks: SimpleQueue[tuple[str, Future[list[Any]]] | None] = SimpleQueue()

    def map(
        self,
        work: Work[Result],
        files: Iterable[str],
        on_file_done: Callable[[], None] = lambda: None,
    ) -> Generator[Result, None, None]:
        """Yield what `work` gives for each file; `on_file_done` is called after a file's last.

        What `work` raises is raised here, when that file's turn comes.
        """
        if len(self._captioners) == 1:  # nothing is read before it is wanted
            for file in files:
                yield from work(file, self._captioners[0])
                on_file_done()
            return
        with closing(self._submitted(work, files)) as futures:
            for future in futures:
                yield from future.result()
                on_file_done()

    def close(self) -> None:
        """End all captioners."""
        for captioner in self._captioners:
            captioner.close()

    def _submitted(
        self, work: Work[Result], files: Iterable[str]
    ) -> Generator[Future[list[Result]], None, None]:
        """A future for each file, in order; few are begun before their turn, to bound memory."""
        # an interrupted program must not wait for whoever reads from a terminal or a dead disk
        workers = [
            threading.Thread(target=self._run_worker, args=(work, captioner), daemon=True)
            for captioner in self._captioners
        ]
        workers = workers[: _start(workers)]
        pending: deque[Future[list[Result]]] = deque()
        interrupted = True
        try:
            for file in files:
                pending.append(Future())
                self._tasks.put((file, pending[-1]))
                if len(pending) >= PREFETCH * len(workers):
                    yield pending.popleft()
            while pending:
                yield pending.popleft()
            interrupted = False
        finally:
            for future in pending:
                future.cancel()
            for _ in workers:
                self._tasks.put(None)
            if interrupted:  # somebody may be at work on what nobody will ask for
                self.close()
            for worker in workers:
                worker.join(_JOIN_TIMEOUT)

    def _run_worker(self, work: Work[Any], captioner: ChildCaptioner) -> None:
        while (task := self._tasks.get()) is not None:
            file, future = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                results = list(work(file, captioner))
            except Exception as error:  # it is for whoever waits for this file
                future.set_exception(error)
            else:
                future.set_result(results)


def _start(workers: list[threading.Thread]) -> int:
    """Start as many as the system has room for. → how many; raises DescriberError for none."""
    for count, worker in enumerate(workers):
        try:
            worker.start()
        except RuntimeError as error:  # no thread is left
            if count:
                return count
            raise DescriberError(
                _("This computer has too much to do just now. Please try again."),
                detail=repr(error),
            ) from error
    return len(workers)
