"""An encoder of pictures and a decoder of text: vit-gpt2, distilvit and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.eyes.decoder import load_decoder
from models.eyes.generation import read_generation
from models.eyes.graphs import array, load_graph
from models.eyes.pictures import read_pictures
from models.eyes.search import search

if TYPE_CHECKING:
    from PIL import Image

    from models.eyes.decoder import Decoder
    from models.eyes.folder import Folder
    from models.eyes.generation import Generation
    from models.eyes.search import Found
    from models.eyes.tokens import Tokens


class EncoderDecoder:
    """pixel_values → last_hidden_state; that, and the tokens so far → logits.

    One way of captioning, whatever level of detail is asked for.
    """

    def __init__(self, folder: Folder, tokens: Tokens, threads: int) -> None:
        """Raises BundleError for a graph that cannot be used."""
        self.pictures = read_pictures(folder.preprocessor)
        self._generation = read_generation(folder)
        graphs = folder.graphs
        self._encoder = load_graph(graphs["encoder_model"], threads, "encoder_model.onnx")
        self._decoder = load_decoder(graphs["decoder_model_merged"], threads)

    def generation(self, detail: str) -> Generation:
        return self._generation

    def generate(self, image: Image.Image, detail: str, generation: Generation) -> Found:
        """The tokens for an RGB image. Raises BundleError, and ValueError as `search`."""
        seen = self._encoder.run(
            {"pixel_values": self.pictures.array(image)}, ["last_hidden_state"]
        )
        hidden = array(seen["last_hidden_state"])
        return generated(self._decoder, hidden, generation)


def generated(decoder: Decoder, hidden: Any, generation: Generation) -> Found:
    """The tokens that a decoder finds for an encoder's states (1, L, D)."""
    cache = decoder.begin({"encoder_hidden_states": hidden}, hidden.shape[1])

    def step(last: list[int], rows: list[int]) -> Any:
        decoder.reorder(cache, rows)
        return decoder.step(cache, np.asarray(last)[:, None])

    first = decoder.step(cache, np.asarray([[generation.start]]))
    return search(first, step, generation, (generation.start,))
