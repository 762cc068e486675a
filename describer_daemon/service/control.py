"""One instance, and the local socket by which other programs ask it for something.

One connection carries one line of JSON there, {"verb": "screen", "wait": true}, and one line
back, {"ok": true, "sentence": "…"}. Only the owner of the daemon is answered.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import socket
import stat
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from describer_daemon import displays
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.service import by_display

log = logging.getLogger(__name__)

Handle = Callable[[str, bool], Mapping[str, object]]

VERBS = (*(verb.value for verb in Verb), "status", "quit", "history", "clear-history")
MAX_REQUEST = 4096  # bytes
_MAX_REPLY = 1024 * 1024
_MAX_PATH = 107  # bytes that fit into sockaddr_un
_SHARED = ("/tmp", "/var/tmp")  # noqa: S108 - where everybody may write: `_shared_folder` checks
_REQUEST_TIMEOUT = 2.0  # seconds for a whole request
_MAX_CONNECTIONS = 16  # connections
_BACKLOG = 128  # connections that are not yet looked at
_BUSY = "The describer is busy. Please try again."
_STOP_TIMEOUT = 0.5  # seconds that stop() gives replies under way


class AlreadyRunningError(DescriberError):
    """Another describer of this person, on this display, holds the lock."""


class NotRunningError(DescriberError):
    """There is no describer to ask."""


class ControlServer:
    """Answers requests from threads of its own; at most one server for each person and display.

    `handle` gets a verb of `VERBS` and whether the caller waits for the outcome; what it
    returns is the reply. It may raise DescriberError.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._guard = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._open = contextlib.ExitStack()
        self._wake: socket.socket | None = None
        self._keys: set[str] = set()
        self._path = Path()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Return once requests are answered. Raises AlreadyRunningError or DescriberError."""
        _require_unix_sockets()
        with contextlib.ExitStack() as stack:
            folder, key = runtime_folder(create=True), displays.key()
            stack.callback(os.close, lock(folder / by_display.named("lock", key)))
            path = folder / by_display.named("control.sock", key)
            self._keys, self._path = {key}, path
            listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            try:
                path.unlink(missing_ok=True)  # stale: the lock is ours
                listener.bind(str(path))
                path.chmod(0o600)
                listener.listen(_BACKLOG)
            except OSError as error:
                raise DescriberError(
                    f"I cannot take requests from other programs. Please look at {folder}.",
                    detail=str(error),
                ) from error
            stack.callback(path.unlink, missing_ok=True)
            listener.setblocking(False)
            wake_reader, self._wake = socket.socketpair()
            stack.enter_context(wake_reader)
            stack.enter_context(self._wake)
            self._open = stack.pop_all()
        self._thread = threading.Thread(
            target=self._accept, args=(listener, wake_reader), name="control", daemon=True
        )
        self._thread.start()

    def adopt_display(self) -> None:
        """Serve the display that this process has got since it was started, too.

        Raises AlreadyRunningError when another describer serves it.
        """
        key = displays.key()
        if self._thread is None or key in self._keys:
            return
        folder = self._path.parent
        self._open.callback(os.close, lock(folder / by_display.named("lock", key)))
        link = folder / by_display.named("control.sock", key)
        link.unlink(missing_ok=True)  # stale: the lock is ours
        link.symlink_to(self._path.name)
        self._open.callback(link.unlink, missing_ok=True)
        self._keys.add(key)

    def stop(self) -> None:
        """Take no more requests, finish the replies under way if they are quick; twice is fine."""
        if self._thread is None or self._wake is None:
            return
        self._wake.send(b"x")
        self._thread.join(_STOP_TIMEOUT)
        self._thread = None
        self._end_connections(time.monotonic() + _STOP_TIMEOUT)
        self._open.close()

    def _end_connections(self, deadline: float) -> None:
        with self._guard:
            open_connections = list(self._connections.items())
        for thread, connection in open_connections:
            if thread is threading.current_thread():
                continue
            thread.join(max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket, wake_reader: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(wake_reader, selectors.EVENT_READ)
            while all(key.fileobj is not wake_reader for key, _ in selector.select()):
                try:
                    connection, _ = listener.accept()
                except OSError as error:
                    # Out of file descriptors, or the client left already: neither is the end.
                    log.warning("no connection: %s", error)
                    time.sleep(0.05)
                    continue
                self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        connection.settimeout(_REQUEST_TIMEOUT)
        if not self._slots.acquire(blocking=False):
            with connection:
                _reply(connection, _failure(_BUSY))
            return
        thread = threading.Thread(
            target=self._serve, args=(connection,), name="control-client", daemon=True
        )
        with self._guard:
            self._connections[thread] = connection
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread left: it may soon have one
            log.warning("no thread for a request: %s", error)
            self._forget(thread)
            with connection:
                _reply(connection, _failure(_BUSY))

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                if not is_owner(connection):
                    log.warning("a request of another person was refused")
                    _reply(connection, _failure("This describer is not yours."))
                else:
                    _reply(connection, self._answer(connection))
        finally:
            self._forget(threading.current_thread())

    def _forget(self, thread: threading.Thread) -> None:
        with self._guard:
            self._connections.pop(thread, None)
        self._slots.release()

    def _answer(self, connection: socket.socket) -> Mapping[str, object]:
        try:
            line = _read_line(connection)
        except OSError as error:
            log.info("no whole request came: %s", error)
            return _failure("The request came too slowly.")
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
            return _failure("Something went wrong in the describer. Its log says more.")


def send(
    verb: str,
    wait: bool = False,
    timeout: float | None = None,
    on_connect: Callable[[socket.socket], None] | None = None,
) -> dict[str, Any]:
    """Ask the running describer; with `wait` the reply comes with the outcome.

    `timeout` in seconds is by default 5, or 120 with `wait`. `on_connect` is called before
    anything is asked. Raises DescriberError when no describer runs, or it does not answer.
    """
    _require_unix_sockets()
    if timeout is None:
        timeout = 120.0 if wait else 5.0
    request = json.dumps({"verb": verb, "wait": wait}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            by_display.connect(connection, runtime_folder(create=False))
            if on_connect is not None:
                on_connect(connection)
            # A server that is busy answers and leaves without reading.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
            reply = json.loads(_read_line(connection, timeout, _MAX_REPLY))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotRunningError(
            "The describer is not running. Start it with: describer run.", detail=str(error)
        ) from error
    except BlockingIOError as error:  # more wait at the door than it has room for
        raise DescriberError(_BUSY, detail=str(error)) from error
    except TimeoutError as error:
        raise DescriberError(
            "The describer did not answer. Please start it again.", detail=str(error)
        ) from error
    except (OSError, ValueError) as error:
        raise DescriberError(
            "The describer left without an answer. Its log says more.", detail=str(error)
        ) from error
    if not isinstance(reply, dict):
        raise DescriberError("The describer's answer makes no sense. Please start it again.")
    return reply


def parse_request(line: bytes) -> tuple[str, bool]:
    """Read one request. Raises DescriberError for everything that is not one."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DescriberError("The request is not a line of JSON.") from error
    if not isinstance(request, dict) or not request.keys() <= {"verb", "wait"}:
        raise DescriberError('A request has a "verb" and perhaps "wait", and nothing else.')
    verb, wait = request.get("verb"), request.get("wait", False)
    if not isinstance(verb, str) or verb not in VERBS:
        raise DescriberError(f"There is no such verb. Known are {', '.join(VERBS)}.")
    if not isinstance(wait, bool):
        raise DescriberError('"wait" is either true or false.')
    return verb, wait


