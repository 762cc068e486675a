"""The loss by teacher forcing against sums by hand, and the same by both engines."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest

from models.captioner import load
from models.captioning.decoding import SearchConfig
from models.captioning.vocabulary import UNKNOWN, Vocabulary
from models.runtime.bundle import SHIPPED
from tests.bundles import drawing, photograph
from tests.unit.models.captioning.test_decoding import PICTURE, random_engine
from training.evaluation.likelihood import Likelihood, of_captions

VOCABULARY = Vocabulary.from_words(["a", "dog", "runs", "here"])
CAPTIONS = [("a", "dog"), ("a", "dog", "runs", "here"), ("runs",), ("a", "dog", "sits")]


def test_every_word_and_every_end_counts_once() -> None:
    engine = random_engine(4)
    tokens = [(4, 5), (4, 5, 6, 7), (6,), (4, 5, UNKNOWN)]
    nats = -sum(sum(engine.log_probabilities(each)) for each in tokens)
    found = of_captions(engine, PICTURE, VOCABULARY, CAPTIONS)
    assert found.nats == pytest.approx(nats, rel=1e-6)
    assert (found.words, found.unknown) == (3 + 5 + 2 + 4, 1)
    assert found.loss == pytest.approx(nats / 14)
    assert found.perplexity == pytest.approx(math.exp(nats / 14))
    assert found.scores() == {
        "loss": found.loss,
        "perplexity": found.perplexity,
        "unknown words": pytest.approx(100 / 14),
    }


def test_longer_captions_weigh_more() -> None:
    engine = random_engine(5)
    each = [of_captions(engine, PICTURE, VOCABULARY, [caption]) for caption in CAPTIONS]
    together = of_captions(engine, PICTURE, VOCABULARY, CAPTIONS)
    total = sum(each, Likelihood())
    assert total.nats == pytest.approx(together.nats, rel=1e-6)
    assert (total.words, total.unknown) == (together.words, together.unknown)
    assert total.loss != pytest.approx(np.mean([one.loss for one in each]), rel=1e-3)


def test_equal_chances_make_the_perplexity_the_number_of_words() -> None:
    engine = random_engine(1, spread=0)
    found = of_captions(engine, PICTURE, VOCABULARY, CAPTIONS)
    assert found.perplexity == pytest.approx(len(VOCABULARY), rel=1e-5)


def test_parts_of_words_are_divided_by_words() -> None:
    class Parts(Vocabulary):
        """Every word in two parts."""

        def encode(self, words: Iterable[str]) -> list[int]:
            start, *inside, end = super().encode(words)
            return [start, *(part for each in inside for part in (each, 4)), end]

    engine = random_engine(2)
    found = of_captions(engine, PICTURE, Parts(VOCABULARY.words), [("dog", "runs")])
    assert found.words == 3
    assert found.nats == pytest.approx(-sum(engine.log_probabilities((5, 4, 6, 4))), rel=1e-6)


def test_what_is_impossible_and_what_is_not_there() -> None:
    assert math.isnan(of_captions(random_engine(1), PICTURE, VOCABULARY, []).loss)
    assert math.isfinite(Likelihood(5000, 2).perplexity)


@pytest.mark.parametrize("shipped", [False, True])
def test_both_engines_have_the_same_loss(shipped: bool, request: pytest.FixtureRequest) -> None:
    folder = SHIPPED if shipped else request.getfixturevalue("tiny_bundle")
    # what ships rounds what it multiplies (ADR 0021): 0.02 to 0.07 a picture, to either side
    images = (
        [photograph(name) for name in ("chelsea", "astronaut", "coffee", "rocket")]
        if shipped
        else [drawing("red", "circle", "left")]
    )
    captions = [
        tuple(text.split())
        for text in ("a dog runs in the snow", "a man", "the red dog is on a boat in the water")
    ]
    onnx, torch = (
        sum(
            (
                of_captions(each.engine, each.encode(image), each.vocabulary, captions)
                for image in images
            ),
            Likelihood(),
        )
        for each in (load(folder, "onnx", threads=1), load(folder, "torch"))
    )
    assert onnx.loss == pytest.approx(torch.loss, abs=0.02 if shipped else 1e-3)
    assert (onnx.words, onnx.unknown) == (torch.words, torch.unknown)
    assert onnx.words == (7 + 3 + 11) * len(images)


def test_what_fits_the_picture_is_likelier() -> None:
    captioner = load(SHIPPED)
    encoding = captioner.encode(photograph("chelsea"))
    # greedily: in integers a word's score depends a little on what is reckoned beside it
    caption = captioner.caption(encoding, SearchConfig(beam_size=1))
    said = caption.words
    found = of_captions(captioner.engine, encoding, captioner.vocabulary, [said])
    assert found.loss == pytest.approx(-np.mean(caption.log_probabilities), abs=1e-4)
    shuffled = of_captions(captioner.engine, encoding, captioner.vocabulary, [said[::-1]])
    assert found.loss + 1 < shuffled.loss
