"""One describer a person and display: whoever is started serves, or asks the one that does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, Protocol

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.service import control
from describer_daemon.service.shutdown import ShutdownEvent
from describer_daemon.service.transport import AlreadyRunningError

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
        except AlreadyRunningError:
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
            "quit",
            timeout=5.0,
            on_connect=lambda one, way: ends.append(way.watch_end(one, stack)),
        )
        if reply.get("ok") and not all(ended(timeout) for ended in ends):
            raise DescriberError(_("The describer has not ended yet. Its log says more."))
    return reply
