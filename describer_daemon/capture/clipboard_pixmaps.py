"""Copied pictures that stay in the X server, as old programs copy: PIXMAP and BITMAP (ICCCM 2.6.2).

The clipboard has only their numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from describer_daemon import x11
from describer_daemon.capture import clipboard, copied_files, x11_images
from describer_daemon.capture.copied_files import NoPictureError
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Pixels, Rectangle

_TARGETS = ("PIXMAP", "BITMAP")


def instead(offered: Sequence[str], read: Callable[[str], bytes], told: NoPictureError) -> Pixels:
    """Such a picture, where the other types on offer have none, of which `told` tells.

    Raises `told` when nothing names one, or what does gives nothing, as with some programs.
    """
    target = next((name for name in _TARGETS if name in offered), "")
    if not target:
        raise told
    try:
        return picture(read(target))
    except NoPictureError:
        if told.spoken != _(clipboard.NOTHING_KNOWN):
            raise told from None
        raise


def picture(numbers: bytes) -> Pixels:
    """The picture whose number comes first, as xclip prints it: 4 or 8 bytes.

    Raises NoPictureError when there is none, or it cannot be read.
    """
    size = 8 if sys.byteorder == "big" and len(numbers) % 8 == 0 else 4
    number = int.from_bytes(numbers[:size], sys.byteorder)
    if not 0 < number < 1 << 29:
        raise _unreadable()
    try:
        with x11.opened() as display:
            return _drawn(display, number)
    except NoPictureError:
        raise
    except DescriberError as error:
        raise _unreadable() from error


def _drawn(display: Any, number: int) -> Pixels:
    from Xlib import error

    pixmap = display.create_resource_object("pixmap", number)
    try:
        size = pixmap.get_geometry()
        if size.width * size.height * 4 > copied_files.LIMIT:
            raise copied_files.too_large()
        masks = x11_images.masks_of_depth(display, size.depth)
        if masks is None:
            raise _unreadable()
        data = x11_images.rgb(display, pixmap, Rectangle(0, 0, size.width, size.height), masks)
    except error.XError:
        raise _unreadable() from None
    if size.depth == 1:  # ink where a bit is set, on paper
        data = data.translate(bytes(range(255, -1, -1)))
    return Pixels(size.width, size.height, data, "RGB")


def _unreadable() -> NoPictureError:
    return NoPictureError(
        _("The clipboard holds a picture that only its own program can read. Copy it as a file.")
    )
