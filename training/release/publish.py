"""From a trained network to the bundle that ships: export, measure, calibrate, describe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch

from models.captioner import load
from models.captioning.caption_store import CaptionStore
from models.captioning.confidence import Calibration
from models.captioning.preprocess import to_array
from models.networks.captioners import CaptioningNetwork
from models.runtime.bundle import CARD, WEIGHTS, Config, read
from models.runtime.export import export, write_caption_store
from models.runtime.quantisation import restore
from training.data import ood_images
from training.data.datasets import load_unlabelled
from training.evaluation.evaluate import Result, evaluate
from training.evaluation.out_of_domain_eval import evaluate_ood, ood_forms
from training.release import calibration, card, everyday, neighbours, plots
from training.trainer.training_data import prepare_captioned_data, prepare_data, starting_encoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.captioner import Captioner
    from models.captioning.vocabulary import Vocabulary
    from training.data.datasets import Example
    from training.trainer.recipe import Recipe
    from training.trainer.train import Trainer
    from training.trainer.training_data import TrainingData

# Chosen by looking at both Flickr8k's development pictures and COCO's, which have no captions
# here and are mostly unlike Flickr8k: the model card has the shares on both sides.
SURE, MEDIUM = 0.8, 0.65
_MEASURED = 100  # training pictures on which the ranges of activations are measured
_OOD_PER_KIND = 64  # made-up pictures of each kind, which the confidence learns to doubt


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with what it was made of; `origin` goes to config.json (see `Config`)."""

    network: CaptioningNetwork
    recipe: Recipe
    data: TrainingData
    origin: dict[str, float]


@dataclass(frozen=True, slots=True)
class TrainedMember:
    """A trained captioner that is to be joined with others; `origin` as in `Trained`."""

    network: CaptioningNetwork
    vocabulary: Vocabulary
    origin: dict[str, float]


def publish(
    trainer: Trainer,
    folder: Path,
    weights: Path | None = None,
    unlabelled: Path | None = None,
    members: Sequence[TrainedMember] = (),
) -> Result:
    """Write the trainer's averaged weights as a bundle; its scores go to the model card.

    With the folders of starting weights and of pictures without captions, tags are calibrated.
    `members` are the captioners that it began with.
    """
    origins = [_origin(trainer), *(each.origin for each in members)]
    origin = {
        "hours": round(sum(each.get("hours", 0.0) for each in origins), 2),
        "cores": max(each.get("cores", 0) for each in origins),
        "unlabelled": max(each.get("unlabelled", 0) for each in origins),
    }
    network = _without_folds(trainer.averaged(), trainer.recipe, len(trainer.data.vocabulary))
    trained = Trained(network, trainer.recipe, trainer.data, origin)
    return _publish(trained, folder, weights, unlabelled)


def _origin(trainer: Trainer) -> dict[str, float]:
    return {
        "hours": trainer.state.seconds / 3600,
        "cores": torch.get_num_threads(),
        "unlabelled": len(trainer.data.unlabelled),
    }


def member(trainer: Trainer) -> TrainedMember:
    """What a training gives to those that are joined."""
    return TrainedMember(trainer.averaged(), trainer.data.vocabulary, _origin(trainer))


def member_of(bundle: Path) -> TrainedMember:
    """What a bundle gives to those that are joined. Raises ValueError when it cannot be used."""
    config, vocabulary, _ = read(bundle)
    return TrainedMember(_network(config, vocabulary, bundle), vocabulary, config.origin)


def renew(
    recipe: Recipe,
    source: Path,
    data: Path,
    work: Path,
    folder: Path,
    weights: Path | None = None,
    unlabelled: Path | None = None,
    beside: Sequence[Path] = (),
    everyday_pictures: Path | None = None,
) -> Result:
    """Write a bundle's weights anew, with the recipe's search and today's graphs and memory.

    `beside` are bundles of the same recipe with other seeds: the card tells how far the scores
    differ. Raises ValueError when a bundle cannot be used, or is of another recipe or other data.
    """
    (config, vocabulary), *_ = [_made_by(recipe, each) for each in (source, *beside)]
    network = _network(config, vocabulary, source)
    if recipe.everyday:
        made = prepare_data(recipe, data, work, weights, unlabelled, everyday=everyday_pictures)
        if made.vocabulary.words != vocabulary.words:
            raise ValueError(f"the bundle in {source} was made of other data: its words differ")
    else:
        made = prepare_captioned_data(recipe, data, work, vocabulary)
    return _publish(
        Trained(network, recipe, made, config.origin), folder, weights, unlabelled, beside
    )


def _made_by(recipe: Recipe, bundle: Path) -> tuple[Config, Vocabulary]:
    config, vocabulary, _ = read(bundle)
    if config.architecture != _architecture(recipe):
        raise ValueError(
            f"the bundle in {bundle} was not made by this recipe: its architecture is another one"
        )
    return config, vocabulary


def _network(config: Config, vocabulary: Vocabulary, source: Path) -> CaptioningNetwork:
    from safetensors.torch import load_file

    network = CaptioningNetwork(config.architecture, len(vocabulary))
    network.load_state_dict(restore(load_file(source / WEIGHTS)))
    return network.eval()


