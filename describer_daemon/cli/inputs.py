"""The bytes that a command is given: of files, and of whatever else can be read to its end.

A pipe may come from another program, a file from another machine: each has to get on, and none
may be endless.
"""

from __future__ import annotations

import io
import os
import re
import select
import stat
import sys
from pathlib import Path

from describer_daemon.core import deadlines
from describer_daemon.core.ports import DescriberError

MAX_BYTES = 256 << 20
_CHUNK = 1 << 20
_MAX_SILENCE = 60.0  # seconds without a byte
# what we were started with: `describe /dev/stdin`, `describe <(curl …)`
_DESCRIPTOR = re.compile(r"/dev/stdin|/(?:dev|proc/self)/fd/([0-9]{1,9})")


def read_bytes(name: str) -> bytes:
    """All of a file, or of standard input ("-"). Raises DescriberError with the cause and cure."""
    try:
        if name == "-":
            # without a limit of time: who names it may also type, or wait
            return _read_all(_descriptor(0))
        if not name:
            raise DescriberError("A file's name is empty.")
        silent = DescriberError(
            f"Nothing came from {name} for {_MAX_SILENCE:.0f} seconds. Please check its source."
        )
        return deadlines.within(
            lambda: _read_all(_opened(name)), silent, silence=_MAX_SILENCE, kind=("input", name)
        )
    except FileNotFoundError as error:
        raise DescriberError(f"There is no file {name}.") from error
    except PermissionError as error:
        raise DescriberError(f"I am not allowed to read {name}.") from error
    except (OSError, ValueError) as error:
        raise DescriberError(f"{name} cannot be read.", detail=str(error)) from error


def _opened(name: str) -> io.FileIO:
    if os.name == "posix" and (match := _DESCRIPTOR.fullmatch(name)):
        return _descriptor(int(match[1] or 0), name)
    path = Path(name)
    if path.is_dir():
        raise _folder(name)
    # A device may act as soon as it is opened, and a socket cannot be: neither is.
    if path.exists() and not (path.is_file() or path.is_fifo()):
        raise DescriberError(f"{name} is not an ordinary file.")
    return io.FileIO(path)


def _descriptor(number: int, name: str = "-") -> io.FileIO:
    """What we were started with under that number, such as a pipe: a copy that may be closed.

    Opened anew it may be refused (sockets are), and begins at its start once more. A reader of
    its own, too: Python, when it ends, waits in vain for the lock of its reader that a thread
    (see `captioner.pool`) still reads with.
    """
    if number == 0 and sys.stdin is None:
        raise DescriberError("There is no standard input to read a picture from.")
    number = sys.stdin.fileno() if number == 0 else number
    try:
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise _folder(name)
        if number > 2 and not os.get_inheritable(number):  # one of ours
            raise DescriberError(f"There is no file {name}.")
        return io.FileIO(os.dup(number))
    except OSError as error:
        raise DescriberError(f"{name} cannot be read.", detail=str(error)) from error


def _folder(name: str) -> DescriberError:
    return DescriberError(f"{name} is a folder, not a picture. Name the files in it.")


def _read_all(file: io.FileIO) -> bytes:
    chunks: list[bytes] = []
    size = 0
    with file:
        while size <= MAX_BYTES and (chunk := _next(file)):
            chunks.append(chunk)
            size += len(chunk)
            deadlines.moved()
    if size > MAX_BYTES:
        raise DescriberError(f"The file is too large: I take at most {MAX_BYTES >> 20} mebibytes.")
    return b"".join(chunks)


def _next(file: io.FileIO) -> bytes:
    while (chunk := file.read(_CHUNK)) is None:  # another program made it one that does not wait
        select.select([file], [], [])
    return chunk
