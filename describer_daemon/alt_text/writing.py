"""Files that come to be whole or not at all, and are not written over what changed meanwhile.

Killed at any moment, this leaves what was there before, or all of what is new: never a part. What
may be left beside is a hidden file, `.….describer`, which the next run takes and finishes.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

Stamp = tuple[int, ...]
_UNSUPPORTED = {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EISDIR, errno.EINVAL, errno.ENOENT,
                errno.EPERM, errno.EMLINK, errno.EXDEV}  # fmt: skip


def stamp(path: Path) -> Stamp:
    """What differs after every change; () when nothing is there. Raises OSError."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return ()
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


def create(path: Path, data: bytes) -> None:
    """Make a file that was not there. Raises FileExistsError, OSError or DescriberError."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    if hasattr(os, "O_TMPFILE") and _linked(path, data):
        return
    with _temporary(path, data, 0o666) as temporary:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        temporary.replace(path)


def replace(path: Path, data: bytes, before: Stamp, *, keep_times: bool = False) -> None:
    """Put this in the file's place, unless it is another than `before` (`stamp`) by now.

    Owner, mode and extended attributes stay, with `keep_times` its times, too. Raises OSError or
    DescriberError.
    """
    state = path.stat()
    _check(path, state)
    with _temporary(path, data, 0o600) as temporary:
        with contextlib.suppress(OSError):
            shutil.copystat(path, temporary)
        if not keep_times:
            os.utime(temporary)
        made = temporary.stat()
        if sys.platform != "win32" and (made.st_uid, made.st_gid) != (state.st_uid, state.st_gid):
            try:
                os.chown(temporary, state.st_uid, state.st_gid)
                temporary.chmod(stat.S_IMODE(state.st_mode))
            except OSError as error:
                raise DescriberError(
                    _("{path} belongs to somebody else, so I do not change it.").format(path=path),
                    detail=str(error),
                ) from error
        if not before or stamp(path) != before:
            raise changed(path)
        temporary.replace(path)


def changed(path: Path | str) -> DescriberError:
    """What is said of a file that is not as it was when its picture was looked at."""
    return DescriberError(
        _("{path} was changed meanwhile, so I left it alone. Please try again.").format(path=path)
    )


def not_here(path: Path) -> DescriberError:
    """Windows puts no file in the place of one that is open, and has none of our locks."""
    return DescriberError(
        _("{path} cannot be written on Windows. Please leave out that option.").format(path=path)
    )


def _check(path: Path, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise DescriberError(_("{path} is not an ordinary file.").format(path=path))
    if not state.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise DescriberError(
            _("{path} may not be written to. Please change that, or use --csv.").format(path=path)
        )
    if state.st_nlink > 1:
        raise DescriberError(
            _("{path} has a second name, which would keep the old content.").format(path=path)
        )


def _linked(path: Path, data: bytes) -> bool:
    """Write a file without a name, then name it; → whether this system can do that.

    Nothing is left of it when the program is killed before.
    """
    if sys.platform != "linux":
        return False
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            descriptor = os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o666, dir_fd=folder)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return False
            raise
        try:
            _write(descriptor, data)
            # a folder's descriptor makes it the call that follows this link
            os.link(f"/proc/self/fd/{descriptor}", path.name, dst_dir_fd=folder)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return False
            raise
        finally:
            os.close(descriptor)
    finally:
        os.close(folder)
    return True


@contextlib.contextmanager
def _temporary(path: Path, data: bytes, mode: int) -> Iterator[Path]:
    """A file beside `path` with this content; what an earlier run left of it is taken over."""
    if sys.platform == "win32":
        raise not_here(path)
    import fcntl

    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    temporary = path.with_name(f".{name}.describer")
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor, is_named = os.open(temporary, flags, mode), False
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DescriberError(
                _("Another describer is at work on {path}.").format(path=path)
            ) from error
        state = os.fstat(descriptor)
        with contextlib.suppress(FileNotFoundError):
            is_named = os.path.samestat(temporary.lstat(), state)
        if not is_named:  # another one has just finished: this is the file itself by now
            raise changed(path)
        if not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid() or state.st_nlink != 1:
            raise DescriberError(_("{path} is in my way. Please remove it.").format(path=temporary))
        try:
            os.ftruncate(descriptor, 0)
            _write(descriptor, data)
            yield temporary
        finally:
            with contextlib.suppress(OSError):
                if os.path.samestat(temporary.lstat(), os.fstat(descriptor)):
                    temporary.unlink()
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)
