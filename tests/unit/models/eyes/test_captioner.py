"""Of tokens words are made, each with what its tokens had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.eyes.captioner import ForeignCaptioner
from models.eyes.generation import Generation
from models.eyes.search import Found
from models.eyes.tokens import Tokens

WORDS = ["<end>", "a", " d", "og", ".", " it", " runs"]


class Engine:
    """Says what it is told to say."""

    pictures: Any = None

    def __init__(self, *tokens: int) -> None:
        self._tokens = tokens

    def generation(self, detail: str) -> Generation:
        return Generation(9, 0, (0,))

    def generate(self, image: Image.Image, detail: str, generation: Generation) -> Found:
        told = tuple(-float(token) for token in self._tokens)
        return Found(self._tokens, told, sum(told))


class Spelling(Tokens):
    """Tokens that are the pieces of `WORDS`."""

    def __init__(self) -> None:
        """It needs no file."""

    def text(self, ids: Any) -> str:
        return "".join(WORDS[each] for each in ids if each).strip()


@pytest.mark.parametrize(
    ("tokens", "text", "told"),
    [
        ((1, 2, 3, 0), "a dog", (-1, -5, 0)),
        ((1, 2, 3, 4, 5, 6, 0), "a dog. it runs", (-1, -9, -5, -6, 0)),
        ((1, 2, 3, 4, 5, 6), "a dog.", (-1, -9, 0)),  # cut off: "it runs" what?
        ((1, 2, 3, 5), "a dog it", (-1, -5, -5, 0)),  # cut off, and nothing else there
        ((0,), "", (0,)),
        ((), "", (0,)),
    ],
)
def test_words_have_the_sums_of_their_tokens(
    tokens: tuple[int, ...], text: str, told: tuple[float, ...]
) -> None:
    captioner = ForeignCaptioner(Engine(*tokens), Spelling())
    made = captioner.caption(Image.fromarray(np.zeros((4, 4, 3), np.uint8)))
    assert (made.text, made.words) == (text, tuple(text.split()))
    assert made.log_probabilities == told
    assert made.tokens == tokens
