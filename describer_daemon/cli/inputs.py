"""The bytes that a command is given: of files, and of whatever else can be read to its end.

A pipe may come from another program, a file from another machine: each has to get on, and none
may be endless.
"""

from __future__ import annotations

import io
import math
import os
import re
import select
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from describer_daemon import apart, mounts
from describer_daemon.core import deadlines
from describer_daemon.core.i18n import _, ngettext
from describer_daemon.core.ports import DescriberError

MAX_BYTES = 256 << 20
_CHUNK = 1 << 20
_MAX_SILENCE = 60.0  # seconds without a byte
# what we were started with: `describe /dev/stdin`, `describe <(curl …)`
_DESCRIPTOR = re.compile(r"/dev/stdin|/(?:dev|proc/self)/fd/([0-9]{1,9})")


def read_bytes(name: str) -> bytes:
    """All of a file, or of standard input ("-"). Raises DescriberError with the cause and cure."""
    if not name:
        raise DescriberError(_("A file's name is empty."))
    number = number_of(name)
    if number is None and not mounts.is_local(name):
        return _elsewhere(name, subprocess.DEVNULL)
    if number is not None and not _is_ours(number) and not mounts.is_open_locally(number):
        return _elsewhere(name, number)
    if name == "-":
        return b"".join(chunks(name, number))
    return deadlines.within(
        lambda: b"".join(chunks(name, number)),
        _silent(name),
        silence=_MAX_SILENCE,
        kind=("input", name),
    )


def chunks(name: str, number: int | None = None) -> Iterator[bytes]:
    """`read_bytes`, a part at a time; `number` says under which it is open."""
    try:
        yield from _parts(_opened(name) if number is None else _descriptor(number, name))
    except FileNotFoundError as error:
        raise _missing(name) from error
    except PermissionError as error:
        raise DescriberError(_("I am not allowed to read {name}.").format(name=name)) from error
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error


def _missing(name: str) -> DescriberError:
    return DescriberError(_("There is no file {name}.").format(name=name))


def _unreadable(name: str, error: Exception) -> DescriberError:
    return DescriberError(_("{name} cannot be read.").format(name=name), detail=str(error))


def _silent(name: str) -> DescriberError:
    # Translators: {name} is a file's
    told = ngettext(
        "Nothing came from {name} for {seconds} second. Please check its source.",
        "Nothing came from {name} for {seconds} seconds. Please check its source.",
        round(_MAX_SILENCE),
    )
    return DescriberError(told.format(name=name, seconds=round(_MAX_SILENCE)))


def _elsewhere(name: str, stdin: int) -> bytes:
    """What lies on a file system that may never answer, asked for by a process of its own."""
    return apart.call(
        "describer_daemon.cli.files_child",
        ["read", name],
        stdin=stdin,
        late=_silent(name),
        # without a limit of time: who names it may also type, or wait
        silence=math.inf if name == "-" else _MAX_SILENCE,
        kind=("input", name),
    )


def number_of(name: str) -> int | None:
    """The number under which we were started with what is named so; None for a path."""
    if name == "-":
        return 0
    match = _DESCRIPTOR.fullmatch(name) if os.name == "posix" else None
    return int(match[1] or 0) if match else None


def _opened(name: str) -> io.FileIO:
    path = Path(name)
    if path.is_dir():
        raise _folder(name)
    # A device may act as soon as it is opened, and a socket cannot be: neither is.
    if path.exists() and not (path.is_file() or path.is_fifo()):
        raise DescriberError(_("{name} is not an ordinary file.").format(name=name))
    return io.FileIO(path)


def _descriptor(number: int, name: str) -> io.FileIO:
    """What we were started with under that number, such as a pipe: a copy that may be closed.

    Opened anew it may be refused (sockets are), and begins at its start once more. A reader of
    its own, too: Python, when it ends, waits in vain for the lock of its reader that a thread
    (see `captioner.pool`) still reads with.
    """
    if number == 0 and sys.stdin is None:
        raise DescriberError(_("There is no standard input to read a picture from."))
    number = sys.stdin.fileno() if number == 0 else number
    try:
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise _folder(name)
        if _is_ours(number):
            raise _missing(name)
        return io.FileIO(os.dup(number))
    except OSError as error:
        raise _unreadable(name, error) from error


def _is_ours(number: int) -> bool:
    """Whether it is open, but we were not started with it."""
    try:
        return number > 2 and not os.get_inheritable(number)
    except OSError:
        return False


def _folder(name: str) -> DescriberError:
    told = _("{name} is a folder, not a picture. Name the files in it.")
    return DescriberError(told.format(name=name))


def _parts(file: io.FileIO) -> Iterator[bytes]:
    size = 0
    with file:
        while size <= MAX_BYTES and (chunk := _next(file)):
            yield chunk
            size += len(chunk)
            deadlines.moved()
    if size > MAX_BYTES:
        most = MAX_BYTES >> 20
        told = ngettext(
            "The file is too large: I take at most {number} mebibyte.",
            "The file is too large: I take at most {number} mebibytes.",
            most,
        )
        raise DescriberError(told.format(number=most))


def _next(file: io.FileIO) -> bytes:
    while (chunk := file.read(_CHUNK)) is None:  # another program made it one that does not wait
        select.select([file], [], [])
    return chunk
