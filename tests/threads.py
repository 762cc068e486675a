"""A system that has no thread left to give, as one has that is full."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_TOO_LARGE = 1 << 47  # bytes of stack: more than a process can address


@contextlib.contextmanager
def none_left() -> Iterator[None]:
    """As long as it lasts the kernel refuses every new thread of this process."""
    before = threading.stack_size(_TOO_LARGE)
    try:
        yield
    finally:
        threading.stack_size(before)
