"""Where a bundle looked for each word: drawn over the picture, and told in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.captioning import heatmap
from models.captioning.preprocess import upright_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from models.captioner import Caption, Captioner
    from models.captioning.decoding import SearchConfig

EVEN = (
    "This bundle's decoder looked at the whole picture alike for every word, as decoders "
    "without attention do: there is nothing to light up."
)
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")


@dataclass(frozen=True, slots=True)
class Drawn:
    """The drawing, and the same in lines of text, the caption first."""

    image: Image.Image
    lines: tuple[str, ...]


def draw(captioner: Captioner, image: Image.Image, config: SearchConfig | None = None) -> Drawn:
    """Caption an image of any size and mode and draw a tile for each word of the caption.

    Without attention the drawing is the picture with its caption, and a line says why.
    """
    upright = upright_rgb(image)
    caption = captioner.describe(upright, config)
    text = " ".join(caption.words)
    if heatmap.is_even(caption.attention):
        bare = heatmap.draw(upright, (), caption.attention[:0], text)
        return Drawn(bare, (text, EVEN))
    drawn = heatmap.draw(captioner.visible(upright), caption.words, caption.attention, text)
    return Drawn(drawn, (text, *_told(caption)))


def _told(caption: Caption) -> list[str]:
    """For each word its probability, and where in the picture most of its attention was."""
    return [
        f"{word:16s}{100 * math.exp(log_probability):4.0f} %  {_place(each)}"
        for word, log_probability, each in zip(
            caption.words, caption.log_probabilities[:-1], caption.attention, strict=True
        )
    ]


def _place(attention: NDArray[np.float32]) -> str:
    """Name the ninth of the picture with most of the (rows, columns) attention, and its share."""
    shares = np.zeros((len(_ROWS), len(_COLUMNS)))
    for (row, column), value in np.ndenumerate(attention):
        ninth = tuple(
            int((place + 0.5) * 3 / cells)
            for place, cells in zip((row, column), attention.shape, strict=True)
        )
        shares[ninth] += float(value)
    row, column = (int(place) for place in np.unravel_index(shares.argmax(), shares.shape))
    share = shares[row, column] / max(float(shares.sum()), 1e-9)
    return f"{_ROWS[row]} {_COLUMNS[column]}, {100 * share:.0f} %"
