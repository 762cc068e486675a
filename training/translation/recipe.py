"""What a translator is trained like: a TOML file, read strictly."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.runtime.tables import make

RECIPE = Path(__file__).with_name("recipe.toml")


@dataclass(frozen=True, slots=True)
class Recipe:
    """`architecture`: see `models.networks.translators.make_translator`.

    `batch_tokens` is the longest sentence of a batch times its number of sentences; `own_times`,
    how often our own sentences come in an epoch.
    """

    architecture: dict[str, Any] = field(default_factory=lambda: {"network": "transformer"})
    source_pieces: int = 4000
    target_pieces: int = 5000
    epochs: int = 10
    batch_tokens: int = 1500
    own_times: int = 8
    learning_rate: float = 1e-3
    warm_up: float = 0.1
    weight_decay: float = 0.01
    smoothing: float = 0.1
    ema_decay: float = 0.995
    seed: int = 1


def read(path: Path = RECIPE) -> Recipe:
    """Raises ValueError, naming the key, for what is no recipe of a translator."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    return make(Recipe, table, str(path))
