"""The log: a file that only its owner reads, and the terminal when there is one."""

from __future__ import annotations

import logging
import logging.handlers
import os
import stat
import sys
import threading
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from types import TracebackType

from describer_daemon.core.escaping import escaped, escaped_lines
from describer_daemon.core.ports import DescriberError
from describer_daemon.service.folders import log_folder, make_private

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
    logging.raiseExceptions = False  # a full disk is no reason to print a traceback at each line
    terminal = logging.StreamHandler()
    if not console:
        terminal.setLevel(logging.WARNING)  # what does not work must be seen where it was started
    _add(terminal, _Formatter(_FORMAT, tracebacks=False))  # they are for the file
    set_level(level)
    threading.excepthook = _log_thread_death
    return _open_file()


def record_failure(error: BaseException) -> bool:
    """Write a failure that nobody foresaw to the log file. → whether that could be done."""
    files = [one for one in logging.getLogger().handlers if isinstance(one, _PrivateFile)]
    if not files and _open_file() is None:
        return False
    logging.getLogger(_PACKAGE).critical("the command failed", exc_info=error)
    return True


def _open_file() -> Path | None:
    try:
        path = log_path()
        make_private(path.parent)
        # through a link: to begin a new file would else replace the link by a file
        real = Path(os.path.realpath(path))
        _add(_PrivateFile(real, maxBytes=_LARGEST, backupCount=_OLDER, encoding="utf-8"))
    except (OSError, DescriberError) as error:
        logging.getLogger(__name__).warning("there is no log file: %s", error)
        return None
    return path


def set_level(level: str) -> None:
    """Log what is at least as grave as `level`, as after a change of the settings."""
    # Other libraries tell of what we did with them at "info" and below: that is noise here.
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger(_PACKAGE).setLevel(level.upper())


def log_path() -> Path:
    """Where the log file is kept on this system. Raises DescriberError without a home."""
    return log_folder() / "describer.log"


class _Formatter(logging.Formatter):
    """One line for each message, whatever is in it; the lines of a traceback, where wanted."""

    def __init__(self, form: str, *, tracebacks: bool = True) -> None:
        super().__init__(form)
        self._tracebacks = tracebacks

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        return escaped(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if self._tracebacks else text.partition("\n")[0]

    def formatException(  # noqa: N802 - logging's own name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        return escaped_lines(super().formatException(ei))


class _PrivateFile(logging.handlers.RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        file = FileIO(self.baseFilename, self.mode, opener=_open_private)
        return TextIOWrapper(BufferedWriter(file), encoding=self.encoding)


def _open_private(name: str, flags: int) -> int:
    # a pipe without a reader is refused, not waited for
    descriptor = os.open(name, flags | getattr(os, "O_NONBLOCK", 0), 0o600)
    mode = os.fstat(descriptor).st_mode
    # a link may lead to /dev/null, which root must not take from all others
    if sys.platform != "win32" and stat.S_ISREG(mode) and stat.S_IMODE(mode) != 0o600:
        os.fchmod(descriptor, 0o600)  # it was made with a laxer mode by somebody else
    return descriptor


def _add(handler: logging.Handler, formatter: logging.Formatter | None = None) -> None:
    handler.setFormatter(formatter or _Formatter(_FORMAT))
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
