"""Being told by the X server that somebody copied something: the extension XFIXES."""

from __future__ import annotations

from typing import Any

from describer_daemon import x11
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError


class X11Changes:
    """A connection of its own, on which events of the selection CLIPBOARD come."""

    def __init__(self) -> None:
        """Raises DescriberError without a display, and where it cannot tell."""
        self._display: Any = x11.connect()
        try:
            self._select()
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """What becomes readable when there is something to `take`."""
        return int(self._display.fileno())

    def take(self) -> bool:
        """Whether something was copied. Raises DescriberError once the display is gone."""
        from Xlib import error

        display, copied = self._display, False
        try:
            for __ in range(display.pending_events()):
                event = display.next_event()
                kind = (event.type, getattr(event, "sub_code", None))
                if kind == display.extension_event.SetSelectionOwnerNotify:
                    copied = copied or bool(event.owner)
        except (error.ConnectionClosedError, OSError) as gone:
            raise DescriberError(_("The display is gone."), detail=str(gone)) from gone
        return copied

    def close(self) -> None:
        """Give the connection back."""
        x11.close(self._display)

    def _select(self) -> None:
        from Xlib import error
        from Xlib.ext import xfixes

        display = self._display
        try:
            if not display.has_extension("XFIXES"):
                raise DescriberError(_("This display does not tell when something is copied."))
            display.xfixes_query_version()
            display.xfixes_select_selection_input(
                display.screen().root,
                display.intern_atom("CLIPBOARD"),
                xfixes.XFixesSetSelectionOwnerNotifyMask,
            )
            display.sync()
        except (error.ConnectionClosedError, OSError) as gone:
            raise DescriberError(_("The display is gone."), detail=str(gone)) from gone
