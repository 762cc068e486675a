"""The only way from an image to the array that an encoder sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Travels with the weights.

    The whole picture is squashed to `size` by `size` pixels, nothing is cropped away, then
    normalised by `mean` and `std` on the 0..1 scale. With a `shorter_side` (0: none) it is
    scaled instead until its shorter side has that many pixels, and its middle is cut out: some
    captioners of others were trained so.
    """

    size: int = 224
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    interpolation: Literal["bilinear", "bicubic", "lanczos"] = "bilinear"
    shorter_side: int = 0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError("size must be at least 1")
        if not all(each > 0 for each in self.std):
            raise ValueError("std must be above 0")
        if self.shorter_side and self.shorter_side < self.size:
            raise ValueError("shorter_side must not be less than size")


def upright_rgb(image: Image.Image) -> Image.Image:
    """Turn any image as people see it: first frame, EXIF rotation applied, over white."""
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        paper = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(paper, rgba).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale a deep greyscale image to 8 bits; Pillow's own convert would clip it to white."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    brightest = float(values.max(initial=0.0))
    tops = {"I": (255.0, 65535.0), "F": (1.0, 255.0, 65535.0)}.get(image.mode, (65535.0,))
    top = next((top for top in tops if brightest <= top), brightest)
    return Image.fromarray((np.clip(values / top, 0.0, 1.0) * 255.0).astype(np.uint8))


def squash(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Resize an RGB image to the square that the encoder was trained on, with antialiasing."""
    size, shorter = preprocessing.size, preprocessing.shorter_side
    short = min(image.size)
    wanted = (
        (shorter * image.width // short, shorter * image.height // short)
        if shorter
        else (size, size)
    )
    if image.size != wanted:
        image = image.resize(wanted, _RESAMPLING[preprocessing.interpolation], reducing_gap=3.0)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return image.crop((left, top, left + size, top + size)) if shorter else image


def visible(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Cut out what the encoder sees of an image: all of it, unless the sides are cropped."""
    if not preprocessing.shorter_side:
        return image
    side = max(1, round(min(image.size) * preprocessing.size / preprocessing.shorter_side))
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def to_array(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Turn an RGB image into a float32 array of shape (1, 3, size, size)."""
    pixels = np.asarray(squash(image, preprocessing), dtype=np.float32) / 255.0
    mean = np.asarray(preprocessing.mean, dtype=np.float32)
    std = np.asarray(preprocessing.std, dtype=np.float32)
    return np.ascontiguousarray(((pixels - mean) / std).transpose(2, 0, 1)[None])
