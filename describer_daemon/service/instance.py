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
from describer_daemon.service.shutdown import Ending

_TAKE_OVER_WITHIN = 5.0  # seconds for another describer to start or to end


class Server(Protocol):
    """The part of `app.Daemon` that is needed here."""

    def run(self, ready: Callable[[], None]) -> None:
        """Serve to the end. Raises AlreadyRunningError when another serves this person."""


def serve_or_ask(server: Server, ready: Callable[[], None], ending: Ending) -> bool:
    """Serve, calling `ready` once; or have the describer that runs describe the screen. → served?

    One that holds the place but does not answer is just starting, or just ending: soon it will
    answer, or the place will be free. Raises DescriberError when it does neither.
    """
    latest = time.monotonic() + _TAKE_OVER_WITHIN
    while True:
        try:
            server.run(ready)
        except control.AlreadyRunningError:
            try:
                _ask()
            except DescriberError:
                if ending.is_set() or time.monotonic() > latest:
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


def tell(line: str) -> None:
    """Print it; what cannot be written, as on a full disk, must not cost anyone the describer."""
    with contextlib.suppress(OSError):
        click.echo(line)


def forget_unwritten() -> None:
    """What a full disk did not take of what was printed shall not spoil how this program ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
