"""Which colours a picture mostly has, by the eleven basic colour terms (Berlin and Kay 1969)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

_SIDE = 64  # pixels a side, of which the shares are taken
_LEAST = 0.2  # share of a picture that makes a colour one of its main ones
_MOST = 2  # colours that are named
_GREY = (0.07, 0.09)  # chroma below which a colour is none: of the darkest, more of the lightest
_BLACK, _WHITE = 0.16, 0.84  # values of the greys that are called so
_PALE = 0.55  # least channel from which a red is pink
_DULL = 0.36  # chroma below which an orange is brown, however light
# ends of the hues' ranges in degrees, and what lies below them
_HUES = (
    (12, "red"),
    (42, "orange"),
    (68, "yellow"),
    (165, "green"),
    (255, "blue"),
    (295, "purple"),
    (340, "pink"),
    (361, "red"),
)
NAMES = (
    "black",
    "blue",
    "brown",
    "green",
    "grey",
    "orange",
    "pink",
    "purple",
    "red",
    "white",
    "yellow",
)


def main_colours(image: Image.Image) -> tuple[str, ...]:
    """The one or two colours that an RGB image mostly has, most first: never none."""
    small = np.asarray(image.resize((_SIDE, _SIDE), reducing_gap=2.0), np.float64) / 255
    names, counts = np.unique(_named(small.reshape(-1, 3)), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_MOST]
    kept = [names[place] for place in order if counts[place] >= _LEAST * _SIDE**2]
    return tuple(map(str, kept or [names[order[0]]]))


def brightness(image: Image.Image) -> Literal["", "dark", "light"]:
    """ "dark", "light", or "" where it is neither."""
    mean = float(np.asarray(image.convert("L").resize((_SIDE, _SIDE)), np.float64).mean()) / 255
    return "dark" if mean < 0.2 else "light" if mean > 0.8 else ""


def _named(pixels: NDArray[np.float64]) -> NDArray[np.str_]:
    """The colour of each of (N, 3) pixels in 0..1."""
    value, least = pixels.max(1), pixels.min(1)
    chroma = value - least
    safe = np.maximum(chroma, 1e-9)
    red, green, blue = pixels.T
    hue = (
        np.where(
            value == red,
            (green - blue) / safe % 6,
            np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
        )
        * 60
    )
    names = np.full(len(pixels), "yellow", "U6")
    for end, name in reversed(_HUES):
        names[hue < end] = name
    warm = (names == "orange") | ((names == "yellow") & (hue < 50))
    names[warm & ((value < 0.7) | (chroma < _DULL))] = "brown"
    names[(names == "red") & (value < 0.45) & (hue > 5) & (hue < 60)] = "brown"
    names[(names == "red") & (least > _PALE)] = "pink"
    names[(names == "pink") & (hue < 320) & (value < 0.75)] = "purple"
    grey = chroma < _GREY[0] + _GREY[1] * value
    names[grey] = "grey"
    names[grey & (value < _BLACK) | (value < 0.1)] = "black"
    names[grey & (least > _WHITE)] = "white"
    return names