def _publish(
    trained: Trained,
    folder: Path,
    weights: Path | None,
    unlabelled: Path | None,
    beside: Sequence[Path] = (),
) -> Result:
    network, recipe, origin = trained.network, trained.recipe, trained.origin
    examples = trained.data.development
    _export(trained, folder)
    captioner = load(folder)
    scenes, known = trained.data.everyday, None
    if scenes is not None:
        known = everyday.calibrate_objects(captioner, scenes)
    result, fit, others = _judged(
        captioner, examples, "development", known.captioned if known is not None else ()
    )
    other = evaluate(load(folder, "torch"), examples, name="torch engine")
    same = sum(result.captions[name] == text for name, text in other.captions.items())
    seeds = [_scores(*_judged(load(each), examples, each.name)[:2]) for each in beside]
    limits, ood_shares, honesty = fit.calibration, None, None
    pictures = (
        scenes.development
        if scenes is not None
        else load_unlabelled(unlabelled)[1]
        if unlabelled is not None
        else []
    )
    if recipe.starting_weights and weights is not None and pictures:
        ood = evaluate_ood(captioner, pictures, starting_encoder(recipe, weights))
        limits = calibration.fit_tags(ood.tags, ood.right, limits)
        ood_shares = ood.summary(limits)
    everyday.use(captioner, limits)
    if known is not None:
        honesty = everyday.choose_what_is_said(captioner, known)
        limits = captioner.config.calibration
        # which of a beam lose hangs on what a caption may name
        result = evaluate(captioner, examples, name="development")
        others = [evaluate(captioner, known.captioned, name="everyday")]
    plots.draw(fit, folder, known.reliability() if known is not None else ())
    facts = card.Facts(
        recipe=recipe.name,
        members=len(recipe.members),
        decoders=len(network.decoder.ensemble_members()),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        words=len(trained.data.vocabulary),
        pictures=len(trained.data.train),
        unlabelled=int(origin.get("unlabelled", 0)),
        seconds=result.seconds,
        hours=origin.get("hours", float("nan")),
        cores=int(origin.get("cores", 0)),
        same=same,
        exact=other.scores["CIDEr"],
        seed=recipe.seed,
        seeds=(_scores(result, fit), *seeds),
        encoder=recipe.architecture["encoder"],
        everyday=None
        if honesty is None or scenes is None or not others
        else card.Everyday(
            len(scenes.text), len(scenes.development), others[0].scores, honesty, fit.aurocs
        ),
    )
    text = card.write(facts, result, fit, limits, ood_forms(captioner), ood_shares)
    (folder / CARD).write_text(text, encoding="utf-8")
    captioner.config.save(folder)
    for name, value in result.scores.items():
        click.echo(f"{name:24s}{value:8.2f}")
    click.echo(f"AUROC of confidence     {fit.auroc:8.3f}\nwrote {folder}")
    return result


def _judged(
    captioner: Captioner,
    examples: Sequence[Example],
    name: str,
    further: Sequence[Example] = (),
) -> tuple[Result, calibration.Fit, list[Result]]:
    """A captioner's scores, and how far it knows what its captions are worth; the scores of
    `further` pictures, if there are any, count in that, too."""
    result = evaluate(captioner, examples, name=name)
    others = [evaluate(captioner, further, name="everyday")] if further else []
    ood_signals = [
        captioner.describe(image).signals for _, image in ood_images.draw(_OOD_PER_KIND, seed=1)
    ]
    return (
        result,
        calibration.fit(result, captioner.config.calibration, ood_signals, others=others),
        others,
    )


def _scores(result: Result, fit: calibration.Fit) -> dict[str, float]:
    return {**result.scores, "AUROC of confidence": fit.auroc}


def _architecture(recipe: Recipe) -> dict[str, Any]:
    """The recipe's, but for what only training needs: the embeddings' file, and the heads that
    learn from some of the pictures."""
    architecture = {key: value for key, value in recipe.architecture.items() if key != "embeddings"}
    if "objects" in architecture:
        architecture["objects"] = architecture["objects"] | {"folds": 0}
    return architecture


def _without_folds(network: CaptioningNetwork, recipe: Recipe, words: int) -> CaptioningNetwork:
    """The network with one head for things: the mean of all that its training needs.

    (Weights of models that began alike and lie near each other may be averaged: Wortsman et al.
    2022, "Model soups".)
    """
    shipped = CaptioningNetwork(_architecture(recipe), words)
    kept = {
        name: value
        for name, value in network.state_dict().items()
        if not name.startswith("objects.cross_fitted")
    }
    if network.objects is not None:
        heads = [network.objects.maps, *network.objects.cross_fitted]
        for name in ("weight", "bias"):
            kept[f"objects.maps.{name}"] = torch.stack([getattr(h, name) for h in heads]).mean(0)
    shipped.load_state_dict(kept)
    return shipped.eval()


def _export(trained: Trained, folder: Path) -> Config:
    """Write the bundle without a fitted calibration and without a card."""
    network, recipe, made = trained.network, trained.recipe, trained.data
    config = Config(
        _architecture(recipe),
        recipe.preprocessing,
        recipe.search,
        Calibration(sure=SURE, medium=MEDIUM),
        network.encoder.grid(recipe.preprocessing.size),
        origin=trained.origin,
    )
    count = len(made.train)
    export(
        network,
        made.vocabulary,
        config,
        "",
        CaptionStore.empty(network.channels),
        folder,
        int8_calibration=_shown(made, recipe, range(0, count, max(1, count // _MEASURED))),
    )
    # the places of the memory are those that the exported graph gives, rounded as it is
    engine = load(folder).engine
    features = neighbours.mean_features(engine, _shown(made, recipe, range(count)), count)
    classes = neighbours.classes_of(network.encoder) if recipe.neighbours_by == "classes" else None
    write_caption_store(neighbours.build(features, made.tokens[0, :count], classes), folder)
    config.save(folder)
    return config


def _shown(made: TrainingData, recipe: Recipe, numbers: range) -> Iterator[NDArray[np.float32]]:
    """Training pictures as the encoder reads them: (1, 3, S, S)."""
    from PIL import Image

    for number in numbers:
        yield to_array(Image.fromarray(np.asarray(made.images[number])), recipe.preprocessing)
