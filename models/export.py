"""Write a bundle: one file of float16 weights, and two ONNX graphs that read from it."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from models.bundle import DECODER, ENCODER, VOCABULARY, WEIGHTS, Config

if TYPE_CHECKING:
    from pathlib import Path

    from models.networks.captioners import CaptioningNetwork
    from models.vocabulary import Vocabulary

_OPSET = 18


class _Encode(nn.Module):
    """Pixels → grid, attention keys, first state: all that depends on the picture alone."""

    def __init__(self, network: CaptioningNetwork) -> None:
        super().__init__()
        self.encoder, self.decoder = network.encoder, network.decoder

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.decoder.begin(self.encoder(pixels)))


class _Step(nn.Module):
    """One word on: B hypotheses share one grid (1, L, D)."""

    def __init__(self, network: CaptioningNetwork) -> None:
        super().__init__()
        self.decoder = network.decoder

    def forward(
        self, tokens: Tensor, grid: Tensor, keys: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, ...]:
        logits, weights, hidden, cell = self.decoder.step(tokens, grid, keys, hidden, cell)
        return logits.log_softmax(-1), weights, hidden, cell


def export(
    network: CaptioningNetwork, vocabulary: Vocabulary, config: Config, card: str, folder: Path
) -> None:
    """Write every part of a bundle to `folder`, config.json last.

    Weights are rounded to float16 in weights.safetensors; the graphs hold none but refer to
    its bytes as ONNX external data, so both engines run the very same numbers.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: value.detach().half().contiguous()
              for name, value in network.state_dict().items()}
    save_file(halves, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # safetensors makes it private
    network = network.eval().float()
    network.load_state_dict(halves)
    size = config.preprocessing.size
    pixels = torch.zeros(1, 3, size, size)
    _write(_Encode(network), (pixels,), ["pixels"], ["grid", "keys", "hidden", "cell"],
           None, folder / ENCODER)
    with torch.inference_mode():
        grid, keys, hidden, cell = network.decoder.begin(network.encoder(pixels))
    rows = torch.export.Dim.DYNAMIC
    shapes = {"tokens": {0: rows}, "grid": None, "keys": None, "hidden": {0: rows},
              "cell": {0: rows}}
    two = (torch.zeros(2, dtype=torch.long), grid.clone(), keys.clone(),
           hidden.repeat(2, 1), cell.repeat(2, 1))
    _write(_Step(network), two, list(shapes), ["scores", "attention", "hidden_after", "cell_after"],
           shapes, folder / DECODER)
    vocabulary.save(folder / VOCABULARY)
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    config.save(folder)


def _write(
    module: nn.Module, inputs: tuple[Tensor, ...], names: list[str], outputs: list[str],
    shapes: dict[str, Any] | None, path: Path,
) -> None:
    program = torch.onnx.export(
        module.eval(), inputs, dynamo=True, opset_version=_OPSET, input_names=names,
        output_names=outputs, dynamic_shapes=shapes, optimize=False, verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    graph = program.model_proto
    _refer(graph, path.parent / WEIGHTS)
    _strip(graph)
    path.write_bytes(graph.SerializeToString())


def _refer(model: Any, weights: Path) -> None:
    """Replace each float32 weight by a reference to its float16 bytes and a cast."""
    import onnx

    table, start = _layout(weights)
    casts = []
    for initializer in list(model.graph.initializer):
        entry = table.get(initializer.name)
        if entry is None:
            continue
        if list(initializer.dims) != entry["shape"]:
            raise ValueError(f"{initializer.name} was changed by the exporter")
        wide, narrow = initializer.name, f"{initializer.name}.half"
        begin, finish = entry["data_offsets"]
        initializer.Clear()
        initializer.name, initializer.data_type = narrow, onnx.TensorProto.FLOAT16
        initializer.dims.extend(entry["shape"])
        initializer.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", weights.name), ("offset", start + begin),
                           ("length", finish - begin)):
            initializer.external_data.add(key=key, value=str(value))
        casts.append(onnx.helper.make_node("Cast", [narrow], [wide], to=onnx.TensorProto.FLOAT,
                                           name=f"{wide}.cast"))
    left = [i.name for i in model.graph.initializer
            if not i.external_data and np.prod(list(i.dims) or [1]) > 4096]
    if left:
        raise ValueError(f"weights that are not in {weights.name}: {', '.join(left)}")
    nodes = [*casts, *model.graph.node]
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
