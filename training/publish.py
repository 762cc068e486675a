"""From a trained network to the bundle that ships: export, measure, calibrate, describe."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import TYPE_CHECKING

import click
import numpy as np

from models.bundle import CARD, Calibration, Config
from models.captioner import confidence, load
from models.export import export
from training import card
from training.evaluate import Result, evaluate, mean_log_probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.datasets import Example
    from training.train import Trainer

# Chosen by looking at both Flickr8k's development pictures and COCO's, which have no captions
# here and are mostly unlike Flickr8k: of the former 25 % are at least SURE, of the latter 6 %.
SURE, MEDIUM = 0.8, 0.6


def publish(trainer: Trainer, folder: Path) -> Result:
    """Write the trainer's averaged weights as a bundle; its scores go to the model card."""
    recipe, material = trainer.recipe, trainer.material
    network = trainer.averaged()
    side = recipe.preprocessing.size // network.encoder.stride
    config = Config(recipe.architecture, recipe.preprocessing,
                    recipe.search, Calibration(), (side, side))
    export(network, material.vocabulary, config, "", folder)
    result, seconds = _measure(folder, material.development)
    calibration, auroc = calibrate(result)
    facts = card.Facts(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        words=len(material.vocabulary), pictures=len(material.train), seconds=seconds, auroc=auroc,
        seed=recipe.seed, certainty=_certainty(result, calibration),
    )
    (folder / CARD).write_text(card.write(facts, result, calibration), encoding="utf-8")
    dataclasses.replace(config, calibration=calibration).save(folder)
    for name, value in result.scores.items():
        click.echo(f"{name:24s}{value:8.2f}")
    click.echo(f"AUROC of confidence     {auroc:8.3f}\nwrote {folder}")
    return result


def _measure(folder: Path, examples: Sequence[Example]) -> tuple[Result, float]:
    """Score the exported bundle on its default engine; → result, mean seconds a picture."""
    captioner = load(folder)
    began = time.perf_counter()
    result = evaluate(captioner.engine, captioner.vocabulary, captioner.config.preprocessing,
                      examples, captioner.config.search, "development")
    return result, (time.perf_counter() - began) / len(examples)


def _certainty(result: Result, limits: Calibration) -> dict[str, float]:
    """Share of captions, in percent, in each class of certainty."""
    confidences = np.asarray([confidence(each, limits)
                              for each in result.log_probabilities.values()])
    plain, not_unsure = (100 * float((confidences >= limit).mean())
                         for limit in (limits.sure, limits.medium))
    return {"sure": plain, "medium": not_unsure - plain, "unsure": 100 - not_unsure}


def calibrate(result: Result) -> tuple[Calibration, float]:
    """Fit confidence = P(caption is not among the worst third by CIDEr), and its AUROC.

    Platt scaling (Platt 1999) of the mean log-probability a token. The AUROC is that of the
    mean itself, so no fitting flatters it.
    """
    means = mean_log_probabilities(result)
    names = sorted(means)
    x = np.asarray([means[name] for name in names])
    ciders = np.asarray([result.ciders[name] for name in names])
    good = ciders > np.quantile(ciders, 1 / 3)
    slope, offset = _logistic(x, good)
    return Calibration(slope, offset, SURE, MEDIUM), _auroc(x, good)


def _logistic(x: NDArray[np.float64], good: NDArray[np.bool_]) -> tuple[float, float]:
    """Logistic regression on one variable by Newton's method."""
    design = np.stack([x, np.ones_like(x)], 1)
    weights = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (good - p) - 1e-3 * weights
        hessian = (design * (p * (1 - p))[:, None]).T @ design + 1e-3 * np.eye(2)
        weights += np.linalg.solve(hessian, gradient)
    return float(weights[0]), float(weights[1])


def _auroc(x: NDArray[np.float64], good: NDArray[np.bool_]) -> float:
    """Chance that a good caption has a higher x than a bad one; ties count half."""
    pairs = np.sign(x[good][:, None] - x[~good])
    return float((pairs.mean() + 1) / 2) if pairs.size else math.nan
