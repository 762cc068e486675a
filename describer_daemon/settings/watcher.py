"""Noticing that the settings file was saved."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.settings.answering import Looks, stamp
from describer_daemon.settings.file import SettingsError
from describer_daemon.settings.settings import Settings, load

log = logging.getLogger(__name__)

_SETTLE = 0.2  # seconds without a change: editors truncate first, or write a second file


class SettingsWatcher:
    """Calls back from its own thread when the file was saved.

    `on_change` gets the new settings; `on_error` gets one error for each broken or missing
    state of the file, after which the last good settings still hold.
    """

    def __init__(
        self,
        path: Path,
        on_change: Callable[[Settings], None],
        on_error: Callable[[DescriberError], None],
        *,
        since: tuple[int, ...] | None = None,
        interval: float = 1.0,
    ) -> None:
        """`since` is the file's `stamp` from before it was first read; without, that of now.

        `interval` is in seconds; an idle watcher asks for the file's state once in each.
        """
        self._path = path
        self._on_change = on_change
        self._on_error = on_error
        self._interval = interval
        self._stamp = stamp(path) if since is None else since
        self._looks = Looks(path, self._stamp)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._thread = threading.Thread(target=self._watch, name="settings", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No callback begins after this, save one that is under way; safe to call twice."""
        self._ended.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(2)

    def _watch(self) -> None:
        while not self._ended.wait(self._interval):
            now = self._looks.look()
            if now == self._stamp:
                continue
            while not self._ended.wait(_SETTLE) and (later := self._looks.look()) != now:
                now = later
            if now != self._stamp and not self._ended.is_set():
                self._stamp = now
                self._reload()

    def _reload(self) -> None:
        # Whatever a callback does, the next save must be noticed.
        try:
            if self._stamp:
                self._on_change(load(self._path))
            else:
                told = _("{name} is gone. I keep the settings until it is back.")
                self._report(SettingsError(told.format(name=self._path.name)))
        except DescriberError as error:
            self._report(error)
        except Exception:
            log.exception("settings could not be reloaded")

    def _report(self, error: DescriberError) -> None:
        try:
            self._on_error(error)
        except Exception:
            log.exception("the error could not be reported: %s", error.spoken)
