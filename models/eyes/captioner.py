"""A published captioner: an image in, words and their log-probabilities out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from models.captioning.preprocess import upright_rgb
from models.eyes import folder as folders
from models.eyes.tokens import Tokens
from models.runtime.bundle import BundleError, unusable
from models.runtime.engines.onnx import processors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL import Image

    from models.eyes.folder import Detail, Folder
    from models.eyes.generation import Generation
    from models.eyes.pictures import Pictures
    from models.eyes.search import Found

_SENTENCE_ENDS = ".!?"


class Engine(Protocol):
    """Runs one of the layouts."""

    pictures: Pictures

    def generation(self, detail: str) -> Generation:
        """How text of this level of detail is generated, unless somebody wants it otherwise."""

    def generate(self, image: Image.Image, detail: str, generation: Generation) -> Found:
        """The tokens for an RGB image.

        Raises BundleError for graphs that do not work, ValueError for weights that give no
        probabilities.
        """


@dataclass(frozen=True, slots=True)
class Text:
    """`text` as it was written, and its `words`; `log_probabilities` are natural ones, one a word
    (the sum over its tokens) and a last one for the end; `tokens` are all that were generated,
    `token_log_probabilities` one for each of them. Of a text that was cut off in a sentence behind
    others only those are there."""

    text: str
    words: tuple[str, ...]
    log_probabilities: tuple[float, ...]
    tokens: tuple[int, ...]
    token_log_probabilities: tuple[float, ...]


class ForeignCaptioner:
    """A published captioner with the engine of its layout."""

    def __init__(self, engine: Engine, tokens: Tokens) -> None:
        self.engine, self._tokens = engine, tokens

    def caption(
        self, image: Image.Image, detail: Detail = "brief", num_beams: int | None = None
    ) -> Text:
        """Caption one image of any size and mode; a layout that knows one level of detail takes
        any. `num_beams` goes before what the folder says.

        Raises BundleError for what cannot be used, weights that give no probabilities among it.
        """
        generation = self.engine.generation(detail)
        if num_beams is not None:
            generation = dataclasses.replace(generation, num_beams=num_beams)
        try:
            found = self.engine.generate(upright_rgb(image), detail, generation)
        except BundleError:
            raise
        except ValueError as error:
            raise unusable("weights", error) from error
        return self._text(found, generation)

    def _text(self, found: Found, generation: Generation) -> Text:
        tokens, told = found.tokens, found.log_probabilities
        ended = bool(tokens) and tokens[-1] in generation.end
        inner = tokens[:-1] if ended else tokens
        words, belongs = self._tokens.words(inner)
        sums = [0.0] * len(words)
        for word, value in zip(belongs, told, strict=False):
            if word >= 0:
                sums[word] += value
        text = self._tokens.text(inner)
        if not ended and (whole := _sentences(words)):
            text, words, sums = " ".join(words[:whole]), words[:whole], sums[:whole]
        # a text that was cut off has no end that was thought likely or not
        return Text(text, words, (*sums, told[-1] if ended else 0.0), tokens, told)


def _sentences(words: Sequence[str]) -> int:
    """How many of the words are in whole sentences."""
    ends = [number for number, word in enumerate(words, 1) if word[-1] in _SENTENCE_ENDS]
    return ends[-1] if ends else 0


def load(folder: Path, threads: int | None = None, variant: str | None = None) -> ForeignCaptioner:
    """Load a published captioner, whatever its layout; `variant` as in `folder.read`.

    Raises BundleError naming what is missing or cannot be used.
    """
    found, count = folders.read(folder, variant), threads or processors()
    tokens = Tokens(found.tokenizer)
    return ForeignCaptioner(_engine(found, tokens, count), tokens)


def _engine(folder: Folder, tokens: Tokens, threads: int) -> Engine:
    match folder.layout:
        case "encoder-decoder":
            from models.eyes.encoder_decoder import EncoderDecoder

            return EncoderDecoder(folder, tokens, threads)
        case "florence2":
            from models.eyes.florence import Florence

            return Florence(folder, tokens, threads)
        case "image-tokens":
            from models.eyes.image_tokens import ImageTokens

            return ImageTokens(folder, tokens, threads)
        case _:
            raise BundleError("The captioner in {folder} is one of ours.", folder=folder.path.name)
