"""One describer for each person: whoever is started serves, or asks the one that does."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Protocol

import click

from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.service import control
from describer_daemon.service.shutdown import ShutdownEvent

_TAKE_OVER_TIMEOUT = 5.0  # seconds for another describer to start or to end


class Server(Protocol):
    """The part of `app.Daemon` that is needed here."""

    def run(self, ready: Callable[[], None]) -> None:
        """Serve to the end. Raises AlreadyRunningError when another serves this person."""


def serve_or_ask(server: Server, ready: Callable[[], None], shutdown: ShutdownEvent) -> bool:
    """Serve, calling `ready` once; or have the running instance describe the screen. → served?

    One that holds the lock but does not answer is just starting, or just ending: soon it will
    answer, or the lock will be free. Raises DescriberError when it does neither.
    """
    deadline = time.monotonic() + _TAKE_OVER_TIMEOUT
    while True:
        try:
            server.run(ready)
        except control.AlreadyRunningError:
            try:
                _ask()
            except DescriberError:
                if shutdown.is_set() or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return False
        else:
            return True


def _ask() -> None:
    reply = control.send(Verb.SCREEN.value)
    if not reply.get("ok"):
        raise DescriberError(str(reply.get("sentence")))


def print_line(line: str) -> None:
    """Print it; a line that cannot be written, as on a full disk, must not end the describer."""
    with contextlib.suppress(OSError):
        click.echo(line)


def discard_unwritten() -> None:
    """Output that a full disk did not take must not change this program's exit status."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
