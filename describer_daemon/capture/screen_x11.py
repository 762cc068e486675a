"""The screen on X11 through the X server itself, where mss refuses: 15, 16 or 30 bits a pixel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from describer_daemon import x11
from describer_daemon.capture import geometry
from describer_daemon.core.ports import DescriberError, Picture, Pixels, Rectangle, Region

if TYPE_CHECKING:  # else whoever only asks would pay for numpy
    import numpy as np
    from numpy.typing import NDArray

_TOO_FEW = "this display shows too few colours; set its colour depth to 24"


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
            return "" if _visual(display) is not None else _TOO_FEW

    def grab(self) -> Picture:
        if reason := x11.unsupported_reason():
            raise DescriberError("I cannot take a picture of the screen here.", detail=reason)
        return self._connection.query(self._grab)

    def _grab(self, display: Any) -> Pixels:
        pointer = x11.pointer(display)
        whole, monitors = _monitors(display)
        desktop = geometry.Desktop(whole, monitors, pointer, x11.active_window(display))
        area = geometry.resolve(self._region, desktop, self._pointer_box, self._told)
        data = _pixels(display, area)
        aim = geometry.aim(area, pointer, self._focus())
        return Pixels(area.width, area.height, data, "RGB", aim)


def _visual(display: Any) -> Any:
    """The screen's visual, None when its pixels are no colours but places in a table."""
    screen = display.screen()
    for depth in screen.allowed_depths:
        for visual in depth.visuals:
            if visual.visual_id == screen.root_visual and visual.red_mask:
                return visual
    return None


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
    import numpy as np
    from Xlib import X, error

    visual = _visual(display)
    if visual is None:
        raise DescriberError(f"I cannot see the screen: {_TOO_FEW}.")
    root = display.screen().root
    try:
        image = root.get_image(area.left, area.top, area.width, area.height, X.ZPixmap, 0xFFFFFFFF)
    except error.XError as refused:  # the monitors were just rearranged
        raise DescriberError(
            "The screen changed just now. Please try again.", detail=str(refused)
        ) from refused
    info = display.display.info
    [pixmap] = [one for one in info.pixmap_formats if one.depth == image.depth]
    kind = np.dtype(f"{'>' if info.image_byte_order else '<'}u{pixmap.bits_per_pixel // 8}")
    pad = pixmap.scanline_pad
    stride = -(-area.width * pixmap.bits_per_pixel // pad) * pad // 8  # bytes a row
    rows = np.frombuffer(image.data, np.uint8, stride * area.height).reshape(area.height, stride)
    values = rows[:, : area.width * kind.itemsize].copy().view(kind)
    masks = visual.red_mask, visual.green_mask, visual.blue_mask
    return np.stack([_channel(values, mask) for mask in masks], axis=2).tobytes()


def _channel(values: NDArray[Any], mask: int) -> NDArray[np.uint8]:
    """(H, W) pixels and the bits of one colour → its strength in 0..255."""
    import numpy as np

    shift = (mask & -mask).bit_length() - 1
    largest = mask >> shift
    strength = (values.astype(np.uint32) & mask) >> shift
    return ((strength * 255 + largest // 2) // largest).astype(np.uint8)
