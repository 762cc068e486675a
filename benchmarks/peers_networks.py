"""Other captioners, built at their published sizes with random weights.

How long a caption takes, and in how much memory, does not depend on what the weights are, so
nothing is downloaded. Only the length of a caption would, and that is set for all alike.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers_loop import DECODER, ENCODER


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of a Transformer that sees and one that speaks, both `width` wide.

    `side` is the picture's, in pixels; `words` the vocabulary's size; `places` how many words
    a text may have at most.
    """

    side: int
    words: int
    places: int
    speaking_layers: int = 12
    layers: int = 12
    width: int = 768
    heads: int = 12
    inner: int = 3072
    patch: int = 16

    def seeing(self) -> dict[str, Any]:
        return {
            "image_size": self.side,
            "patch_size": self.patch,
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.inner,
        }

    def speaking(self) -> dict[str, Any]:
        return {
            "vocab_size": self.words,
            "max_position_embeddings": self.places,
            "hidden_size": self.width,
            "num_hidden_layers": self.speaking_layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.inner,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        }


# nlpconnect/vit-gpt2-image-captioning, Salesforce/blip-image-captioning-base, microsoft/git-base
VIT_GPT2 = Sizes(side=224, words=50257, places=1024)
BLIP = Sizes(side=384, words=30524, places=512)
GIT = Sizes(side=224, words=30522, places=1024, speaking_layers=6)


def vit_gpt2(sizes: Sizes = VIT_GPT2) -> Any:
    """ViT and GPT-2 with cross-attention (Dosovitskiy et al. 2021; Radford et al. 2019)."""
    import transformers as hf

    speaking = hf.GPT2Config(
        vocab_size=sizes.words,
        n_positions=sizes.places,
        n_embd=sizes.width,
        n_layer=sizes.speaking_layers,
        n_head=sizes.heads,
        bos_token_id=0,
        eos_token_id=0,
    )
    speaking.is_decoder = speaking.add_cross_attention = True
    both = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        hf.ViTConfig(**sizes.seeing()),
        speaking,
        pad_token_id=0,
        decoder_start_token_id=0,
        eos_token_id=0,
    )
    both._attn_implementation = "eager"
    model: Any = hf.VisionEncoderDecoderModel(both)
    return model.eval()


def blip(sizes: Sizes = BLIP) -> Any:
    """BLIP (Li et al. 2022)."""
    import transformers as hf

    model: Any = hf.BlipForConditionalGeneration(
        hf.BlipConfig(
            vision_config=sizes.seeing(),
            text_config=sizes.speaking() | {"encoder_hidden_size": sizes.width, "sep_token_id": 2},
        )
    )
    return model.eval()


def git(sizes: Sizes = GIT) -> Any:
    """GIT (Wang et al. 2022)."""
    import transformers as hf

    model: Any = hf.GitForCausalLM(hf.GitConfig(vision_config=sizes.seeing(), **sizes.speaking()))
    return model.eval()


def save(model: Any, sizes: Sizes, folder: Path) -> None:
    """As transformers loads it: weights, configuration and how pictures are prepared."""
    model.save_pretrained(folder)
    looking = {
        "image_processor_type": "BlipImageProcessor",
        "do_resize": True,
        "resample": 3,
        "size": {"height": sizes.side, "width": sizes.side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.48, 0.46, 0.41],
        "image_std": [0.27, 0.26, 0.28],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(looking), encoding="utf-8")


class _See(nn.Module):
    """A picture → keys and values of each layer's cross-attention, which no word changes."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder, self.layers = model.encoder, model.decoder.transformer.h

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        seen = self.encoder(pixels).last_hidden_state
        made: list[Tensor] = []
        for layer in self.layers:
            looking = layer.crossattention
            heads = (1, -1, looking.num_heads, looking.head_dim)
            made += [
                part.reshape(heads).transpose(1, 2) for part in looking.c_attn(seen).chunk(2, 2)
            ]
        return tuple(made)


class _Step(nn.Module):
    """The last word, and all keys and values → scores of the next, and keys and values after it.

    The last matrix is one of its own: that of the words, turned, would be turned at every step.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.speaking = model.decoder.transformer
        self.words = nn.Parameter(model.decoder.lm_head.weight.detach().T.contiguous())

    def forward(
        self, ids: Tensor, cross: tuple[Tensor, ...], past: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        from transformers.cache_utils import EncoderDecoderCache

        both: Any = EncoderDecoderCache(cache(past), cache(cross))
        both.is_updated = dict.fromkeys(range(len(cross) // 2), True)
        # only its length is looked at: keys and values are in the cache
        hidden = cross[0].new_zeros(1, cross[0].shape[2], 1)
        out = self.speaking(
            input_ids=ids,
            past_key_values=both,
            encoder_hidden_states=hidden,
            attention_mask=hidden.new_zeros(1, 1, 1, 1),
            use_cache=True,
        )
        after = (
            part
            for layer in both.self_attention_cache.layers
            for part in (layer.keys, layer.values)
        )
        return (out.last_hidden_state[:, -1] @ self.words, *after)


def cache(parts: tuple[Tensor, ...]) -> Any:
    """transformers' cache of each layer's keys and values."""
    from transformers import cache_utils

    caches: Any = cache_utils  # not all of them have types
    layers: list[Any] = []
    for keys, values in zip(parts[::2], parts[1::2], strict=True):
        layer = caches.DynamicLayer()
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys, values
        layers.append(layer)
    return caches.Cache(layers=layers)


def export(model: Any, folder: Path) -> None:
    """ViT and GPT-2 as two ONNX graphs with a cache of keys and values."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = torch.zeros(1, 3, model.config.encoder.image_size, model.config.encoder.image_size)
    with torch.inference_mode():
        cross = tuple(part.clone() for part in _See(model)(pixels))
    past = tuple(torch.zeros(1, part.shape[1], 3, part.shape[3]) for part in cross)
    seen = [f"cross_{number}" for number in range(len(cross))]
    cached = [f"past_{number}" for number in range(len(cross))]
    _write(_See(model), (pixels,), ["pixels"], seen, None, folder / ENCODER)
    growing: dict[int, Any] = {2: torch.export.Dim.DYNAMIC}
    _write(
        _Step(model),
        (torch.zeros(1, 1, dtype=torch.long), cross, past),
        ["ids", *seen, *cached],
        ["scores", *(f"{name}_after" for name in cached)],
        {"ids": None, "cross": (None,) * len(cross), "past": (growing,) * len(past)},
        folder / DECODER,
    )


def _write(
    module: nn.Module,
    inputs: tuple[Any, ...],
    names: list[str],
    outputs: list[str],
    shapes: dict[str, Any] | None,
    path: Path,
) -> None:
    with warnings.catch_warnings():
        # the exporter copies what torch itself deprecates
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
        # transformers' notes of what was asked for, of which the graph keeps nothing
        warnings.filterwarnings("ignore", "While compiling, we found certain side effects")
        program = torch.onnx.export(
            module.eval(),
            inputs,
            dynamo=True,
            opset_version=18,
            input_names=names,
            output_names=outputs,
            dynamic_shapes=shapes,
            optimize=True,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    program.save(path, external_data=True)


def quantise(wide: Path, folder: Path) -> None:
    """Both graphs with matrices of int8, quantised as they run: ONNX Runtime's own tool."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    folder.mkdir(parents=True, exist_ok=True)
    for name in (ENCODER, DECODER):
        quantize_dynamic(
            wide / name,
            folder / name,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gather"],
        )
