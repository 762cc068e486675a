"""From a trained translator to the folder that ships, with its scores and its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdm import tqdm

from models.networks.translators import Transformer
from models.runtime.export import export_translator
from models.translation import Translator, bundle
from models.translation.pieces import Pieces
from training.translation import card, corpus
from training.translation.score import score, survival
from training.translation.train import Training, material

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from torch import Tensor

    from training.translation.recipe import Recipe
    from training.translation.score import Score
    from training.translation.train import Material

_LONGEST = 100  # pieces of a sentence: captions have a fifth of that


def build(
    language: str,
    data: Path,
    work: Path,
    out: Path,
    recipe: Recipe,
    begin: Path | None = None,
    checkpoint_every: int = 100,
) -> Score:
    """Train, export and score; → the score on the development split.

    `begin` is another language's bundle, whose English side this one begins with. Raises
    ValueError for data that do not fit, OtherIdentityError for another training's work folder.
    """
    work.mkdir(parents=True, exist_ok=True)
    own, held = corpus.own(language)
    weights, source = None, None
    if begin is not None:
        _, pieces, _ = bundle.read(begin)
        source, weights = Pieces(pieces), stored(begin)
    learnt = corpus.pairs(data, "train", language)
    given = material(learnt, own, recipe, source)
    training = Training(recipe, given, work, weights, checkpoint_every)
    network = training.run()
    if not isinstance(network, Transformer):
        raise ValueError(f"only a transformer ships, not {recipe.architecture['network']}.")
    config = write(language, network, given, recipe, out)
    facts = card.Facts(
        language,
        len(learnt),
        len(own),
        recipe,
        sum(each.numel() for each in network.parameters()),
        training.state.seconds / 3600,
        begin.name if begin is not None else "",
    )
    return measure(facts, config, corpus.pairs(data, "val", language), held, out)


def write(
    language: str, network: Transformer, given: Material, recipe: Recipe, out: Path
) -> bundle.Config:
    """Write every part of a bundle; its card, which tells the scores, is still empty."""
    export_translator(network, out)
    bundle.write_pieces(list(given.source.pieces), list(given.target.pieces), out)
    (out / bundle.CARD).write_text("", encoding="utf-8")
    longest = min(_LONGEST, recipe.architecture.get("longest", _LONGEST))
    config = bundle.Config(language, recipe.architecture, longest)
    config.save(out)
    return config


def measure(
    facts: card.Facts,
    config: bundle.Config,
    development: corpus.Pairs,
    held: corpus.Pairs,
    out: Path,
) -> Score:
    """Score a bundle with the engine that ships, and write its card."""
    translator = Translator.load(out)
    scored, made = score(translator, development.source, development.target, bar("development"))
    own, _ = score(translator, held.source, held.target, bar("our own sentences"))
    kept = survival(translator, held.source)
    text = card.write(facts, scored, own, kept, development, made)
    (out / bundle.CARD).write_text(text, encoding="utf-8")
    config.save(out)
    return scored


def stored(folder: Path) -> dict[str, Tensor]:
    """The float32 weights of a bundle."""
    from safetensors.torch import load_file

    from models.runtime.quantisation import restore

    return restore(load_file(folder / bundle.WEIGHTS))


def bar(name: str) -> Callable[[Iterable[str]], Iterable[str]]:
    """Progress over sentences."""
    return lambda lines: tqdm(lines, desc=name, unit="sentence")
