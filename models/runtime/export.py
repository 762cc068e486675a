"""Write a bundle: one file of rounded weights, and two ONNX graphs that read from it."""

from __future__ import annotations

import json
import struct
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from models.runtime.bundle import CONSENSUS, DECODER, ENCODER, VOCABULARY, WEIGHTS, Config
from models.runtime.int8_convolution import measure_ranges, quantise_convolutions
from models.runtime.int8_matmul import quantise_matmuls
from models.runtime.quantisation import SCALE, quantise, restore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from models.captioning.vocabulary import Vocabulary
    from models.networks.captioners import Exportable
    from models.networks.translators import Transformer

_OPSET = 18


class _Encode(nn.Module):
    def __init__(self, network: Exportable) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        made = self.network.encode(pixels)
        others = (part for part in (made.classes, made.objects, made.places) if part is not None)
        return (*made.memory, *made.state, made.features, *others)


class _Step(nn.Module):
    def __init__(self, network: Exportable) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, tokens: Tensor, memory: tuple[Tensor, ...], state: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        scores, attention, after = self.network.step(tokens, memory, state)
        return (scores, attention, *after)


def export(
    network: Exportable,
    vocabulary: Vocabulary,
    config: Config,
    card: str,
    caption_arrays: Mapping[str, NDArray[Any]],
    folder: Path,
    store: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = quantise,
    *,
    int8_calibration: Iterable[NDArray[np.float32]] | None = None,
) -> None:
    """Write every part of a bundle to `folder`, config.json last.

    `caption_arrays` are those of `models.captioning.caption_store.CaptionStore`.

    Weights are rounded by `store` (see `models.runtime.quantisation`) in weights.safetensors; the
    graphs hold none but refer to its bytes as ONNX external data, so both engines run the very same
    numbers. With `int8_calibration` the graphs run in int8, by the weights as they are stored,
    which is faster and lighter, and activations are quantised, too (see `int8_matmul` and
    `int8_convolution`): their ranges are measured on these pictures, (1, 3, S, S) as the encoder
    reads them.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    stored = store(_once(network.state_dict()))
    save_file(stored, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # safetensors makes it private
    network = network.eval().float()
    network.load_state_dict(restore(stored), strict=False)  # a second name follows the first
    write_graphs(network, config.preprocessing.size, folder, int8_calibration=int8_calibration)
    vocabulary.save(folder / VOCABULARY)
    write_caption_store(caption_arrays, folder)
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    config.save(folder)


def write_caption_store(caption_arrays: Mapping[str, NDArray[Any]], folder: Path) -> None:
    """Write the arrays of a `CaptionStore`; `Config.save` is to follow."""
    np.savez_compressed(folder / CONSENSUS, allow_pickle=False, **caption_arrays)


def _once(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out the second name of a tensor that has two, as tied embeddings have."""
    first: dict[tuple[int, torch.Size], str] = {}
    return {
        name: value
        for name, value in tensors.items()
        if first.setdefault((value.data_ptr(), value.shape), name) == name
    }


def write_graphs(
    network: Exportable,
    size: int,
    folder: Path,
    *,
    int8_calibration: Iterable[NDArray[np.float32]] | None = None,
) -> None:
    """Write both graphs of a network whose rounded weights are in `folder` already.

    See `models.runtime.engines.onnx.OnnxEngine` for their inputs and outputs.
    """
    pixels = torch.zeros(1, 3, size, size)
    with torch.inference_mode():
        made = network.encode(pixels)
    memory = [f"memory_{number}" for number in range(len(made.memory))]
    state = [f"state_{number}" for number in range(len(made.state))]
    last = [
        "features",
        *(name for name in ("classes", "objects", "places") if getattr(made, name) is not None),
    ]
    _write(
        _Encode(network), (pixels,), ["pixels"], [*memory, *state, *last], None, folder / ENCODER
    )
    if int8_calibration is not None:
        _run_in_int8(folder / ENCODER, measure_ranges(folder / ENCODER, int8_calibration))
    growing = network.growing or (None,) * len(state)
    # rows, and what grows, are of any length: the exporter takes lengths of 0 and 1 for fixed
    free = [[0] if axis is None else [0, axis] for axis in growing]
    shapes = {
        "tokens": _any_length([0]),
        "memory": (None,) * len(memory),
        "state": tuple(map(_any_length, free)),
    }
    rows = tuple(
        torch.zeros(
            [
                (2 if at == 0 else 3) if at in axes else length
                for at, length in enumerate(part.shape)
            ],
            dtype=part.dtype,
        )
        for part, axes in zip(made.state, free, strict=True)
    )
    inputs = (torch.zeros(2, dtype=torch.long), tuple(part.clone() for part in made.memory), rows)
    _write(
        _Step(network),
        inputs,
        ["tokens", *memory, *state],
        ["scores", "attention", *(f"{name}_after" for name in state)],
        shapes,
        folder / DECODER,
    )
    if int8_calibration is not None:
        _run_in_int8(folder / DECODER, {})


