"""The clipboard of X11, through xclip."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from describer_daemon import x11
from describer_daemon.capture import clipboard, clipboard_pixmaps, xclip
from describer_daemon.capture.copied_files import NoPictureError
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Picture

if TYPE_CHECKING:
    from describer_daemon.capture.changes_x11 import X11Changes


class X11Clipboard:
    """Asks for the types first: many owners answer any type, with something else."""

    name = "xclip"

    @classmethod
    def unavailable_reason(cls) -> str:
        if reason := x11.unavailable_reason():
            return reason
        if shutil.which("xclip") is None:
            return _("the program xclip is missing; install the package xclip")
        return ""

    def grab(self) -> Picture:
        offered = self.offered()
        try:
            return clipboard.picture(offered, self.read)
        except NoPictureError as told:
            return clipboard_pixmaps.instead(offered, self.read, told)

    def offered(self) -> list[str]:
        """The types on offer, [] for an empty clipboard. Raises DescriberError."""
        if reason := x11.unsupported_reason():
            raise DescriberError(_("There is no clipboard here."), detail=reason)
        if shutil.which("xclip") is None:
            raise DescriberError(
                _("I need xclip to read the clipboard. Install the package xclip.")
            )
        try:
            return xclip.types()
        except DescriberError:
            if reason := x11.unavailable_reason():
                raise DescriberError(_("There is no clipboard here."), detail=reason) from None
            raise

    def read(self, kind: str) -> bytes:
        """What there is of one type. Raises DescriberError."""
        return xclip.read(kind)

    def changes(self) -> X11Changes:
        """Tells of what is copied from now on. Raises DescriberError."""
        from describer_daemon.capture.changes_x11 import X11Changes

        return X11Changes()
