"""A translator that is loaded: English captions in, captions of its language out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.captioning.decoding import Encoding, SearchConfig, search
from models.captioning.vocabulary import END
from models.runtime.bundle import BundleError
from models.runtime.engines.onnx import session
from models.translation import bundle, survival, text
from models.translation.pieces import Pieces

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from models.captioning.decoding import Arrays

_MORE = 12  # a translation has at most so many pieces more than …
_TIMES = 2  # … so many times the pieces of the English


@dataclass(frozen=True, slots=True)
class Translation:
    """`text` in the other language, without a full stop unless the English had one.

    `missing` has the numbers of the kinds of thing (`models.captioning.kinds`) that the English
    names and the text does not: if there are any, a list of the things is more honest.
    """

    text: str
    missing: frozenset[int] = frozenset()


class Translator:
    """Translates one sentence at a time; deterministic. For one thread at a time."""

    def __init__(
        self, config: bundle.Config, source: Pieces, target: Pieces, encoder: Any, decoder: Any
    ) -> None:
        """`encoder` and `decoder` are ONNX Runtime sessions: see `models.runtime.export`."""
        self.language = config.language
        self._config, self._source, self._target = config, source, target
        self._engine = _Engine(encoder, decoder)
        self._words = survival.words(config.language)

    @classmethod
    def load(cls, language: str | Path) -> Self:
        """Load the shipped translator of a language ("de"), or one in a folder.

        Raises BundleError, with cause and cure, for one that is missing or damaged.
        """
        named = isinstance(language, str) and Path(language).name == language
        folder = bundle.SHIPPED / language if named else Path(language)
        config, source, target = bundle.read(folder)
        sessions = []
        for part in (bundle.ENCODER, bundle.DECODER):
            try:
                # its products are too small for a second thread
                sessions.append(session(folder / part, 1))
            except BundleError as error:
                raise bundle.unusable(part, error.__cause__) from error
        return cls(config, Pieces(source), Pieces(target), *sessions)

    def translate(self, english: str) -> Translation:
        """Translate one caption; "" for one without words. Raises BundleError for broken graphs.

        Of the hypotheses the likeliest wins that names all the things that the English names.
        """
        plain, stops = text.source(english)
        tokens = self._source.encode(plain)[: self._config.longest - 1]
        if not self._source.decode(tokens):
            return Translation("")
        config = SearchConfig(
            beam_size=self._config.beam,
            max_words=min(self._config.longest - 1, _TIMES * len(tokens) + _MORE),
            length_penalty=self._config.length_penalty,
            no_repeat_ngram_size=4,
            allow_immediate_repeat=True,
        )
        try:
            encoding = self._engine.encode(np.asarray([[*tokens, END]], np.int64))
            found = search(self._engine, encoding, config)
        except Exception as error:  # those of ONNX Runtime have no common base but this
            raise bundle.unusable(bundle.WEIGHTS, error) from error
        made = [self._target.decode(each.tokens) for each in found]
        missing = [survival.missing(english, each, self._words) for each in made]
        best = min(range(len(made)), key=lambda at: len(missing[at]))  # the first of equals
        return Translation(made[best] + "." * (stops and bool(made[best])), missing[best])


class _Engine:
    """See `models.captioning.decoding.Engine`; a sentence's encoding stands for a picture's."""

    channels = 0

    def __init__(self, encoder: Any, decoder: Any) -> None:
        self._encoder, self._decoder = encoder, decoder
        names = [(entry.name, entry.shape[-1]) for entry in decoder.get_inputs()]
        self._inputs = [name for name, _ in names]
        self._state = [width for name, width in names if name.startswith("state_")]

    def encode(self, pixels: NDArray[Any]) -> Encoding:
        """(1, S) tokens → what the decoder needs of them."""
        memory = self._encoder.run(None, {"source": pixels})
        state = tuple(np.zeros((1, 0, width), np.float32) for width in self._state)
        nothing = np.zeros(0, np.float32)
        return Encoding(tuple(memory), state, nothing, nothing)

    def step(
        self, tokens: NDArray[np.int64], memory: Arrays, state: Arrays
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Arrays]:
        place = np.asarray([state[0].shape[1]], np.int64)
        given = dict(zip(self._inputs, (tokens, place, *memory, *state), strict=True))
        scores, *after = self._decoder.run(None, given)
        return scores, np.zeros((len(tokens), 0), np.float32), tuple(after)
