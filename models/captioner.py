"""Load a bundle and describe pictures with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from models import bundle
from models.decoding import Engine, Search, search
from models.preprocess import to_array, upright_rgb

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from models.vocabulary import Vocabulary

EngineName = Literal["onnx", "torch"]


@dataclass(frozen=True, slots=True)
class Caption:
    """`words` in order, with one natural log-probability each and a last one for the end.

    `attention` has shape (words, rows, columns): the share of attention over the squashed
    picture for each word, summing to 1. `confidence` is in 0..1.
    """

    words: tuple[str, ...]
    log_probabilities: tuple[float, ...]
    attention: NDArray[np.float32]
    confidence: float


class Captioner:
    """A bundle with an engine to run it."""

    def __init__(self, engine: Engine, config: bundle.Config, vocabulary: Vocabulary) -> None:
        self.engine, self.config, self.vocabulary = engine, config, vocabulary

    def describe(self, image: Image.Image, how: Search | None = None) -> Caption:
        """Caption one image of any size and mode; `how` defaults to the bundle's search."""
        pixels = to_array(upright_rgb(image), self.config.preprocessing)
        best = search(self.engine, pixels, how or self.config.search)[0]
        return Caption(
            self.vocabulary.decode(best.tokens),
            best.log_probabilities,
            best.attention.reshape(-1, *self.config.grid),
            confidence(best.log_probabilities, self.config.calibration),
        )


def confidence(log_probabilities: tuple[float, ...], calibration: bundle.Calibration) -> float:
    """Probability, as calibrated on the development split, that the caption is a good one."""
    mean = sum(log_probabilities) / len(log_probabilities)
    odds = calibration.slope * mean + calibration.offset
    return 1 / (1 + math.exp(min(-odds, 700.0)))  # exp overflows beyond


def load(folder: Path, engine: EngineName = "onnx", threads: int | None = None) -> Captioner:
    """Load a bundle, strictly. Raises BundleError naming the part that is wrong."""
    config, vocabulary = bundle.read(folder)
    made: Engine
    if engine == "torch":
        from models.engines.torch import TorchEngine

        made = TorchEngine.load(folder, config, len(vocabulary))
    else:
        from models.engines.onnx import OnnxEngine

        made = OnnxEngine(folder, config, len(vocabulary), threads)
    return Captioner(made, config, vocabulary)
