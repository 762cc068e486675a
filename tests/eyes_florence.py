"""A tiny Florence-2 in the layout of the published one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from benchmarks import peers_florence as published
from benchmarks.peers_florence import SETTINGS
from tests import eyes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SETTINGS", "model", "write"]

WIDTH, SIDE = 32, 64
_TEXT = {
    "vocab_size": 320,
    "d_model": WIDTH,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 128,
    "init_std": 0.6,
}
_VISION = {
    "depths": (1, 1),
    "patch_size": (7, 3),
    "patch_stride": (8, 4),
    "patch_padding": (3, 1),
    "patch_prenorm": (False, True),
    "embed_dim": (16, 32),
    "num_heads": (2, 2),
    "num_groups": (2, 2),
    "window_size": 2,
    "projection_dim": WIDTH,
    "max_position_embeddings": 8,
    "initializer_range": 0.3,
}


def model() -> Any:
    torch.manual_seed(4)
    made = published.model(_TEXT, _VISION)
    with torch.no_grad():  # else all texts of random weights are alike
        made.model.multi_modal_projector.image_projection.weight.mul_(4)
    return made


def write(folder: Path) -> None:
    """All files of it, with the model for transformers in hf/."""
    made = model()
    made.save_pretrained(folder / "hf")
    eyes.tokenizer(folder, published.SPECIALS)
    eyes.write(folder, "config.json", made.config.to_dict() | {"model_type": "florence2"})
    eyes.write(folder, "preprocessor_config.json", published.pictures(SIDE))
    eyes.write(folder, "generation_config.json", published.GENERATION)
    published.graphs(made, folder / "onnx", SIDE, lambda _: None, "")
    # graphs that are stored in other ways lie beside each other
    (folder / "onnx/vision_encoder.onnx").rename(folder / "onnx/vision_encoder_q4.onnx")
