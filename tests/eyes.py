"""Tiny captioners of random weights in the layouts in which larger ones are published.

The exporter that made the published ones does not work with the transformers of today, so the
graphs are made here, to the same names and shapes: a decoder without and one with a past, merged
by an If over use_cache_branch.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor, nn

WORDS = ("a", "the", "dog", "cat", "man", "red", "sits", "runs", "on", "with", "grass", "street")
PIXELS = 32
BATCH = torch.export.Dim.DYNAMIC


def tokenizer(folder: Path, specials: list[str]) -> int:
    """Write a byte-level tokenizer.json with these special tokens first; → its size."""
    import tokenizers

    made: Any = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=specials,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([f"{word} {word}" for word in WORDS] * 3, trainer)
    made.save(str(folder / "tokenizer.json"))
    return int(made.get_vocab_size())


def write(folder: Path, name: str, table: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(table), encoding="utf-8")


def cache(keys: tuple[Tensor, ...]) -> Any:
    """transformers' cache of each layer's keys and values."""
    from transformers import cache_utils

    caches: Any = cache_utils  # not all of them have types
    layers: list[Any] = []
    for key, value in zip(keys[::2], keys[1::2], strict=True):
        layer = caches.DynamicLayer()
        layer.lazy_initialization(key, value)
        layer.keys, layer.values = key, value
        layers.append(layer)
    return caches.Cache(layers=layers)


def flat(made: Any) -> tuple[Tensor, ...]:
    return tuple(part for layer in made.layers for part in (layer.keys, layer.values))


def export(
    module: nn.Module,
    inputs: dict[str, Tensor],
    outputs: list[str],
    dynamic: dict[str, dict[int, Any]],
    *,
    path: Path,
) -> onnx.ModelProto:
    """Export, with the inputs' names as given; `dynamic` axes may be of any length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch and transformers about each other
        program = torch.onnx.export(
            module.eval(),
            (tuple(inputs.values()),),
            dynamo=True,
            opset_version=18,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=(tuple(dynamic.get(name, {}) for name in inputs),),
            verbose=False,
        )
    assert program is not None
    program.save(path)
    return onnx.load(path)


def merged(without: onnx.ModelProto, past: onnx.ModelProto, path: Path) -> None:
    """One graph that runs the one or the other, as use_cache_branch says.

    What the decoder with a past does not give (keys of the picture) is empty there, as published.
    """
    outputs = [each.name for each in without.graph.output]
    branches = []
    for prefix, model in (("then_", past), ("else_", without)):
        graph = model.graph
        given = {each.name for each in graph.input}
        nodes = []
        for node in graph.node:
            copy = onnx.NodeProto.FromString(node.SerializeToString())
            copy.input[:] = [
                name if name in given or not name else prefix + name for name in node.input
            ]
            copy.output[:] = [name and prefix + name for name in node.output]
            copy.name = prefix + node.name
            nodes.append(copy)
        weights = []
        for tensor in graph.initializer:
            copy = onnx.TensorProto.FromString(tensor.SerializeToString())
            copy.name = prefix + tensor.name
            weights.append(copy)
        has = {each.name: each for each in graph.output}
        results = []
        for name in outputs:
            if name not in has:
                empty = np.zeros((0, 1, 1, 1), np.float32)
                nodes.append(
                    helper.make_node(
                        "Constant", [], [prefix + name], value=onnx.numpy_helper.from_array(empty)
                    )
                )
            results.append(
                helper.make_tensor_value_info(prefix + name, onnx.TensorProto.FLOAT, None)
            )
        branches.append(helper.make_graph(nodes, prefix + "branch", [], results, weights))
    choice = helper.make_node(
        "If", ["use_cache_branch"], outputs, then_branch=branches[0], else_branch=branches[1]
    )
    inputs = {each.name: each for model in (without, past) for each in model.graph.input}
    flag = helper.make_tensor_value_info("use_cache_branch", onnx.TensorProto.BOOL, [1])
    graph = helper.make_graph(
        [choice],
        "merged",
        [*inputs.values(), flag],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs],
    )
    opsets = {each.domain: each for model in (without, past) for each in model.opset_import}
    model = helper.make_model(
        graph, opset_imports=list(opsets.values()), ir_version=past.ir_version
    )
    onnx.save(model, path)
