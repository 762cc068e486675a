"""Asking the main thread to shut down, from any thread or signal handler."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import threading
from collections.abc import Iterator
from typing import NoReturn


@contextlib.contextmanager
def as_interrupts() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise KeyboardInterrupt meanwhile, as Ctrl+C does.

    So a command can end what it has started, when its terminal is closed or the session ends.
    Those that are ignored stay ignored, and in another thread than the main one nothing changes.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


class ShutdownEvent:
    """Like an event, but may be set by a signal handler whatever the handler interrupts.

    `threading.Event` may not: a signal that comes while the main thread enters `wait` finds the
    event's lock taken, by the very thread that would have to give it back, and all stands still.
    Nor is it enough that a handler runs: where the system gives the signal to another thread, the
    main one would not know of it before its wait is over. So it waits for a socket to be written
    to, which is done by whoever gets the signal.
    """

    def __init__(self) -> None:
        self._set = False
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)

    def __del__(self) -> None:
        self._read.close()
        self._write.close()

    def on_signals(self) -> None:
        """Be set by the signals that ask a program to end; the main thread has to call this.

        Those that whoever started us had us ignore stay ignored: `nohup` does so with SIGHUP,
        that the program outlives its terminal, and a script's `&` with SIGINT, that Ctrl+C is
        for the script alone. SIGTERM always ends it.
        """
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: self.set())
        for name in ("SIGINT", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)  # the last is for Windows alone, in its stead
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: self.set())

    def set(self) -> None:
        """Ask for the shutdown."""
        self._set = True
        with contextlib.suppress(BlockingIOError):  # full: it is awake anyway
            self._write.send(b"\0")

    def is_set(self) -> bool:
        """Whether the shutdown was asked for."""
        return self._set

    def wait(self, seconds: float) -> bool:
        """Whether it is set, as soon as it is, or after so many seconds.

        It may return early without being set: a signal's handler may have yet to run.
        """
        if not self._set and select.select([self._read], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                self._read.recv(4096)
        return self._set
