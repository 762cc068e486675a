"""The screen on X11 through the X server itself, where mss refuses: 15, 16 or 30 bits a pixel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from describer_daemon import x11
from describer_daemon.capture import geometry, x11_images
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError, Picture, Pixels, Rectangle, Region

_TOO_FEW = N_("this display shows too few colours; set its colour depth to 24")


class X11Screen:
    """GetImage of the root window; slower than mss, and for any depth with true colours."""

    name = "x11"

    def __init__(
        self,
        region: Region,
        pointer_box: tuple[int, int] = (800, 600),
        focus: Callable[[], Rectangle | None] = lambda: None,
        told: geometry.Told | None = None,
        window_focus: object = None,
    ) -> None:
        """`focus` is asked with each grab; `told`: see `geometry.resolve`.

        `window_focus` is not needed here.
        """
        self._region, self._pointer_box, self._focus = region, pointer_box, focus
        self._told = told
        self._connection = x11.PersistentDisplay()

    @classmethod
    def unavailable_reason(cls) -> str:
        if reason := x11.unavailable_reason():
            return reason
        with x11.opened() as display:
            return "" if x11_images.masks_of_screen(display) is not None else _(_TOO_FEW)

    def grab(self) -> Picture:
        if reason := x11.unsupported_reason():
            raise DescriberError(_("I cannot take a picture of the screen here."), detail=reason)
        return self._connection.query(self._grab)

    def _grab(self, display: Any) -> Pixels:
        pointer = x11.pointer(display)
        whole, monitors = _monitors(display)
        desktop = geometry.Desktop(whole, monitors, pointer, x11.active_window(display))
        area = geometry.resolve(self._region, desktop, self._pointer_box, self._told)
        data = _pixels(display, area)
        aim = geometry.aim(area, pointer, self._focus())
        return Pixels(area.width, area.height, data, "RGB", aim)


def _monitors(display: Any) -> tuple[Rectangle, tuple[Rectangle, ...]]:
    screen = display.screen()
    place = screen.root.get_geometry()  # `screen` says how large it was when we connected
    whole = Rectangle(0, 0, place.width, place.height)
    if not display.has_extension("RANDR"):
        return whole, ()
    found = screen.root.xrandr_get_monitors().monitors
    return whole, tuple(
        Rectangle(one.x, one.y, one.width_in_pixels, one.height_in_pixels) for one in found
    )


def _pixels(display: Any, area: Rectangle) -> bytes:
    """`area` as rows of RGB. Raises DescriberError when the server does not give it."""
    from Xlib import error

    masks = x11_images.masks_of_screen(display)
    if masks is None:
        raise DescriberError(_("I cannot see the screen: {reason}.").format(reason=_(_TOO_FEW)))
    try:
        return x11_images.rgb(display, display.screen().root, area, masks)
    except error.XError as refused:  # the monitors were just rearranged
        raise DescriberError(
            _("The screen changed just now. Please try again."), detail=str(refused)
        ) from refused
