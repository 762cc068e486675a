"""What is opened: a Unix socket for this person alone, or a port of 127.0.0.1 with a token.

This is the one module of the program that listens on a socket of the internet family.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.serving.gate import Gate

_BACKLOG = 16
_TAKEN = N_("Another describer serves already.")


@dataclass(frozen=True, slots=True)
class Door:
    """A socket that listens, who may come in, and its `address` in words.

    `token_file` keeps the token for as long as it is open; None where none is needed.
    """

    listener: socket.socket
    gate: Gate
    address: str
    token_file: Path | None = None


@contextlib.contextmanager
def unix(origins: frozenset[str] = frozenset()) -> Iterator[Door]:
    """A socket in the runtime folder, which has mode 0700. Raises DescriberError."""
    if sys.platform == "win32":
        raise _nowhere()
    from describer_daemon.service import unix_socket

    with contextlib.ExitStack() as stack:
        folder = unix_socket.runtime_folder(create=True)
        stack.callback(os.close, unix_socket.lock(folder / "serve.lock", _TAKEN))
        path = folder / "serve.sock"
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        try:
            path.unlink(missing_ok=True)  # stale: the lock is ours
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen(_BACKLOG)
        except OSError as error:
            raise DescriberError(
                _("The socket {path} cannot be opened.").format(path=path), detail=str(error)
            ) from error
        stack.callback(path.unlink, missing_ok=True)
        yield Door(listener, Gate(origins=origins), str(path))


@contextlib.contextmanager
def port(number: int, origins: frozenset[str] = frozenset()) -> Iterator[Door]:
    """A port of this machine alone, 0 for any that is free. Raises DescriberError."""
    if sys.platform == "win32":
        raise _nowhere()
    from describer_daemon.service import unix_socket

    with contextlib.ExitStack() as stack:
        folder = unix_socket.runtime_folder(create=True)
        stack.callback(os.close, unix_socket.lock(folder / "serve-port.lock", _TAKEN))
        listener = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", number))
            listener.listen(_BACKLOG)
        except OSError as error:
            raise DescriberError(
                _("Port {number} cannot be had. Please name another one.").format(number=number),
                detail=str(error),
            ) from error
        number = listener.getsockname()[1]
        token, path = secrets.token_urlsafe(32), folder / "serve.token"
        _keep(token, path)
        stack.callback(path.unlink, missing_ok=True)
        hosts = frozenset({f"127.0.0.1:{number}", f"localhost:{number}"})
        address = f"http://127.0.0.1:{number}"
        yield Door(listener, Gate(hosts, token, origins), address, path)


def _nowhere() -> DescriberError:
    return DescriberError(_("Serving needs Linux or macOS. Please use: describer describe --json."))


def _keep(token: str, path: Path) -> None:
    try:
        path.unlink(missing_ok=True)  # of one that was killed
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
            file.write(f"{token}\n")
    except OSError as error:
        raise DescriberError(
            _("The token cannot be kept in {path}.").format(path=path), detail=str(error)
        ) from error
