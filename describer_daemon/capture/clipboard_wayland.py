"""The clipboard of Wayland: through wl-paste, or where that takes the focus, through XWayland."""

from __future__ import annotations

import logging
import os
import shutil
import time
from typing import TYPE_CHECKING

from describer_daemon import displays
from describer_daemon.capture import clipboard, clipboard_tools, compositor, xclip, xwayland
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Picture

if TYPE_CHECKING:
    from describer_daemon.capture.changes_wayland import WaylandChanges
    from describer_daemon.capture.changes_x11 import X11Changes

log = logging.getLogger(__name__)

_SECONDS = 2.0
_TOLD_SECONDS = (
    0.2  # until an XWayland that began just now, or a new owner, is told of what there is
)
_NOTHING = ("nothing is copied", "no selection", "no suitable type", "not available as requested")


class WaylandClipboard:
    """The compositor knows the types; the bytes come from the program that owns them.

    Without the data-control protocol (GNOME) only the window that has the focus may read, and
    wl-paste takes the focus away for a moment. XWayland's selection is kept the same there.
    """

    name = "wl-paste"

    def __init__(self) -> None:
        self._by_xwayland = False  # whether what is on offer was told by XWayland

    @classmethod
    def unavailable_reason(cls) -> str:
        if reason := displays.wayland_unavailable_reason():
            return reason
        if shutil.which("wl-paste"):
            return ""
        if not os.environ.get("DISPLAY") or compositor.has_data_control():
            return _("the program wl-paste is missing; install the package wl-clipboard")
        if shutil.which("xclip") is None:
            return _("the program xclip is missing; install the package xclip")
        return ""  # to look for XWayland would start it

    def grab(self) -> Picture:
        return clipboard.picture(self.offered(), self.read)

    def offered(self) -> list[str]:
        """The types on offer, [] for an empty clipboard. Raises DescriberError."""
        if reason := self.unavailable_reason():
            raise DescriberError(_("I cannot read the clipboard here."), detail=reason)
        self._by_xwayland = False
        if xwayland.is_preferred():
            offered = _on_xwayland()
            self._by_xwayland = bool(offered)
            if offered or shutil.which("wl-paste") is None:
                return offered
        return clipboard_tools.types(("wl-paste", "--list-types"), timeout=_SECONDS, none=_NOTHING)

    def read(self, kind: str) -> bytes:
        """What there is of one type. Raises DescriberError."""
        if self._by_xwayland:
            return xclip.read(kind)
        command = ("wl-paste", "--no-newline", "--type", kind)
        return clipboard_tools.content(command, timeout=_SECONDS, none=_NOTHING)

    def changes(self) -> WaylandChanges | X11Changes:
        """Tells of images that are copied from now on. Raises DescriberError."""
        if xwayland.is_preferred() and xwayland.is_there():
            from describer_daemon.capture.changes_x11 import X11Changes

            return X11Changes()
        from describer_daemon.capture.changes_wayland import WaylandChanges

        return WaylandChanges()


def _on_xwayland() -> list[str]:
    """The types on offer there; [] also where it cannot be read, and wl-paste may be asked.

    Raises DescriberError where there is nobody else to ask.
    """
    try:
        if xwayland.is_there():
            if offered := xclip.types():
                return offered
            time.sleep(_TOLD_SECONDS)
            return xclip.types()
        failed = DescriberError(
            _("I cannot read the clipboard here. Please install the package wl-clipboard."),
            detail="no XWayland",
        )
    except DescriberError as error:
        failed = error
    log.info("XWayland's clipboard: %s (%s)", failed.spoken, failed.detail)
    if shutil.which("wl-paste") is None:
        raise failed
    return []
