"""Requests by a Unix socket, in a folder that only the owner may enter, with a lock beside it."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import socket
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from describer_daemon import displays
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.service import by_display
from describer_daemon.service.transport import AlreadyRunningError, Connection

if sys.platform == "win32":
    raise ImportError("Python has no Unix sockets on Windows: see named_pipe")

_MAX_PATH = 103 if sys.platform == "darwin" else 107  # bytes that fit into sockaddr_un
_SHARED = ("/tmp", "/var/tmp")  # noqa: S108 - where everybody may write: `_shared_folder` checks
_BACKLOG = 128  # connections that are not yet looked at


class UnixSockets:
    """See `transport.Transport`."""

    def listen(self) -> UnixListener:
        """See `transport.Transport`."""
        return UnixListener()

    def connect(self, timeout: float) -> socket.socket:
        """See `transport.Transport`."""
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            connection.settimeout(timeout)
            by_display.connect(connection, runtime_folder(create=False))
            stack.pop_all()
        return connection

    def is_owner(self, connection: Connection) -> bool:
        """See `transport.Transport`."""
        return is_owner(cast("socket.socket", connection))

    def watch_end(
        self, connection: Connection, stack: contextlib.ExitStack
    ) -> Callable[[float], bool]:
        """See `transport.Transport`."""
        ours = cast("socket.socket", connection)
        server = peer(ours)
        if server is not None and hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):  # an old kernel, or one seen from a container
                process = os.pidfd_open(server[0])  # it, and no later one with its number
                stack.callback(os.close, process)
                return lambda seconds: bool(select.select([process], [], [], seconds)[0])
        return _watch_place(Path(os.fsdecode(ours.getpeername())))


class UnixListener:
    """See `transport.Listener`."""

    def __init__(self) -> None:
        with contextlib.ExitStack() as stack:
            folder, key = runtime_folder(create=True), displays.key()
            stack.callback(os.close, lock(folder / by_display.named("lock", key)))
            path = folder / by_display.named("control.sock", key)
            self._keys, self._path = {key}, path
            self._socket = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            try:
                path.unlink(missing_ok=True)  # stale: the lock is ours
                self._socket.bind(str(path))
                path.chmod(0o600)
                self._socket.listen(_BACKLOG)
            except OSError as error:
                raise DescriberError(
                    _(
                        "I cannot take requests from other programs. Please look at {folder}."
                    ).format(folder=folder),
                    detail=str(error),
                ) from error
            stack.callback(path.unlink, missing_ok=True)
            self._socket.setblocking(False)
            self._woken, self._wake = socket.socketpair()
            stack.enter_context(self._woken)
            stack.enter_context(self._wake)
            self._selector = stack.enter_context(selectors.DefaultSelector())
            self._selector.register(self._socket, selectors.EVENT_READ)
            self._selector.register(self._woken, selectors.EVENT_READ)
            self._open = stack.pop_all()
        self._ended = False

    def accept(self) -> socket.socket | None:
        """See `transport.Listener`."""
        if self._ended or self._is_woken():
            return None
        return self._socket.accept()[0]

    def end(self) -> None:
        """See `transport.Listener`."""
        self._ended = True
        self._wake.send(b"x")

    def adopt_display(self) -> None:
        """See `transport.Listener`."""
        key = displays.key()
        if key in self._keys:
            return
        folder = self._path.parent
        self._open.callback(os.close, lock(folder / by_display.named("lock", key)))
        link = folder / by_display.named("control.sock", key)
        link.unlink(missing_ok=True)  # stale: the lock is ours
        link.symlink_to(self._path.name)
        self._open.callback(link.unlink, missing_ok=True)
        self._keys.add(key)

    def close(self) -> None:
        """See `transport.Listener`."""
        self._open.close()

    def _is_woken(self) -> bool:
        return any(key.fileobj is self._woken for key, _ in self._selector.select())


def is_owner(connection: socket.socket) -> bool:
    """Whether who is at the other end of a Unix socket is the person that we run for."""
    known = peer(connection)
    return known is None or known[1] == os.geteuid()  # macOS: the folder's mode keeps others out


def peer(connection: socket.socket) -> tuple[int, int] | None:
    """Process and user at the other end of a Unix socket; None where the system cannot tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
    )
    process, user, _ = struct.unpack("3i", credentials)
    return process, user


def _watch_place(path: Path) -> Callable[[float], bool]:
    """→ waits until a server has taken its socket away, with the lock and last of all."""
    before = path.stat()

    def ended(seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if not os.path.samestat(path.stat(), before):
                    return True
            except FileNotFoundError:
                return True
            time.sleep(0.02)
        return False

    return ended


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
        raise DescriberError(
            _("I cannot use the folder {folder}.").format(folder=folder), detail=str(error)
        ) from error
    if not private:
        raise DescriberError(
            _(
                "The folder {folder} is not private to you. Please remove it, "
                "or set XDG_RUNTIME_DIR to a folder of your own."
            ).format(folder=folder)
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


def lock(path: Path, taken: str = N_("The describer is running already.")) -> int:
    """Take a lock for as long as the descriptor that is returned is open.

    Raises AlreadyRunningError, which says `taken`, marked by `N_`, while somebody else has it, or
    DescriberError.
    """
    import fcntl

    with contextlib.ExitStack() as stack:
        try:
            # The file stays for ever: to unlink a locked file lets two processes hold "the" lock.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(_(taken), detail=str(error)) from error
        except OSError as error:
            raise DescriberError(
                _("I cannot lock the file {path}.").format(path=path), detail=str(error)
            ) from error
        stack.pop_all()
    return descriptor
