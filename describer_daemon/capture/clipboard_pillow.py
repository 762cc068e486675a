"""The clipboard of Windows and macOS, through Pillow in a child process that may hang or die."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from describer_daemon import processes
from describer_daemon.capture import (
    clipboard,
    clipboard_markup,
    clipboard_text,
    copied_files,
)
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Picture

_SECONDS = 10.0
_TRIES, _TRY_INTERVAL = 20, 0.05  # seconds


class PillowClipboard:
    """The child writes one line with the kind of what it found, and then the thing itself."""

    name = "pillow"

    @classmethod
    def unavailable_reason(cls) -> str:
        if sys.platform not in ("win32", "darwin"):
            return _("it serves Windows and macOS")
        return ""

    def grab(self) -> Picture:
        finished = processes.run(processes.python(__name__), timeout=_SECONDS, what="The clipboard")
        kind, __, body = finished.output.partition(b"\n")
        if kind == b"image":
            return copied_files.checked(body)
        if kind == b"files":
            names = body.decode("utf-8", "surrogateescape").split("\0")
            return copied_files.from_paths([Path(name) for name in names])
        if kind == b"text":
            return clipboard_text.from_text(body.decode("utf-8", "surrogateescape"))
        if kind == b"page":
            offered = _page(body)
            return clipboard.picture(list(offered), offered.__getitem__)
        if kind == b"nothing":
            raise copied_files.nothing()
        # Only the child's last line, which names the exception: never what was copied.
        last = finished.errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise DescriberError(
            _("The clipboard cannot be read. Copy the picture again."),
            detail=f"exit {finished.code}: {last.partition(':')[0]}",
        )


def _page(body: bytes) -> dict[str, bytes]:
    """The types of what the child writes of a page: its length in a line, the page, its text."""
    length, __, rest = body.partition(b"\n")
    page, text = rest[: int(length)], rest[int(length) :]
    return {"text/html": page, **({"text/plain": text} if text else {})}


def main() -> None:
    """What the child does."""
    from PIL import Image, ImageGrab, UnidentifiedImageError

    out = sys.stdout.buffer
    try:
        content = ImageGrab.grabclipboard()
    except UnidentifiedImageError:
        content = None
    if isinstance(content, Image.Image):
        out.write(b"image\n")
        content.save(out, "PNG", compress_level=1)
    elif content:
        out.write(b"files\n" + "\0".join(content).encode("utf-8", "surrogateescape"))
    else:
        import pyperclip

        page, text = html(), pyperclip.paste().encode("utf-8", "surrogateescape")
        if page:
            out.write(b"page\n%d\n" % len(page) + page + text)
        else:
            out.write(b"text\n" + text if text else b"nothing\n")
    out.flush()


def html() -> bytes:
    """The page, or part of one, that was copied; b"" when there is none."""
    if sys.platform == "win32":
        return clipboard_markup.of_windows(_of_windows("HTML Format"))
    if sys.platform == "darwin":
        command = ["osascript", "-e", "the clipboard as «class HTML»"]
        done = processes.run(command, timeout=_SECONDS / 2, what="The clipboard")
        return clipboard_markup.of_macos(done.output) if done.code == 0 else b""
    return b""


def _of_windows(name: str) -> bytes:
    """What the clipboard has in the format of that name; b"" when it has not."""
    if sys.platform != "win32":
        return b""
    import ctypes

    user, kernel, handle = ctypes.windll.user32, ctypes.windll.kernel32, ctypes.c_void_p
    user.GetClipboardData.restype = kernel.GlobalLock.restype = handle
    kernel.GlobalSize.restype = ctypes.c_size_t
    kind = user.RegisterClipboardFormatW(ctypes.c_wchar_p(name))
    for __ in range(_TRIES):
        if user.OpenClipboard(None):
            break
        time.sleep(_TRY_INTERVAL)  # another program has it open just now
    else:
        return b""
    try:
        memory = handle(user.GetClipboardData(kind))
        place = kernel.GlobalLock(memory) if memory.value else None
        if not place:
            return b""
        try:
            return ctypes.string_at(place, kernel.GlobalSize(memory))
        finally:
            kernel.GlobalUnlock(memory)
    finally:
        user.CloseClipboard()
