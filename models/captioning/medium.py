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

    from models.captioning.decoding import Encoding

Medium = Literal["photograph", "artwork", "chart", "map", "sign", "other"]
MEDIA: tuple[Medium, ...] = get_args(Medium)
Graphic = Literal["", "chart", "map", "sign"]
SHIPPED = Path(__file__).parents[1] / "bundles" / "medium"
HEAD = "head.npz"
PLAIN_NUMBERS = 6
COVERS = (917, 921)  # ImageNet's classes "comic book" and "book jacket"
_SIDE = 256  # pixels a side of the part that the plain numbers are of
_NEAR, _FAR = 2, 40  # levels between neighbours that are nearly equal, or an edge
_MOST_BYTES = 1_000_000
_DRAWN = 0.5  # least probability of no photograph where the finder takes it for none
_LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True, slots=True)
class Media:
    """How likely a picture is of each of `MEDIA`, in 0..1: a photograph, artwork (a cover, a
    cartoon, a painting), a chart, a map, a sign (a logo, an icon) or something
    other: a diagram, or a part of a program and no picture at all.

    From `sure` on it is told as something else than a photograph, from `named` on as a chart, a
    map or a sign and not just as a graphic.
    """

    shares: tuple[float, ...]
    sure: float
    named: float

    def told(self, *, drawn: bool) -> Literal["photograph", "artwork", "graphic"]:
        """What it is taken for: in doubt a photograph, or what the finder says (`drawn`)."""
        photograph, artwork, *graphics = self.shares
        if 1 - photograph < (_DRAWN if drawn else self.sure):
            return "photograph"
        return "artwork" if artwork >= sum(graphics) else "graphic"

    @property
    def graphic(self) -> Graphic:
        """Which graphic it surely is, if it is one."""
        for name in ("chart", "map", "sign"):
            if self.shares[MEDIA.index(name)] >= self.named:
                return name
        return ""


@dataclass(frozen=True, slots=True)
class MediumHead:
    """A softmax regression on what one encoder tells, and on plain numbers of the pixels.

    `mean` and `scale` (F,) make the values comparable; `weights` (M, F + 1) give the logits of
    `MEDIA`, with the offset last. `sure` and `named` are limits as `Media` has them. `encoder` is
    the SHA-256 of the encoder that it is for.
    """

    encoder: str
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    sure: float
    named: float

    def probabilities(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """(…, F) values → (…, M) probabilities of `MEDIA`."""
        known = np.clip((values - self.mean) / self.scale, -6, 6)
        logits = known @ self.weights[:, :-1].T + self.weights[:, -1]
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        normalised: NDArray[np.float64] = shares / shares.sum(-1, keepdims=True)
        return normalised

    def believed(self, encoding: Encoding, image: Image.Image) -> Media | None:
        """Of an RGB image with this encoding; None where that is not of the head's size."""
        known = values(encoding, image)
        if len(known) != len(self.mean):
            return None
        return Media(tuple(self.probabilities(known).tolist()), self.sure, self.named)

    def save(self, path: Path) -> None:
        """Write the head, small and plain."""
        np.savez_compressed(
            path,
            encoder=np.array(self.encoder),
            mean=self.mean.astype(np.float16),
            scale=self.scale.astype(np.float16),
            weights=self.weights.astype(np.float16),
            sure=np.array(self.sure),
            named=np.array(self.named),
        )


def values(encoding: Encoding, image: Image.Image) -> NDArray[np.float32]:
    """What the head looks at: (C,) features, plain numbers of the image, how far the cells differ
    (the memory's standard deviations and maxima), and logarithms of how likely it is a cover."""
    cells = encoding.memory[0][0]  # (L, D)
    covers = encoding.classes[list(COVERS)] if len(encoding.classes) else np.zeros(len(COVERS))
    return np.concatenate(
        [
            encoding.features,
            plain_numbers(image),
            cells.std(0),
            cells.max(0),
            np.log(np.maximum(covers, _LEAST_PROBABILITY)),
        ]
    ).astype(np.float32)


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


def load(encoder: str, folder: Path = SHIPPED) -> MediumHead | None:
    """The head for the encoder with this SHA-256; None where there is none, or one that is for
    another encoder or damaged: kinds are the finder's own then."""
    path = folder / HEAD
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        # numpy leaves a file open that it opened itself and cannot read
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            mean, scale, weights = (
                arrays[name].astype(np.float32) for name in ("mean", "scale", "weights")
            )
            sure, named = float(arrays["sure"]), float(arrays["named"])
            head = MediumHead(str(arrays["encoder"]), mean, scale, weights, sure, named)
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    fits = (
        head.encoder == encoder
        and head.mean.shape == head.scale.shape == (head.mean.size,)
        and head.weights.shape == (len(MEDIA), head.mean.size + 1)
        and all(bool(np.isfinite(each).all()) for each in (mean, scale, weights))
        and bool((scale > 0).all())
    )
    return head if fits else None
