"""In which medium a picture is: photographed, drawn or painted, or laid out as a graphic."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

Medium = Literal["photograph", "artwork", "graphic"]
MEDIA: tuple[Medium, ...] = get_args(Medium)
SHIPPED = Path(__file__).parents[1] / "bundles" / "medium"
HEAD = "head.npz"
PLAIN_NUMBERS = 6
_SIDE = 256  # pixels a side of the part that the plain numbers are of
_NEAR, _FAR = 2, 40  # levels between neighbours that are nearly equal, or an edge
_MOST_BYTES = 1_000_000
_DRAWN = 0.5  # least probability of no photograph where the finder takes it for none


@dataclass(frozen=True, slots=True)
class Media:
    """How likely a picture is a photograph, artwork (a cover, a cartoon, a painting) or a graphic
    (a chart, a map, a logo), in 0..1; from `sure` on it is told as something else than the first.
    """

    photograph: float
    artwork: float
    graphic: float
    sure: float

    def told(self, *, drawn: bool) -> Medium:
        """What it is taken for: in doubt a photograph, or what the finder says (`drawn`)."""
        if 1 - self.photograph < (_DRAWN if drawn else self.sure):
            return "photograph"
        return "artwork" if self.artwork >= self.graphic else "graphic"


@dataclass(frozen=True, slots=True)
class MediumHead:
    """A softmax regression on the features of one encoder, and on plain numbers of the pixels.

    `mean` and `scale` (F,) make the values comparable; `weights` (3, F + 1) give the logits of
    `MEDIA`, with the offset last. `sure` is the probability of not being a photograph from which
    a picture is told as something else. `encoder` is the SHA-256 of the encoder that it is for.
    """

    encoder: str
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    sure: float

    def probabilities(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """(…, F) values → (…, 3) probabilities of `MEDIA`."""
        known = np.clip((values - self.mean) / self.scale, -6, 6)
        logits = known @ self.weights[:, :-1].T + self.weights[:, -1]
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        normalised: NDArray[np.float64] = shares / shares.sum(-1, keepdims=True)
        return normalised

    def believed(self, features: NDArray[np.float32], image: Image.Image) -> Media:
        """Of an RGB image with these features of the encoder (see `decoding.Encoding`)."""
        photograph, artwork, graphic = self.probabilities(values(features, image)).tolist()
        return Media(photograph, artwork, graphic, self.sure)

    def save(self, path: Path) -> None:
        """Write the head, small and plain."""
        np.savez_compressed(
            path,
            encoder=np.array(self.encoder),
            mean=self.mean.astype(np.float32),
            scale=self.scale.astype(np.float32),
            weights=self.weights.astype(np.float32),
            sure=np.array(self.sure),
        )


def values(features: NDArray[np.float32], image: Image.Image) -> NDArray[np.float32]:
    """What the head looks at: (C,) features of the encoder and the image's plain numbers."""
    return np.concatenate([features, plain_numbers(image)]).astype(np.float32)


def plain_numbers(image: Image.Image) -> NDArray[np.float32]:
    """Of the middle of an RGB image, all in 0..1: colours a pixel, share of the most frequent
    colour, equal neighbours, nearly equal ones, edges, mean saturation."""
    width, height = image.size
    across, down = min(width, _SIDE), min(height, _SIDE)
    left, top = (width - across) // 2, (height - down) // 2
    part = image.crop((left, top, left + across, top + down))
    pixels = np.asarray(part.convert("RGB"), np.int16)
    coded = (pixels.astype(np.int32) >> 2) @ np.array([4096, 64, 1])
    _colours, counts = np.unique(coded, return_counts=True)
    steps = np.abs(np.diff(pixels, axis=1)).max(2) if across > 1 else np.zeros((1, 1))
    saturation = (pixels.max(2) - pixels.min(2)).mean() / 255
    return np.array(
        [
            len(counts) / coded.size,
            counts.max() / coded.size,
            (steps == 0).mean(),
            (steps <= _NEAR).mean(),
            (steps >= _FAR).mean(),
            saturation,
        ],
        np.float32,
    )


def load(encoder: str, channels: int, folder: Path = SHIPPED) -> MediumHead | None:
    """The head for the encoder with this SHA-256 and so many `channels`; None where there is
    none, or one that is for another encoder or damaged: kinds are the finder's own then."""
    path = folder / HEAD
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        # numpy leaves a file open that it opened itself and cannot read
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            mean, scale, weights = (
                arrays[name].astype(np.float32) for name in ("mean", "scale", "weights")
            )
            encoder_of_it, sure = str(arrays["encoder"]), float(arrays["sure"])
            head = MediumHead(encoder_of_it, mean, scale, weights, sure)
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    size = channels + PLAIN_NUMBERS
    fits = (
        head.encoder == encoder
        and head.mean.shape == head.scale.shape == (size,)
        and head.weights.shape == (len(MEDIA), size + 1)
        and bool(np.isfinite(head.weights).all())
    )
    return head if fits else None
