"""A tiny SmolVLM in the layout of the published one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from benchmarks import peers_published as published
from benchmarks.peers_networks import cache
from tests import eyes

if TYPE_CHECKING:
    from pathlib import Path

LAYERS, HEADS, KEYS, WIDTH, TILE = 2, 4, 2, 32, 32
SPECIALS = [
    "<|im_start|>",
    "<pad>",
    "<end_of_utterance>",
    "<image>",
    "<fake_token_around_image>",
    "<global-img>",
    *(f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)),
]
SETTINGS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
PICTURES = {
    "image_processor_type": "SmolVLMImageProcessor",
    "do_image_splitting": True,
    "size": {"longest_edge": 2 * TILE},
    "max_image_size": {"longest_edge": TILE},
    "resample": 1,
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
}


def model() -> Any:
    import transformers as hf

    torch.manual_seed(6)
    text = {
        "model_type": "llama",
        "vocab_size": 320,
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KEYS,
        "intermediate_size": 48,
        "initializer_range": 0.5,
        **SETTINGS,
    }
    vision = {
        "image_size": TILE,
        "patch_size": 8,
        "hidden_size": WIDTH,
        "num_hidden_layers": 1,
        "num_attention_heads": HEADS,
        "intermediate_size": 48,
        "initializer_range": 0.4,
    }
    config = hf.SmolVLMConfig(
        vision_config=vision, text_config=text, image_token_id=3, scale_factor=2, **SETTINGS
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
        return self.connector(self.vision(pixel_values=tiles).last_hidden_state)


class _Speak(nn.Module):
    """inputs_embeds, attention_mask, position_ids, a past of any length → logits, keys."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.text, self.head = model.model.text_model, model.lm_head

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
        return (self.head(out.last_hidden_state), *published.flat(keys))


def write(folder: Path) -> None:
    """All files of it, with the model for transformers in hf/."""
    made = model()
    made.save_pretrained(folder / "hf")
    graphs = folder / "onnx"
    graphs.mkdir()
    eyes.tokenizer(folder, SPECIALS)
    eyes.write(folder, "config.json", made.config.to_dict() | {"model_type": "idefics3"})
    eyes.write(folder, "preprocessor_config.json", PICTURES)
    eyes.write(folder, "generation_config.json", SETTINGS)
    eyes.embedding(made.get_input_embeddings(), graphs / "embed_tokens.onnx")
    free = published.FREE
    tiles = {0: free, 1: free}
    published.export(
        _See(made),
        {
            "pixel_values": torch.rand(2, 3, 3, TILE, TILE),
            "pixel_attention_mask": torch.ones(2, 3, TILE, TILE, dtype=torch.bool),
        },
        ["image_features"],
        {"pixel_values": tiles, "pixel_attention_mask": tiles},
        path=graphs / "vision_encoder.onnx",
    )
    names = [f"{number}.{part}" for number in range(LAYERS) for part in ("key", "value")]
    given = {
        "inputs_embeds": torch.rand(2, 3, WIDTH),
        "attention_mask": torch.ones(2, 8, dtype=torch.long),
        "position_ids": torch.arange(5, 8).expand(2, 3).contiguous(),
    }
    both = {0: free, 1: free}
    dynamic: dict[str, Any] = dict.fromkeys(given, both)
    for name in names:
        given[f"past_key_values.{name}"] = torch.rand(2, KEYS, 5, WIDTH // HEADS)
        dynamic[f"past_key_values.{name}"] = {0: free, 2: free}
    outputs = ["logits", *(f"present.{name}" for name in names)]
    published.export(
        _Speak(made), given, outputs, dynamic, path=graphs / "decoder_model_merged_int8.onnx"
    )
