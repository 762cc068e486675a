"""Whether the clipboard is watched: as the settings say, at any time, and at no cost if not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from describer_daemon import displays
from describer_daemon.capture.candidates import CLIPBOARDS
from describer_daemon.core import backends
from describer_daemon.core.events import Offer
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError

if TYPE_CHECKING:
    from describer_daemon.capture.clipboard_watch import ClipboardWatch


class Watching:
    """The watch in use, if any. Not safe for threads: whoever calls holds a lock."""

    def __init__(
        self, offer: Callable[[Offer], None], report: Callable[[DescriberError], None]
    ) -> None:
        """`offer` gets the pictures that are copied; `report`, once, why there can be none."""
        self._offer, self._report = offer, report
        self._watch: ClipboardWatch | None = None
        self._told: set[str] = set()

    @property
    def name(self) -> str:
        """By what it is watched: "off" where nobody wants it, "none" while it cannot be."""
        return self._watch.name if self._watch is not None else "off"

    def follow(self, wanted: bool) -> None:
        """Watch, or watch no more."""
        if wanted == (self._watch is not None):
            return
        if not wanted:
            self.stop()
            return
        from describer_daemon.capture.clipboard_watch import ClipboardWatch

        self._told.clear()
        self._watch = ClipboardWatch(
            _find, lambda source: self._offer(Offer(source)), self._report_once
        )
        self._watch.start()

    def stop(self) -> None:
        """Watch no more."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()

    def _report_once(self, error: DescriberError) -> None:
        # that there is no desktop yet is told elsewhere
        if displays.answers() and error.spoken not in self._told:
            self._told.add(error.spoken)
            self._report(error)


def _find() -> Any:
    found = backends.require(CLIPBOARDS, N_("watch the clipboard"))()
    if not hasattr(found, "changes"):
        raise DescriberError(_("On this system I cannot watch the clipboard. Use its key."))
    return found
