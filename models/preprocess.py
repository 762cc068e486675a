"""The only way from an image to the array that an encoder sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Travels with the weights.

    The whole picture is squashed to `size` × `size` pixels, nothing is cropped away, then
    normalised by `mean` and `std` on the 0..1 scale.
    """

    size: int = 224
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    interpolation: str = "bilinear"


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
    values = np.asarray(image, dtype=np.float32)
    top = 65535.0 if image.mode.startswith("I") else 1.0
    if float(values.max(initial=0.0)) <= 255.0 and image.mode in ("I", "F"):
        top = 255.0 if float(values.max(initial=0.0)) > 1.0 else 1.0
    return Image.fromarray((np.clip(values / top, 0.0, 1.0) * 255.0).astype(np.uint8))


def squash(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Resize an RGB image to the square that the encoder was trained on, with antialiasing."""
    size = (preprocessing.size, preprocessing.size)
    if image.size == size:
        return image
    return image.resize(size, _RESAMPLING[preprocessing.interpolation], reducing_gap=3.0)


def to_array(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Turn an RGB image into a float32 array of shape (1, 3, size, size)."""
    pixels = np.asarray(squash(image, preprocessing), dtype=np.float32) / 255.0
    mean = np.asarray(preprocessing.mean, dtype=np.float32)
    std = np.asarray(preprocessing.std, dtype=np.float32)
    return np.ascontiguousarray(((pixels - mean) / std).transpose(2, 0, 1)[None])
