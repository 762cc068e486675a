"""A tiny vit-gpt2 in the layout of the published one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from benchmarks import peers_published
from tests import eyes

LAYERS, HEADS, WIDTH = 2, 2, 32


def model() -> Any:
    import transformers as hf

    torch.manual_seed(3)
    speaking = hf.GPT2Config(
        vocab_size=320,
        n_positions=64,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        bos_token_id=0,
        eos_token_id=0,
        initializer_range=0.6,
    )
    speaking.is_decoder = speaking.add_cross_attention = True
    seeing = hf.ViTConfig(
        image_size=eyes.PIXELS,
        patch_size=8,
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=HEADS,
        intermediate_size=48,
        initializer_range=0.4,
    )
    both = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        seeing, speaking, pad_token_id=0, decoder_start_token_id=0, eos_token_id=0
    )
    both._attn_implementation = "eager"
    made: Any = hf.VisionEncoderDecoderModel(both)
    return made.eval()


def write(folder: Path) -> None:
    """All files of it, with the model for transformers in hf/."""

    made = model()
    made.save_pretrained(folder / "hf")
    onnx = folder / "onnx"
    onnx.mkdir()
    eyes.tokenizer(folder, ["<|endoftext|>"])
    eyes.write(
        folder, "config.json", made.config.to_dict() | {"model_type": "vision-encoder-decoder"}
    )
    size = {"height": eyes.PIXELS, "width": eyes.PIXELS}
    eyes.write(
        folder,
        "preprocessor_config.json",
        {
            "image_processor_type": "ViTImageProcessor",
            "do_resize": True,
            "size": size,
            "resample": 2,
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": [0.5] * 3,
            "image_std": [0.5] * 3,
        },
    )
    eyes.write(
        folder,
        "generation_config.json",
        {
            "decoder_start_token_id": 0,
            "eos_token_id": 0,
            "pad_token_id": 0,
            "max_length": 12,
            "num_beams": 3,
        },
    )
    peers_published.vit_gpt2_graphs(made, onnx)
