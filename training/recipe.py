"""A recipe: everything that decides what a training run gives, in one TOML page."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from models.preprocess import Preprocessing
from training.augmentation import Augmentation

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch of training.

    `train` "decoder" works on cached features of the frozen encoder; "all" trains every
    layer on augmented pictures. Rates are peaks of a one-cycle schedule. `average` is the
    decay of the weights' moving average, which is what is evaluated and exported.
    """

    name: str
    train: Literal["decoder", "all"]
    epochs: int
    rate: float
    encoder_rate: float = 0.0
    batch: int = 40
    label_smoothing: float = 0.1
    weight_decay: float = 0.01
    warm_up: float = 0.1
    average: float = 0.999


@dataclass(frozen=True, slots=True)
class Recipe:
    """See `training/recipes/` for commented examples."""

    architecture: dict[str, Any]
    stages: tuple[Stage, ...]
    starting_weights: str = ""
    seed: int = 1
    minimum_count: int = 5
    max_words: int = 20
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    augmentation: Augmentation = field(default_factory=Augmentation)


def load_recipe(path: Path) -> Recipe:
    """Raises ValueError naming the key for anything unknown or of the wrong kind."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    values: dict[str, Any] = dict(table)
    if "preprocessing" in table:
        values["preprocessing"] = _make(Preprocessing, table["preprocessing"], "preprocessing")
    if "augmentation" in table:
        values["augmentation"] = _make(Augmentation, table["augmentation"], "augmentation")
    stages = [_make(Stage, stage, f"stage {n}") for n, stage in enumerate(table["stages"], 1)]
    recipe: Recipe = _make(Recipe, {**values, "stages": tuple(stages)}, path.name)
    return recipe


def _make(kind: Any, values: dict[str, Any], where: str) -> Any:
    known = {item.name for item in dataclasses.fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{where}: unknown {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    try:
        return kind(**{
            key: tuple(value) if isinstance(value, list) else value
            for key, value in values.items()
        })
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from error
