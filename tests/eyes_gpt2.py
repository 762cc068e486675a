"""A tiny vit-gpt2 in the layout of the published one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

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


class _See(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder = model.encoder

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        return self.encoder(inputs[0]).last_hidden_state


class _Speak(nn.Module):
    """input_ids, encoder_hidden_states and maybe a past → logits and keys after it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.decoder = model.decoder

    def forward(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        from transformers.cache_utils import DynamicCache, EncoderDecoderCache

        ids, hidden, *past = inputs
        own: Any = eyes.cache(tuple(past)) if past else DynamicCache()
        both: Any = EncoderDecoderCache(own, DynamicCache())
        out = self.decoder(
            input_ids=ids,
            encoder_hidden_states=hidden,
            past_key_values=both,
            attention_mask=hidden.new_zeros(1, 1, 1, 1),
            use_cache=True,
        )
        return (out.logits, *eyes.flat(both.self_attention_cache))


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
    pixels = torch.rand(2, 3, eyes.PIXELS, eyes.PIXELS)
    batch = {0: eyes.BATCH}
    eyes.export(
        _See(made),
        {"pixel_values": pixels},
        ["last_hidden_state"],
        {"pixel_values": batch},
        path=onnx / "encoder_model.onnx",
    )
    ids, hidden = torch.ones(2, 1, dtype=torch.long), torch.rand(2, 17, WIDTH)
    names = [f"{number}.{part}" for number in range(LAYERS) for part in ("key", "value")]
    results = ["logits", *(f"present.{name}" for name in names)]
    given = {"input_ids": ids, "encoder_hidden_states": hidden}
    dynamic: dict[str, Any] = {"input_ids": batch, "encoder_hidden_states": batch}
    without = eyes.export(_Speak(made), given, results, dynamic, path=folder / "without.onnx")
    for name in names:
        given[f"past_key_values.{name}"] = torch.rand(2, HEADS, 5, WIDTH // HEADS)
        dynamic[f"past_key_values.{name}"] = {0: eyes.BATCH, 2: eyes.BATCH}
    past = eyes.export(_Speak(made), given, results, dynamic, path=folder / "past.onnx")
    eyes.merged(without, past, onnx / "decoder_model_merged.onnx")
