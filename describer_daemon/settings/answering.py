"""Whether the settings file answers, and what tells that it was saved.

Home or dotfiles may be on another machine. What may never answer is asked by a child, which this
module is, too; it can be left behind (ADR 0040).
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from describer_daemon import apart, mounts
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

Stamp = tuple[int, ...]

_MAX_SILENCE = 10.0  # seconds; a disk that has to start up takes as long
_LOOK_INTERVAL = 10.0  # seconds between looks that cost the start of a process


def stamp(path: Path) -> Stamp:
    """What differs after every save, rename or replacement; () when nothing is there."""
    try:
        state = path.stat()
    except OSError:
        return ()
    return (state.st_ino, state.st_mode, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


def require(path: Path) -> None:
    """Raises DescriberError when the disk or network that the file is on does not answer."""
    if not mounts.is_local(path):
        _ask(path)


class Looks:
    """Looks at a file again and again, without waiting for it for ever."""

    def __init__(self, path: Path, last: Stamp) -> None:
        """`last` is the file's stamp by now."""
        self._path, self._last, self._next = path, last, 0.0

    def look(self) -> Stamp:
        """Its stamp; the last one while there is no answer, or it is too early to ask again."""
        if mounts.ends_when_killed(self._path):
            self._last = stamp(self._path)
        elif time.monotonic() >= self._next:
            with contextlib.suppress(DescriberError):  # the settings hold as they are
                self._last = _ask(self._path)
            self._next = time.monotonic() + _LOOK_INTERVAL
        return self._last


def _ask(path: Path) -> Stamp:
    """Its stamp, after it was read. Raises DescriberError when there is no answer."""
    late = DescriberError(
        _("{name} does not answer. Until it does, its settings are not used.").format(
            name=path.name
        )
    )
    told = apart.call(
        __name__, [str(path)], late=late, silence=_MAX_SILENCE, kind=("settings", path), most=1
    )
    return tuple(json.loads(told))


def main() -> None:
    """Be the child."""
    apart.answer(lambda: _answer(Path(sys.argv[1])))


def _answer(path: Path) -> Iterator[bytes]:
    with contextlib.suppress(OSError), path.open("rb") as file:  # a refusal is an answer, too
        file.read(1)
    yield json.dumps(stamp(path)).encode("ascii")
