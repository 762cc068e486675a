"""A tiny SmolVLM in the layout of the published one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from benchmarks import peers_smolvlm as published
from tests import eyes

if TYPE_CHECKING:
    from pathlib import Path

TILE = 32
SPECIALS = [
    *published.SPECIALS,
    *(f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)),
]
PICTURES = published.pictures(TILE, 2 * TILE)


def model() -> Any:
    torch.manual_seed(6)
    text = {
        "vocab_size": 320,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 48,
        "initializer_range": 0.5,
    }
    vision = {
        "image_size": TILE,
        "patch_size": 8,
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "initializer_range": 0.4,
    }
    return published.model(text, vision, 2)


def write(folder: Path) -> None:
    """All files of it, with the model for transformers in hf/."""
    made = model()
    made.save_pretrained(folder / "hf")
    eyes.tokenizer(folder, SPECIALS)
    eyes.write(folder, "config.json", made.config.to_dict() | {"model_type": "idefics3"})
    eyes.write(folder, "preprocessor_config.json", PICTURES)
    eyes.write(folder, "generation_config.json", published.SETTINGS)
    graphs = folder / "onnx"
    published.graphs(made, graphs)
    # graphs that are stored in other ways lie beside each other
    (graphs / "decoder_model_merged.onnx").rename(graphs / "decoder_model_merged_int8.onnx")
