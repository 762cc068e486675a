"""A merged decoder with its key-value cache, which stays in ONNX Runtime's memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from models.eyes import onnx_file, rewriting
from models.eyes.graphs import Gather, Graph, array, load_graph
from models.eyes.rewriting import present
from models.runtime.bundle import BundleError, unusable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_PAST = "past_key_values"
_PART = "decoder_model_merged.onnx"
# numbers a side, and in all, of the picture that a decoder is tried on: real ones are far smaller
_LONGEST, _MOST = 1 << 16, 1 << 24


@dataclass(slots=True)
class Cache:
    """What a decoder knows of `rows` texts of `length` tokens each.

    `seen` is of the picture, the same for every word: the encoder's states; `known` is what is
    computed from these alone, for so many rows. `keys` are the keys and values of each layer, by
    the names of the decoder's inputs.
    """

    seen: dict[str, NDArray[Any]]
    keys: dict[str, Any]
    rows: int = 1
    length: int = 0
    sources: int = 0
    known: dict[str, Any] = field(default_factory=dict)


class Decoder:
    """Runs the graph decoder_model_merged, with token ids or with their embeddings.

    The names of its inputs tell what it wants. `past_key_values.N.encoder.…` are of the picture
    and computed in the first run alone; `past_key_values.N.decoder.…`, or without a part, are of
    the text. `use_cache_branch` is false in the first run, in graphs that have the branch.
    """

    def __init__(
        self,
        graph: Graph,
        embed: Graph | None = None,
        keys: Graph | None = None,
        seen: Graph | None = None,
    ) -> None:
        """`embed` gives the embeddings of tokens where the decoder takes these; `keys` and `seen`
        are what `rewriting.Parts` has apart.

        Raises BundleError where the graph has no cache that comes back.
        """
        self._graph, self._embed, self._keys, self._seen = graph, embed, keys, seen
        self.past = [name for name in graph.inputs if name.startswith(_PAST)]
        given = (*graph.outputs, *(keys.outputs if keys else ()))
        lost = [name for name in self.past if present(name) not in given]
        if not self.past or lost or "logits" not in graph.outputs:
            detail = f"{graph.part}: {lost[:1] or 'no logits, or no past_key_values'}"
            raise unusable(graph.part, "it does not fit the others", detail)
        self._own = [name for name in self.past if ".encoder." not in name]
        self._gathers: dict[tuple[str, ...], Gather] = {}

    def begin(self, seen: Mapping[str, NDArray[Any]], sources: int = 0) -> Cache:
        """A cache before the first token; `seen` are arrays (1, …), of `sources` cells."""
        keys = {name: self._nothing(name) for name in self.past}
        return Cache(dict(seen), keys, sources=sources)

    def _nothing(self, name: str) -> NDArray[Any]:
        _, shape = self._graph.inputs[name]
        heads, width = shape[1], shape[-1]
        if len(shape) != 4 or not isinstance(heads, int) or not isinstance(width, int):
            detail = f"{self._graph.part}: {name} is {shape}"
            raise unusable(self._graph.part, "it does not fit the others", detail)
        return np.zeros((1, heads, 0, width), self._graph.type(name))

    def embeddings(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """(B, N) tokens → (B, N, D). Raises BundleError where there is no graph for it."""
        if self._embed is None:
            raise unusable(self._graph.part, "it wants embeddings, and nothing gives them")
        return array(self._embed.run({"input_ids": tokens})["inputs_embeds"])

    def step(
        self, cache: Cache, tokens: NDArray[np.int64], embedded: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """(B, N) further tokens, or what they are `embedded` as (B, N, D) → (B, V) logits of what
        follows the last. The cache goes on."""
        graph, first = self._graph, not cache.length
        rows, count = tokens.shape
        given = {**cache.seen, **cache.keys}
        given["encoder_attention_mask"] = np.ones((rows, cache.sources), np.int64)
        if self._seen:
            cache.known = cache.known or self._seen.run(given)
            given |= cache.known
        given["use_cache_branch"] = np.asarray([not first])
        if "inputs_embeds" in graph.inputs:
            given["inputs_embeds"] = self.embeddings(tokens) if embedded is None else embedded
        given["input_ids"] = tokens
        length = cache.length + count
        places = np.arange(cache.length, length)
        given["position_ids"] = np.broadcast_to(places, (rows, count))
        given["attention_mask"] = np.ones((rows, length), np.int64)
        given["num_logits_to_keep"] = np.asarray(1)
        if first and self._keys:
            made = self._keys.run(given)
            cache.keys |= {name: made[present(name)] for name in self.past if name not in self._own}
            given |= cache.keys
        kept = self.past if first and not self._keys else self._own
        found = graph.run(given, ["logits", *map(present, kept)])
        cache.keys |= {name: found[present(name)] for name in kept}
        cache.length = length
        return array(found["logits"])[:, -1]

    def works(self) -> bool:
        """Whether it takes an empty past: tried on a picture of zeros, unless a huge one is wanted.

        Raises BundleError where it does not."""
        inputs = self._graph.inputs
        for each in (self._keys, self._seen):
            inputs = {**inputs, **(each.inputs if each else {})}
        length, width = inputs[rewriting.STATES][1][1:]
        wide = inputs["inputs_embeds"][1][-1] if "inputs_embeds" in inputs else 1
        if not isinstance(width, int) or not isinstance(wide, int):
            return False
        length = length if isinstance(length, int) else 2
        if max(length, width, wide) > _LONGEST or length * width > _MOST:
            return False
        cache = self.begin({rewriting.STATES: np.zeros((1, length, width), np.float32)}, length)
        found = self.step(cache, np.zeros((1, 1), np.int64), np.zeros((1, 1, wide), np.float32))
        return bool(np.isfinite(found).all())

    def reorder(self, cache: Cache, rows: list[int]) -> None:
        """Go on with these of the texts, which may be more or fewer than there were."""
        if rows == list(range(cache.rows)):
            return
        # what is of the picture is alike in every row
        names = tuple(self._own if len(rows) == cache.rows else self.past)
        if names not in self._gathers:
            self._gathers[names] = Gather([self._graph.inputs[name][0] for name in names])
        moved = self._gathers[names].rows([cache.keys[name] for name in names], np.asarray(rows))
        cache.keys |= dict(zip(names, moved, strict=True))
        if len(rows) != cache.rows:
            cache.seen = {
                name: value[:1].repeat(len(rows), 0) for name, value in cache.seen.items()
            }
            cache.known = {}
        cache.rows = len(rows)


def load_decoder(path: Path, threads: int, embed: Graph | None = None) -> Decoder:
    """The decoder in a file, in parts where they are known. Raises BundleError as `Decoder`."""
    try:
        found = _in_parts(path, threads, embed)
    except (BundleError, *onnx_file.UNREADABLE):
        found = None
    return found or Decoder(load_graph(path, threads, _PART), embed)


def _in_parts(path: Path, threads: int, embed: Graph | None) -> Decoder | None:
    """A decoder that was taken apart, once it has shown that it works; None for any other."""
    file = onnx_file.read(path)
    parts = rewriting.parts(file)
    if parts is None:
        return None
    keys, seen = (
        Graph(file.model(part), threads, _PART, path.parent) if part else None
        for part in (parts.keys, parts.seen)
    )
    step = rewriting.with_inputs(parts.step, seen.outputs if seen else {})
    model = file.model(step)
    del file, parts, step  # they hold what was looked at in memory
    decoder = Decoder(Graph(model, threads, _PART, path.parent), embed, keys, seen)
    return decoder if decoder.works() else None
