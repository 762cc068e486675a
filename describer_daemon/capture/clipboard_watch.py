"""Watching the clipboard: whoever copies a picture hears what it shows, without a key.

Nothing of this is loaded unless a person asks for it. See ADR 0043.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Protocol

from describer_daemon.capture import clipboard
from describer_daemon.capture.changes_wayland import UnsupportedError
from describer_daemon.capture.copied_files import NoPictureError
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Encoded, ImageSource

log = logging.getLogger(__name__)

_SETTLE = 0.3  # seconds without a further copy: of a burst only the last one is looked at
_LONGEST_BURST = 2.0
_SOONEST, _RAREST = 1.0, 60.0  # seconds until a watch that ended is tried again
_LASTED = 30.0  # seconds after which an end is no reason to wait any longer than at first


class Changes(Protocol):
    """Tells that something was copied."""

    def fileno(self) -> int:
        """What becomes readable when there is something to `take`."""

    def take(self) -> bool:
        """Whether something was copied. Raises DescriberError when it can tell no more."""

    def close(self) -> None:
        """Give back what it holds."""


class Clipboard(Protocol):
    """The back-ends that can be watched."""

    name: str

    def offered(self) -> list[str]:
        """The types on offer. Raises DescriberError."""

    def read(self, kind: str) -> bytes:
        """What there is of one type. Raises DescriberError."""

    def changes(self) -> Changes:
        """Tells from now on. Raises DescriberError."""


class CopiedImage:
    """See `ports.ImageSource`: the picture that was copied, if it still is on the clipboard."""

    def __init__(self, clipboard_in_use: Clipboard) -> None:
        self._clipboard = clipboard_in_use

    def grab(self) -> Encoded:
        kinds = clipboard.images_alone(self._clipboard.offered())
        if not kinds:
            raise NoPictureError(_("The picture was taken from the clipboard."))
        return clipboard.picture(kinds, self._clipboard.read)


class ClipboardWatch:
    """A thread that waits for the desktop to tell, and starts anew when that breaks off."""

    def __init__(
        self,
        find: Callable[[], Clipboard],
        on_picture: Callable[[ImageSource], None],
        report: Callable[[DescriberError], None],
        *,
        soonest: float = _SOONEST,
        settle: float = _SETTLE,
    ) -> None:
        """`find` gives the clipboard of this desktop, or raises DescriberError.

        `on_picture` is called from the watch's thread, `report` when it cannot watch at all. A
        watch that broke off is tried again after `soonest` seconds, later ever more rarely.
        """
        self._find, self._on_picture, self._report = find, on_picture, report
        self._soonest, self._settle = soonest, settle
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="clipboard", daemon=True)
        self.name = "none"  # of the clipboard that is watched

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; what is being looked at just now may still be told of."""
        self._wake.close()
        self._thread.join(0.5)

    def _run(self) -> None:
        with self._woken:
            wait = self._soonest
            while True:
                began = time.monotonic()
                try:
                    if self._watch():
                        return
                except UnsupportedError as error:
                    self._report(error)
                    return
                except DescriberError as error:
                    log.info("clipboard watch: %s (%s)", error.spoken, error.detail)
                except Exception:  # whatever it was, the next copy may be told of
                    log.exception("the clipboard watch failed")
                self.name = "none"
                lasted = time.monotonic() - began > _LASTED
                wait = self._soonest if lasted else min(2 * wait, _RAREST)
                if self._ready(None, wait) is self._woken:
                    return

    def _watch(self) -> bool:
        """Tell of what is copied until `stop`: then True. Raises DescriberError if it breaks."""
        try:
            found = self._find()
        except DescriberError as error:
            self._report(error)
            raise
        changes = found.changes()
        self.name = found.name
        log.info("watching the clipboard by %s", self.name)
        try:
            while (ready := self._ready(changes)) is not self._woken:
                if ready is changes and changes.take() and self._last_of_burst(changes):
                    self._look(found)
            return True
        finally:
            changes.close()

    def _last_of_burst(self, changes: Changes) -> bool:
        """Wait for the end of a burst. → False when we are to end meanwhile."""
        latest = time.monotonic() + _LONGEST_BURST
        quiet = time.monotonic() + self._settle
        while (now := time.monotonic()) < min(quiet, latest):
            ready = self._ready(changes, min(quiet, latest) - now)
            if ready is self._woken:
                return False
            if ready is changes and changes.take():
                quiet = time.monotonic() + self._settle
        return True

    def _look(self, found: Clipboard) -> None:
        try:
            offered = found.offered()
        except DescriberError as error:  # its owner hangs or has gone: nobody asked
            log.debug("clipboard watch: %s", error.spoken)
            return
        if clipboard.images_alone(offered):
            self._on_picture(CopiedImage(found))

    def _ready(
        self, changes: Changes | None, seconds: float | None = None
    ) -> Changes | socket.socket | None:
        """→ what can be read: our own end once we are to stop; None after so many seconds."""
        wanted: list[Changes | socket.socket] = [self._woken]
        if changes is not None:
            wanted.append(changes)
        ready = select.select(wanted, [], [], seconds)[0]
        return ready[0] if ready else None
