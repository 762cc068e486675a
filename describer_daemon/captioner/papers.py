"""Which RGB image a decoded one stands for, as people see it: on which paper, how bright."""

from __future__ import annotations

from typing import Literal, cast

import numpy as np
from PIL import Image

_FLAT = 6  # of 255: less is noise
_SPOT = 48  # of 255: a lone bright spot survives in the original
_FAINT = 32  # of 255: so little can hardly be seen on a paper, if there is one on which it can
_INVISIBLE = 16  # of 255: alpha that never reaches this was not meant
_DARK = 32  # of 255: a deep image that is nowhere brighter does not use its range
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_ROWS = 512  # are worked on at a time, so that memory stays bounded


def without_empty_alpha(image: Image.Image) -> Image.Image:
    """Drop an alpha channel that hides all of the picture, as programs leave it empty."""
    if image.mode not in ("RGBA", "LA", "PA"):
        return image
    # most that have one show something in a few of their pixels already
    few = image.resize((64, 64), Image.Resampling.NEAREST)
    if any(_highest(each.getchannel("A")) >= _INVISIBLE for each in (few, image)):
        return image
    return image.convert({"LA": "L"}.get(image.mode, "RGB"))


def as_seen(image: Image.Image, original: Image.Image | None = None) -> Image.Image:
    """Any image → RGB: deep ones scaled to 8 bits, transparent ones on a paper that shows them.

    `original` is what the image was reduced from, whose colours are not yet lost where it is
    transparent. Raises ValueError for a mode that cannot be converted.
    """
    if image.mode in _DEEP:
        return _eight_bits(image).convert("RGB")
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        return _on_paper(image, original or image)
    return image if image.mode == "RGB" else image.convert("RGB")


def blank_reason(image: Image.Image) -> Literal["", "black", "plain"]:
    """Tell an RGB image that is all black or all of one colour from one that shows something."""
    small = _ranges(_thumbnail(image))
    if max(high - low for low, high in small) > _FLAT:
        return ""
    # a lone bright spot would survive in the original: only a truly flat picture counts
    if max(high - low for low, high in _ranges(image)) > _SPOT:
        return ""
    return "black" if max(high for _, high in small) < 16 else "plain"


def _on_paper(image: Image.Image, original: Image.Image) -> Image.Image:
    """On white, unless there is nothing to be seen there: then on black, or without any alpha."""
    if image.mode not in ("RGBA", "LA"):
        image = image.convert("RGBA")
    white = _over(image, "white")
    contrast = _contrast(white)
    if contrast >= _FAINT:
        return white
    black = _over(image, "black")
    nothing = bool(blank_reason(white))
    if _contrast(black) > 4 * contrast and (nothing or _contrast(black) > 4 * _FAINT):
        return black
    if not nothing:
        return white
    if not blank_reason(black):
        return black
    bare = original.convert("RGB")
    return white if blank_reason(bare) else bare


def _over(image: Image.Image, paper: str) -> Image.Image:
    sheet = Image.new("RGB", image.size, paper)
    alpha = image.getchannel("A")
    sheet.paste(image.convert("RGB"), mask=alpha)
    return sheet


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale a deep greyscale image to 8 bits; Pillow's own convert would clip it to white.

    One that fills only the lowest bits of 16, such as a camera's twelve, is scaled by these.
    """
    values = np.asarray(image)
    brightest = max(
        (
            float(np.nan_to_num(values[row : row + _ROWS].astype(np.float32)).max(initial=0.0))
            for row in range(0, len(values), _ROWS)
        ),
        default=0.0,
    )
    tops = {"I": (255.0, 65535.0), "F": (1.0, 255.0, 65535.0)}.get(image.mode, (65535.0,))
    top = next((top for top in tops if brightest <= top), brightest)
    if top == 65535.0 and brightest * 255.0 / top < _DARK:
        top = next((low for low in (255.0, 1023.0, 4095.0) if low / 4 < brightest <= low), top)
    scaled = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), _ROWS):
        part = np.nan_to_num(values[row : row + _ROWS].astype(np.float32))
        scaled[row : row + _ROWS] = np.clip(part / top, 0.0, 1.0) * 255.0
    return Image.fromarray(scaled)


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    seen = ImageCms.profileToProfile(
        image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    return cast("Image.Image", seen)  # None only where it works in place


def _thumbnail(image: Image.Image) -> Image.Image:
    return image.resize((64, 64), Image.Resampling.BOX, reducing_gap=2.0)


def _contrast(image: Image.Image) -> int:
    return max(high - low for low, high in _ranges(_thumbnail(image)))


def _highest(channel: Image.Image) -> int:
    return cast("tuple[int, int]", channel.getextrema())[1]


def _ranges(image: Image.Image) -> tuple[tuple[int, int], ...]:
    """Least and greatest value of each channel; Pillow's type covers images of one too."""
    return cast("tuple[tuple[int, int], ...]", image.getextrema())
