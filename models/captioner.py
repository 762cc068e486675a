"""Load a bundle and describe pictures with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from models.captioning import medium
from models.captioning.answer import Answer, answer
from models.captioning.caption_store import neighbour_weights
from models.captioning.confidence import NEIGHBOUR_COUNTS, signals
from models.captioning.decoding import search
from models.captioning.kinds import named
from models.captioning.preprocess import to_array, upright_rgb, visible
from models.captioning.tags import Tag, names, summed
from models.captioning.things import read_things, thing_signals
from models.runtime import bundle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    from models.captioning.caption_store import CaptionStore, Neighbours
    from models.captioning.decoding import Encoding, Engine, Hypothesis, SearchConfig
    from models.captioning.things import Thing
    from models.captioning.vocabulary import Vocabulary

EngineName = Literal["onnx", "torch"]
_TAGS = 5


@dataclass(frozen=True, slots=True)
class Caption:
    """`words` in order, with one natural log-probability each and a last one for the end.

    A word of several pieces has the sum of their log-probabilities and the mean of their
    attention. `attention` has shape (words, rows, columns): the share of attention for each word
    over what the encoder saw of the picture (see `Captioner.visible`), summing to 1.
    `confidence` is in 0..1. `tags` are a second opinion, likeliest first (none where the encoder
    has no classifier); `signals` are what the confidence was made of.

    `things` are all kinds of thing, likeliest first (none without an object head), and `places`
    (things, rows, columns) where each was looked for, summing to 1. `claimed` are the kinds that
    the caption names; `answer` is what of all this is believed enough to be said. `fallback` is
    set where it stands for one of another captioner that was not believed. `media` tells whether
    the picture is a photograph at all; None where no head for that fits the encoder.
    """

    words: tuple[str, ...]
    log_probabilities: tuple[float, ...]
    attention: NDArray[np.float32]
    confidence: float
    tags: tuple[Tag, ...]
    signals: dict[str, float]
    things: tuple[Thing, ...] = ()
    places: NDArray[np.float32] | None = None
    claimed: frozenset[int] = frozenset()
    answer: Answer = field(default_factory=lambda: Answer("plain"))
    fallback: bool = False
    media: medium.Media | None = None


class Captioner:
    """A bundle with an engine to run it."""

    def __init__(
        self,
        engine: Engine,
        config: bundle.Config,
        vocabulary: Vocabulary,
        store: CaptionStore,
        head: medium.MediumHead | None = None,
    ) -> None:
        self.engine, self.config = engine, config
        self.vocabulary, self.caption_store = vocabulary, store
        self._repeatable = vocabulary.function_words()
        self._head = head

    def describe(self, image: Image.Image, config: SearchConfig | None = None) -> Caption:
        """Caption one image of any size and mode; `config` defaults to the bundle's search."""
        encoding = self.encode(image)
        return replace(self.caption(encoding, config), media=self.media(encoding, image))

    knows_artwork = False  # its captions were learnt from photographs

    @property
    def knows_media(self) -> bool:
        """Whether `media` tells anything."""
        return self._head is not None

    def media(self, encoding: Encoding, image: Image.Image) -> medium.Media | None:
        """Whether an image is a photograph, artwork or a graphic; None where that is not known."""
        if self._head is None:
            return None
        return self._head.believed(encoding, upright_rgb(image))

    def encode(self, image: Image.Image) -> Encoding:
        """Look at one image of any size and mode: the half of `describe` without words."""
        return self.engine.encode(to_array(upright_rgb(image), self.config.preprocessing))

    def caption(self, encoding: Encoding, config: SearchConfig | None = None) -> Caption:
        """Find the words for what was looked at: the other half of `describe`.

        Raises BundleError when the weights give no probabilities.
        """
        config = config or self.config.search
        try:
            found = search(self.engine, encoding, config, self._repeatable)
        except bundle.BundleError:
            raise
        except ValueError as error:
            raise bundle.unusable(bundle.WEIGHTS, error) from error
        neighbours = self._neighbours(encoding, config)
        calibration = self.config.calibration
        things = read_things(encoding.objects, calibration)
        believable = self._believable(found, things)
        best = choose(believable, self.caption_store, neighbours, config)
        known = signals(believable, best, encoding, self.caption_store, neighbours)
        claimed = named(self.vocabulary.decode(best.tokens))
        if things:
            known |= thing_signals(claimed, things)
        confidence, tags = calibration.confidence(known), self._tags(encoding)
        words, sizes = self.vocabulary.spell(best.tokens)
        log_probabilities, attention = _by_word(best, sizes)
        return Caption(
            words,
            log_probabilities,
            attention.reshape(-1, *self.config.grid),
            confidence,
            tags,
            known,
            things,
            encoding.places[[thing.kind for thing in things]] if things else None,
            claimed,
            answer(confidence, claimed, things, tags, calibration, calibration.familiarity(known)),
        )

    def _believable(
        self, found: Sequence[Hypothesis], things: Sequence[Thing]
    ) -> Sequence[Hypothesis]:
        """The captions that name nothing which is not there; all, where each of them does."""
        limit = self.config.calibration.object_support
        absent = {thing.kind for thing in things if thing.probability < limit}
        kept = [
            each for each in found if absent.isdisjoint(named(self.vocabulary.decode(each.tokens)))
        ]
        return kept or found

    def visible(self, image: Image.Image) -> Image.Image:
        """Cut out what the encoder sees of an image, which attention maps are over."""
        return visible(image, self.config.preprocessing)

    def _neighbours(self, encoding: Encoding, config: SearchConfig) -> Neighbours | None:
        """The nearest training pictures, as many as anyone asks for; None: an empty store."""
        if not len(self.caption_store):
            return None
        count = max(NEIGHBOUR_COUNTS[-1], config.neighbours)
        return self.caption_store.neighbours(encoding.features, count)

    def _tags(self, encoding: Encoding) -> tuple[Tag, ...]:
        if not len(encoding.classes):
            return ()
        likeliest = summed(encoding.classes, [name.spoken for name in names()])[:_TAGS]
        return tuple(
            Tag(name, self.config.calibration.tag_probability(probability))
            for name, probability in likeliest
        )


