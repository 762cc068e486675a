"""One instance, and the local channel by which other programs ask it for something.

One connection carries one line of JSON there, {"verb": "screen", "wait": true}, and one line
back, {"ok": true, "sentence": "…"}. Only the owner of the daemon is answered. `transport` has what
carries it on each system.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.service.transport import Connection, Listener, Transport

log = logging.getLogger(__name__)

Handle = Callable[[str, bool], Mapping[str, object]]

VERBS = (*(verb.value for verb in Verb), "status", "quit", "history", "clear-history")
MAX_REQUEST = 4096  # bytes
_MAX_REPLY = 1024 * 1024
_REQUEST_TIMEOUT = 2.0  # seconds for a whole request
_MAX_CONNECTIONS = 16  # connections
_BUSY = N_("The describer is busy. Please try again.")
_STOP_TIMEOUT = 0.5  # seconds that stop() gives replies under way


def this_system() -> Transport:
    """Unix sockets, and named pipes on Windows."""
    if sys.platform == "win32":
        from describer_daemon.service.named_pipe import NamedPipes
        from describer_daemon.service.windows import WindowsPipes

        return NamedPipes(WindowsPipes())
    from describer_daemon.service.unix_socket import UnixSockets

    return UnixSockets()


class NotRunningError(DescriberError):
    """There is no describer to ask."""


class ControlServer:
    """Answers requests from threads of its own; at most one server for each person and display.

    `handle` gets a verb of `VERBS` and whether the caller waits for the outcome; what it
    returns is the reply. It may raise DescriberError.
    """

    def __init__(self, handle: Handle, way: Transport | None = None) -> None:
        """`way` None is the one of this system."""
        self._handle = handle
        self._way = way
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._guard = threading.Lock()
        self._connections: dict[threading.Thread, Connection] = {}
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Return once requests are answered. Raises AlreadyRunningError or DescriberError."""
        way = self._way or this_system()
        self._listener = way.listen()
        self._thread = threading.Thread(
            target=self._accept, args=(self._listener, way), name="control", daemon=True
        )
        self._thread.start()

    def adopt_display(self) -> None:
        """Serve the display that this process has got since it was started, too.

        Raises AlreadyRunningError when another describer serves it.
        """
        if self._thread is not None and self._listener is not None:
            self._listener.adopt_display()

    def stop(self) -> None:
        """Take no more requests, finish the replies under way if they are quick; twice is fine."""
        if self._thread is None or self._listener is None:
            return
        self._listener.end()
        self._thread.join(_STOP_TIMEOUT)
        self._thread = None
        self._end_connections(time.monotonic() + _STOP_TIMEOUT)
        self._listener.close()

    def _end_connections(self, deadline: float) -> None:
        with self._guard:
            open_connections = list(self._connections.items())
        for thread, connection in open_connections:
            if thread is threading.current_thread():
                continue
            thread.join(max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: Listener, way: Transport) -> None:
        while True:
            try:
                connection = listener.accept()
            except OSError as error:
                # Out of file descriptors, or the client left already: neither is the end.
                log.warning("no connection: %s", error)
                time.sleep(0.05)
                continue
            if connection is None:
                return
            self._admit(connection, way)

    def _admit(self, connection: Connection, way: Transport) -> None:
        connection.settimeout(_REQUEST_TIMEOUT)
        if not self._slots.acquire(blocking=False):
            with connection:
                _reply(connection, _failure(_(_BUSY)))
            return
        thread = threading.Thread(
            target=self._serve, args=(connection, way), name="control-client", daemon=True
        )
        with self._guard:
            self._connections[thread] = connection
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread left: it may soon have one
            log.warning("no thread for a request: %s", error)
            self._forget(thread)
            with connection:
                _reply(connection, _failure(_(_BUSY)))

    def _serve(self, connection: Connection, way: Transport) -> None:
        try:
            with connection:
                if not way.is_owner(connection):
                    log.warning("a request of another person was refused")
                    _reply(connection, _failure(_("This describer is not yours.")))
                else:
                    _reply(connection, self._answer(connection))
        finally:
            self._forget(threading.current_thread())

    def _forget(self, thread: threading.Thread) -> None:
        with self._guard:
            self._connections.pop(thread, None)
        self._slots.release()

    def _answer(self, connection: Connection) -> Mapping[str, object]:
        try:
            line = _read_line(connection)
        except OSError as error:
            log.info("no whole request came: %s", error)
            return _failure(_("The request came too slowly."))
        except DescriberError as error:
            return _failure(error.spoken)
        try:
            verb, wait = parse_request(line)
            return {"ok": True, **self._handle(verb, wait)}
        except DescriberError as error:
            log.info("request refused: %s %s", error.spoken, error.detail)
            return _failure(error.spoken)
        except Exception:
            log.exception("a request failed")
            return _failure(_("Something went wrong in the describer. Its log says more."))


