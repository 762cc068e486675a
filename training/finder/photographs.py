"""What counts as a picture: photographs as screens show them, and works of art."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.random import Generator


class Photographs:
    """Photographs out of files, each time with another size, sharpness and grain."""

    def __init__(self, files: Sequence[Path]) -> None:
        """`files` may be of any size; what is shown is squashed and cut at random."""
        if not files:
            raise ValueError("there are no photographs to compose screens of")
        self._files = files

    def __call__(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        """One photograph of exactly this size."""
        with Image.open(self._files[int(random.integers(len(self._files)))]) as file:
            picture = file.convert("RGB")
        if random.random() < 0.5:
            picture = ImageOps.mirror(picture)
        if random.random() < 0.4:
            picture = _cut(random, picture)
        picture = picture.resize(size, Image.Resampling.BICUBIC)
        enlarged = max(size[0] / 224, size[1] / 224)
        if enlarged > 1.2:  # the camera's own detail, which the small file has lost
            picture = _detailed(random, picture, min(enlarged - 1, 2.0) / 2)
        picture = _styled(random, picture)
        if random.random() < 0.4:
            picture = as_jpeg(picture, int(random.integers(40, 96)))
        return picture


def _cut(random: Generator, picture: Image.Image) -> Image.Image:
    width, height = picture.size
    across, down = (random.uniform(0.4, 1, 2) * picture.size).astype(int)
    left, top = int(random.integers(width - across + 1)), int(random.integers(height - down + 1))
    return picture.crop((left, top, left + int(across), top + int(down)))


def _detailed(random: Generator, picture: Image.Image, amount: float) -> Image.Image:
    """Sharpen, and add texture where the picture has some."""
    if random.random() < 0.6:
        picture = picture.filter(ImageFilter.UnsharpMask(
            float(random.uniform(1, 3)), int(random.uniform(50, 250)), 0))
    if random.random() < 0.7:
        width, height = picture.size
        coarse = random.uniform(0.6, 1.0)
        small = (max(1, int(width * coarse)), max(1, int(height * coarse)))
        noise = Image.fromarray(random.normal(128, 40, small[::-1]).clip(0, 255).astype(np.uint8))
        noise = noise.resize(picture.size, Image.Resampling.BILINEAR)
        rough = ImageChops.difference(picture, picture.filter(ImageFilter.BoxBlur(4)))
        strength = np.asarray(rough.convert("L"), np.float32) / 255 * 3 + 0.02
        texture = (np.asarray(noise, np.float32) - 128) * strength * amount * random.uniform(0.3, 2)
        pixels = np.asarray(picture, np.float32) + texture[..., None]
        picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return picture


def _styled(random: Generator, picture: Image.Image) -> Image.Image:
    """Mostly as it is; now and then old, faded, dark, or painted."""
    choice = random.random()
    if choice < 0.07:
        return ImageOps.grayscale(picture).convert("RGB")
    if choice < 0.14:  # a painting: edges kept, detail gone
        return picture.filter(ImageFilter.ModeFilter(int(random.choice([5, 7, 9]))))
    if choice < 0.18:  # a comic, a screen print
        return picture.quantize(int(random.integers(8, 40))).convert("RGB")
    if choice < 0.24:
        return picture.filter(ImageFilter.GaussianBlur(float(random.uniform(1, 5))))
    if choice < 0.4:
        picture = ImageEnhance.Brightness(picture).enhance(float(random.uniform(0.4, 1.4)))
        return ImageEnhance.Contrast(picture).enhance(float(random.uniform(0.5, 1.4)))
    if choice < 0.5:
        return ImageEnhance.Color(picture).enhance(float(random.uniform(0.0, 1.8)))
    return picture


def as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    """What is left of a picture that was saved as JPEG."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def rounded(random: Generator, size: tuple[int, int]) -> Image.Image | None:
    """A mask with rounded corners for some pictures, None for most."""
    if random.random() > 0.25:
        return None
    mask = Image.new("L", size, 0)
    radius = int(random.uniform(0.01, 0.12) * min(size))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius, fill=255)
    return mask
