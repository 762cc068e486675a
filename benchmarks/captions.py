"""What the captioner makes of what was found, and of the same photographs in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from tqdm import tqdm

from benchmarks.matching import Outcome
from benchmarks.screens.labels import Label, Shown
from benchmarks.statistics import ratio_interval

if TYPE_CHECKING:
    from models.captioner import Captioner

_WHOLE = 0.8  # so much of a photograph has to be seen to be held against all of it


@dataclass(frozen=True, slots=True)
class Ratio:
    """CIDEr on found crops over CIDEr on something else, in percent each, and their ratio."""

    pictures: int
    found: float
    other: float
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.found / self.other


@dataclass(frozen=True, slots=True)
class Comparison:
    """Against the originals: photographs shown (nearly) whole. Against exact crops: all found."""

    originals: Ratio
    exact: Ratio


def compare(
    captioner: Captioner,
    screens: Sequence[tuple[Path, Label, Outcome]],
    data: Path,
    limit: int,
) -> Comparison | None:
    """Caption at most `limit` found photographs, spread over the screens; None without any."""
    from training.data.datasets import load_flickr8k
    from training.evaluation.metrics import score

    known = {each.path.name: each for each in load_flickr8k(data).development}
    jobs = [
        (path, number, shown, find)
        for path, label, outcome in screens
        for number, (shown, find) in enumerate(
            zip(label.of_kind("photograph"), outcome.matches, strict=True)
        )
        if find is not None and shown.file in known
    ]
    step = max(1, -(-len(jobs) // limit))
    predicted: dict[str, dict[str, str]] = {"found": {}, "exact": {}, "original": {}}
    references, whole = {}, set()
    for path, number, shown, find in tqdm(jobs[::step], desc="captions", unit="picture"):
        key = f"{path.stem} {number}"
        with Image.open(path) as image:
            predicted["found"][key] = _caption(captioner, image.crop(find.box.edges()))
            predicted["exact"][key] = _caption(captioner, image.crop(shown.box.edges()))
        with Image.open(known[shown.file].path) as image:
            predicted["original"][key] = _caption(captioner, image.resize(shown.drawn))
        references[key] = [" ".join(words) for words in known[shown.file].captions]
        if _seen(shown) >= _WHOLE:
            whole.add(key)
    if len(references) < 2:
        return None
    ciders = {how: score(captions, references)[1] for how, captions in predicted.items()}
    return Comparison(
        _ratio(ciders["found"], ciders["original"], sorted(whole)),
        _ratio(ciders["found"], ciders["exact"], sorted(references)),
    )


def _caption(captioner: Captioner, image: Image.Image) -> str:
    return " ".join(captioner.describe(image).words)


def _seen(shown: Shown) -> float:
    return shown.box.area / max(1, shown.drawn[0] * shown.drawn[1])


def _ratio(found: Mapping[str, float], other: Mapping[str, float], keys: Sequence[str]) -> Ratio:
    above, below = [found[key] for key in keys], [other[key] for key in keys]
    if not keys or not sum(below):
        return Ratio(0, 0.0, float("nan"), float("nan"), float("nan"))
    low, high = ratio_interval(above, below)
    return Ratio(len(keys), sum(above) / len(keys), sum(below) / len(keys), low, high)