def send(
    verb: str,
    wait: bool = False,
    timeout: float | None = None,
    on_connect: Callable[[Connection, Transport], None] | None = None,
    way: Transport | None = None,
) -> dict[str, Any]:
    """Ask the running describer; with `wait` the reply comes with the outcome.

    `timeout` in seconds is by default 5, or 120 with `wait`. `on_connect` is called before
    anything is asked. Raises DescriberError when no describer runs, or it does not answer.
    """
    way = way or this_system()
    if timeout is None:
        timeout = 120.0 if wait else 5.0
    request = json.dumps({"verb": verb, "wait": wait}).encode() + b"\n"
    try:
        with way.connect(timeout) as connection:
            if on_connect is not None:
                on_connect(connection, way)
            # A server that is busy answers and leaves without reading.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
            reply = json.loads(_read_line(connection, timeout, _MAX_REPLY))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotRunningError(
            _("The describer is not running. Start it with: describer run."), detail=str(error)
        ) from error
    except BlockingIOError as error:  # more wait at the door than it has room for
        raise DescriberError(_(_BUSY), detail=str(error)) from error
    except TimeoutError as error:
        raise DescriberError(
            _("The describer did not answer. Please start it again."), detail=str(error)
        ) from error
    except (OSError, ValueError) as error:
        raise DescriberError(
            _("The describer left without an answer. Its log says more."), detail=str(error)
        ) from error
    if not isinstance(reply, dict):
        raise DescriberError(_("The describer's answer makes no sense. Please start it again."))
    return reply


def parse_request(line: bytes) -> tuple[str, bool]:
    """Read one request. Raises DescriberError for everything that is not one."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DescriberError(_("The request is not a line of JSON.")) from error
    if not isinstance(request, dict) or not request.keys() <= {"verb", "wait"}:
        raise DescriberError(_('A request has a "verb" and perhaps "wait", and nothing else.'))
    verb, wait = request.get("verb"), request.get("wait", False)
    if not isinstance(verb, str) or verb not in VERBS:
        raise DescriberError(
            _("There is no such verb. Known are {verbs}.").format(verbs=", ".join(VERBS))
        )
    if not isinstance(wait, bool):
        raise DescriberError(_('"wait" is either true or false.'))
    return verb, wait


def _read_line(
    connection: Connection, timeout: float = _REQUEST_TIMEOUT, largest: int = MAX_REQUEST
) -> bytes:
    """Read up to a newline; the time is for the whole line, not for each chunk."""
    deadline = time.monotonic() + timeout
    line = bytearray()
    while b"\n" not in line:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("no whole line came")
        connection.settimeout(remaining)
        chunk = connection.recv(largest + 1 - len(line))
        if not chunk:
            break
        line += chunk
        if len(line) > largest:
            raise DescriberError(_("The message is too long."))
    return bytes(line.partition(b"\n")[0])


def _reply(connection: Connection, reply: Mapping[str, object]) -> None:
    text = json.dumps(reply, default=str) + "\n"
    connection.settimeout(_REQUEST_TIMEOUT)
    with contextlib.suppress(OSError):  # who does not wait for the answer does not need it
        connection.sendall(text.encode())


def _failure(sentence: str) -> Mapping[str, object]:
    return {"ok": False, "sentence": sentence}
