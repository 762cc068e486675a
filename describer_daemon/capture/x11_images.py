"""What an X server has drawn, in any depth, as rows of RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from describer_daemon.core.ports import Rectangle

if TYPE_CHECKING:  # else whoever only asks would pay for numpy
    import numpy as np
    from numpy.typing import NDArray

Masks = tuple[int, int, int]  # which bits of a pixel are its red, green and blue


def masks_of_screen(display: Any) -> Masks | None:
    """Those of the screen; None when its pixels are no colours but places in a table."""
    screen = display.screen()
    for depth in screen.allowed_depths:
        for visual in depth.visuals:
            if visual.visual_id == screen.root_visual and visual.red_mask:
                return visual.red_mask, visual.green_mask, visual.blue_mask
    return None


def masks_of_depth(display: Any, depth: int) -> Masks | None:
    """Those of what is drawn in so many bits a pixel; few bits without colours are shades."""
    screen = display.screen()
    if depth == screen.root_depth:
        return masks_of_screen(display)
    for allowed in screen.allowed_depths:
        for visual in allowed.visuals:
            if allowed.depth == depth and visual.red_mask:
                return visual.red_mask, visual.green_mask, visual.blue_mask
    shades = (1 << depth) - 1
    return (shades, shades, shades) if depth <= 8 else None


def rgb(display: Any, drawable: Any, area: Rectangle, masks: Masks) -> bytes:
    """`area` of a window or pixmap, 3 bytes a pixel. Raises Xlib's XError when it is not there."""
    import numpy as np
    from Xlib import X

    image = drawable.get_image(area.left, area.top, area.width, area.height, X.ZPixmap, 0xFFFFFFFF)
    info = display.display.info
    [pixmap] = [one for one in info.pixmap_formats if one.depth == image.depth]
    pad = pixmap.scanline_pad
    stride = -(-area.width * pixmap.bits_per_pixel // pad) * pad // 8  # bytes a row
    rows = np.frombuffer(image.data, np.uint8, stride * area.height).reshape(area.height, stride)
    values: NDArray[Any]
    if pixmap.bits_per_pixel < 8:
        first_is_highest = bool(info.bitmap_format_bit_order)
        values = np.unpackbits(
            rows, axis=1, count=area.width, bitorder="big" if first_is_highest else "little"
        )
    else:
        kind = np.dtype(f"{'>' if info.image_byte_order else '<'}u{pixmap.bits_per_pixel // 8}")
        values = rows[:, : area.width * kind.itemsize].copy().view(kind)
    return np.stack([_channel(values, mask) for mask in masks], axis=2).tobytes()


def _channel(values: NDArray[Any], mask: int) -> NDArray[np.uint8]:
    """(H, W) pixels and the bits of one colour → its strength in 0..255."""
    import numpy as np

    shift = (mask & -mask).bit_length() - 1
    largest = mask >> shift
    strength = (values.astype(np.uint32) & mask) >> shift
    return ((strength * 255 + largest // 2) // largest).astype(np.uint8)
