"""A language model to which a picture is a row of tokens: SmolVLM and Idefics 3.

Marafioti et al. 2025, "SmolVLM"; Laurençon et al. 2024, "Building and better understanding
vision-language models".
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from models.eyes.decoder import load_decoder
from models.eyes.folder import PREPROCESSOR
from models.eyes.generation import read_generation
from models.eyes.graphs import array, load_graph
from models.eyes.pictures import read_pictures
from models.eyes.search import search
from models.runtime.bundle import CONFIG, unusable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL import Image

    from models.eyes.folder import Folder
    from models.eyes.generation import Generation
    from models.eyes.search import Found
    from models.eyes.tokens import Tokens

# a level of detail → what is asked, the most tokens of the answer
_QUESTIONS: Mapping[str, tuple[str, int]] = {
    "brief": ("Describe this image in one short sentence.", 64),
    "detailed": ("Can you describe this image?", 192),
    "more detailed": ("Describe this image in detail.", 384),
}
_IMAGE, _AROUND, _WHOLE, _TURN = (
    "<image>",
    "<fake_token_around_image>",
    "<global-img>",
    "<end_of_utterance>",
)
_BEGINNINGS = ("<|im_start|>", "<|begin_of_text|>")  # of SmolVLM's chats, and of Idefics 3's
_AT_ONCE = 512  # tokens of a question: for each of them there are as many logits as words


class ImageTokens:
    """pixel_values → image_features, which stand in the place of the tokens <image>.

    A brief answer looks at the whole picture once; for more detail it is cut into tiles besides,
    where preprocessor_config.json says so, which takes several times as long.
    """

    def __init__(self, folder: Folder, tokens: Tokens, threads: int) -> None:
        """Raises BundleError for a graph that cannot be used, or a tokenizer without the tokens
        of a chat."""
        self.pictures = read_pictures(folder.preprocessor)
        if not self.pictures.tile:
            raise unusable(PREPROCESSOR, "it has no max_image_size")
        if any(tokens.id(each) is None for each in (_IMAGE, _AROUND, _WHOLE, _TURN)):
            raise unusable(folder.tokenizer.name, "it has no tokens for pictures")
        self._tokens = tokens
        self._image = folder.config.get("image_token_id", tokens.id(_IMAGE))
        self._generations = {
            detail: read_generation(folder, most) for detail, (_, most) in _QUESTIONS.items()
        }
        graphs = folder.graphs
        self._vision, embed = (
            load_graph(graphs[role], threads, f"{role}.onnx")
            for role in ("vision_encoder", "embed_tokens")
        )
        self._decoder = load_decoder(graphs["decoder_model_merged"], threads, embed)

    def generation(self, detail: str) -> Generation:
        return self._generations[_known(detail)]

    def generate(self, image: Image.Image, detail: str, generation: Generation) -> Found:
        """The tokens for an RGB image. Raises BundleError, and ValueError as `search`."""
        split = self.pictures.splits and detail != "brief"
        tiles, rows, columns = self.pictures.tiles(image, split=split)
        features = [self._features(tile) for tile in tiles]
        ids = prompt(self._tokens, detail, rows, columns, len(features[0]))
        seen = np.concatenate(features)
        asked = self._decoder.embeddings(np.asarray([ids]))
        places = np.asarray(ids) == self._image
        if places.sum() != len(seen) or seen.shape[-1] != asked.shape[-1]:
            told = f"{places.sum()} places, image_features {seen.shape}"
            raise unusable(CONFIG, "it does not fit the others", told)
        asked[0, places] = seen
        return self._answer(ids, asked, generation)

    def _features(self, tile: NDArray[np.float32]) -> NDArray[np.float32]:
        """(3, S, S) → (L, D); one after the other, for together they take as many times the
        memory."""
        mask = np.ones((1, 1, *tile.shape[1:]), np.bool_)
        given = {"pixel_values": tile[None, None], "pixel_attention_mask": mask}
        found = array(self._vision.run(given, ["image_features"])["image_features"])
        return found.reshape(-1, found.shape[-1])

    def _answer(self, ids: list[int], asked: NDArray[np.float32], generation: Generation) -> Found:
        decoder = self._decoder
        cache = decoder.begin({})
        tokens = np.asarray([ids])
        for begin in range(0, len(ids), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            first = decoder.step(cache, tokens[:, part], asked[:, part])

        def step(last: list[int], rows: list[int]) -> Any:
            decoder.reorder(cache, rows)
            return decoder.step(cache, np.asarray(last)[:, None])

        # the settings count one token before the answer, and there are these
        longest = generation.max_length - 1 + len(ids)
        rules = dataclasses.replace(generation, max_length=longest)
        return search(first, step, rules, tuple(ids))


def prompt(tokens: Tokens, detail: str, rows: int, columns: int, length: int) -> list[int]:
    """The tokens of a chat about a picture of so many tiles, each of `length` tokens."""
    places = _IMAGE * length
    tiles = "".join(
        "".join(f"{_AROUND}<row_{row}_col_{column}>{places}" for column in range(1, columns + 1))
        + "\n"
        for row in range(1, rows + 1)
    )
    shown = f"{tiles}{chr(10) if rows else ''}{_AROUND}{_WHOLE}{places}{_AROUND}"
    begin = next((each for each in _BEGINNINGS if tokens.id(each) is not None), "")
    question = _QUESTIONS[_known(detail)][0]
    return tokens.ids(f"{begin}User:{shown}{question}{_TURN}\nAssistant:")


def _known(detail: str) -> str:
    return detail if detail in _QUESTIONS else "detailed"
