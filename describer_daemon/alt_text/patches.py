"""A change to a file as a unified diff that `patch` and `git apply` take."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_CONTEXT = 3  # lines around a change
_PLAIN = re.compile(rb"[\w./+@%=,:~ -]+")


def unified(before: bytes, after: bytes, path: str) -> bytes:
    """The diff; b"" without a change. Raises ValueError unless both have as many lines.

    Lines are changed and none comes or goes, so that nothing has to be searched for.
    """
    old, new = (re.findall(rb"[^\n]*\n|[^\n]+$", text) for text in (before, after))
    if len(old) != len(new):
        raise ValueError("the lines are not the same")
    changed = [number for number, line in enumerate(old) if line != new[number]]
    if not changed:
        return b""
    pieces = [_header(b"---", b"a/", path), _header(b"+++", b"b/", path)]
    for first, last in _hunks(changed, len(old)):
        count = last - first
        pieces.append(b"@@ -%d,%d +%d,%d @@\n" % (first + 1, count, first + 1, count))
        pieces += _hunk(old[first:last], new[first:last])
    return b"".join(pieces)


def _hunks(changed: list[int], lines: int) -> Iterator[tuple[int, int]]:
    """(first, behind the last) of the lines that are shown together."""
    first, last = changed[0], changed[0]
    for number in [*changed[1:], None]:
        if number is not None and number - last <= 2 * _CONTEXT + 1:
            last = number
            continue
        yield max(0, first - _CONTEXT), min(lines, last + 1 + _CONTEXT)
        if number is not None:
            first = last = number


def _hunk(old: list[bytes], new: list[bytes]) -> Iterator[bytes]:
    place = 0
    while place < len(old):
        end = place
        while end < len(old) and old[end] != new[end]:
            end += 1
        if end == place:
            yield _line(b" ", old[place])
            place += 1
            continue
        yield from (_line(b"-", line) for line in old[place:end])
        yield from (_line(b"+", line) for line in new[place:end])
        place = end


def _line(sign: bytes, line: bytes) -> bytes:
    ended = b"" if line.endswith(b"\n") else b"\n\\ No newline at end of file\n"
    return sign + line + ended


def _header(sign: bytes, side: bytes, path: str) -> bytes:
    """A name that holds anything else than letters is quoted, as git does and patch takes."""
    name = side + os.fsencode(_relative(path))
    if _PLAIN.fullmatch(name):
        tab = b"\t" if b" " in name else b""
        return sign + b" " + name + tab + b"\n"
    quoted = b"".join(
        bytes((byte,)) if 32 <= byte < 127 and byte not in b'"\\' else b"\\%03o" % byte
        for byte in name
    )
    return sign + b' "' + quoted + b'"\n'


def _relative(path: str) -> str:
    """As it would be named from the current folder, if it is below, else from the root."""
    name = os.path.normpath(path)
    if name.startswith("/") and Path(name).is_relative_to(Path.cwd()):
        name = str(Path(name).relative_to(Path.cwd()))
    return name.lstrip("/")
