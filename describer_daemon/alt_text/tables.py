"""A table of alt texts as a CSV file (RFC 4180), to which a later run adds what is missing.

Killed at any moment, it keeps all rows that were whole; a row that was not is cut off and made
again.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import stat
import sys
from pathlib import Path
from typing import IO

from describer_daemon.alt_text.writing import not_here
from describer_daemon.core.escaping import escaped
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.core.reasons import reason

COLUMNS = ("file", "alt_text", "confidence", "needs_review", "source")
_MAX_BYTES = 256 << 20
_HEADING = ",".join(COLUMNS).encode() + b"\r\n"


class Table:
    """The file, locked for as long as it is open. Raises DescriberError where it cannot be had."""

    def __init__(self, path: Path) -> None:
        self.done: set[str] = set()
        self._file = _opened(path)
        try:
            self._take(path)
        except BaseException:
            self._file.close()
            raise

    def _take(self, path: Path) -> None:
        if sys.platform == "win32":
            raise not_here(path)
        import fcntl

        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DescriberError(
                _("Another describer is writing to {path}.").format(path=path)
            ) from error
        data = self._file.read(_MAX_BYTES + 1)
        end = data.rfind(b"\r\n") + 2 if b"\r\n" in data else 0
        is_mine = data[:end].startswith(_HEADING) or (not end and _HEADING.startswith(data))
        if len(data) > _MAX_BYTES or not is_mine:
            raise DescriberError(
                _("{path} is there and is no table of mine. Please name another file.").format(
                    path=path
                )
            )
        text = data[:end].decode("utf-8", "replace")
        self.done = {row[0] for row in csv.reader(io.StringIO(text, newline="")) if row}
        self._file.truncate(end)
        self._file.seek(end)
        if not end:
            self._file.write(_HEADING)

    def has(self, file: str) -> bool:
        """Whether it has a row for this file."""
        return shown(file) in self.done

    def add(
        self, file: str, alt: str, confidence: float | None, review: bool | None, source: str
    ) -> None:
        """Write one row, at once. Raises OSError."""
        stream = io.StringIO(newline="")
        csv.writer(stream).writerow(
            [
                shown(file),
                _cell(alt),
                "" if confidence is None else round(confidence, 4),
                "" if review is None else ("yes" if review else "no"),
                source,
            ]
        )
        self._file.write(stream.getvalue().encode("utf-8", "backslashreplace"))
        self._file.flush()
        self.done.add(shown(file))

    def close(self) -> None:
        """Give it back; twice is fine."""
        with contextlib.suppress(OSError):
            self._file.close()


def shown(file: str) -> str:
    r"""A name in one line, told from any other: what a terminal obeys comes as `\n`, `\x1b`.

    A program for tables would take a first letter such as "=" for a formula, so "./" goes before.
    """
    text = file.replace("\\", "\\\\")
    name = escaped(os.fsencode(text).decode("utf-8", "surrogateescape"))
    return f"./{name}" if name[:1] in ("=", "+", "-", "@") and name != "-" else name


def _cell(text: str) -> str:
    """An author's text may hold anything; it stays in its line, and is no formula."""
    line = escaped(" ".join(text.split()))
    return f"'{line}" if line[:1] in ("=", "+", "-", "@") else line


def _opened(path: Path) -> IO[bytes]:
    if sys.platform == "win32":
        raise not_here(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        raise DescriberError(
            _("{path} cannot be written: {reason}.").format(path=path, reason=reason(error))
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DescriberError(_("{path} is not an ordinary file.").format(path=path))
    return os.fdopen(descriptor, "r+b")
