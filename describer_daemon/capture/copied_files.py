"""Copied files, and what is said of a clipboard that holds no picture.

Nothing of what was copied goes into a sentence or a log: it may be a password.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Hashable, Iterator, Sequence
from io import BufferedReader, FileIO
from pathlib import Path
from typing import TypeVar

from describer_daemon import apart, mounts
from describer_daemon.core import deadlines, file_kinds
from describer_daemon.core.file_kinds import FileKind
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Encoded

LIMIT = 64 * 1024 * 1024  # bytes of an encoded picture
_MOST_FILES = 100  # are looked at for a picture
_CHUNK = 1 << 20
_MAX_SILENCE = 10.0  # seconds without an answer; a disk that has to start up takes as long
_MOST_HANGING = 3  # calls for one file, after which it is not tried again until they have ended

T = TypeVar("T")


class NoPictureError(DescriberError):
    """The clipboard works; its sentence says what is on it, as far as that is no picture."""


def nothing() -> NoPictureError:
    return NoPictureError(_("The clipboard is empty. Copy a picture first."))


def no_picture() -> NoPictureError:
    return NoPictureError(_("The clipboard holds text, not a picture."))


def broken() -> NoPictureError:
    return NoPictureError(_("The picture on the clipboard is broken. Please copy it again."))


def too_large() -> NoPictureError:
    megabytes = LIMIT // (1024 * 1024)
    return NoPictureError(
        _(
            "The picture on the clipboard is too large, over {megabytes} megabytes. "
            "Copy a smaller one."
        ).format(megabytes=megabytes)
    )


def checked(data: bytes) -> Encoded:
    """The bytes of a picture, neither none nor too many."""
    if not data:
        raise broken()
    if len(data) > LIMIT:
        raise too_large()
    return Encoded(data)


def from_paths(paths: Sequence[Path]) -> Encoded:
    """The first picture among files; the error is that of the first file."""
    first: NoPictureError | None = None
    for path in paths[:_MOST_FILES]:
        try:
            return read_file(path)
        except NoPictureError as error:  # any other will not be better with the next file
            first = first or error
    raise first or no_picture()


def answering(work: Callable[[], T], about: Hashable) -> T:
    """Whatever asks for files of this computer's own disks: they answer, or it is left behind.

    `about` tells which, so that one that hangs is no reason to give up another.
    """
    return deadlines.within(
        work, _late(), silence=_MAX_SILENCE, kind=("copied", about), most=_MOST_HANGING
    )


def elsewhere(what: str, data: bytes) -> bytes:
    """`answering` for all other files, which may never answer: `what` `copied_files_child` does.

    That costs the start of a process, but none of ours has to wait for them.
    """
    return apart.call(
        "describer_daemon.capture.copied_files_child",
        [what],
        data,
        late=_late(),
        silence=_MAX_SILENCE,
        kind=("copied", what, hash(data)),
        most=_MOST_HANGING,
        errors=(NoPictureError,),
    )


def _late() -> DescriberError:
    return DescriberError(_("The copied file does not answer. Is its disk or network there?"))


def read_file(path: Path) -> Encoded:
    """The bytes of a picture file.

    Raises NoPictureError when it is no picture, too large, or not to be had, and another
    DescriberError when the disk or network that it is on does not answer.
    """
    if mounts.is_local(path):
        return answering(lambda: checked(b"".join(chunks(path))), path)
    return checked(elsewhere("read", os.fsencode(path)))


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a picture file, as they come. Raises NoPictureError as `read_file` does."""
    try:
        # Opened by FileIO itself: a descriptor of ours it would leave open when it is a folder's.
        with BufferedReader(FileIO(path, opener=_open_ordinary)) as file:
            status = os.fstat(file.fileno())
            _require_ordinary(status)
            # None: some of the kernel's files have nothing to say yet
            if file_kinds.kind_of(file.read(file_kinds.HEAD) or b"") is FileKind.UNKNOWN:
                raise _not_a_picture()
            if status.st_size > LIMIT:
                raise too_large()
            file.seek(0)
            size = 0
            while size <= LIMIT and (chunk := file.read(_CHUNK)):
                yield chunk
                size += len(chunk)
                deadlines.moved()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoPictureError(_("The copied file is not there any more.")) from error
    except IsADirectoryError as error:
        raise NoPictureError(_("The clipboard holds a folder, not a picture.")) from error
    except (OSError, ValueError) as error:
        # Of the error only its kind: its text has the path.
        raise NoPictureError(
            _("The copied file cannot be read."), detail=type(error).__name__
        ) from None


def _not_a_picture() -> NoPictureError:
    return NoPictureError(_("The copied file is not a picture."))


def _open_ordinary(name: str, flags: int) -> int:
    """Open an ordinary file and nothing else, not even for a moment.

    To be opened is enough for some devices to act: a watchdog is armed, a tape rewound, a modem
    dialled; and whoever waits at a pipe's other end goes on.
    """
    # Should it be swapped for another before it is opened, all the same nothing is waited for.
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    if not hasattr(os, "O_PATH"):
        _require_ordinary(Path(name).stat())
        return os.open(name, flags)
    place = os.open(name, os.O_PATH)  # a handle that opens nothing yet
    try:
        _require_ordinary(os.fstat(place))
        return os.open(f"/proc/self/fd/{place}", flags)  # what was looked at, whatever is there now
    finally:
        os.close(place)


def _require_ordinary(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError
    if not stat.S_ISREG(status.st_mode):
        raise _not_a_picture()
