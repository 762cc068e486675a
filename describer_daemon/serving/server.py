"""Answers requests, each connection in a thread of its own; one picture at a time, few wait."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from describer_daemon.core.i18n import N_, _
from describer_daemon.serving.gate import Gate
from describer_daemon.serving.wire import GoneError, RefusedError, Request, Wire, too_large

log = logging.getLogger(__name__)

Answer = Callable[[bytes], tuple[int, bytes]]
"""A picture's file → status and JSON."""

_MAX_CONNECTIONS = 16
_MOST_REQUESTS = 1000  # on one connection
_TURN_TIMEOUT = 60.0  # seconds to wait for the pictures before
_STOP_TIMEOUT = 2.0  # seconds that stop() gives answers under way
_METHODS = {"/describe": "POST", "/health": "GET"}
_BUSY = N_("I am busy. Please try again.")


@dataclass(frozen=True, slots=True)
class Limits:
    """`largest` picture in bytes; so many pictures may be `waiting` behind the one that is seen."""

    largest: int = 32 << 20
    waiting: int = 4


class Server:
    """Takes requests from one socket that listens, until `stop`."""

    def __init__(
        self,
        listener: socket.socket,
        gate: Gate,
        answer: Answer,
        limits: Limits = Limits(),
    ) -> None:
        """`answer` is called for one picture at a time; what it raises is status 500."""
        self._listener, self._gate, self._answer, self._limits = listener, gate, answer, limits
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._places = threading.BoundedSemaphore(1 + limits.waiting)
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._wake, self._wake_reader = socket.socketpair()
        self._stopped = False
        self._thread = threading.Thread(target=self._accept, name="serving", daemon=True)

    def start(self) -> None:
        """Return once requests are answered."""
        self._listener.setblocking(False)
        self._thread.start()

    def stop(self) -> None:
        """Take no more; answers under way have a moment to end. Twice is fine."""
        if self._stopped:
            return
        self._stopped = True
        self._wake.send(b"x")
        self._thread.join(_STOP_TIMEOUT)
        deadline = time.monotonic() + _STOP_TIMEOUT
        with self._guard:
            open_connections = list(self._connections.items())
        for __, connection in open_connections:
            with contextlib.suppress(OSError):  # an idle one need not wait for its time
                connection.shutdown(socket.SHUT_RD)
        for thread, connection in open_connections:
            thread.join(max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._wake.close()
        self._wake_reader.close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_reader, selectors.EVENT_READ)
            while all(key.fileobj is not self._wake_reader for key, __ in selector.select()):
                try:
                    connection, __ = self._listener.accept()
                except OSError as error:
                    # out of file descriptors, or the client left already: neither is the end
                    log.warning("no connection: %s", error)
                    time.sleep(0.05)
                    continue
                self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        if not self._slots.acquire(blocking=False):
            # not by `refuse`, which would have everybody wait for this one
            with connection, contextlib.suppress(GoneError):
                Wire(connection).answer(503, b'{"error": "I am busy."}\n', stays=False)
            return
        thread = threading.Thread(
            target=self._serve, args=(connection,), name="serving-client", daemon=True
        )
        with self._guard:
            self._connections[thread] = connection
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread left: it may soon have one
            log.warning("no thread for a request: %s", error)
            connection.close()
            self._forget(thread)

    def _serve(self, connection: socket.socket) -> None:
        wire = Wire(connection)
        try:
            with connection, contextlib.suppress(GoneError):
                if not self._is_ours(connection):
                    wire.refuse(RefusedError(403, _("This describer is not yours.")))
                    return
                for __ in range(_MOST_REQUESTS):
                    if not self._one(wire):
                        return
        except Exception:
            log.exception("a request failed")
        finally:
            self._forget(threading.current_thread())

    @staticmethod
    def _is_ours(connection: socket.socket) -> bool:
        """On a port the token tells; the kernel does where it knows who asks."""
        if sys.platform == "win32" or connection.family != socket.AF_UNIX:
            return True
        from describer_daemon.service import unix_socket

        return unix_socket.is_owner(connection)

    def _forget(self, thread: threading.Thread) -> None:
        with self._guard:
            self._connections.pop(thread, None)
        self._slots.release()

    def _one(self, wire: Wire) -> bool:
        """Answer one request. → whether another may follow. Raises GoneError."""
        head = False
        try:
            request = wire.request()
            head = request.method == "HEAD"
            self._gate.check(request)
            status, body = self._routed(request, wire)
        except RefusedError as refusal:
            wire.refuse(refusal, head=head)
            return False
        stays = request.stays and not self._stopped
        wire.answer(status, body, stays=stays)
        return stays

    def _routed(self, request: Request, wire: Wire) -> tuple[int, bytes]:
        method = _METHODS.get(request.target)
        if method is None and request.target != "*":
            raise RefusedError(404, "There is nothing here. Known are /describe and /health.")
        if request.method != method:
            raise RefusedError(
                405, "This is asked for in another way.", Allow=method or "GET, POST"
            )
        length, waits = request.length(), request.waits
        if method == "GET":
            if length != 0:
                raise RefusedError(400, "GET has no body.")
            return 200, b'{"ok": true}\n'
        return self._described(length, waits, wire)

    def _described(self, length: int | None, waits: bool, wire: Wire) -> tuple[int, bytes]:
        if length == 0:
            raise RefusedError(411, _("The picture is missing, or its length."))
        if length is not None and length > self._limits.largest:
            raise too_large(self._limits.largest)
        # before the body is read: no more of them lie in memory than have a place
        if not self._places.acquire(blocking=False):
            raise RefusedError(503, _(_BUSY), Retry_After="1")
        try:
            if waits:
                wire.go_on()
            return self._in_turn(wire.body(length, self._limits.largest))
        finally:
            self._places.release()

    def _in_turn(self, data: bytes) -> tuple[int, bytes]:
        """Answer for one picture when those before have been. Raises RefusedError."""
        if not self._turn.acquire(timeout=_TURN_TIMEOUT):
            raise RefusedError(503, _(_BUSY), Retry_After="1")
        try:
            return self._answer(data)
        except Exception:
            log.exception("a picture failed")
            raise RefusedError(500, _("Something went wrong inside the describer.")) from None
        finally:
            self._turn.release()
