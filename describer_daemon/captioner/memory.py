"""Memory: how much one picture may cost, and that none of it is left on the disk. Linux only."""

from __future__ import annotations

import contextlib
import ctypes
import re
import select
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

ALLOWANCE = 512 << 20  # bytes for one picture and all that is computed from it
READING = 512 << 20  # bytes more while the text in one is read
TOO_MUCH = "This picture needs more memory than there is."

_UNBOUNDED = 1 << 50
_RESTLESS = 2.0  # seconds

# libraries have errors of their own for it: libtiff, OpenCV, ONNX Runtime, torch
_COMPLAINT = re.compile(r"out of memory|insufficient memory|bad[_ ]alloc|"
                        r"(cannot|can't|could not|failed to) allocate", re.IGNORECASE)


def is_short(error: BaseException | None) -> bool:
    """Whether this, or what caused it, is how a library says that there was no more memory."""
    while error is not None:
        if isinstance(error, MemoryError) or _COMPLAINT.search(str(error)):
            return True
        error = error.__cause__
    return False


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """What is loaded within does not count as a picture's: the limit rises by as much."""
    allowed = _limited()
    if not allowed:
        yield
        return
    before = _in_use()
    limit(_UNBOUNDED)
    try:
        yield
    finally:
        limit(allowed - before)


@contextlib.contextmanager
def more(allowance: int) -> Iterator[None]:
    """Within it, so many bytes more may be had."""
    allowed = _limited()
    if not allowed:
        yield
        return
    limit(allowed - _in_use() + allowance)
    try:
        yield
    finally:
        limit(allowed - _in_use())


def limit(allowance: int) -> bool:
    """Let no more private memory be had than now and `allowance` bytes. → whether that holds.

    Not RLIMIT_AS: ONNX Runtime and torch map much that they never use.
    """
    if sys.platform != "linux":
        return False
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with contextlib.suppress(OSError, ValueError):
        wanted = _in_use() + allowance
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
        return True
    return False


def rest(stream: IO[bytes]) -> None:
    """Wait for something to read, but not for long; else give back what is free meanwhile.

    The C library keeps what a picture took for the next one, which may be hours away. Whoever
    writes to the stream waits for each reply, so nothing is ever left in its buffer, where this
    would not see it.
    """
    if sys.platform != "linux" or select.select([stream], [], [], _RESTLESS)[0]:
        return
    with contextlib.suppress(AttributeError):  # other C libraries have none, or need none
        ctypes.CDLL(None).malloc_trim(0)


def leave_no_core() -> None:
    """A crash of this process, or one that it starts, must not put pixels on the disk.

    The filter also holds where a program takes the core through a pipe.
    """
    if sys.platform != "linux":
        return
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with contextlib.suppress(OSError):
        Path("/proc/self/coredump_filter").write_text("0", encoding="ascii")


def _limited() -> int:
    """The limit that was set, in bytes; 0 when there is none."""
    if sys.platform != "linux":
        return 0
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return 0 if soft == resource.RLIM_INFINITY else soft


def _in_use() -> int:
    """Bytes of private writable memory, as RLIMIT_DATA counts it. Raises OSError or ValueError."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    kibibytes, _, _ = status.partition("VmData:")[2].partition("kB")
    return int(kibibytes) << 10
