"""The clipboard of Wayland, through wl-paste."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from describer_daemon import displays
from describer_daemon.capture import clipboard, clipboard_tools
from describer_daemon.core.ports import DescriberError, Picture

if TYPE_CHECKING:
    from describer_daemon.capture.changes_wayland import WaylandChanges

_SECONDS = 2.0
_NOTHING = ("nothing is copied", "no selection", "no suitable type", "not available as requested")


class WaylandClipboard:
    """The compositor knows the types; the bytes come from the program that owns them."""

    name = "wl-paste"

    @classmethod
    def unavailable_reason(cls) -> str:
        if reason := displays.wayland_unavailable_reason():
            return reason
        if shutil.which("wl-paste") is None:
            return "the program wl-paste is missing; install the package wl-clipboard"
        return ""

    def grab(self) -> Picture:
        return clipboard.picture(self.offered(), self.read)

    def offered(self) -> list[str]:
        """The types on offer, [] for an empty clipboard. Raises DescriberError."""
        if reason := self.unavailable_reason():
            raise DescriberError("I cannot read the clipboard here.", detail=reason)
        return clipboard_tools.types(("wl-paste", "--list-types"), timeout=_SECONDS, none=_NOTHING)

    def read(self, kind: str) -> bytes:
        """What there is of one type. Raises DescriberError."""
        command = ("wl-paste", "--no-newline", "--type", kind)
        return clipboard_tools.content(command, timeout=_SECONDS, none=_NOTHING)

    def changes(self) -> WaylandChanges:
        """Tells of images that are copied from now on. Raises DescriberError."""
        from describer_daemon.capture.changes_wayland import WaylandChanges

        return WaylandChanges()
