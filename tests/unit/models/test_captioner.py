"""From hypotheses, things and tags to an answer: with an engine that tells what it is told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from models.captioner import Caption, Captioner, load
from models.captioning.caption_store import CaptionStore
from models.captioning.confidence import Calibration
from models.captioning.decoding import Encoding, SearchConfig
from models.captioning.kinds import kinds, numbers
from models.captioning.preprocess import Preprocessing
from models.captioning.vocabulary import END, SPECIALS, START, Vocabulary
from models.runtime.bundle import SHIPPED, Config
from tests.bundles import photograph

if TYPE_CHECKING:
    from models.captioning.decoding import Arrays

WORDS = ("dog", "boat", "grass")
DOG, BOAT, PERSON = (numbers()[name] for name in ("dog", "boat", "person"))


class Oracle:
    """Says one word, each with its probability, and then no more."""

    def __init__(self, **words: float) -> None:
        size = len(SPECIALS) + len(WORDS)
        self.first = np.full(size, -30.0, np.float32)
        for word, probability in words.items():
            self.first[len(SPECIALS) + WORDS.index(word)] = math.log(probability)
        self.end = np.full(size, -30.0, np.float32)
        self.end[END] = -0.01

    def encode(self, pixels: NDArray[np.float32]) -> Encoding:
        raise AssertionError("it is given what it would have seen")

    def step(
        self, tokens: NDArray[np.int64], memory: Arrays, state: Arrays
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Arrays]:
        scores = np.where((tokens == START)[:, None], self.first, self.end).astype(np.float32)
        return scores, np.full((len(tokens), 1), 1.0, np.float32), state


def described(
    words: dict[str, float],
    things: dict[int, float],
    calibration: Calibration | None = None,
    *,
    head: bool = True,
    beam: int = 3,
) -> Caption:
    """What is answered when the head gives kinds these probabilities, and others none."""
    config = Config(
        {},
        Preprocessing(8),
        SearchConfig(beam_size=beam, max_words=3),
        calibration or Calibration({}, 5.0),
        (1, 1),
    )
    captioner = Captioner(
        Oracle(**words), config, Vocabulary.from_words(WORDS), CaptionStore(CaptionStore.empty(2))
    )
    objects = np.tile(np.asarray([-20, 0.5, 0.5, 0.1, 0.1, 1.0], np.float32), (len(kinds()), 1))
    for kind, share in things.items():
        objects[kind, 0] = math.log(share / (1 - share))
    places = np.ones((len(kinds()), 1, 1), np.float32)
    seen = {"objects": objects, "places": places} if head else {}
    return captioner.caption(
        Encoding(
            (np.zeros((1, 1), np.float32),),
            (np.zeros((1, 1), np.float32),),
            np.zeros(2, np.float32),
            np.zeros(0, np.float32),
            **seen,
        )
    )


LIKELY = {"dog": 0.6, "boat": 0.3, "grass": 0.05}


@pytest.mark.parametrize(
    ("things", "said"),
    [
        ({DOG: 0.9}, "dog"),  # the likeliest, and it is there
        ({DOG: 0.9, BOAT: 0.9}, "dog"),
        ({BOAT: 0.9}, "boat"),  # what is likelier names what is not there
        ({DOG: 0.49, BOAT: 0.51}, "boat"),
        ({}, "grass"),  # the one that names nothing
    ],
)
def test_of_several_captions_one_that_names_what_is_not_there_loses(
    things: dict[int, float], said: str
) -> None:
    caption = described(LIKELY, things)
    assert caption.words == (said,)
    assert caption.answer.form == "plain"
    assert caption.claimed == {numbers()[said]} if said != "grass" else not caption.claimed


def test_where_all_captions_name_what_is_not_there_none_is_said() -> None:
    caption = described({"dog": 0.6, "boat": 0.4}, {PERSON: 0.9}, beam=2)
    assert caption.words == ("dog",)  # it is known all the same
    assert caption.claimed == {DOG}
    assert (caption.answer.form, caption.answer.seen) == ("things", ("a person",))
    assert caption.answer.said == {PERSON}
    unknown = described({"dog": 0.6, "boat": 0.4}, {}, beam=2)
    assert (unknown.answer.form, unknown.answer.seen, unknown.answer.said) == (
        "unknown",
        (),
        frozenset(),
    )


def test_the_calibration_tells_how_much_support_is_enough() -> None:
    for support, said in ((0.3, "dog"), (0.5, "boat")):
        caption = described(
            LIKELY, {DOG: 0.4, BOAT: 0.8}, Calibration({}, 5.0, object_support=support)
        )
        assert caption.words == (said,)


def test_without_a_head_nothing_is_contradicted() -> None:
    caption = described(LIKELY, {}, head=False)
    assert (caption.words, caption.answer.form) == (("dog",), "plain")
    assert (caption.things, caption.places, caption.claimed) == ((), None, {DOG})
    assert "surest" not in caption.signals


def test_the_confidence_may_know_of_things() -> None:
    calibration = Calibration({"least thing": 2.0}, sure=0.6, medium=0.45)
    forms = {share: described({"dog": 0.9}, {DOG: share}, calibration) for share in (0.95, 0.55)}
    for share, caption in forms.items():
        assert caption.signals["least thing"] == pytest.approx(math.log(share), rel=1e-4)
        assert caption.confidence == pytest.approx(1 / (1 + share**-2), rel=1e-3)
    assert forms[0.95].answer.form == "hedged"
    assert forms[0.55].answer.form == "unknown"


def test_a_cat_that_fills_the_picture_is_named() -> None:
    # it may be unlike any picture that was learnt from, but both heads see it
    assert load(SHIPPED).describe(photograph("chelsea")).answer.seen == ("a cat",)


def test_each_thing_has_its_map() -> None:
    caption = described(LIKELY, {DOG: 0.9, BOAT: 0.8})
    assert caption.places is not None
    assert caption.places.shape == (len(kinds()), 1, 1)
    assert [thing.kind for thing in caption.things[:2]] == [DOG, BOAT]