def _by_word(
    best: Hypothesis, sizes: Sequence[int]
) -> tuple[tuple[float, ...], NDArray[np.float32]]:
    """Log-probabilities and attention of whole words, of so many tokens each, and of the end."""
    starts = np.cumsum([0, *sizes])
    told = np.add.reduceat(np.asarray(best.log_probabilities), starts)
    looked = np.add.reduceat(best.attention, starts[:-1], axis=0)
    mean = looked / np.asarray(sizes)[:, None]
    return tuple(told.tolist()), mean.astype(np.float32)


def choose(
    found: Sequence[Hypothesis],
    store: CaptionStore,
    neighbours: Neighbours | None,
    config: SearchConfig,
) -> Hypothesis:
    """Pick the caption that the search and the nearest training pictures agree on.

    `neighbours` has at least `config.neighbours` of them, if the store has; None: it is empty.
    """
    if not config.consensus or len(found) == 1 or neighbours is None:
        return found[0]
    weights = neighbour_weights(neighbours.cosines[: config.neighbours], config.bandwidth)
    agreement = store.agreement(
        [each.tokens for each in found], neighbours.references.first(config.neighbours), weights
    )
    scores = [
        each.score + config.consensus * agreed
        for each, agreed in zip(found, agreement, strict=True)
    ]
    return found[scores.index(max(scores))]


def load(folder: Path, engine: EngineName = "onnx", threads: int | None = None) -> Captioner:
    """Load a bundle, strictly. Raises BundleError naming the part that is wrong."""
    config, vocabulary, store = bundle.read(folder)
    made: Engine
    if engine == "torch":
        if "imported" in config.architecture:
            raise bundle.BundleError(
                "This captioner was imported from elsewhere and runs on the "
                "onnx engine only. Please choose that engine."
            )
        from models.runtime.engines.torch import TorchEngine

        made = TorchEngine.load(folder, config, len(vocabulary))
    else:
        from models.runtime.engines.onnx import OnnxEngine

        made = OnnxEngine(folder, config, len(vocabulary), threads)
    if store.channels != made.channels or store.vocab_size > len(vocabulary):
        raise bundle.unusable(bundle.CONSENSUS, "it does not fit the others")
    head = medium.load(config.files.get(bundle.ENCODER, ""))
    return Captioner(made, config, vocabulary, store, head)
