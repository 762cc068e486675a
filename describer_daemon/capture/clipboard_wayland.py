"""The clipboard of Wayland, through wl-paste."""

from __future__ import annotations

import shutil

from describer_daemon import displays
from describer_daemon.capture import clipboard, clipboard_tools
from describer_daemon.core.ports import DescriberError, Picture

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
        if reason := self.unavailable_reason():
            raise DescriberError("I cannot read the clipboard here.", detail=reason)
        command = ("wl-paste", "--list-types")
        return clipboard.picture(
            clipboard_tools.types(command, timeout=_SECONDS, none=_NOTHING), _read
        )


def _read(kind: str) -> bytes:
    command = ("wl-paste", "--no-newline", "--type", kind)
    return clipboard_tools.content(command, timeout=_SECONDS, none=_NOTHING)
