"""The history on the disk: a line of JSON for each description, for its owner's eyes alone.

Written anew as a whole and put in place at once, under a lock: a describer on another display may
have the same file. One that is damaged is put aside, never overwritten.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.core.reasons import reason
from describer_daemon.core.remembering import KINDS, Entry
from describer_daemon.service.folders import history_folder, make_private

_LARGEST = 16 * 1024 * 1024  # bytes
_MOST_ASIDE = 20  # damaged files that are kept
# Windows has neither
_NO_LINK, _NO_WAIT = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_NONBLOCK", 0)


class DamagedError(DescriberError):
    """The file was damaged, and is kept aside; a new one is begun."""


class HistoryFile:
    """The file in a folder of its own. Every method may wait for the disk.

    Every method raises DescriberError when the disk refuses.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` None is the usual one."""
        self._folder = folder

    @property
    def path(self) -> Path:
        """Where it is. Raises DescriberError where there is no home."""
        return self._place() / "history.jsonl"

    def read(self) -> list[Entry]:
        """What is in it, oldest first. Raises DamagedError, too: the next time it is empty."""
        if not os.path.lexists(self.path):
            return []
        with self._locked():
            return self._read()

    def add(self, entries: Sequence[Entry], *, keep: int, since: float) -> list[Entry]:
        """Add these; keep so many of the newest, none from before `since`. → what is in it now.

        Raises DamagedError once the entries are in a new file.
        """
        damaged: DamagedError | None = None
        with self._locked():
            try:
                before = self._read()
            except DamagedError as error:
                before, damaged = [], error
            kept = sorted([*before, *entries], key=lambda entry: entry.time)
            kept = [entry for entry in kept if entry.time >= since][-keep:]
            if kept != before:
                self._write(kept)
        if damaged is not None:
            raise damaged
        return kept

    def clear(self) -> None:
        """Take it away, and whatever was kept aside."""
        if not self._place().is_dir():
            return
        with self._locked():
            for path in (self.path, *self.path.parent.glob("history.damaged*")):
                path.unlink(missing_ok=True)

    def _place(self) -> Path:
        return self._folder or history_folder()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        folder = self._place()
        try:
            make_private(folder)
            if stat.S_IMODE(folder.stat().st_mode) != 0o700:
                folder.chmod(0o700)
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
            try:
                _await(lock)
                yield
            finally:
                os.close(lock)
        except OSError as error:
            raise DescriberError(
                _(
                    "The history on the disk cannot be used: {reason}. "
                    "Please look at the folder {folder}."
                ).format(reason=reason(error), folder=folder),
                detail=repr(error),
            ) from error

    def _read(self) -> list[Entry]:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | _NO_LINK | _NO_WAIT)
        except FileNotFoundError:
            return []
        try:
            data = b"?"
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    data = file.read(_LARGEST + 1)
        finally:
            os.close(descriptor)
        try:
            return _parsed(data)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DamagedError:
        names = [self.path.with_name(f"history.damaged.{n}") for n in range(1, _MOST_ASIDE + 1)]
        aside = next((name for name in names if not os.path.lexists(name)), names[-1])
        self.path.replace(aside)
        return DamagedError(
            _(
                "The history was damaged, so I began a new one. The old one is kept as {name}."
            ).format(name=aside.name),
            detail=type(error).__name__,
        )

    def _write(self, entries: Sequence[Entry]) -> None:
        lines = [json.dumps(asdict(entry)) + "\n" for entry in entries]
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".history.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


def _await(lock: int) -> None:
    """Wait for the lock, which is given back when its descriptor is closed."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(lock, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)


def _parsed(data: bytes) -> list[Entry]:
    """Raises ValueError, TypeError, KeyError or RecursionError for what is no history."""
    if len(data) > _LARGEST:
        raise ValueError("it is too large")
    return [_entry(json.loads(line)) for line in data.decode("utf-8").splitlines()]


def _entry(fields: dict[str, object]) -> Entry:
    """Raises ValueError, TypeError or KeyError for what is none of ours."""
    time, verb = fields["time"], fields["verb"]
    sentence, language = fields["sentence"], fields["language"]
    if not isinstance(time, int | float) or isinstance(time, bool) or not 0 <= time < 1e11:
        raise ValueError("time")
    if verb not in KINDS or not isinstance(sentence, str) or not isinstance(language, str):
        raise ValueError("words")
    return Entry(float(time), str(verb), sentence, language)
