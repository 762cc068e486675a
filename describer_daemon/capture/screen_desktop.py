"""The screen on GNOME, KDE and other Wayland desktops, by whatever way the desktop offers.

In the order of ADR 0038: the portal's active window, the desktop's own program, the portal's whole
screen. A way that fails is stood in for by the next, and passed over for a while.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from describer_daemon import displays
from describer_daemon.capture import geometry, meanwhile, portal, screenshot_tools, window_focus
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import Aim, DescriberError, Encoded, Picture, Rectangle, Region

log = logging.getLogger(__name__)

_REST = 60.0  # seconds for which a way that failed is the last to be tried


class DesktopScreen:
    """Nobody tells where the pointer is; a window's own coordinates tell where its focus is."""

    name = "desktop"

    def __init__(
        self,
        region: Region,
        pointer_box: tuple[int, int] = (800, 600),
        focus: Callable[[], Rectangle | None] = lambda: None,
        told: geometry.Told | None = None,
        window_focus: Callable[[], window_focus.InWindow | None] = lambda: None,
    ) -> None:
        """`told`: see `geometry.resolve`. `window_focus` is asked while a window is grabbed."""
        self._region, self._told, self._window_focus = region, told, window_focus
        self._failed: dict[str, float] = {}

    @classmethod
    def unavailable_reason(cls) -> str:
        if reason := displays.wayland_unavailable_reason():
            return reason
        if screenshot_tools.tool() is None and portal.targets() is None:
            return _(
                "neither the portal nor a program of this desktop gives its screen; "
                "install the desktop's xdg-desktop-portal package"
            )
        return ""

    @classmethod
    def needs_permission(cls) -> bool:
        """Whether pictures of this desktop come from its portal, which asks the person first."""
        if displays.wayland_unavailable_reason() or (targets := portal.targets()) is None:
            return False
        return screenshot_tools.tool() is None or bool(targets & portal.ACTIVE_WINDOW)

    def grab(self) -> Picture:
        if isinstance(self._region, Rectangle) and self._told is not None:
            self._told(
                DescriberError(
                    _(
                        "This desktop gives no part of the screen, so I look at all of it. "
                        "Change the region in the settings."
                    )
                )
            )
        focus = meanwhile.asked(self._window_focus) if self._region == "window" else lambda: None
        errors: list[DescriberError] = []
        for name, of_window, way in self._ways():
            try:
                data = way()
            except DescriberError as error:
                log.info("%s: %s (%s)", name, error.spoken, error.detail)
                self._failed[name] = time.monotonic()
                errors.append(error)
                continue
            self._failed.pop(name, None)
            focused = focus() if of_window else None
            size = window_focus.size_of(data) if focused else None
            box = window_focus.in_picture(focused, size) if focused and size else None
            return Encoded(data, Aim(focus=box))
        if not errors:
            raise DescriberError(
                _("I cannot take a picture of the screen here."), detail=self.unavailable_reason()
            )
        # a refusal has a cure only where the portal is the one to be asked
        others = [error for error in errors if not isinstance(error, portal.RefusedError)]
        raise (others or errors)[-1]

    def _ways(self) -> list[tuple[str, bool, Callable[[], bytes]]]:
        """(name, of the active window alone?, what grabs it), in the order to try them in."""
        ways: list[tuple[str, bool, Callable[[], bytes]]] = []
        tool, targets = screenshot_tools.tool(), portal.targets()
        if self._region == "window":
            if targets and targets & portal.ACTIVE_WINDOW:
                ways.append(("portal window", True, lambda: portal.grab(portal.ACTIVE_WINDOW)))
            if tool is not None:
                ways.append((f"{tool.name} window", True, lambda: tool.grab(tool.window)))
        elif tool is not None:
            ways.append((tool.name, False, lambda: tool.grab(tool.screen)))
        if targets is not None:
            ways.append(("portal", False, portal.grab))
        now = time.monotonic()
        ways.sort(key=lambda way: now - self._failed.get(way[0], -_REST) < _REST)
        return ways
