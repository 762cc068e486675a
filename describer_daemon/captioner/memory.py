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
OCR_ALLOWANCE = 512 << 20  # bytes more during OCR
TOO_MUCH = "This picture needs more memory than there is."

_UNBOUNDED = 1 << 50
_IDLE = 2.0  # seconds without a message

# libraries have errors of their own for it: libtiff, OpenCV, ONNX Runtime, torch
_OUT_OF_MEMORY = re.compile(
    r"out of memory|insufficient memory|bad[_ ]alloc|"
    r"(cannot|can't|could not|failed to) allocate",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether this, or what caused it, is how a library says that there was no more memory."""
    while error is not None:
        if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
            return True
        error = error.__cause__
    return False


@contextlib.contextmanager
def outside_limit() -> Iterator[None]:
    """Loading inside this context does not use up the limit, which rises by as much."""
    limit_before = _current_limit()
    if not limit_before:
        yield
        return
    used_before = _in_use()
    limit(_UNBOUNDED)
    try:
        yield
    finally:
        limit(limit_before - used_before)


@contextlib.contextmanager
def raised_limit(allowance: int) -> Iterator[None]:
    """Raise the limit by `allowance` bytes inside this context."""
    limit_before = _current_limit()
    if not limit_before:
        yield
        return
    limit(limit_before - _in_use() + allowance)
    try:
        yield
    finally:
        limit(limit_before - _in_use())


def limit(allowance: int) -> bool:
    """Limit private memory to what is in use now plus `allowance` bytes. → whether that holds.

    Not RLIMIT_AS: ONNX Runtime and torch map much that they never use.
    """
    if sys.platform != "linux":
        return False
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with contextlib.suppress(OSError, ValueError):
        soft = _in_use() + allowance
        if hard != resource.RLIM_INFINITY:
            soft = min(soft, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        return True
    return False


def trim_when_idle(stream: IO[bytes]) -> None:
    """Wait for a message, but not for long; without one, return free memory to the system.

    The C library keeps what a picture took for the next one, which may be hours away. Whoever
    writes to the stream waits for each reply, so nothing is ever left in its buffer, where this
    would not see it.
    """
    if sys.platform != "linux" or select.select([stream], [], [], _IDLE)[0]:
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


def _current_limit() -> int:
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
