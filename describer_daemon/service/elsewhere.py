"""Speech of this person's other commands, such as "Describe picture", which a stop ends, too.

Each listens at a socket beside the describer's own; who connects there wants silence. So it needs
no describer that runs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator

from describer_daemon import displays
from describer_daemon.core.ports import DescriberError

log = logging.getLogger(__name__)

_SUFFIX = ".stop"  # with a process's number no longer than "control.sock", whose path has room
_JOIN_SECONDS = 1.0


@contextlib.contextmanager
def listening(on_stop: Callable[[], None]) -> Iterator[None]:
    """Call `on_stop`, from another thread, whenever somebody wants silence.

    Where there is no place for a socket nobody can ask for it; that is no reason not to speak.
    """
    with contextlib.ExitStack() as stack:
        try:
            listener = _opened(stack)
        except (DescriberError, OSError) as error:
            log.warning("the speech cannot be stopped from elsewhere: %r", error)
            yield
            return
        thread = threading.Thread(target=_serve, args=(listener, on_stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
            thread.join(_JOIN_SECONDS)


def silence() -> bool:
    """End the speech of all other commands; returns at once. → whether there was any."""
    found = False
    if sys.platform == "win32":  # where `_opened` finds no place either
        return found
    from describer_daemon.service import unix_socket

    try:
        for path in unix_socket.runtime_folder(create=False).glob(f"*{_SUFFIX}"):
            if path.stem == str(os.getpid()):
                continue
            if displays.listens(path):
                found = True
            elif not _runs(path.stem):
                path.unlink(missing_ok=True)  # left by one that was killed
    except (DescriberError, OSError) as error:  # no folder yet: nobody speaks
        log.debug("nobody else can be silenced: %r", error)
    return found


def _opened(stack: contextlib.ExitStack) -> socket.socket:
    if sys.platform == "win32":
        raise OSError("no Unix sockets")
    from describer_daemon.service import unix_socket

    path = unix_socket.runtime_folder(create=True) / f"{os.getpid()}{_SUFFIX}"
    listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    path.unlink(missing_ok=True)  # an earlier process had our number
    listener.bind(str(path))
    stack.callback(path.unlink, missing_ok=True)
    path.chmod(0o600)
    listener.listen()
    return listener


def _serve(listener: socket.socket, on_stop: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):  # it was closed
        while True:
            connection, _ = listener.accept()
            connection.close()
            on_stop()


def _runs(number: str) -> bool:
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:
        return True
    return True
