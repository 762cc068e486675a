"""The child that asks for copied files which may never answer: see `copied_files.elsewhere`.

What was copied comes by standard input: others can see with which arguments a process runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from describer_daemon import apart
from describer_daemon.capture import copied_files


def main() -> None:
    """Answer what the argument names: "read" a file, or which "paths" a text names."""
    data = sys.stdin.buffer.read()
    apart.answer(lambda: _ANSWERS[sys.argv[1]](data))


def _read(name: bytes) -> Iterator[bytes]:
    return copied_files.chunks(Path(os.fsdecode(name)))


def _paths(text: bytes) -> Iterator[bytes]:
    from describer_daemon.capture import clipboard_text  # who only reads need not wait for it

    paths = clipboard_text.paths(text.decode("utf-8", "surrogateescape"), Path.exists)
    yield b"\0".join(map(os.fsencode, paths))


_ANSWERS = {"read": _read, "paths": _paths}
