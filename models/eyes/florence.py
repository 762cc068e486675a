"""Florence-2 (Xiao et al. 2024): one network for captions of three lengths, and for text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.eyes.decoder import load_decoder
from models.eyes.encoder_decoder import generated
from models.eyes.generation import read_generation
from models.eyes.graphs import array, load_graph
from models.eyes.pictures import read_pictures
from models.runtime.bundle import unusable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

    from models.eyes.folder import Folder
    from models.eyes.generation import Generation
    from models.eyes.search import Found
    from models.eyes.tokens import Tokens

# a level of detail → the task's name, the question that it was trained on, the most tokens
_TASKS: Mapping[str, tuple[str, str, int]] = {
    "brief": ("<CAPTION>", "What does the image describe?", 64),
    "detailed": ("<DETAILED_CAPTION>", "Describe in detail what is shown in the image.", 160),
    "more detailed": (
        "<MORE_DETAILED_CAPTION>",
        "Describe with a paragraph what is shown in the image.",
        320,
    ),
    "text": ("<OCR>", "What is the text in the image?", 512),
}
_START, _END = "<s>", "</s>"


class Florence:
    """pixel_values → image_features; these and a question → last_hidden_state; then as any
    encoder and decoder, which takes embeddings in the place of tokens."""

    def __init__(self, folder: Folder, tokens: Tokens, threads: int) -> None:
        """Raises BundleError for a graph that cannot be used."""
        self.pictures = read_pictures(folder.preprocessor)
        self._generations = {
            detail: read_generation(folder, most) for detail, (_, _, most) in _TASKS.items()
        }
        self.prompts = prompts(tokens, folder.preprocessor)
        graphs = folder.graphs
        self._vision, embed, self._encoder = (
            load_graph(graphs[role], threads, f"{role}.onnx")
            for role in ("vision_encoder", "embed_tokens", "encoder_model")
        )
        self._decoder = load_decoder(graphs["decoder_model_merged"], threads, embed)

    def generation(self, detail: str) -> Generation:
        return self._generations[detail]

    def generate(self, image: Image.Image, detail: str, generation: Generation) -> Found:
        """The tokens for an RGB image. Raises BundleError, and ValueError as `search`."""
        seen = self._vision.run({"pixel_values": self.pictures.array(image)}, ["image_features"])
        features = array(seen["image_features"])
        asked = self._decoder.embeddings(np.asarray([self.prompts[detail]]))
        if features.ndim != asked.ndim or features.shape[-1] != asked.shape[-1]:
            detail = f"image_features {features.shape}, inputs_embeds {asked.shape}"
            raise unusable("vision_encoder.onnx", "it does not fit the others", detail)
        both = np.concatenate([features, asked], 1)
        given = {"inputs_embeds": both, "attention_mask": np.ones(both.shape[:2], np.int64)}
        hidden = self._encoder.run(given, ["last_hidden_state"])["last_hidden_state"]
        return generated(self._decoder, array(hidden), generation)


def prompts(tokens: Tokens, preprocessor: Mapping[str, Any]) -> dict[str, list[int]]:
    """The tokens of each level of detail's question, as preprocessor_config.json has it or else as
    it was trained on."""
    asked = preprocessor.get("task_prompts_without_inputs")
    known = asked if isinstance(asked, dict) else {}
    return {
        detail: tokens.ids(f"{_START}{known.get(task, question)}{_END}")
        for detail, (task, question, _) in _TASKS.items()
    }
