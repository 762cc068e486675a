"""What is asked of a command's files; of those that may never answer by a child, which this is.

See `inputs` and `outputs`. It imports little: it may be started for each file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from describer_daemon import apart
from describer_daemon.cli import inputs
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.core.reasons import reason


def main() -> None:
    """Do to the named files what is named first: ask, read, write, or tell if they are the same.

    What is written comes by standard input.
    """
    what, *names = sys.argv[1:]
    apart.answer(lambda: _ANSWERS[what](*names))


def same(path: Path, picture: str) -> bool:
    """Whether they are one file, "-" standard input; what is not there is not."""
    try:
        status = os.fstat(0) if picture == "-" else Path(picture).stat()
        return os.path.samestat(path.stat(), status)
    except (OSError, ValueError):
        return False


def write(path: Path, data: bytes) -> None:
    """Write the whole file. Raises DescriberError when it cannot be written."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise DescriberError(
            _("{path} cannot be written: {reason}.").format(path=path, reason=reason(error))
        ) from error


def _read(name: str) -> Iterator[bytes]:
    """What was open under a number is standard input here."""
    return inputs.chunks(name, None if inputs.number_of(name) is None else 0)


def _ask(name: str) -> Iterator[bytes]:
    os.path.lexists(name)
    os.access(Path(name).parent, os.R_OK)
    yield b""


def _write(name: str) -> Iterator[bytes]:
    write(Path(name), sys.stdin.buffer.read())
    yield b""


def _same(name: str, other: str) -> Iterator[bytes]:
    yield b"same" if same(Path(name), other) else b""


_ANSWERS: Mapping[str, Callable[..., Iterator[bytes]]] = {
    "ask": _ask,
    "read": _read,
    "write": _write,
    "same": _same,
}
