"""Files of captioners: for their owner's eyes, over no link, on a disk that has room."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from describer_daemon.catalogue.entries import MEGABYTE
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.core.reasons import reason
from describer_daemon.service.folders import make_private

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# Windows lacks the one, and alone has the other
_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_SPARE = 100 * MEGABYTE  # that stay free on the disk


def size(path: Path) -> int:
    """In bytes; 0 for what is no file."""
    return path.stat().st_size if path.is_file() else 0


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimals. Raises DescriberError."""
    with told(path.parent), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def told(folder: Path) -> Iterator[None]:
    """Raises DescriberError for what the disk refuses inside this context."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DescriberError(
                _(
                    "The disk is full. Please make room, and give the same command again: "
                    "it goes on where it was."
                ),
                detail=repr(error),
            ) from error
        raise DescriberError(
            _("The disk refused something: {strerror}. Please look at the folder {folder}.").format(
                strerror=reason(error), folder=folder
            ),
            detail=repr(error),
        ) from error


@contextlib.contextmanager
def appending(path: Path) -> Iterator[Callable[[bytes], None]]:
    """→ what writes at the end of a file. Raises DescriberError."""
    with told(path.parent), _opened(path, os.O_APPEND) as write:
        yield write


def write(path: Path, data: bytes) -> None:
    """Write the whole file. Raises DescriberError."""
    with told(path.parent), _opened(path, os.O_TRUNC) as write_all:
        write_all(data)


def replace(path: Path, data: bytes) -> None:
    """Write the whole file, of which the former one stays until all is there.

    Raises DescriberError.
    """
    new = path.with_name(f"{path.name}.new")
    write(new, data)
    with told(path.parent):
        new.replace(path)


@contextlib.contextmanager
def _opened(path: Path, how: int) -> Iterator[Callable[[bytes], None]]:
    make_private(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how | _SAFELY, 0o600)

    def write_all(data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    try:
        yield write_all
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_room(folder: Path, needed: int) -> int:
    """→ bytes that are free where the folder is, or will be. Raises DescriberError for too few."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    with told(there):
        free = shutil.disk_usage(there).free
    if free < needed + _SPARE:
        raise DescriberError(
            _(
                "There is too little room on the disk: {free} are free and {spare} are needed. "
                "Please make room."
            ).format(free=megabytes(free), spare=megabytes(needed + _SPARE))
        )
    return free


def megabytes(count: int) -> str:
    """A number of bytes for a person."""
    return f"{max(1, round(count / MEGABYTE))} MB"
