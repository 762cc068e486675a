"""What a captioner that knows things is worth on everyday pictures, and what it may say of them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from models.captioning.preprocess import upright_rgb
from training.data.objects import mean_average_precision
from training.evaluation.honesty import judge
from training.release import calibration
from training.release.object_calibration import asked_again, choose_limits, fit_objects

if TYPE_CHECKING:
    from models.captioner import Caption, Captioner
    from models.captioning.confidence import Calibration
    from models.captioning.decoding import Encoding
    from training.data.datasets import Example
    from training.evaluation.honesty import Honesty
    from training.release.object_calibration import ObjectFit
    from training.trainer.training_data import Everyday

_SUPPORTS = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Known:
    """Held-out everyday pictures as the encoder sees them, and what their things are worth."""

    everyday: Everyday
    encodings: tuple[Encoding, ...]
    fit: ObjectFit

    @property
    def captioned(self) -> list[Example]:
        """Those that people have described."""
        return [each for each in self.everyday.development if each.captions]

    def reliability(self) -> list[tuple[float, float, int]]:
        """Of the kinds' cross-fitted probabilities: see `calibration.reliability`."""
        present = self.everyday.judged.presence.ravel() > 0.5
        return calibration.reliability(self.fit.probabilities.ravel(), present, bins=20)


def calibrate_objects(captioner: Captioner, everyday: Everyday) -> Known:
    """Calibrate the kinds' probabilities and counts; the captioner goes on with them."""
    encodings = []
    for example in tqdm(everyday.development, desc="things", unit="picture"):
        with Image.open(example.path) as image:
            encodings.append(captioner.encode(upright_rgb(image)))
    facts = np.stack([each.objects for each in encodings]).astype(np.float64)
    fit = fit_objects(facts[..., 0], facts[..., 5], everyday.judged, captioner.config.calibration)
    use(captioner, fit.calibration)
    return Known(everyday, tuple(encodings), fit)


def choose_what_is_said(captioner: Captioner, known: Known) -> Honesty:
    """Choose from where on captions and things are believed enough to be said; the captioner goes
    on with that. Each limit for what a caption may name is tried with its own captions, for it
    decides which of a beam lose.

    → what the answers are then worth, with cross-fitted probabilities; how well the kinds are
    known is told of the logits, which have not learnt from these pictures.
    """
    truth = known.everyday.judged
    best = -np.inf
    captions: list[Caption] = []
    fitted = chosen = captioner.config.calibration
    for support in _SUPPORTS:
        tried = dataclasses.replace(fitted, object_support=support)
        use(captioner, tried)
        named = f"things of {support} and more"
        said = [captioner.caption(each) for each in tqdm(known.encodings, named)]
        worth, limits = choose_limits(
            said, known.fit.probabilities, truth, tried, supports=(support,)
        )
        if worth > best:
            best, captions, chosen = worth, said, limits
    use(captioner, chosen)
    honesty = judge(
        asked_again(captions, known.fit.probabilities, captioner.config.calibration), truth
    )
    # The order alone counts, which calibration leaves as it is, but not that of several fits.
    logits = np.stack([each.objects[..., 0] for each in known.encodings])
    return dataclasses.replace(
        honesty, mean_average_precision=100 * mean_average_precision(logits, truth.presence)
    )


def use(captioner: Captioner, fitted: Calibration) -> None:
    """Have a captioner go on with another calibration."""
    captioner.config = dataclasses.replace(captioner.config, calibration=fitted)
