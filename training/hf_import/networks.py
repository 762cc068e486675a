"""Captioners of Hugging Face's transformers behind the interface of `models.runtime.export`.

A decoder step is transformers' own code: what our search carries from word to word is put into
its key/value caches before and taken out after. So one wrapper serves every decoder.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models.captioning.vocabulary import END, SPECIALS
from models.networks.captioners import Encoded, Exportable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.networks.decoder_base import Tensors

_EXTRA = 5  # tokens that an encoder may have beside its grid: of class, distillation, registers


class Imported(Exportable):
    """A captioner whose token i has the id i + 4 with us: our special tokens come first.

    Keys and values of all Y layers travel in one array (B, Y, 2, heads, T, D) that grows along T.
    """

    growing = (4,)

    def __init__(self, model: Any, start: int, ends: Sequence[int]) -> None:
        """Every caption of `model` begins with its id `start` and ends with one of `ends`."""
        super().__init__()
        self.model = model.eval()
        self.start, self.ends, self.unsaid = start, list(ends), sorted(ends)
        with torch.inference_mode():
            seen, memory = self._look(torch.zeros(1, 3, self.size, self.size))
            self.channels, self.grid = seen.shape[2], _grid(seen.shape[1])
            self.step(torch.zeros(1, dtype=torch.long), (memory,), (memory[..., :0, :],))

    def forbid(self, ids: Sequence[int]) -> None:
        """Let no caption hold these ids of the model's."""
        self.unsaid = sorted({*ids, *self.ends})

    @property
    def size(self) -> int:
        """Width and height of the pixels."""
        size = self._vision().image_size
        return int(size if isinstance(size, int) else size[0])

    @property
    def words(self) -> int:
        """How many tokens the model's own vocabulary has."""
        return int(self._text().vocab_size)

    @property
    def longest(self) -> int:
        """How many tokens a caption may have at most."""
        return int(self._text().max_position_embeddings) - 2

    def encode(self, pixels: Tensor) -> Encoded:
        seen, memory = self._look(pixels)
        return Encoded((memory,), (memory[..., :0, :].clone(),), seen.mean(1), None)

    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        ids = torch.where(tokens < len(SPECIALS), self.start, tokens - len(SPECIALS))
        logits, looks, after = self._next(ids[:, None], memory[0], state[0])
        scores = logits[:, -1].float().log_softmax(-1)
        never = torch.full_like(scores[:, :1], -math.inf)
        end = scores[:, self.ends].logsumexp(-1, keepdim=True)
        log_probs = scores.index_fill(1, torch.tensor(self.unsaid), -math.inf)
        specials = [end if place == END else never for place in range(len(SPECIALS))]
        cells = self.grid[0] * self.grid[1]
        weights = torch.stack(list(looks), 1).mean((1, 2))[:, 0, : memory[0].shape[-2]][:, -cells:]
        weights = weights / weights.sum(-1, keepdim=True)
        return torch.cat([*specials, log_probs], 1), weights, (after,)

    def whole(self, pixels: Tensor, ids: Tensor) -> Tensor:
        """(1, 3, S, S) pixels, (1, T) ids → logits (1, T, V): transformers without our caches."""
        logits: Tensor = self.model(pixel_values=pixels, input_ids=ids).logits
        return logits[:, -ids.shape[1] :]

    def _vision(self) -> Any:
        """The configuration of the part that sees."""
        return self.model.config.vision_config

    def _text(self) -> Any:
        """The configuration of the part that speaks."""
        return self.model.config

    @abstractmethod
    def _look(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 3, S, S) pixels → patches (1, N, C), and their keys and values for the decoder."""

    @abstractmethod
    def _next(
        self, ids: Tensor, memory: Tensor, state: Tensor
    ) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        """(B, 1) last words → logits (B, 1, V), each layer's attention (B, heads, 1, ...), state.

        The attention begins with the memory's places.
        """


class CrossAttending(Imported):
    """A decoder that looks at the picture through cross-attention: the memory is its cache."""

    @abstractmethod
    def _decoder(self) -> Any:
        """The part that speaks."""

    @abstractmethod
    def _see(self, pixels: Tensor) -> Tensor:
        """(1, 3, S, S) pixels → patches (1, N, C)."""

    def _hidden(self, seen: Tensor) -> Tensor:
        """What the decoder is given of what was seen."""
        return seen

    def _look(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        caches, seen = _caches(), self._see(pixels)
        both = caches.EncoderDecoderCache(caches.DynamicCache(), caches.DynamicCache())
        self._decoder()(
            input_ids=torch.full((1, 1), self.start),
            past_key_values=both,
            encoder_hidden_states=self._hidden(seen),
            use_cache=True,
        )
        return seen, _packed(both.cross_attention_cache)

    def _next(
        self, ids: Tensor, memory: Tensor, state: Tensor
    ) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        both = _caches().EncoderDecoderCache(_cache(state), _cache(memory))
        both.is_updated = dict.fromkeys(range(memory.shape[1]), True)
        # only its length is looked at: keys and values are in the cache
        hidden = memory.new_zeros(1, memory.shape[-2], 1)
        out = self._decoder()(
            input_ids=ids,
            past_key_values=both,
            encoder_hidden_states=hidden,
            use_cache=True,
            attention_mask=_everything(memory),
            output_attentions=True,
        )
        return out.logits, out.cross_attentions, _packed(both.self_attention_cache)


class VisionEncoderDecoder(CrossAttending):
    """`VisionEncoderDecoderModel`: ViT and GPT-2, and their like (Li et al. 2021, "TrOCR")."""

    def whole(self, pixels: Tensor, ids: Tensor) -> Tensor:
        logits: Tensor = self.model(pixel_values=pixels, decoder_input_ids=ids).logits
        return logits

    def _vision(self) -> Any:
        return self.model.config.encoder

    def _text(self) -> Any:
        return self.model.config.decoder

    def _decoder(self) -> Any:
        return self.model.decoder

    def _see(self, pixels: Tensor) -> Tensor:
        seen: Tensor = self.model.encoder(pixels).last_hidden_state
        return seen

    def _hidden(self, seen: Tensor) -> Tensor:
        project = getattr(self.model, "enc_to_dec_proj", None)
        return seen if project is None else project(seen)


class Blip(CrossAttending):
    """`BlipForConditionalGeneration` (Li et al. 2022, "BLIP")."""

    def _text(self) -> Any:
        return self.model.config.text_config

    def _decoder(self) -> Any:
        return self.model.text_decoder

    def _see(self, pixels: Tensor) -> Tensor:
        seen: Tensor = self.model.vision_model(pixels).last_hidden_state
        return seen


class Git(Imported):
    """`GitForCausalLM` (Wang et al. 2022, "GIT"): patches and words are one sequence."""

    def _look(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        cache = _caches().DynamicCache()
        out = self.model.git(
            input_ids=torch.full((1, 1), self.start),
            pixel_values=pixels,
            past_key_values=cache,
            use_cache=True,
        )
        return out.last_hidden_state[:, :-1], _packed(cache)[..., :-1, :]

    def _next(
        self, ids: Tensor, memory: Tensor, state: Tensor
    ) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        seen = memory.expand(state.shape[0], -1, -1, -1, -1, -1)
        cache = _cache(torch.cat([seen, state], -2))
        out = self.model(
            input_ids=ids,
            position_ids=torch.zeros_like(ids) + state.shape[-2],
            past_key_values=cache,
            use_cache=True,
            attention_mask=_everything(memory),
            output_attentions=True,
        )
        return out.logits, out.attentions, _packed(cache)[..., memory.shape[-2] :, :]


NETWORKS: dict[str, type[Imported]] = {
    "VisionEncoderDecoderModel": VisionEncoderDecoder,
    "GitForCausalLM": Git,
    "BlipForConditionalGeneration": Blip,
}


def _grid(places: int) -> tuple[int, int]:
    """Rows and columns of the patches; a row of all of them where they make no square."""
    side = math.isqrt(places)
    return (side, side) if places - side**2 <= _EXTRA else (1, places)


def _everything(like: Tensor) -> Tensor:
    """An additive mask that hides nothing: the last word may look at all before it."""
    return like.new_zeros(1, 1, 1, 1)


def _packed(cache: Any) -> Tensor:
    """All keys and values of a cache: (B, Y, 2, heads, T, D)."""
    return torch.stack([torch.stack([layer.keys, layer.values], 1) for layer in cache.layers], 1)


def _cache(packed: Tensor) -> Any:
    """The cache that `_packed` was made of."""
    layers = []
    for layer in packed.unbind(1):
        keys, values = layer.unbind(1)
        made = _caches().DynamicLayer()
        made.lazy_initialization(keys, values)
        made.keys, made.values = keys, values
        layers.append(made)
    return _caches().Cache(layers=layers)


def _caches() -> Any:
    """transformers' caches: not all of them have types."""
    from transformers import cache_utils

    return cache_utils
