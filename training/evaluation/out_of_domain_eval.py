"""Out-of-domain evaluation: the captioner on pictures that are none of its data set's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from models.captioning.answer import FORMS
from models.captioning.preprocess import to_array, upright_rgb
from models.captioning.tags import names, summed
from training.data import ood_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.captioner import Captioner
    from models.captioning.confidence import Calibration
    from models.networks.encoder_base import Encoder
    from training.data.datasets import Example

_SURE = 0.5  # of the starting classifier, as in self-training


@dataclass(frozen=True, slots=True)
class OutOfDomainResult:
    """Of N pictures without captions: `signals` of each caption's confidence; the likeliest
    tag's probability by the bundle's own classifier (`tags`) and whether the starting encoder
    gives the same tag (`right`); `named`: for each picture whose thing the starting encoder is
    sure of, whether the caption names it."""

    signals: list[dict[str, float]]
    tags: NDArray[np.float64]
    right: NDArray[np.bool_]
    named: list[bool]

    def summary(self, limits: Calibration) -> dict[str, float]:
        """Shares in percent, for the model card."""
        confidences = np.asarray([limits.confidence(each) for each in self.signals])
        sure_tags = np.asarray([limits.tag_probability(each) >= limits.tag for each in self.tags])
        unsure = confidences < limits.medium
        return {
            "spoken plainly": _share(confidences >= limits.sure),
            '"Could be"': _share((confidences < limits.sure) & ~unsure),
            "not spoken, but a thing recognised": _share(unsure & sure_tags),
            "not spoken": _share(unsure & ~sure_tags),
            "sure tags that the starting classifier gives, too": _share(self.right[sure_tags]),
            "captions that name what it is sure of": _share(np.asarray(self.named)),
        }


def evaluate_ood(
    captioner: Captioner, examples: Sequence[Example], starting: Encoder
) -> OutOfDomainResult:
    """Caption pictures without captions; `starting` is the encoder as it came."""
    spoken = [name.spoken for name in names()]
    words = [name.word for name in names()]
    signals, tags, right, named = [], [], [], []
    for example in tqdm(examples, desc="without captions", unit="picture"):
        with Image.open(example.path) as image:
            upright = upright_rgb(image)
        pixels = to_array(upright, captioner.config.preprocessing)
        with torch.inference_mode():
            classes = starting.classify(starting(torch.from_numpy(pixels))).softmax(-1)[0].numpy()
        caption = captioner.describe(upright)
        tag, probability = summed(captioner.engine.encode(pixels).classes, spoken)[0]
        signals.append(caption.signals)
        tags.append(probability)
        right.append(tag == summed(classes, spoken)[0][0])
        thing, certain = summed(classes, words)[0]
        if certain >= _SURE:
            text = f" {' '.join(caption.words)} "
            named.append(f" {thing} " in text or f" {thing}s " in text)
    return OutOfDomainResult(signals, np.asarray(tags), np.asarray(right), named)


def ood_forms(captioner: Captioner, count: int = 50) -> dict[str, tuple[int, ...]]:
    """Of `count` made-up pictures of each kind: how many are answered in each of `FORMS`.

    None of them was used to fit the confidence.
    """
    forms: dict[str, list[str]] = {}
    for kind, image in ood_images.draw(count, seed=2):
        forms.setdefault(kind, []).append(captioner.describe(image).answer.form)
    return {kind: tuple(map(values.count, FORMS)) for kind, values in forms.items()}


def _share(these: NDArray[np.bool_]) -> float:
    return 100 * float(these.mean()) if len(these) else float("nan")
