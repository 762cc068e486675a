"""How pictures are prepared, as preprocessor_config.json says; numbers as transformers' own."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from models.eyes.folder import PREPROCESSOR
from models.runtime.bundle import unusable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_LARGEST = 4096  # pixels of a side
_CROPPED = ("CLIP", "Siglip", "Deit")  # whose size, as a number, is that of the shorter side
_SIZES: tuple[set[str], ...] = (
    set(),
    {"shortest_edge"},
    {"longest_edge"},
    {"height", "width"},
)
_STANDARD = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Pictures:
    """`size` and `crop` have "height" and "width", or "shortest_edge", or "longest_edge".

    `tile` is the side of the tiles that a picture may be cut into (0: it never is).
    """

    size: Mapping[str, int]
    resample: int = 2
    crop: Mapping[str, int] = field(default_factory=dict)
    rescale: float = 1 / 255
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    tile: int = 0
    splits: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for what is too small, or too large, or of no kind."""
        sides = [*self.size.values(), *self.crop.values()]
        if max([*sides, self.tile]) > _LARGEST or min(sides, default=1) < 1 or min(self.std) <= 0:
            raise ValueError("a size or std is too small or too large")
        Image.Resampling(self.resample)

    def array(self, image: Image.Image) -> NDArray[np.float32]:
        """An RGB image of any size → (1, 3, H, W)."""
        if self.size:
            image = self._resized(image, self._wanted(image.size))
        if self.crop:
            image = _cropped(image, (self.crop["width"], self.crop["height"]))
        return self._numbers(image)[None]

    def tiles(self, image: Image.Image, *, split: bool) -> tuple[NDArray[np.float32], int, int]:
        """An RGB image → (T, 3, S, S), rows, columns: its tiles row by row, and last all of it.

        Without `split`, or where it is small, T is 1 and there are no rows. As Idefics 3 does
        (Laurençon et al. 2024, section 3.2).
        """
        whole = (self.tile, self.tile)
        if self.size:
            image = self._resized(image, self._wanted(image.size))
        if split:
            image = self._resized(image, _whole_tiles(image.size, self.tile))
        if not split or max(image.size) <= self.tile:
            return self._numbers(self._resized(image, whole))[None], 0, 0
        columns, rows = (side // self.tile for side in image.size)
        parts = [
            image.crop((left, top, left + self.tile, top + self.tile))
            for top in range(0, rows * self.tile, self.tile)
            for left in range(0, columns * self.tile, self.tile)
        ]
        parts.append(self._resized(image, whole))
        return np.stack([self._numbers(part) for part in parts]), rows, columns

    def visible(self, image: Image.Image) -> Image.Image:
        """Cut out what is seen of an image: all of it, unless its sides are cropped."""
        if not self.crop or "shortest_edge" not in self.size:
            return image
        factor = min(image.size) / self.size["shortest_edge"]
        wide, high = (
            min(side, max(1, round(self.crop[name] * factor)))
            for side, name in zip(image.size, ("width", "height"), strict=True)
        )
        left, top = (image.width - wide) // 2, (image.height - high) // 2
        return image.crop((left, top, left + wide, top + high))

    def _wanted(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) → what it is resized to."""
        if "shortest_edge" in self.size:
            side, (short, long) = self.size["shortest_edge"], sorted(size)
            other = int(side * long / short)
            return (side, other) if size[0] <= size[1] else (other, side)
        if "longest_edge" in self.size:
            return _longest(size, self.size["longest_edge"])
        return self.size["width"], self.size["height"]

    def _resized(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        return image if image.size == size else image.resize(size, Image.Resampling(self.resample))

    def _numbers(self, image: Image.Image) -> NDArray[np.float32]:
        """(3, H, W) of an image."""
        scaled = np.asarray(image, np.float32) * np.float32(self.rescale)
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        return np.ascontiguousarray(((scaled - mean) / std).transpose(2, 0, 1))


def _longest(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Idefics 3's rule: the longer side as long as that, the other even."""
    wide, high = size
    if wide >= high:
        other = int(longest / (wide / high))
        return longest, max(other + other % 2, 1)
    other = int(longest * (wide / high))
    return max(other + other % 2, 1), longest


def _whole_tiles(size: tuple[int, int], tile: int) -> tuple[int, int]:
    """The next larger size of whole tiles, as Idefics 3 rounds it."""

    def up(length: float) -> int:
        return math.ceil(length / tile) * tile

    wide, high = size
    ratio = wide / high
    if wide >= high:
        return up(wide), up(int(up(wide) / ratio))
    return up(int(up(high) * ratio)), up(high)


def _cropped(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle of an image, with black around it where it is smaller."""
    left, top = (image.width - size[0]) // 2, (image.height - size[1]) // 2
    return image.crop((left, top, left + size[0], top + size[1]))


def read_pictures(table: Mapping[str, Any]) -> Pictures:
    """What preprocessor_config.json says. Raises BundleError for what is no sensible setting."""
    name = str(table.get("image_processor_type") or table.get("feature_extractor_type") or "")
    try:
        normal = table.get("do_normalize", True)
        tile = _size(table.get("max_image_size") or {}, name).get("longest_edge", 0)
        made = Pictures(
            size=_size(table.get("size") or {}, name) if table.get("do_resize", True) else {},
            resample=int(table.get("resample", 2)),
            crop=_square(table.get("crop_size") or table.get("size") or {})
            if table.get("do_center_crop")
            else {},
            rescale=float(table.get("rescale_factor", 1 / 255))
            if table.get("do_rescale", True)
            else 1.0,
            mean=_three(table.get("image_mean", _STANDARD)) if normal else (0.0, 0.0, 0.0),
            std=_three(table.get("image_std", _STANDARD)) if normal else (1.0, 1.0, 1.0),
            tile=tile,
            splits=bool(table.get("do_image_splitting")),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise unusable(PREPROCESSOR, "a setting is no sensible one", repr(error)) from error
    return made


def _size(value: Any, name: str) -> dict[str, int]:
    if isinstance(value, int):
        if any(each.lower() in name.lower() for each in _CROPPED):
            return {"shortest_edge": value}
        return {"height": value, "width": value}
    if isinstance(value, list):
        value = dict(zip(("height", "width"), value, strict=True))
    known = ("shortest_edge", "longest_edge", "height", "width")
    made = {key: int(value[key]) for key in known if value.get(key)}
    if made.keys() not in _SIZES:
        raise ValueError(f"a size has {', '.join(made)}")
    return made


def _square(value: Any) -> dict[str, int]:
    if isinstance(value, int):
        return {"height": value, "width": value}
    return {key: int(value[key]) for key in ("height", "width")}


def _three(values: Any) -> tuple[float, ...]:
    made = tuple(float(each) for each in values)
    if len(made) != 3:
        raise ValueError("there must be three numbers, one a colour")
    return made
