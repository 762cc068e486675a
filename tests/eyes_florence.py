"""A tiny Florence-2 in the layout of the published one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from benchmarks import peers_published as published
from benchmarks.peers_networks import cache
from tests import eyes

if TYPE_CHECKING:
    from pathlib import Path

LAYERS, HEADS, WIDTH, SIDE = 2, 2, 32, 64
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<image>"]
SETTINGS = {
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
    "forced_bos_token_id": 0,
    "forced_eos_token_id": 2,
}


def model() -> Any:
    import transformers as hf

    torch.manual_seed(4)
    text = hf.BartConfig(
        vocab_size=320,
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=LAYERS,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        max_position_embeddings=128,
        init_std=0.6,
        **SETTINGS,
    )
    vision = {
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
    config = hf.Florence2Config(vision_config=vision, text_config=text.to_dict(), image_token_id=4)
    config._attn_implementation = "eager"
    made: Any = hf.Florence2ForConditionalGeneration(config)
    with torch.no_grad():  # else all texts of random weights are alike
        made.model.multi_modal_projector.image_projection.weight.mul_(4)
    return made.eval()


class _See(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model.model

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        return self.model.get_image_features(inputs[0]).pooler_output


class _Read(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder = model.model.language_model.encoder

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        embedded, mask = inputs
        return self.encoder(inputs_embeds=embedded, attention_mask=_wide(mask)).last_hidden_state


class _Speak(nn.Module):
    """inputs_embeds, the encoder's states and mask, maybe a past → logits, keys after it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.decoder, self.head = model.model.language_model.decoder, model.lm_head

    def forward(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        from transformers.cache_utils import DynamicCache, EncoderDecoderCache

        embedded, hidden, mask, *past = inputs
        if past:
            own, cross = (
                cache(
                    tuple(
                        part for at in range(0, 4 * LAYERS, 4) for part in past[at + s : at + s + 2]
                    )
                )
                for s in (0, 2)
            )
        else:
            own, cross = DynamicCache(), DynamicCache()
        both: Any = EncoderDecoderCache(own, cross)
        both.is_updated = dict.fromkeys(range(LAYERS), bool(past))
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
        return (
            self.head(out.last_hidden_state),
            *(
                part
                for at in range(0, 2 * LAYERS, 2)
                for each in keys
                for part in each[at : at + 2]
            ),
        )


def _wide(mask: Tensor) -> Tensor:
    """(B, L) ones and zeros as what is added to attention."""
    return (1.0 - mask[:, None, None].float()) * -1e9


def write(folder: Path) -> None:
    """All files of it, with the model for transformers in hf/."""
    made = model()
    made.save_pretrained(folder / "hf")
    graphs = folder / "onnx"
    graphs.mkdir()
    eyes.tokenizer(folder, SPECIALS)
    eyes.write(folder, "config.json", made.config.to_dict() | {"model_type": "florence2"})
    eyes.write(
        folder,
        "preprocessor_config.json",
        {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"height": SIDE, "width": SIDE},
            "crop_size": {"height": SIDE, "width": SIDE},
            "do_center_crop": False,
            "resample": 3,
            "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225],
        },
    )
    eyes.write(
        folder,
        "generation_config.json",
        {**SETTINGS, "num_beams": 3, "no_repeat_ngram_size": 3, "early_stopping": True},
    )
    free = published.FREE
    pixels = torch.rand(2, 3, SIDE, SIDE)
    published.export(
        _See(made),
        {"pixel_values": pixels},
        ["image_features"],
        {"pixel_values": {0: free}},
        path=graphs / "vision_encoder_q4.onnx",
    )
    eyes.embedding(made.get_input_embeddings(), graphs / "embed_tokens.onnx")
    mask, both = torch.ones(2, 9, dtype=torch.long), {0: free, 1: free}
    published.export(
        _Read(made),
        {"inputs_embeds": torch.rand(2, 9, WIDTH), "attention_mask": mask},
        ["last_hidden_state"],
        {"inputs_embeds": both, "attention_mask": both},
        path=graphs / "encoder_model.onnx",
    )
    _decoder(made, folder)


def _decoder(made: Any, folder: Path) -> None:
    free, batch = published.FREE, {0: published.FREE}
    names = [
        f"{number}.{side}.{part}"
        for number in range(LAYERS)
        for side in ("decoder", "encoder")
        for part in ("key", "value")
    ]
    given = {
        "inputs_embeds": torch.rand(2, 1, WIDTH),
        "encoder_hidden_states": torch.rand(2, 9, WIDTH),
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
    published.export(_Speak(made), given, outputs, dynamic, without)
    for name in names:
        length = 5 if ".decoder." in name else 9
        given[f"past_key_values.{name}"] = torch.rand(2, HEADS, length, WIDTH // HEADS)
        dynamic[f"past_key_values.{name}"] = {0: free, 2: free}
    own = [name for name in outputs if ".encoder." not in name]
    published.export(_Speak(made), given, own, dynamic, past)
    published.merge(without, past, folder / "onnx" / "decoder_model_merged.onnx")
