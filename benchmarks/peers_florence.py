"""Florence-2 in the very layout in which it is published for ONNX Runtime, at any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from benchmarks import peers_published as published
from benchmarks.peers_networks import cache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    # a graph → the same file with smaller weights, beside it or in its place
    Shrink = Callable[[Path], None]

SETTINGS = {
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
    "forced_bos_token_id": 0,
    "forced_eos_token_id": 2,
}
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<image>"]
GENERATION = {**SETTINGS, "num_beams": 3, "no_repeat_ngram_size": 3, "early_stopping": True}
# microsoft/Florence-2-base
SIDE = 768
TEXT = {"vocab_size": 51289, "d_model": 768, "encoder_layers": 6, "decoder_layers": 6}
TEXT |= {f"{part}_attention_heads": 12 for part in ("encoder", "decoder")}
TEXT |= {f"{part}_ffn_dim": 3072 for part in ("encoder", "decoder")}
VISION = {"projection_dim": 768}


def model(text: dict[str, Any] = TEXT, vision: dict[str, Any] = VISION) -> Any:
    """Florence-2 (Xiao et al. 2024) with random weights; what is not told is as in the base."""
    import transformers as hf

    words = hf.BartConfig(**text, **SETTINGS).to_dict()
    config = hf.Florence2Config(vision_config=vision, text_config=words, image_token_id=4)
    config._attn_implementation = "eager"
    made: Any = hf.Florence2ForConditionalGeneration(config)
    return made.eval()


class _See(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model.model

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        seen: Tensor = self.model.get_image_features(inputs[0]).pooler_output
        return seen


class _Read(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder = model.model.language_model.encoder

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        embedded, mask = inputs
        read = self.encoder(inputs_embeds=embedded, attention_mask=_wide(mask))
        states: Tensor = read.last_hidden_state
        return states


class _Speak(nn.Module):
    """inputs_embeds, the encoder's states and mask, maybe a past → logits, keys after it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.decoder = model.model.language_model.decoder
        self.layers = model.config.text_config.decoder_layers
        # a matrix of its own, as published: the embeddings are another file
        self.words = nn.Parameter(model.lm_head.weight.detach().T.contiguous())

    def forward(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        from transformers.cache_utils import DynamicCache, EncoderDecoderCache

        embedded, hidden, mask, *past = inputs
        own: Any
        cross: Any
        if past:
            own, cross = (
                cache(
                    tuple(
                        part
                        for at in range(0, 4 * self.layers, 4)
                        for part in past[at + side : at + side + 2]
                    )
                )
                for side in (0, 2)
            )
        else:
            own, cross = DynamicCache(), DynamicCache()
        both: Any = EncoderDecoderCache(own, cross)
        both.is_updated = dict.fromkeys(range(self.layers), bool(past))
        out = self.decoder(
            inputs_embeds=embedded,
            attention_mask=hidden.new_zeros(1, 1, 1, 1),
            encoder_hidden_states=hidden,
            encoder_attention_mask=_wide(mask),
            past_key_values=both,
            use_cache=True,
        )
        kept = [both.self_attention_cache, *([] if past else [both.cross_attention_cache])]
        keys = [published.flat(each) for each in kept]
        parts = (
            part
            for at in range(0, 2 * self.layers, 2)
            for each in keys
            for part in each[at : at + 2]
        )
        return (out.last_hidden_state @ self.words, *parts)


def _wide(mask: Tensor) -> Tensor:
    """(B, L) ones and zeros as what is added to attention."""
    return (1.0 - mask[:, None, None].float()) * -1e9


def pictures(side: int = SIDE) -> dict[str, Any]:
    """preprocessor_config.json."""
    return {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"height": side, "width": side},
        "crop_size": {"height": side, "width": side},
        "do_center_crop": False,
        "resample": 3,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }


def graphs(made: Any, folder: Path, side: int, shrink: Shrink, ending: str) -> None:
    """All four graphs; what `shrink` makes smaller has the `ending`, the embeddings do not."""
    width = made.config.text_config.d_model
    free = published.FREE
    folder.mkdir(parents=True, exist_ok=True)
    vision, encoder = (
        folder / f"{name}{ending}.onnx" for name in ("vision_encoder", "encoder_model")
    )
    published.export(
        _See(made),
        {"pixel_values": torch.rand(2, 3, side, side)},
        ["image_features"],
        {"pixel_values": {0: free}},
        path=vision,
    )
    shrink(vision)
    published.embedding(made.get_input_embeddings(), folder / "embed_tokens.onnx")
    mask, both = torch.ones(2, 9, dtype=torch.long), {0: free, 1: free}
    published.export(
        _Read(made),
        {"inputs_embeds": torch.rand(2, 9, width), "attention_mask": mask},
        ["last_hidden_state"],
        {"inputs_embeds": both, "attention_mask": both},
        path=encoder,
    )
    shrink(encoder)
    _decoder(made, folder, shrink, ending)


def _decoder(made: Any, folder: Path, shrink: Shrink, ending: str) -> None:
    config = made.config.text_config
    layers, heads, width = config.decoder_layers, config.decoder_attention_heads, config.d_model
    free, batch = published.FREE, {0: published.FREE}
    names = [
        f"{number}.{side}.{part}"
        for number in range(layers)
        for side in ("decoder", "encoder")
        for part in ("key", "value")
    ]
    given = {
        "inputs_embeds": torch.rand(2, 1, width),
        "encoder_hidden_states": torch.rand(2, 9, width),
        "encoder_attention_mask": torch.ones(2, 9, dtype=torch.long),
    }
    both = {0: free, 1: free}
    dynamic: dict[str, Any] = {
        "inputs_embeds": batch,
        "encoder_hidden_states": both,
        "encoder_attention_mask": both,
    }
    without, past = folder / "without.onnx", folder / "past.onnx"
    outputs = ["logits", *(f"present.{name}" for name in names)]
    speak = _Speak(made).eval()
    published.export(speak, given, outputs, dynamic, without)
    for name in names:
        length = 5 if ".decoder." in name else 9
        given[f"past_key_values.{name}"] = torch.rand(2, heads, length, width // heads)
        dynamic[f"past_key_values.{name}"] = {0: free, 2: free}
    own = [name for name in outputs if ".encoder." not in name]
    published.export(speak, given, own, dynamic, past)
    for path in (without, past):
        shrink(path)  # before they are one: its tools forget that both have the same weights
    published.merge(without, past, folder / f"decoder_model_merged{ending}.onnx")
    for path in (without, past):
        path.unlink()
