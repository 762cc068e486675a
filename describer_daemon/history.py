"""What was described before, for as long as the person wants it remembered. Usually: not at all.

The disk is another thread's affair, which is there only while something is to be remembered.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial

from describer_daemon.core import remembering
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.core.remembering import Entry, Remembered
from describer_daemon.service.history_file import DamagedError, HistoryFile

log = logging.getLogger(__name__)

_LONGEST_WAIT = 3600.0  # seconds; the clock may be set meanwhile
_LARGEST_REPLY = 900_000  # bytes
_CLOSING = 2.0  # seconds that the disk gets at the end


class History:
    """See `remembering.Memory`. May be used from any thread."""

    def __init__(
        self,
        report: Callable[[DescriberError], None],
        file: HistoryFile | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`report` is told, once for each sentence, of a disk that refuses."""
        self._report, self._file, self._clock = report, file or HistoryFile(), clock
        self._changed = threading.Condition()  # and the lock of all that follows
        self._keep, self._minutes, self._on_disk = 0, 0, False
        self._paused = self._closed = False
        self._entries: list[Entry] = []
        self._heard: Entry | None = None  # the one that was asked for last
        self._newest_was_heard = False  # not of an earlier describer's
        self._unwritten: list[Entry] = []
        self._stuck: list[Entry] = []  # that the disk refused
        self._clearing = False
        self._thread: threading.Thread | None = None
        self._told: set[str] = set()

    def follow(self, keep: int, minutes: int, file: bool) -> None:
        """Remember `keep` descriptions, 0 for none, each for so many `minutes`, 0 for ever.

        With `file` on the disk, too. The names are those of the settings.
        """
        with self._changed:
            if (keep, minutes, file) == (self._keep, self._minutes, self._on_disk):
                return
            self._keep, self._minutes, self._on_disk = keep, minutes, file
            self._paused = False
            self._told.clear()
            self._forget_old()
            self._unwritten = list(self._entries) if file else []
            if keep:
                self._wake()

    def close(self) -> None:
        """Write what is to be written, and remember nothing more."""
        with self._changed:
            thread, self._closed = self._thread, True
            self._changed.notify_all()
        if thread is not None:
            thread.join(_CLOSING)

    def remember(self, entry: Entry) -> None:
        with self._changed:
            self._heard = None
            if not self._keep or self._paused:
                return
            self._newest_was_heard = True
            self._entries.append(entry)
            self._forget_old()
            if self._on_disk:
                self._unwritten.append(entry)
            self._wake()

    def asked(self, verb: Verb) -> Remembered:
        with self._changed:
            if verb is Verb.FORGET:
                self._clear()
                self._paused = True
                return Remembered(_(remembering.FORGOTTEN))
            if not self._keep or self._paused:
                return Remembered(_(remembering.OFF))
            self._forget_old()
            return self._step(-1 if verb is Verb.PREVIOUS else 1)

    def entries(self) -> list[Entry]:
        """What is remembered, oldest first."""
        with self._changed:
            self._forget_old()
            return list(self._entries)

    def clear(self) -> None:
        """Forget all, and go on remembering what comes."""
        with self._changed:
            self._clear()

    def answer(self, verb: str) -> Mapping[str, object]:
        """What the control socket replies to "history" and "clear-history".

        The newest that a reply has room for, oldest first, and how many were left out.
        """
        if verb == "clear-history":
            self.clear()
            return {}
        entries, room = self.entries(), _LARGEST_REPLY
        told: list[Entry] = []
        for entry in reversed(entries):
            room -= len(json.dumps(asdict(entry))) + 2
            if room < 0:
                break
            told.append(entry)
        return {
            "entries": [asdict(entry) for entry in reversed(told)],
            "left out": len(entries) - len(told),
        }

    def _clear(self) -> None:
        self._entries, self._unwritten, self._stuck, self._heard = [], [], [], None
        self._clearing = True  # also of what an earlier describer has left on the disk
        self._wake()

    def _wake(self) -> None:
        """Have the thread look what there is to do."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="history", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _step(self, by: int) -> Remembered:
        entries, heard = self._entries, self._heard
        if not entries:
            return Remembered(_(remembering.NOTHING))
        if heard is None:
            at = len(entries) - int(self._newest_was_heard)
        else:  # which may have been forgotten meanwhile
            at = bisect_left(entries, heard.time, key=_time)
        at += by
        if not 0 <= at < len(entries):
            return Remembered(_(remembering.OLDEST if by < 0 else remembering.NEWEST))
        self._heard = entries[at]
        return Remembered(self._heard.sentence, self._heard)

    def _since(self) -> float:
        """Nothing from before that is remembered."""
        return self._clock() - 60 * self._minutes if self._minutes else 0.0

    def _forget_old(self) -> None:
        since = self._since()
        kept = [entry for entry in self._entries if entry.time >= since]
        self._entries = kept[-self._keep :] if self._keep else []

    def _run(self) -> None:
        """The thread: forgets in time, and does what there is to do on the disk."""
        is_read = False
        while True:
            with self._changed:
                is_read = is_read and self._on_disk and bool(self._keep)
                due = self._clearing or bool(self._unwritten)
                if not due and (self._closed or not self._keep):
                    self._thread = None
                    return
                if not due and (is_read or self._paused or not self._on_disk):
                    self._changed.wait(self._until_next())
                self._forget_old()
                work = self._work()
            is_read = is_read or bool(work)
            for step in work:
                self._on_the_disk(step)

    def _work(self) -> list[Callable[[], None]]:
        """What there is to do on the disk now, in this order."""
        work: list[Callable[[], None]] = []
        if self._clearing:
            work.append(self._file.clear)
        if self._on_disk and self._keep and not self._paused:
            new = [*self._stuck, *self._unwritten]
            work.append(partial(self._merge, new, self._keep, self._since()))
        self._clearing, self._unwritten, self._stuck = False, [], []
        return work

    def _merge(self, unwritten: list[Entry], keep: int, since: float) -> None:
        try:
            there = self._file.add(unwritten, keep=keep, since=since)
        except DamagedError:
            raise
        except DescriberError:
            with self._changed:
                self._stuck = unwritten[-keep:]
            raise
        with self._changed:
            if self._clearing or self._paused or not self._keep:
                return
            later = [entry for entry in self._unwritten if entry not in there]
            self._entries = [*there, *later]
            self._forget_old()

    def _on_the_disk(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DescriberError as error:
            if error.spoken not in self._told:
                self._told.add(error.spoken)
                self._report(error)
        except Exception:  # what is in memory is remembered all the same
            log.exception("the history on the disk cannot be used")

    def _until_next(self) -> float:
        """Seconds until the oldest is to be forgotten."""
        if not self._minutes or not self._entries:
            return _LONGEST_WAIT
        return min(max(0.1, self._entries[0].time - self._since()), _LONGEST_WAIT)


def _time(entry: Entry) -> float:
    return entry.time
