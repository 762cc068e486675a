"""Memory: how much one picture may cost, and that none of it is left on the disk. Linux only."""

from __future__ import annotations

import contextlib
import ctypes
import re
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Self

from describer_daemon.core.i18n import N_

ALLOWANCE = 512 << 20  # bytes for one picture and all that is computed from it
OCR_ALLOWANCE = 512 << 20  # bytes more during OCR
TOO_MUCH = N_("This picture needs more memory than there is.")

_UNBOUNDED = 1 << 50
_SHARE = 0.5  # of the memory that is free, for one picture that needs more than the allowance
_IDLE = 2.0  # seconds without a message
_M_MMAP_THRESHOLD, _LARGE = -3, 256 << 10  # malloc.h; bytes

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
        limit(_current_limit() - allowance - _in_use())


class Scope:
    """Raises the limit for one request, picture by picture, and lowers it again at its end."""

    def __init__(self) -> None:
        self._more = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._more and (limit_now := _current_limit()):
            limit(limit_now - self._more - _in_use())
        self._more = 0

    def allow(self, size: int) -> bool:
        """Make room for `size` bytes beside half of the allowance. → whether there is that much.

        What is free on this machine bounds it: one picture takes at most half of that.
        """
        limit_now = _current_limit()
        if not limit_now:
            return True
        room = limit_now - _in_use() - ALLOWANCE // 2
        most = int(_SHARE * available()) - ALLOWANCE - self._more
        more = max(0, min(size - room, most))
        if more:
            limit(limit_now - _in_use() + more)
            self._more += max(0, _current_limit() - limit_now)
        return _current_limit() - _in_use() >= size


def available() -> int:
    """Bytes that this machine, and the group that this process is in, have free."""
    free = _UNBOUNDED
    with contextlib.suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text(encoding="ascii", errors="replace")
        free = int(text.partition("MemAvailable:")[2].split()[0]) << 10
    with contextlib.suppress(OSError, ValueError, IndexError):
        groups = Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace")
        name = groups.partition("0::/")[2].splitlines()[0]
        root = Path("/sys/fs/cgroup")
        for group in (root / name, *(root / name).parents):
            if not group.is_relative_to(root):
                break
            with contextlib.suppress(OSError, ValueError):  # "max" is no number: no bound
                most = int((group / "memory.max").read_text(encoding="ascii"))
                used = int((group / "memory.current").read_text(encoding="ascii"))
                stat = (group / "memory.stat").read_text(encoding="ascii")
                cached = int(stat.partition("inactive_file ")[2].split()[0])
                free = min(free, most - used + cached)
    return max(0, free)


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


def arrives(stream: IO[bytes], seconds: float) -> bool:
    """Whether a message comes within that time; where it cannot be waited for, as if one did."""
    return sys.platform != "linux" or bool(select.select([stream], [], [], max(0.0, seconds))[0])


def trim_when_idle(stream: IO[bytes], settle: Callable[[], None] = lambda: None) -> None:
    """Wait for a message, but not for long; without one, return free memory to the system.

    `settle` is called before that, for what would keep a reply or a voice waiting earlier.

    The C library keeps what a picture took for the next one, which may be hours away. Whoever
    writes to the stream waits for each reply, so nothing is ever left in its buffer, where this
    would not see it.
    """
    if arrives(stream, _IDLE):
        return
    settle()
    trim()


def trim() -> None:
    """Return free memory to the system."""
    with contextlib.suppress(AttributeError):  # other C libraries have none, or need none
        ctypes.CDLL(None).malloc_trim(0)


def return_pictures() -> None:
    """From now on the memory of a picture goes back to the system as soon as it is freed.

    The GNU C library does so with the first one, and keeps that of all later ones for the next:
    whoever waits for a key would hold it for hours.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # other C libraries have none, or need none
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)


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


def be_the_first_to_go() -> None:
    """When the machine runs out of memory, this process shall end rather than a program of the
    person's; it costs a restart. Once it is confined, it cannot take that back."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


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
