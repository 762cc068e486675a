"""What a training is made of, and whether a checkpoint is of the same one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from models.runtime.tables import as_table
from training import identity
from training.data.shards import member_table
from training.trainer.recipe import Recipe, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from models.networks.captioners import CaptioningNetwork
    from training.data.datasets import Example
    from training.data.shards import Shards
    from training.identity import Identity
    from training.trainer.training_data import Everyday, TrainingData

_ARITHMETIC = 1  # raised by whoever changes what a step computes of the same recipe and pictures
_STAGES = "stages"
_UNHEARD = ("about", "name", "search", "neighbours_by")  # of a recipe: no step depends on them


def of_training(
    recipe: Recipe, data: TrainingData, network: CaptioningNetwork, shards: Shards | None = None
) -> Identity:
    """All that decides the numbers of a training; `network` has the weights that it begins with.

    Pictures count by their contents, wherever their files lie.
    """
    table = as_table(recipe)
    shown = data.shown if data.shown is not None else np.zeros(0, np.uint8)
    return identity.plain(
        {
            "arithmetic": _ARITHMETIC,
            "recipe": {
                key: value for key, value in table.items() if key not in (*_UNHEARD, _STAGES)
            },
            "max_words": recipe.search.max_words,
            _STAGES: table[_STAGES],
            "starting weights": identity.of_tensors(network.state_dict()),
            "vocabulary": identity.of_values(data.vocabulary.words),
            "pictures with captions": identity.of_contents(each.path for each in data.train),
            "captions": _captions(data.train),
            "pictures without captions": identity.of_contents(
                each.path for each in data.unlabelled
            ),
            "development split": [
                identity.of_contents(each.path for each in data.development),
                _captions(data.development),
                identity.of_arrays(shown),
            ],
            "everyday pictures": None if data.everyday is None else _everyday(data.everyday),
            "shards": None if shards is None else _shards(shards),
        }
    )


def check(path: Path, kept: Identity | None, wanted: Identity, begun: int) -> None:
    """Whether a checkpoint of a training may be gone on from, of which `begun` stages have been.

    Those that have not may have changed, and others may have come: what they give is what they
    would have given. Raises OtherIdentityError, saying what differs and what to do.
    """
    if kept is None:
        identity.trust(path)
        return
    old, new = (_until(table, begun) for table in (kept, wanted))
    identity.refuse(path, identity.differences(old, new), "another training")
    if lacking := identity.unknown(old, new):
        identity.trust(path, lacking)


def _until(training: Identity, begun: int) -> Identity:
    """The identity with the first stages alone, each an entry of its own.

    What a recipe could not say yet when it was kept is as by default.
    """
    stages = training[_STAGES][:begun]
    return (
        {key: value for key, value in training.items() if key != _STAGES}
        | {"recipe": _completed(training["recipe"], _usual(Recipe))}
        | {
            f"stage {number}": _completed(stage, _usual(Stage))
            for number, stage in enumerate(stages, 1)
        }
    )


def _completed(table: Identity, usual: Identity) -> Identity:
    return usual | {
        key: usual[key] | value if isinstance(usual.get(key), dict) else value
        for key, value in table.items()
    }


def _usual(kind: type[Recipe | Stage]) -> Identity:
    """The defaults of a recipe's or a stage's keys."""
    found: dict[str, Any] = {}
    for each in dataclasses.fields(kind):
        key = each.metadata.get("key", each.name)
        if key in (*_UNHEARD, _STAGES) and kind is Recipe:
            continue
        if each.default_factory is not dataclasses.MISSING:
            found[key] = as_table(each.default_factory())
        elif each.default is not dataclasses.MISSING:
            found[key] = each.default
    return identity.plain(found)


def _captions(examples: list[Example]) -> str:
    return identity.of_values([each.captions for each in examples])


def _everyday(everyday: Everyday) -> dict[str, Any]:
    return {
        name: identity.of_arrays(known.presence, known.counts, known.labelled, *known.boxes)
        for name, known in (("kinds of thing", everyday.targets), ("held out", everyday.judged))
    } | {
        "text": identity.of_tensors(
            {
                "tokens": everyday.text.tokens,
                "kinds": everyday.text.kinds,
                "counts": everyday.text.counts,
            }
        ),
        "held-out pictures": identity.of_contents(each.path for each in everyday.development),
        "held-out captions": _captions(everyday.development),
        "often": identity.of_values(everyday.often),
    }


def _shards(shards: Shards) -> Mapping[str, Any]:
    """Of archives, which may be too large to be read for this: where what begins, and ends."""
    return {
        "counts": identity.of_values(shards.counts),
        "places": identity.of_arrays(
            *(member_table(shards.path(number)) for number in range(len(shards.counts)))
        ),
    }
