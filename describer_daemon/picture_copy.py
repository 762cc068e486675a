"""Putting a picture on the clipboard together with its words, so that both are pasted.

Under X11 a program of ours offers several types (`capture/clipboard_owner.py`). wl-copy offers one,
so under Wayland the words are inside the picture. See ADR 0049.
"""

from __future__ import annotations

import base64
import html
import shutil
import struct
import subprocess
import threading
import zlib
from collections.abc import Sequence
from contextlib import suppress

from describer_daemon import displays, processes, x11
from describer_daemon.capture import clipboard_owner, xwayland
from describer_daemon.capture.clipboard_marks import OURS
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError

COPIED = N_("Copied the picture with its description.")
COPIED_INSIDE = N_("Copied the picture. Its description is inside the picture.")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = 33  # bytes of the signature and of the chunk that comes first, IHDR
_SECONDS = 30.0  # to begin, on a machine that has too much to do
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:i="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/">'
    '<i:AltTextAccessibility><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt>'
    "</i:AltTextAccessibility></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def copy_picture(png: bytes, text: str) -> str:
    """Copy both. → what is said of it. Raises DescriberError when it cannot be done."""
    picture = with_text(png, text)
    by_x11 = xwayland.is_preferred() and xwayland.is_there()  # on GNOME
    if displays.on_wayland() and not by_x11:
        if shutil.which("wl-copy") is None:
            raise DescriberError(
                _("I need wl-copy to copy the picture. Install the package wl-clipboard.")
            )
        _own(("wl-copy", "--type", "image/png"), picture)
        return _(COPIED_INSIDE)
    if not by_x11 and x11.unsupported_reason():
        raise DescriberError(_("Here I can copy the words only. Press the key once."))
    _own(
        processes.python("describer_daemon.capture.clipboard_owner"),
        clipboard_owner.encode(contents(picture, text)),
        ready=clipboard_owner.READY,
    )
    return _(COPIED)


def contents(png: bytes, text: str) -> dict[str, bytes]:
    """What is offered, by type: office programs take the page, others the picture or the words."""
    address = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    page = f'<meta charset="utf-8"><img src="{address}" alt="{html.escape(text)}">'
    words = text.encode("utf-8", "replace")
    return {
        "text/html": page.encode("utf-8", "replace"),
        "image/png": png,
        "UTF8_STRING": words,
        "text/plain;charset=utf-8": words,
        "text/plain": words,
        OURS: b"",
    }


def with_text(png: bytes, text: str) -> bytes:
    """The picture with its words inside, as alternative text (IPTC) and as its description.

    Raises DescriberError for what is no PNG.
    """
    if not png.startswith(_SIGNATURE) or png[12:16] != b"IHDR":
        raise DescriberError(_("The picture cannot be copied. Please describe it again."))
    chunks = _words("Description", text) + _words(
        "XML:com.adobe.xmp", _XMP.format(html.escape(text))
    )
    return png[:_HEADER] + chunks + png[_HEADER:]


def _words(keyword: str, text: str) -> bytes:
    """An iTXt chunk, uncompressed (PNG, third edition, section 11.3.3.4)."""
    body = keyword.encode("latin-1") + bytes(5) + text.encode("utf-8", "replace")
    check = zlib.crc32(b"iTXt" + body)
    return struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", check)


def _own(command: Sequence[str], given: bytes, *, ready: bytes = b"") -> None:
    """Start a program that owns the clipboard until somebody else copies, and wait until it does.

    With `ready` it says so; without, it ends, and what it leaves behind goes on.
    """
    try:
        process = processes.start(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if ready else subprocess.DEVNULL,
            stays=True,
        )
    except OSError as error:
        raise _refused(repr(error)) from error
    watchdog = threading.Timer(_SECONDS, processes.end, (process,))
    watchdog.daemon = True
    try:
        watchdog.start()
        with suppress(BrokenPipeError):  # it could not even begin
            processes.pipe(process.stdin).write(given)
            processes.pipe(process.stdin).close()
        owns = processes.pipe(process.stdout).readline() == ready if ready else not process.wait()
    finally:
        watchdog.cancel()
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()
    if not owns:
        processes.end(process)
        raise _refused(f"{command[0]} exits {process.returncode}")
    threading.Thread(target=process.wait, name="owner", daemon=True).start()  # no zombie


def _refused(detail: str) -> DescriberError:
    return DescriberError(_("I could not copy: the clipboard did not take it."), detail=detail)
