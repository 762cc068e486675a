"""Requests by a named pipe, as Windows has them: the same bytes as by a Unix socket.

Only calls of Windows are made elsewhere (`windows`), so that all of this can be tested anywhere.
The first instance of the pipe is the lock, too: there is no second "first", so nobody else can
have put a pipe of that name there before. See ADR 0053.
"""

from __future__ import annotations

import contextlib
import functools
import math
import threading
import time
from collections.abc import Callable
from typing import Protocol, Self

from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.service.transport import AlreadyRunningError, Connection

BUFFER = 1 << 16  # bytes that wait in the pipe for whoever reads; more are waited for
ABORTED, NO_DATA, PIPE_BUSY, SEM_TIMEOUT = 995, 232, 231, 121  # errors of Windows
_LOOK_INTERVAL = 50  # milliseconds between looks for a free place; instances come and go
_NOT_YOURS = N_("The describer that runs here is not yours, so nothing is asked of it.")


class Operation(Protocol):
    """What was begun: `_winapi.Overlapped`."""

    @property
    def event(self) -> int:
        """A handle on what tells of its end."""

    def GetOverlappedResult(self, wait: bool, /) -> tuple[int, int]:  # noqa: N802 - Windows' name
        """→ bytes that were moved, and 0 or the error ABORTED. Raises OSError."""

    def getbuffer(self) -> bytes | None:
        """What was read."""

    def cancel(self) -> None:
        """End it, from any thread."""


class Pipes(Protocol):
    """The calls of Windows that are needed; each may raise OSError."""

    def name(self) -> str:
        """The pipe of this person in this session."""

    def create(self, name: str, *, first: bool) -> int:
        """One more instance, which only its owner, on this machine, may open. → its handle.

        Raises PermissionError when it should be the `first` and is not.
        """

    def open(self, name: str) -> int:
        """The other end. FileNotFoundError: there is none; PIPE_BUSY: all are in use."""

    def await_free(self, name: str, milliseconds: int) -> None:
        """Wait for an instance that is free. Raises OSError, SEM_TIMEOUT when there is none."""

    def is_ours(self, handle: int) -> bool:
        """Whether the pipe belongs to this person."""

    def accept(self, handle: int) -> Operation:
        """Begin to wait for who opens it. NO_DATA: somebody was there, and left."""

    def read(self, handle: int, size: int) -> Operation:
        """Begin to read. Raises BrokenPipeError at the end."""

    def write(self, handle: int, data: bytes) -> Operation:
        """Begin to write."""

    def ended(self, operation: Operation, milliseconds: int | None) -> bool:
        """Wait so long, or without end, for an operation; → whether it has ended."""

    def server(self, handle: int) -> int:
        """A handle on the process that has created the pipe."""

    def exited(self, process: int, milliseconds: int) -> bool:
        """Wait so long for a process; → whether it has ended."""

    def close(self, handle: int) -> None:
        """Give a handle back."""


class NamedPipes:
    """See `transport.Transport`."""

    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes

    def listen(self) -> PipeListener:
        """See `transport.Transport`."""
        return PipeListener(self._pipes)

    def connect(self, timeout: float) -> PipeConnection:
        """See `transport.Transport`."""
        name, deadline = self._pipes.name(), time.monotonic() + timeout
        while True:
            try:
                handle = self._pipes.open(name)
            except PermissionError as error:
                raise DescriberError(_(_NOT_YOURS), detail=str(error)) from error
            except OSError as error:
                if code(error) != PIPE_BUSY:
                    raise
            else:
                break
            if time.monotonic() > deadline:
                raise BlockingIOError("all instances of the pipe are in use")
            with contextlib.suppress(OSError):  # `open` will tell
                self._pipes.await_free(name, _LOOK_INTERVAL)
        connection = PipeConnection(self._pipes, handle)
        # whoever is not the owner may have made a pipe of that name while no describer ran
        if not self._pipes.is_ours(handle):
            connection.close()
            raise DescriberError(_(_NOT_YOURS))
        connection.settimeout(timeout)
        return connection

    def is_owner(self, connection: Connection) -> bool:
        """See `transport.Transport`: the pipe lets nobody else in."""
        return True

    def watch_end(
        self, connection: Connection, stack: contextlib.ExitStack
    ) -> Callable[[float], bool]:
        """See `transport.Transport`."""
        if not isinstance(connection, PipeConnection):
            raise TypeError("this is no connection by a pipe")
        process = self._pipes.server(connection.handle)
        stack.callback(self._pipes.close, process)
        return lambda seconds: self._pipes.exited(process, _milliseconds(seconds))


