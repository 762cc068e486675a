"""Telling the main thread that it is over, from anywhere."""

from __future__ import annotations

import queue
import signal


class Ending:
    """Like an event, but may be set by a signal handler whatever the handler interrupts.

    `threading.Event` may not: a signal that comes while the main thread enters `wait` finds the
    event's lock taken, by the very thread that would have to give it back, and all stands still.
    """

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[None] = queue.SimpleQueue()  # its `put` is reentrant

    def on_signals(self) -> None:
        """Be set by the signals that ask a program to end; the main thread has to call this."""
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: self.set())

    def set(self) -> None:
        """From now on it is over."""
        self._told.put(None)

    def is_set(self) -> bool:
        """Whether it is over."""
        return not self._told.empty()

    def wait(self, seconds: float) -> bool:
        """Whether it is over, as soon as it is, or after so many seconds."""
        try:
            self._told.get(timeout=seconds)
        except queue.Empty:
            return False
        self._told.put(None)  # for whoever asks next
        return True
