"""A recipe: everything that decides what a training run gives, in one TOML page."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from models.decoding import Search
from models.preprocess import Preprocessing
from models.tables import make
from training.augmentation import Augmentation
from training.self_training import SelfTraining

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch of training.

    `train` "decoder" works on cached features of the frozen encoder; "all" trains every
    layer on augmented pictures. Rates are peaks of a one-cycle schedule. `average` is the
    decay of the weights' moving average, which is what is evaluated and exported.
    "self-critical" draws `samples` captions a picture and learns from their CIDEr-D; `truth` is
    the share of cross-entropy in its loss. `captions` is how many of a picture's captions a step
    shows (0: all). `blend` is the share of the stage's result in what it hands on, the rest
    being what it began with (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").

    `augment` lets the frozen encoder see changed pictures each time, too. `unlabelled` is how
    many pictures without captions a batch has besides. `distil` weighs the cross-entropy of the
    encoder's classifier with the starting encoder's own classes (Hinton et al. 2015), on all
    pictures. `self_train` makes captions for the pictures without, before the stage begins.
    """

    name: str
    train: Literal["decoder", "all"]
    epochs: int
    rate: float
    encoder_rate: float = 0.0
    objective: Literal["cross-entropy", "self-critical"] = "cross-entropy"
    samples: int = 5
    batch: int = 40
    label_smoothing: float = 0.1
    weight_decay: float = 0.01
    warm_up: float = 0.1
    average: float = 0.999
    blend: float = 1.0
    truth: float = 0.0
    captions: int = 0
    augment: bool = False
    unlabelled: int = 0
    distil: float = 0.0
    self_train: bool = False

    @property
    def encodes(self) -> bool:
        """Whether every step encodes its pictures anew."""
        return self.train == "all" or self.augment


@dataclass(frozen=True, slots=True)
class Recipe:
    """See `training/recipes/` for commented examples."""

    architecture: dict[str, Any]
    stages: tuple[Stage, ...]
    starting_weights: str = ""
    seed: int = 1
    minimum_count: int = 5
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    augmentation: Augmentation = field(default_factory=Augmentation)
    search: Search = field(default_factory=Search)
    self_training: SelfTraining = field(default_factory=SelfTraining)

    @property
    def unlabelled(self) -> bool:
        """Whether it needs pictures without captions."""
        return any(stage.unlabelled for stage in self.stages)


def load_recipe(path: Path) -> Recipe:
    """Raises ValueError naming the key for anything unknown, missing or of the wrong kind."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    for key, kind in (("preprocessing", Preprocessing), ("augmentation", Augmentation),
                      ("search", Search), ("self_training", SelfTraining)):
        if key in table:
            table[key] = make(kind, table[key], f"{path.name}, {key}")
    stages = table.get("stages")
    if isinstance(stages, list):
        table["stages"] = [make(Stage, stage, f"{path.name}, stage {number}")
                           for number, stage in enumerate(stages, 1)]
    return make(Recipe, table, path.name)
