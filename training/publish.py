"""From a trained network to the bundle that ships: export, measure, calibrate, describe."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import click
import torch

from models.bundle import CARD, Config
from models.captioner import load
from models.confidence import Calibration
from models.export import export
from models.quantisation import quantise, restore
from training import calibration, card, neighbours, plots, strangers, unfamiliar
from training.datasets import load_unlabelled
from training.evaluate import Result, evaluate
from training.material import starting_encoder

if TYPE_CHECKING:
    from pathlib import Path

    from training.train import Trainer

# Chosen by looking at both Flickr8k's development pictures and COCO's, which have no captions
# here and are mostly unlike Flickr8k: the model card has the shares on both sides.
SURE, MEDIUM = 0.8, 0.6


def publish(
    trainer: Trainer, folder: Path, weights: Path | None = None, unlabelled: Path | None = None
) -> Result:
    """Write the trainer's averaged weights as a bundle; its scores go to the model card.

    With the folders of starting weights and of pictures without captions, tags are calibrated.
    """
    recipe, material = trainer.recipe, trainer.material
    network = trainer.averaged()
    # the embeddings' file was read when training began: its path is nobody's business
    architecture = {k: v for k, v in recipe.architecture.items() if k != "embeddings"}
    config = Config(architecture, recipe.preprocessing, recipe.search,
                    Calibration(sure=SURE, medium=MEDIUM),
                    network.encoder.grid(recipe.preprocessing.size))
    count = len(material.train)
    network.load_state_dict(restore(quantise(network.state_dict())))
    features = neighbours.mean_features(network, material.images[:count], recipe.preprocessing)
    memory = neighbours.build(features, material.tokens[0, :count])
    export(network, material.vocabulary, config, "", memory, folder, integers=True)
    captioner = load(folder)
    began = time.perf_counter()
    result = evaluate(captioner, material.development, name="development")
    seconds = (time.perf_counter() - began) / len(material.development)
    other = evaluate(load(folder, "torch"), material.development, name="torch engine")
    same = sum(result.captions[name] == text for name, text in other.captions.items())
    strange = [captioner.describe(image).signals for _, image in unfamiliar.draw(12, seed=1)]
    fit = calibration.fit(result, config.calibration, strange)
    limits, elsewhere = fit.calibration, None
    if recipe.starting_weights and weights is not None and unlabelled is not None:
        seen = strangers.look(captioner, load_unlabelled(unlabelled)[1],
                              starting_encoder(recipe, weights))
        limits = calibration.fit_tags(seen.tags, seen.right, limits)
        elsewhere = seen.summary(limits)
    captioner.config = dataclasses.replace(config, calibration=limits)
    plots.draw(fit, folder)
    facts = card.Facts(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        words=len(material.vocabulary), pictures=count,
        unlabelled=len(material.unlabelled), seconds=seconds, hours=trainer.seconds / 3600,
        cores=torch.get_num_threads(), same=same, exact=other.scores["CIDEr"], seed=recipe.seed,
    )
    text = card.write(facts, result, fit, limits, strangers.certainty(captioner), elsewhere)
    (folder / CARD).write_text(text, encoding="utf-8")
    captioner.config.save(folder)
    for name, value in result.scores.items():
        click.echo(f"{name:24s}{value:8.2f}")
    click.echo(f"AUROC of confidence     {fit.auroc:8.3f}\nwrote {folder}")
    return result
