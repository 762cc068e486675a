"""One describer a person and display: whoever is started serves, or asks the one that does."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.service import control
from describer_daemon.service.shutdown import ShutdownEvent

_TAKE_OVER_TIMEOUT = 5.0  # seconds for another describer to start or to end
_END_TIMEOUT = 30.0  # seconds: each of its parts has some to end in


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


def quit_and_wait(timeout: float = _END_TIMEOUT) -> dict[str, Any]:
    """Ask the describer to end; → its reply, once it has ended.

    Raises DescriberError when none runs, or when it has not ended after `timeout` seconds.
    """
    with contextlib.ExitStack() as stack:
        ends: list[Callable[[float], bool]] = []
        reply = control.send(
            "quit", timeout=5.0, on_connect=lambda one: ends.append(_watch_end(one, stack))
        )
        if reply.get("ok") and not all(ended(timeout) for ended in ends):
            raise DescriberError("The describer has not ended yet. Its log says more.")
    return reply


def _watch_end(connection: socket.socket, stack: contextlib.ExitStack) -> Callable[[float], bool]:
    """→ waits so many seconds for the server's end, and tells whether it came."""
    server = control.peer(connection)
    if server is not None and hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):  # an old kernel, or one seen from a container
            process = os.pidfd_open(server[0])  # it, and no later one with its number
            stack.callback(os.close, process)
            return lambda seconds: bool(select.select([process], [], [], seconds)[0])
    path = Path(os.fsdecode(connection.getpeername()))
    before = path.stat()

    def ended(seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:  # it takes its socket away with the lock, last of all
                if not os.path.samestat(path.stat(), before):
                    return True
            except FileNotFoundError:
                return True
            time.sleep(0.02)
        return False

    return ended
