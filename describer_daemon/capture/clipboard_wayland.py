"""The clipboard of Wayland, through wl-paste."""

from __future__ import annotations

import shutil

from describer_daemon import displays
from describer_daemon.capture import clipboard
from describer_daemon.core.ports import DescriberError, Picture

_SECONDS = 2.0


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
        # An empty clipboard is an error for wl-paste.
        code, answer = clipboard.fetch(("wl-paste", "--list-types"), timeout=_SECONDS)
        offered = answer.decode("utf-8", "replace").split("\n") if code == 0 else []
        return clipboard.picture([kind for kind in offered if kind], _read)


def _read(kind: str) -> bytes:
    command = ("wl-paste", "--no-newline", "--type", kind)
    code, data = clipboard.fetch(command, timeout=_SECONDS)
    if code:
        raise DescriberError(
            "The clipboard changed just now. Please try again.", detail=f"wl-paste exits {code}"
        )
    return data
