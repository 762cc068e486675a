"""SmolVLM in the very layout in which it is published for ONNX Runtime, at any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from benchmarks import peers_published as published
from benchmarks.peers_networks import cache

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
SPECIALS = [
    "<|im_start|>",
    "<pad>",
    "<end_of_utterance>",
    "<image>",
    "<fake_token_around_image>",
    "<global-img>",
]
# HuggingFaceTB/SmolVLM-256M-Instruct
TILE, SCALE = 512, 4
TEXT = {
    "vocab_size": 49280,
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "intermediate_size": 1536,
    "max_position_embeddings": 8192,
}
VISION = {
    "image_size": TILE,
    "patch_size": 16,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}


def model(text: dict[str, Any] = TEXT, vision: dict[str, Any] = VISION, scale: int = SCALE) -> Any:
    """SmolVLM (Marafioti et al. 2025) with random weights."""
    import transformers as hf

    words = {"model_type": "llama", **text, **SETTINGS}
    config = hf.SmolVLMConfig(
        vision_config=vision, text_config=words, image_token_id=3, scale_factor=scale, **SETTINGS
    )
    config._attn_implementation = "eager"
    made: Any = hf.SmolVLMForConditionalGeneration(config)
    return made.eval()


class _See(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.vision, self.connector = model.model.vision_model, model.model.connector

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        pixels, mask = inputs
        tiles = (pixels * mask[:, :, None].float()).flatten(0, 1)
        seen: Tensor = self.connector(self.vision(pixel_values=tiles).last_hidden_state)
        return seen


class _Speak(nn.Module):
    """inputs_embeds, attention_mask, position_ids, a past of any length → logits, keys."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.text = model.model.text_model
        self.words = nn.Parameter(model.lm_head.weight.detach().T.contiguous())

    def forward(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        embedded, mask, places, *past = inputs
        keys: Any = cache(tuple(past))
        total = past[0].shape[2] + embedded.shape[1]
        later = torch.arange(total)[None, None, None] > places[:, None, :, None]
        # all ones: it is looked at so that the graph has it
        hidden = 1.0 - mask[:, None, None, :1].float()
        out = self.text(
            inputs_embeds=embedded,
            attention_mask=(later.float() + hidden) * -1e9,
            position_ids=places,
            past_key_values=keys,
            use_cache=True,
        )
        return (out.last_hidden_state @ self.words, *published.flat(keys))


def pictures(tile: int = TILE, longest: int = 4 * TILE) -> dict[str, Any]:
    """preprocessor_config.json."""
    return {
        "image_processor_type": "SmolVLMImageProcessor",
        "do_image_splitting": True,
        "size": {"longest_edge": longest},
        "max_image_size": {"longest_edge": tile},
        "resample": 1,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }


def graphs(made: Any, folder: Path) -> None:
    """All three graphs."""
    config, tile = made.config.text_config, made.config.vision_config.image_size
    heads, width = config.num_key_value_heads, config.hidden_size
    head = width // config.num_attention_heads
    folder.mkdir(parents=True, exist_ok=True)
    published.embedding(made.get_input_embeddings(), folder / "embed_tokens.onnx")
    free = published.FREE
    tiles = {0: free, 1: free}
    published.export(
        _See(made),
        {
            "pixel_values": torch.rand(2, 3, 3, tile, tile),
            "pixel_attention_mask": torch.ones(2, 3, tile, tile, dtype=torch.bool),
        },
        ["image_features"],
        {"pixel_values": tiles, "pixel_attention_mask": tiles},
        path=folder / "vision_encoder.onnx",
    )
    names = [
        f"{number}.{part}"
        for number in range(config.num_hidden_layers)
        for part in ("key", "value")
    ]
    given = {
        "inputs_embeds": torch.rand(2, 3, width),
        "attention_mask": torch.ones(2, 8, dtype=torch.long),
        "position_ids": torch.arange(5, 8).expand(2, 3).contiguous(),
    }
    both = {0: free, 1: free}
    dynamic: dict[str, Any] = dict.fromkeys(given, both)
    for name in names:
        given[f"past_key_values.{name}"] = torch.rand(2, heads, 5, head)
        dynamic[f"past_key_values.{name}"] = {0: free, 2: free}
    outputs = ["logits", *(f"present.{name}" for name in names)]
    speak = _Speak(made)
    published.export(speak, given, outputs, dynamic, path=folder / "decoder_model_merged.onnx")
