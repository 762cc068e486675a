"""Reading the clipboard of an X server through xclip."""

from __future__ import annotations

from describer_daemon.capture import clipboard_tools

_XCLIP = ("xclip", "-selection", "clipboard", "-o", "-t")
_NOTHING = ("not available",)  # "target TARGETS not available": nobody owns it
_ASK_SECONDS = 1.8
_READ_SECONDS = 6.0  # xclip is silent until it has all; 43 MB took a second


def types() -> list[str]:
    """What is on offer. Raises as `clipboard_tools.types`."""
    return clipboard_tools.types((*_XCLIP, "TARGETS"), timeout=_ASK_SECONDS, none=_NOTHING)


def read(kind: str) -> bytes:
    """What is there of one of the types. Raises as `clipboard_tools.content`."""
    return clipboard_tools.content((*_XCLIP, kind), timeout=_READ_SECONDS, none=_NOTHING)
