"""The log: a file that only its owner reads, and the terminal when there is one."""

from __future__ import annotations

import logging
import logging.handlers
import os
import stat
import threading
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path

from describer_daemon.service.folders import make_private

_PACKAGE = "describer_daemon"
_LARGEST = 512 * 1024  # bytes, for each of the files
_OLDER = 2
_FORMAT = "%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"


def set_up(level: str, *, console: bool) -> Path | None:
    """Begin to log; to standard error too: warnings, or with `console` all. → the file's path.

    `level` is "debug", "info", "warning" or "error". None is returned, and the reason logged,
    when no file can be written. May be called again.
    """
    _take_down()
    terminal = logging.StreamHandler()
    if not console:
        terminal.setLevel(logging.WARNING)  # what does not work must be seen where it was started
    _add(terminal)
    set_level(level)
    threading.excepthook = _log_thread_death
    path = log_path()
    try:
        make_private(path.parent)
        _add(_PrivateFile(path, maxBytes=_LARGEST, backupCount=_OLDER, encoding="utf-8"))
    except OSError as error:
        logging.getLogger(__name__).warning("there is no log file: %s", error)
        return None
    return path


def set_level(level: str) -> None:
    """Log what is at least as grave as `level`, as after a change of the settings."""
    # Other libraries tell of what we did with them at "info" and below: that is noise here.
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger(_PACKAGE).setLevel(level.upper())


def log_path() -> Path:
    """Where the log file is kept on this system."""
    import platformdirs

    return Path(platformdirs.user_log_dir("describer", appauthor=False)) / "describer.log"


class _PrivateFile(logging.handlers.RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        file = FileIO(self.baseFilename, self.mode, opener=_open_private)
        return TextIOWrapper(BufferedWriter(file), encoding=self.encoding)


def _open_private(name: str, flags: int) -> int:
    descriptor = os.open(name, flags, 0o600)
    if os.name == "posix" and stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o600:
        os.fchmod(descriptor, 0o600)  # it was made with a laxer mode by somebody else
    return descriptor


def _add(handler: logging.Handler) -> None:
    handler.setFormatter(logging.Formatter(_FORMAT))
    handler.set_name(_PACKAGE)
    logging.getLogger().addHandler(handler)


def _take_down() -> None:
    root = logging.getLogger()
    for handler in [one for one in root.handlers if one.get_name() == _PACKAGE]:
        root.removeHandler(handler)
        handler.close()


def _log_thread_death(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_type is SystemExit or failure.exc_value is None:
        return
    name = failure.thread.name if failure.thread else "unknown"
    logging.getLogger(_PACKAGE).critical("the thread %s died", name, exc_info=failure.exc_value)
