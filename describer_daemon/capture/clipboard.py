"""What the clipboards of X11 and Wayland share: types on offer, and reading without hanging."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Sequence

from describer_daemon import processes
from describer_daemon.capture import clipboard_text
from describer_daemon.core.ports import DescriberError, Encoded

_PREFERRED = ("image/png", "image/webp", "image/jpeg", "image/bmp", "image/tiff", "image/gif")
_DRAWINGS = ("image/svg+xml", "image/svg")
_FILES = ("text/uri-list", "x-special/gnome-copied-files", "x-special/mate-copied-files")
_TEXTS = ("text/plain;charset=utf-8", "UTF8_STRING", "text/plain", "STRING", "TEXT")

_MAX_SECONDS = 20.0
_CHUNK = 1 << 16


def picture(offered: Sequence[str], read: Callable[[str], bytes]) -> Encoded:
    """The picture among the types on offer; `read` fetches one of them.

    Raises DescriberError when there is nothing, or nothing that means a picture.
    """
    if kind := image_type(offered):
        return clipboard_text.checked(read(kind))
    if not offered:
        raise clipboard_text.nothing()
    for kind in _FILES:
        if kind in offered:
            return clipboard_text.from_uris(os.fsdecode(read(kind)))
    normalised = {name.lower().replace(" ", ""): name for name in reversed(offered)}
    for kind in _TEXTS:
        if kind.lower() in normalised:
            return clipboard_text.from_text(os.fsdecode(read(normalised[kind.lower()])))
    if any(kind in offered for kind in _DRAWINGS):
        raise DescriberError("The clipboard holds a drawing that I cannot see.")
    raise DescriberError("The clipboard holds no picture.")


def image_type(offered: Sequence[str]) -> str:
    """The best of the types of images on offer, "" when there is none."""
    images = [kind for kind in offered if kind.startswith("image/") and kind not in _DRAWINGS]
    for kind in _PREFERRED:
        if kind in images:
            return kind
    return images[0] if images else ""


def fetch(command: Sequence[str], *, timeout: float) -> tuple[int, bytes]:
    """Run a clipboard tool and return its exit code and what it wrote.

    Raises DescriberError when it stays silent for `timeout` seconds (the program that owns
    the clipboard hangs), or writes more than a picture may have.
    """
    try:
        process = processes.start(command, stdout=subprocess.PIPE)
    except FileNotFoundError as error:
        raise DescriberError(
            f"The program {command[0]} is missing. Please install it.", detail=str(error)
        ) from error
    output = processes.pipe(process.stdout)
    handle = output.fileno()
    chunks: list[bytes] = []
    size = 0
    deadline = time.monotonic() + _MAX_SECONDS
    try:
        while True:
            wait = min(timeout, deadline - time.monotonic())
            if wait <= 0 or not select.select([handle], [], [], wait)[0]:
                raise _hangs(command[0])
            chunk = os.read(handle, _CHUNK)
            if not chunk:
                break
            size += len(chunk)
            if size > clipboard_text.LIMIT:
                raise clipboard_text.too_large()
            chunks.append(chunk)
        try:
            return process.wait(timeout), b"".join(chunks)
        except subprocess.TimeoutExpired:
            raise _hangs(command[0]) from None
    finally:
        processes.end(process)
        output.close()


def _hangs(tool: str) -> DescriberError:
    return DescriberError(
        "The clipboard did not answer. Copy the picture again.", detail=f"{tool} hung"
    )