class PipeListener:
    """See `transport.Listener`."""

    def __init__(self, pipes: Pipes) -> None:
        self._pipes, self._name = pipes, pipes.name()
        self._guard = threading.Lock()  # of the two that follow
        self._ended = False
        self._waiting: Operation | None = None
        try:
            self._next: int | None = pipes.create(self._name, first=True)
        except PermissionError as error:
            raise AlreadyRunningError(
                _("The describer is running already."), detail=str(error)
            ) from error
        except OSError as error:
            raise DescriberError(
                _("I cannot take requests from other programs. Please log in again."),
                detail=str(error),
            ) from error

    def accept(self) -> PipeConnection | None:
        """See `transport.Listener`."""
        if self._next is None:  # there was no memory for it
            self._next = self._another()
        handle = self._next
        try:
            if not self._await_client(handle):
                return None
        except OSError:
            with contextlib.closing(PipeConnection(self._pipes, handle)):
                self._renew()  # this one may be of no use any more
            raise
        connection = PipeConnection(self._pipes, handle)
        try:
            self._renew()
        except OSError:
            connection.close()
            raise
        return connection

    def end(self) -> None:
        """See `transport.Listener`."""
        with self._guard:
            self._ended = True
            if self._waiting is not None:
                self._waiting.cancel()

    def adopt_display(self) -> None:
        """See `transport.Listener`: there is but one desktop in a session of Windows."""

    def close(self) -> None:
        """See `transport.Listener`."""
        handle, self._next = self._next, None
        if handle is not None:
            self._pipes.close(handle)

    def _await_client(self, handle: int) -> bool:
        """Whether one came before the end."""
        with self._guard:
            if self._ended:
                return False
            try:
                self._waiting = waiting = self._pipes.accept(handle)
            except OSError as error:
                if code(error) == NO_DATA:  # it is answered all the same, as by a socket
                    return True
                raise
        self._pipes.ended(waiting, None)
        with self._guard:
            self._waiting = None
            ended = self._ended
        waiting.GetOverlappedResult(True)
        return not ended

    def _renew(self) -> None:
        """Before the last one is used up: without an instance the name is free for others."""
        self._next = None
        self._next = self._another()

    def _another(self) -> int:
        handle = self._pipes.create(self._name, first=False)
        if not self._pipes.is_ours(handle):  # the name was free for a moment
            self._pipes.close(handle)
            raise PermissionError("the pipe's name was taken by another person")
        return handle


class PipeConnection:
    """See `transport.Connection`."""

    def __init__(self, pipes: Pipes, handle: int) -> None:
        self._pipes = pipes
        self.handle = handle
        self._timeout: float | None = None
        self._guard = threading.Lock()  # of all that follow
        self._pending: Operation | None = None
        self._shut, self._closed = False, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def settimeout(self, seconds: float | None, /) -> None:
        """See `transport.Connection`."""
        self._timeout = seconds

    def recv(self, size: int, /) -> bytes:
        """See `transport.Connection`."""
        try:
            read, count = self._done(
                functools.partial(self._pipes.read, self.handle, min(size, BUFFER))
            )
        except BrokenPipeError:
            return b""
        return bytes(read.getbuffer() or b"")[:count]

    def sendall(self, data: bytes, /) -> None:
        """See `transport.Connection`."""
        for start in range(0, len(data), BUFFER):
            self._send(data[start : start + BUFFER])

    def shutdown(self, _how: int = 0, /) -> None:
        """See `transport.Connection`: both ways, whatever is asked for.

        Who is at work on an answer keeps no instance, for that would keep the name.
        """
        with self._guard:
            self._shut = True
            if self._pending is not None:
                self._pending.cancel()  # whoever waits for it will close
                return
        self.close()

    def close(self) -> None:
        """See `transport.Connection`. Not disconnected: that would throw away what was sent."""
        with self._guard:
            closed, self._closed, self._shut = self._closed, True, True
        if not closed:
            self._pipes.close(self.handle)

    def _send(self, part: bytes) -> None:
        while part:
            _, count = self._done(functools.partial(self._pipes.write, self.handle, part))
            part = part[count:]

    def _done(self, begin: Callable[[], Operation]) -> tuple[Operation, int]:
        """Begin, and wait for the end. → the operation, and how many bytes it has moved."""
        with self._guard:
            if self._shut:
                raise BrokenPipeError("the connection was shut down")
            self._pending = operation = begin()
        try:
            timeout = None if self._timeout is None else _milliseconds(self._timeout)
            if not self._pipes.ended(operation, timeout):
                operation.cancel()
            count, error = operation.GetOverlappedResult(True)
        finally:
            with self._guard:
                self._pending = None
        if error != ABORTED:
            return operation, count
        if self._shut:
            raise BrokenPipeError("the connection was shut down")
        raise TimeoutError("the other end did not get on in time")


def code(error: OSError) -> int | None:
    """The number that Windows gives an error; None elsewhere."""
    number: int | None = getattr(error, "winerror", None)
    return number


def _milliseconds(seconds: float) -> int:
    return max(0, math.ceil(seconds * 1000))
