"""Putting a captioner in its place: whole and checked, or not at all."""

from __future__ import annotations

import contextlib
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from describer_daemon.catalogue import files, installed
from describer_daemon.catalogue.entries import Entry, Piece
from describer_daemon.catalogue.installed import Installed
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.service.folders import captioners_folder, make_private

if TYPE_CHECKING:  # a folder is copied without anything of the network
    from describer_daemon.catalogue.fetching import Fetcher

OnBytes = Callable[[int], None]
_REVISION = "revision"  # a file beside what was fetched of it
_CHUNK = 1 << 20


def download(entry: Entry, fetcher: Fetcher, source: str) -> Installed:
    """Fetch what is not here yet. Raises DescriberError; what came stays for the next time."""
    with _only_one():
        folder = installed.partial(entry.name)
        with files.told(folder):
            _begin(folder, entry)
        pieces = tuple(fetcher.fetch(piece, folder / installed.MODEL) for piece in entry.files)
        return _finish(folder, replace(entry, files=pieces), source)


def copy(entry: Entry, origin: Path, on_bytes: OnBytes) -> Installed:
    """Copy it from a folder, and leave that as it is. Raises DescriberError."""
    with _only_one():
        folder = installed.partial(entry.name)
        with files.told(folder):
            shutil.rmtree(folder, ignore_errors=True)
            make_private(folder)
        try:
            for piece in entry.files:
                _copy_file(origin / piece.name, folder / installed.MODEL / piece.name, on_bytes)
            return _finish(folder, _measured(entry, folder / installed.MODEL), str(origin))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove(one: Installed) -> None:
    """Take it away, and what was begun of it. Raises DescriberError."""
    with _only_one(), files.told(one.folder):
        aside = one.folder.with_name(f".removed-{one.name}")
        shutil.rmtree(aside, ignore_errors=True)
        one.folder.rename(aside)  # at once: half a captioner shall not be found
        shutil.rmtree(aside)
        shutil.rmtree(installed.partial(one.name), ignore_errors=True)


def _begin(folder: Path, entry: Entry) -> None:
    """Make room for this revision: what was begun of another one is no use. Raises OSError."""
    mark = folder / _REVISION
    known = mark.read_text("ascii", "replace") if mark.is_file() else ""
    if known != entry.revision or folder.is_symlink():
        if folder.is_symlink():
            folder.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        make_private(folder)
        files.write(mark, entry.revision.encode("ascii"))


def _finish(folder: Path, entry: Entry, source: str) -> Installed:
    """Give it its name, once nothing is missing any more."""
    wanted = {folder / installed.MODEL / piece.name for piece in entry.files}
    with files.told(folder):
        for path in sorted((folder / installed.MODEL).rglob("*")):
            if not path.is_dir() and path not in wanted:
                path.unlink()
        (folder / _REVISION).unlink(missing_ok=True)
        files.write(folder / installed.MANIFEST, installed.text(entry, source).encode("utf-8"))
        place = captioners_folder() / entry.name
        if place.exists() and installed.at(place) is None:  # nothing that could be used
            shutil.rmtree(place, ignore_errors=True)
        folder.rename(place)
    return Installed(place, entry, source)


def _copy_file(origin: Path, target: Path, on_bytes: OnBytes) -> None:
    with files.told(origin.parent), origin.open("rb") as source:
        if not stat.S_ISREG(origin.stat().st_mode):
            raise DescriberError(_("{name} is no file.").format(name=origin.name))
        with files.appending(target) as write:
            while data := source.read(_CHUNK):
                write(data)
                on_bytes(len(data))


def _measured(entry: Entry, model: Path) -> Entry:
    pieces = tuple(
        Piece(piece.name, files.size(model / piece.name), files.digest(model / piece.name))
        for piece in entry.files
    )
    return replace(entry, files=pieces)


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Raises DescriberError when another command is at work in there."""
    folder = captioners_folder()
    with contextlib.ExitStack() as stack:
        with files.told(folder):
            make_private(folder)
            lock = stack.enter_context((folder / ".lock").open("ab"))
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DescriberError(
                _("Another describer adds or removes a captioner just now. Please wait for it."),
                detail=repr(error),
            ) from error
        yield
