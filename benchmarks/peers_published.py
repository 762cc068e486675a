"""ViT and GPT-2 in the very layout in which they are published for ONNX Runtime.

The exporter that made the published graphs (optimum) does not work with the transformers of today,
so they are made here to the same names and shapes: a decoder without and one with a past, merged
by an If over use_cache_branch, with the weights of both outside.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers_networks import cache

FREE: Any = torch.export.Dim.DYNAMIC


def flat(made: Any) -> tuple[Tensor, ...]:
    """The keys and values of each layer of a cache."""
    return tuple(part for layer in made.layers for part in (layer.keys, layer.values))


def export(
    module: nn.Module,
    inputs: dict[str, Tensor],
    outputs: list[str],
    dynamic: dict[str, dict[int, Any]],
    path: Path,
) -> None:
    """Export a module that takes its inputs as one tuple; `dynamic` axes may have any length."""
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
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    program.save(path)


def merge(without: Path, past: Path, path: Path) -> None:
    """One graph that runs the one or the other, as use_cache_branch says.

    What the decoder with a past does not give (keys of the picture) is empty there, as published.
    """
    import onnx
    from onnx import helper

    models = {"then_": onnx.load(past), "else_": onnx.load(without)}
    outputs = [each.name for each in models["else_"].graph.output]
    shared: dict[bytes, Any] = {}  # by their content: both have the same weights
    branches = {
        prefix: _branch(model.graph, prefix, outputs, shared) for prefix, model in models.items()
    }
    choice = helper.make_node(
        "If",
        ["use_cache_branch"],
        outputs,
        name="optimum::if",
        then_branch=branches["then_"],
        else_branch=branches["else_"],
    )
    inputs = {each.name: each for model in models.values() for each in model.graph.input}
    flag = helper.make_tensor_value_info("use_cache_branch", onnx.TensorProto.BOOL, [1])
    graph = helper.make_graph(
        [choice],
        "merged",
        [*inputs.values(), flag],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs],
        list(shared.values()),
    )
    opsets = {each.domain: each for model in models.values() for each in model.opset_import}
    version = models["then_"].ir_version
    onnx.save(
        helper.make_model(graph, opset_imports=list(opsets.values()), ir_version=version), path
    )


def _branch(graph: Any, prefix: str, outputs: list[str], shared: dict[bytes, Any]) -> Any:
    """A graph as a branch: its values have the prefix, its weights lie outside, in `shared`."""
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper

    names = {each.name: each.name for each in graph.input}
    for tensor in graph.initializer:
        content = numpy_helper.to_array(tensor)
        key = (
            f"{content.shape} {content.dtype} ".encode()
            + hashlib.sha256(content.tobytes()).digest()
        )
        name, known = tensor.name, shared.setdefault(key, tensor)
        if known is tensor:
            tensor.name = prefix + name
        names[name] = known.name
    nodes = []
    for node in graph.node:
        node.input[:] = [name and names.get(name, prefix + name) for name in node.input]
        node.output[:] = [name and prefix + name for name in node.output]
        node.name = prefix + node.name
        nodes.append(node)
    made = {each.name for each in graph.output}
    for name in outputs:
        if name not in made:
            empty = numpy_helper.from_array(np.zeros((0, 1, 1, 1), np.float32))
            nodes.append(helper.make_node("Constant", [], [prefix + name], value=empty))
    results = [
        helper.make_tensor_value_info(prefix + name, onnx.TensorProto.FLOAT, None)
        for name in outputs
    ]
    return helper.make_graph(nodes, f"{prefix}branch", [], results)


def embedding(layer: nn.Embedding, path: Path) -> None:
    """The graph embed_tokens: a table of which rows are taken."""
    import onnx
    from onnx import helper

    table = onnx.numpy_helper.from_array(layer.weight.detach().numpy(), "table")
    ids = helper.make_tensor_value_info("input_ids", onnx.TensorProto.INT64, ["batch", "length"])
    made = helper.make_tensor_value_info("inputs_embeds", onnx.TensorProto.FLOAT, None)
    node = helper.make_node("Gather", ["table", "input_ids"], ["inputs_embeds"])
    graph = helper.make_graph([node], "embed", [ids], [made], [table])
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)


class _See(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder = model.encoder

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        seen: Tensor = self.encoder(inputs[0]).last_hidden_state
        return seen


class _Speak(nn.Module):
    """input_ids, encoder_hidden_states and maybe a past → logits, keys and values after it.

    Those of the picture are computed for each word anew, as in the published graph.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.decoder = model.decoder

    def forward(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        from transformers.cache_utils import DynamicCache, EncoderDecoderCache

        ids, hidden, *past = inputs
        own: Any = cache(tuple(past)) if past else DynamicCache()
        both: Any = EncoderDecoderCache(own, DynamicCache())
        out = self.decoder(
            input_ids=ids,
            encoder_hidden_states=hidden,
            past_key_values=both,
            attention_mask=hidden.new_zeros(1, 1, 1, 1),
            use_cache=True,
        )
        return (out.logits, *flat(both.self_attention_cache))


def vit_gpt2_graphs(model: Any, folder: Path) -> None:
    """encoder_model.onnx and decoder_model_merged.onnx of a ViT with GPT-2."""
    folder.mkdir(parents=True, exist_ok=True)
    seeing, speaking = model.config.encoder, model.config.decoder
    pixels = torch.rand(2, 3, seeing.image_size, seeing.image_size)
    batch = {0: FREE}
    encoder = folder / "encoder_model.onnx"
    export(
        _See(model),
        {"pixel_values": pixels},
        ["last_hidden_state"],
        {"pixel_values": batch},
        encoder,
    )
    cells = (seeing.image_size // seeing.patch_size) ** 2 + 1
    layers, heads, width = speaking.n_layer, speaking.n_head, speaking.n_embd
    names = [f"{number}.{part}" for number in range(layers) for part in ("key", "value")]
    results = ["logits", *(f"present.{name}" for name in names)]
    given = {
        "input_ids": torch.ones(2, 1, dtype=torch.long),
        "encoder_hidden_states": torch.rand(2, cells, width),
    }
    dynamic: dict[str, Any] = dict.fromkeys(given, batch)
    without, past = folder / "without.onnx", folder / "past.onnx"
    export(_Speak(model), given, results, dynamic, without)
    for name in names:
        given[f"past_key_values.{name}"] = torch.rand(2, heads, 5, width // heads)
        dynamic[f"past_key_values.{name}"] = {0: FREE, 2: FREE}
    export(_Speak(model), given, results, dynamic, past)
    merge(without, past, folder / "decoder_model_merged.onnx")
    for path in (without, past):
        path.unlink()


def write_tables(model: Any, folder: Path) -> None:
    """The tables beside the graphs, and a tokenizer whose words are their numbers."""
    import tokenizers

    size = {"height": model.config.encoder.image_size, "width": model.config.encoder.image_size}
    halves = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    looking = {"image_processor_type": "ViTImageProcessor", "size": size, "resample": 2, **halves}
    tables = {
        "config.json": model.config.to_dict() | {"model_type": "vision-encoder-decoder"},
        "preprocessor_config.json": looking,
    }
    for name, table in tables.items():
        (folder / name).write_text(json.dumps(table), encoding="utf-8")
    words = {str(number): number for number in range(model.config.decoder.vocab_size)}
    tokenizers.Tokenizer(tokenizers.models.WordLevel(words)).save(str(folder / "tokenizer.json"))


def byte_tokenizer(folder: Path, specials: list[str]) -> None:
    """tokenizer.json with these special tokens first, and one token a byte behind them."""
    import tokenizers

    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*specials, *alphabet])}
    made: Any = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, []))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(specials)
    made.save(str(folder / "tokenizer.json"))


def quantise(folder: Path) -> None:
    """Each graph as …_quantized.onnx instead, by ONNX Runtime's own tool."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    for path in sorted(folder.glob("*.onnx")):
        quantize_dynamic(
            path,
            path.with_name(f"{path.stem}_quantized.onnx"),
            weight_type=QuantType.QUInt8,
            extra_options={"EnableSubgraph": True},
        )
        path.unlink()


def four_bits(path: Path) -> None:
    """A graph with its matrices in blocks of 32 numbers of four bits, in its place."""
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(onnx.load(path), block_size=32, is_symmetric=True)
    quantizer.process()
    quantizer.model.save_model_to_file(str(path))


def half(path: Path, *, around: bool = False) -> None:
    """A graph with floats of 16 bits, in its place; what is `around` it, inputs and outputs, too,
    or as wide as it was."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=not around), path)