def peer(connection: socket.socket) -> tuple[int, int] | None:
    """Process and user at the other end of a Unix socket; None where the system cannot tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
    )
    process, user, _ = struct.unpack("3i", credentials)
    return process, user


def runtime_folder(*, create: bool) -> Path:
    """The folder of lock and socket, private to this person; the same for server and client.

    Raises FileNotFoundError when it is not there and not to be created, DescriberError when
    it is not ours.
    """
    for parent in _runtime_parents():
        folder = parent / "describer"
        if len(os.fsencode(folder / "control.sock")) <= _MAX_PATH and _is_private(parent):
            break
    else:
        folder = _shared_folder(create=create)
    if not create and not folder.is_dir():
        raise FileNotFoundError(folder)
    try:
        if create:
            folder.mkdir(mode=0o700, exist_ok=True)
        private = _is_private(folder)
    except OSError as error:  # somebody else's, a full disk, one that is only to be read
        raise DescriberError(f"I cannot use the folder {folder}.", detail=str(error)) from error
    if not private:
        raise DescriberError(
            f"The folder {folder} is not private to you. Please remove it, "
            "or set XDG_RUNTIME_DIR to a folder of your own."
        )
    return folder


def _shared_folder(*, create: bool) -> Path:
    """Where everybody may write, so the owner is in the name, and has to be checked."""
    parents = [*_SHARED]
    # it tries to write, and names the current folder where it can write nowhere else
    with contextlib.suppress(FileNotFoundError):
        chosen = tempfile.gettempdir()
        if chosen == os.environ.get("TMPDIR") or not Path.cwd().samefile(chosen):
            parents.insert(0, chosen)
    folders = [Path(parent) / f"describer-{os.geteuid()}" for parent in parents]
    fit = [one for one in folders if len(os.fsencode(one / "control.sock")) <= _MAX_PATH]
    # the disk may have filled up since the one that runs chose
    there = [] if create else [one for one in fit if _is_private(one)]
    return (there or fit)[0]


def _runtime_parents() -> Iterator[Path]:
    # platformdirs' answer is not used: before 4.13 nobody checked whose folder it was.
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    if named.startswith("/"):
        yield Path(named)
    yield Path("/run/user") / str(os.geteuid())


def _is_private(folder: Path) -> bool:
    """Whether it is a folder of ours, and no link, that nobody else may write to."""
    try:
        state = folder.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(state.st_mode)
        and state.st_uid == os.geteuid()
        and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def lock(path: Path, taken: str = "The describer is running already.") -> int:
    """Take a lock for as long as the descriptor that is returned is open.

    Raises AlreadyRunningError, which says `taken`, while somebody else has it, or DescriberError.
    """
    import fcntl

    with contextlib.ExitStack() as stack:
        try:
            # The file stays for ever: to unlink a locked file lets two processes hold "the" lock.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(taken, detail=str(error)) from error
        except OSError as error:
            raise DescriberError(f"I cannot lock the file {path}.", detail=str(error)) from error
        stack.pop_all()
    return descriptor


def is_owner(connection: socket.socket) -> bool:
    """Whether who is at the other end of a Unix socket is the person that we run for."""
    known = peer(connection)
    return known is None or known[1] == os.geteuid()  # macOS: the folder's mode keeps others out


def _read_line(
    connection: socket.socket, timeout: float = _REQUEST_TIMEOUT, largest: int = MAX_REQUEST
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
            raise DescriberError("The message is too long.")
    return bytes(line.partition(b"\n")[0])


def _reply(connection: socket.socket, reply: Mapping[str, object]) -> None:
    text = json.dumps(reply, default=str) + "\n"
    connection.settimeout(_REQUEST_TIMEOUT)
    with contextlib.suppress(OSError):  # who does not wait for the answer does not need it
        connection.sendall(text.encode())


def _failure(sentence: str) -> Mapping[str, object]:
    return {"ok": False, "sentence": sentence}


def _require_unix_sockets() -> None:
    """The one place that knows where this does not work yet."""
    if not hasattr(socket, "AF_UNIX") or os.name != "posix":
        raise DescriberError("Requests from other programs do not work on this system yet.")
