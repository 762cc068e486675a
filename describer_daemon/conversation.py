"""Talking with a child process: what it prints is read as it comes, and its silence is noticed."""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import subprocess
import sys
import time

from describer_daemon.core import deadlines
from describer_daemon.processes import Finished, pipe

_CHUNK = 1 << 16


class SilentError(Exception):
    """A program printed nothing for too long, or did not end."""


class TooMuchError(Exception):
    """A program printed more than anybody wants."""


def converse(
    process: subprocess.Popen[bytes],
    data: bytes = b"",
    *,
    silence: float,
    first: float | None = None,
    longest: float = math.inf,
    limit: float = math.inf,
) -> Finished:
    """Give it `data`, if it was started with a pipe for that, and read what it prints to its end.

    Raises SilentError when nothing comes for `silence` seconds (`first`, if given, until something
    has come), or when it takes more than `longest`; TooMuchError for over `limit` bytes. In both
    cases it still runs.
    """
    output, errors = pipe(process.stdout).fileno(), pipe(process.stderr).fileno()
    printed = {output: bytearray(), errors: bytearray()}
    deadline = time.monotonic() + longest
    with selectors.DefaultSelector() as ends:
        for end in printed:
            ends.register(end, selectors.EVENT_READ)
        unsaid = _begin(process, data, ends)
        while output in ends.get_map():  # what it has started may keep its errors open
            patience = silence if printed[output] or first is None else first
            for end in _ready(ends, min(patience, deadline - time.monotonic())):
                if end in printed:
                    _listen(end, printed[end], ends)
                else:
                    unsaid = _say(process, unsaid, ends)
            if max(map(len, printed.values())) > limit:
                raise TooMuchError
        code = _end_of(process, silence)
        if errors in ends.get_map():
            _have_wait_for_nobody(errors)
            with contextlib.suppress(BlockingIOError):  # somebody else may still keep it open
                while errors in ends.get_map():
                    _listen(errors, printed[errors], ends)
    return Finished(code, bytes(printed[output]), bytes(printed[errors]))


def _begin(
    process: subprocess.Popen[bytes], data: bytes, ends: selectors.BaseSelector
) -> memoryview:
    if process.stdin is not None:
        _have_wait_for_nobody(process.stdin.fileno())
        ends.register(process.stdin.fileno(), selectors.EVENT_WRITE)
    return memoryview(data)


def _have_wait_for_nobody(number: int) -> None:
    if sys.platform == "win32":  # where no tool is asked like this: see `mounts.is_local`
        raise OSError("pipes of Windows cannot be selected")
    os.set_blocking(number, False)


def _ready(ends: selectors.BaseSelector, seconds: float) -> list[int]:
    """The ends at which something can be done. Raises SilentError when there is none in time."""
    ready = ends.select(max(0.0, seconds) if seconds < math.inf else None)
    if not ready:
        raise SilentError
    return [key.fd for key, _ in ready]


def _listen(end: int, printed: bytearray, ends: selectors.BaseSelector) -> None:
    chunk = os.read(end, _CHUNK)
    deadlines.moved()
    printed += chunk
    if not chunk:
        ends.unregister(end)


def _say(
    process: subprocess.Popen[bytes], unsaid: memoryview, ends: selectors.BaseSelector
) -> memoryview:
    """Say some of it. → what is left; at the end, or when nobody listens, the pipe is closed."""
    stdin = pipe(process.stdin)
    try:
        left = unsaid[os.write(stdin.fileno(), unsaid[:_CHUNK]) :]
    except OSError:  # it has ended, or wants no more
        left = unsaid[:0]
    if not left:
        ends.unregister(stdin.fileno())
        stdin.close()
    return left


def _end_of(process: subprocess.Popen[bytes], seconds: float) -> int:
    try:
        return process.wait(seconds if seconds < math.inf else None)
    except subprocess.TimeoutExpired:
        raise SilentError from None
