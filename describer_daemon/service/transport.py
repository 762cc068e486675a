"""How a request reaches the describer on this system: what a way to it has to offer.

The protocol, its limits and its time-outs are in `control`; a way only carries bytes, and sees to
it that both ends belong to the same person. See ADR 0053.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Protocol, Self

from describer_daemon.core.ports import DescriberError


class AlreadyRunningError(DescriberError):
    """Another describer of this person, on this display, serves already."""


class Connection(Protocol):
    """One end of a connection: the part of `socket.socket` that is needed."""

    def settimeout(self, seconds: float | None, /) -> None:
        """How long `recv` and `sendall` wait from now on; None is without end."""

    def recv(self, size: int, /) -> bytes:
        """At least one byte; none at the end. Raises TimeoutError, or another OSError."""

    def sendall(self, data: bytes, /) -> None:
        """Raises BrokenPipeError when nobody reads, TimeoutError, or another OSError."""

    def shutdown(self, how: int, /) -> None:
        """End what another thread waits for. Raises OSError where it is over already."""

    def close(self) -> None:
        """Twice is fine. What was sent can still be read at the other end."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Listener(Protocol):
    """Where connections come in, for one describer a person and display."""

    def accept(self) -> Connection | None:
        """Wait for a connection; None once it was told to end.

        Raises OSError when one could not be made; the next may be.
        """

    def end(self) -> None:
        """Have `accept` return None, in whichever thread it waits."""

    def adopt_display(self) -> None:
        """Serve the display that this process has got since, too. Raises AlreadyRunningError."""

    def close(self) -> None:
        """Free the place for the next describer."""


class Transport(Protocol):
    """A way."""

    def listen(self) -> Listener:
        """Raises AlreadyRunningError, or DescriberError when no requests can be taken."""

    def connect(self, timeout: float) -> Connection:
        """Connect to the describer of this person and display, in so many seconds.

        Raises FileNotFoundError or ConnectionRefusedError when there is none, BlockingIOError
        when too many wait there, TimeoutError, and DescriberError when it is not known which is
        meant, or it is somebody else's.
        """

    def is_owner(self, connection: Connection) -> bool:
        """Whether who has connected to us is the person whose describer this is."""

    def watch_end(
        self, connection: Connection, stack: contextlib.ExitStack
    ) -> Callable[[float], bool]:
        """→ waits so many seconds for the server's end, and tells whether it came.

        What that needs is closed with `stack`.
        """