class _Read(nn.Module):
    def __init__(self, network: Transformer) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: Tensor) -> tuple[Tensor, ...]:
        return self.network.encode(source)


class _NextWord(nn.Module):
    def __init__(self, network: Transformer) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, tokens: Tensor, place: Tensor, memory: tuple[Tensor, ...], state: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        scores, after = self.network.step(tokens, place, memory, state)
        return (scores.log_softmax(-1), *after)


def export_translator(network: Transformer, folder: Path) -> None:
    """Write the int8 weights of a translator and its two graphs.

    encoder: source (1, S) → memory… (1, S, D);
    decoder: tokens (B,), place (1,), memory…, state… (B, T, D) → log-probabilities (B, V), state
    after… (B, T + 1, D). See `models.networks.translators.Transformer`.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    network = network.eval().float()
    stored = quantise(network.state_dict())
    save_file(stored, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # safetensors makes it private
    network.load_state_dict(restore(stored))
    count = 2 * len(network.decoder)
    memory, state = ([f"{part}_{n}" for n in range(count)] for part in ("memory", "state"))
    length = torch.export.Dim.DYNAMIC
    source = torch.ones(1, 5, dtype=torch.long)
    _write(_Read(network), (source,), ["source"], memory, {"source": {1: length}}, folder / ENCODER)
    with torch.inference_mode():
        read = tuple(part.clone() for part in network.encode(source))
    words = tuple(torch.zeros(3, 4, network.width) for _ in memory)
    _write(
        _NextWord(network),
        (torch.ones(3, dtype=torch.long), torch.tensor([4]), read, words),
        ["tokens", "place", *memory, *state],
        ["scores", *(f"{name}_after" for name in state)],
        {
            "tokens": {0: length},
            "place": None,
            "memory": ({1: length},) * count,
            "state": ({0: length, 1: length},) * count,
        },
        folder / DECODER,
    )
    for part in (ENCODER, DECODER):
        _run_in_int8(folder / part, {})


def _run_in_int8(path: Path, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Have a graph run in int8 wherever its weights are stored as such."""
    import onnx

    graph = onnx.load(path, load_external_data=False)
    quantise_convolutions(graph, ranges, path.parent)
    quantise_matmuls(graph)
    path.write_bytes(graph.SerializeToString())


def _any_length(axes: list[int]) -> dict[int, Any]:
    return dict.fromkeys(axes, torch.export.Dim.DYNAMIC)


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
        program = torch.onnx.export(
            module.eval(),
            inputs,
            dynamo=True,
            opset_version=_OPSET,
            input_names=names,
            output_names=outputs,
            dynamic_shapes=shapes,
            optimize=False,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    graph = program.model_proto
    _refer(graph, path.parent / WEIGHTS)
    _strip(graph)
    path.write_bytes(graph.SerializeToString())


def _refer(model: Any, weights: Path) -> None:
    """Replace each float32 weight by a reference to its stored bytes and the way back."""
    import onnx

    table, start = _layout(weights)
    made = []

    def refer(stored: str, kind: int) -> str:
        entry = table[stored]
        begin, finish = entry["data_offsets"]
        tensor = model.graph.initializer.add()
        tensor.name, tensor.data_type = f"{stored}.stored", kind
        tensor.dims.extend(entry["shape"])
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (
            ("location", weights.name),
            ("offset", start + begin),
            ("length", finish - begin),
        ):
            tensor.external_data.add(key=key, value=str(value))
        return str(tensor.name)

    for initializer in list(model.graph.initializer):
        float32 = initializer.name
        name = float32.removeprefix("network.")
        if name not in table:
            continue
        if list(initializer.dims) != table[name]["shape"]:
            raise ValueError(f"{float32} was changed by the exporter")
        model.graph.initializer.remove(initializer)
        if name + SCALE in table:
            inputs = [
                refer(name, onnx.TensorProto.INT8),
                refer(name + SCALE, onnx.TensorProto.FLOAT),
            ]
            node = onnx.helper.make_node("DequantizeLinear", inputs, [float32], axis=0)
        else:
            half = table[name]["dtype"] == "F16"
            inputs = [refer(name, onnx.TensorProto.FLOAT16 if half else onnx.TensorProto.FLOAT)]
            node = onnx.helper.make_node("Cast", inputs, [float32], to=onnx.TensorProto.FLOAT)
        node.name = f"{float32}.wide"
        made.append(node)
    left = [
        i.name
        for i in model.graph.initializer
        if not i.external_data and np.prod(list(i.dims) or [1]) > 4096
    ]
    if left:
        raise ValueError(f"weights that are not in {weights.name}: {', '.join(left)}")
    nodes = [*made, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]


def _strip(model: Any) -> None:
    """Leave out the exporter's notes: they hold source paths of the machine that exported."""
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
        value.doc_string = ""


def _layout(weights: Path) -> tuple[dict[str, Any], int]:
    """Read the header of a safetensors file: entries, and where the data begins."""
    with weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        table = json.loads(file.read(length))
    table.pop("__metadata__", None)
    return table, 8 + length
