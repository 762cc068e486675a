"""What a command prints, whatever its streams are like: closed, full, slow, in any encoding."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from contextlib import suppress
from typing import Any, TextIO

from describer_daemon.core.escaping import escaped


class OutputError(OSError):
    """Standard output, or standard error, did not take what was printed."""

    @property
    def is_broken_pipe(self) -> bool:
        """Whether nobody is there who reads."""
        return self.errno in (errno.EPIPE, errno.ESHUTDOWN)


def prepare() -> None:
    """Make the three standard streams usable; to be called before anything is printed.

    Those that are closed lead to nowhere: else the next file or socket would get the number of
    one, and with it what libraries and child processes print. `sys.stdin` stays None then, for
    there is nothing to read.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            _lead_nowhere(number)
    sys.stdout = _usable(sys.stdout, 1)
    sys.stderr = _usable(sys.stderr, 2)


def line(text: str) -> None:
    """Print one line on standard output, at once. Raises OutputError when it is not taken."""
    _write(sys.stdout, escaped(text) + "\n")


def complain(text: str) -> None:
    """Print one line on standard error; who cannot see it must not lose anything else."""
    with suppress(OSError):
        _write(sys.stderr, escaped(text) + "\n")


def json(text: str) -> None:
    """Print a line of JSON, which is UTF-8 whatever the terminal speaks (RFC 8259).

    Raises OutputError when it is not taken.
    """
    data(text.encode("utf-8", "backslashreplace") + b"\n")


def data(content: bytes) -> None:
    """Print bytes as they are: what a terminal must not obey has to be escaped before.

    Raises OutputError when they are not taken.
    """
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:  # somebody replaced it by what takes text alone
        _write(sys.stdout, content.decode("utf-8", "backslashreplace"))
        return
    _flush(sys.stdout)
    try:
        buffer.write(content)
        buffer.flush()
    except OSError:
        _discard(sys.stdout)
        raise


def finish() -> OSError | None:
    """Flush what libraries printed; → why standard output did not take it, if it did not.

    Python itself would complain at its end, and change the exit status.
    """
    failure = None
    for stream in (sys.stdout, sys.stderr):
        try:
            _flush(stream)
        except OSError as error:
            if stream is sys.stdout:
                failure = error
    return failure


class _Patient(io.FileIO):
    """Waits for a reader that is slow, also where another program made the pipe non-blocking."""

    def write(self, data: Any) -> int:
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])
        except OSError as error:
            raise OutputError(error.errno, error.strerror) from error
        return written


def _usable(stream: TextIO | None, number: int) -> TextIO:
    ours = stream is None or (
        isinstance(stream, io.TextIOWrapper) and stream in (sys.__stdout__, sys.__stderr__)
    )
    if not ours or os.name != "posix":  # a test's, or the console of Windows
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may be no text at all
        return stream if stream is not None else io.StringIO()
    return io.TextIOWrapper(
        io.BufferedWriter(_Patient(number, "w", closefd=False)),
        encoding=getattr(stream, "encoding", "utf-8"),
        errors="backslashreplace",
        line_buffering=True,
    )


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        _discard(stream)
        raise


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except OSError:
        _discard(stream)
        raise


def _discard(stream: TextIO) -> None:
    """Let what is still buffered, and all that follows, go nowhere: it cannot go elsewhere."""
    with suppress(OSError, ValueError):  # io.UnsupportedOperation is both
        _lead_nowhere(stream.fileno())
        stream.flush()


def _lead_nowhere(number: int) -> None:
    """Without /dev/null it stays as it is."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_RDWR)
        if null == number:
            os.set_inheritable(null, True)
        else:
            os.dup2(null, number)
            os.close(null)
