"""The clipboard of Windows and macOS, through Pillow in a child process that may hang or die."""

from __future__ import annotations

import sys
from pathlib import Path

from describer_daemon import processes
from describer_daemon.capture import clipboard_text, copied_files
from describer_daemon.core.ports import DescriberError, Picture

_SECONDS = 10.0


class PillowClipboard:
    """The child writes one line with the kind of what it found, and then the thing itself."""

    name = "pillow"

    @classmethod
    def unavailable_reason(cls) -> str:
        if sys.platform not in ("win32", "darwin"):
            return "it serves Windows and macOS"
        return ""

    def grab(self) -> Picture:
        finished = processes.run(processes.python(__name__), timeout=_SECONDS, what="The clipboard")
        kind, _, body = finished.output.partition(b"\n")
        if kind == b"image":
            return copied_files.checked(body)
        if kind == b"files":
            names = body.decode("utf-8", "surrogateescape").split("\0")
            return copied_files.from_paths([Path(name) for name in names])
        if kind == b"text":
            return clipboard_text.from_text(body.decode("utf-8", "surrogateescape"))
        if kind == b"nothing":
            raise copied_files.nothing()
        # Only the child's last line, which names the exception: never what was copied.
        last = finished.errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise DescriberError(
            "The clipboard cannot be read. Copy the picture again.",
            detail=f"exit {finished.code}: {last.partition(':')[0]}",
        )


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

        text = pyperclip.paste()
        out.write(b"text\n" + text.encode("utf-8", "surrogateescape") if text else b"nothing\n")
    out.flush()
