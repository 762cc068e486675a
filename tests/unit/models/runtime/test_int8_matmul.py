"""Graphs that multiply by weights as they are stored: the same, but for a little rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from models.networks.captioners import CaptioningNetwork
from models.networks.registry import ENCODERS
from models.runtime.bundle import DECODER, WEIGHTS
from models.runtime.engines.onnx import session
from models.runtime.export import write_graphs
from models.runtime.int8_matmul import quantise_matmuls
from models.runtime.quantisation import quantise, restore
from tests.variants import TinyEncoder

LARGE = {
    "soft attention": (
        "soft_attention_lstm",
        {"grid": 96, "hidden": 128, "embedding": 64, "attention": 64},
    ),
    "committee": ("committee", {"grid": 96, "hidden": 128, "embedding": 64, "attention": 64}),
    "top-down, GRU": (
        "top_down",
        {"grid": 96, "hidden": 128, "embedding": 64, "attention": 64, "cell": "gru"},
    ),
}
ROWS, WORDS = 5, 300


def kinds(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path, load_external_data=False).graph.node]


def stepped(folder: Path, inputs: dict[str, Any]) -> list[Any]:
    outputs: list[Any] = session(folder / DECODER, 1).run(None, inputs)
    return outputs


@pytest.mark.parametrize("name", LARGE)
def test_a_step_in_integers_is_a_step_but_for_rounding(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from safetensors.torch import save_file

    monkeypatch.setitem(ENCODERS, "tiny", TinyEncoder)
    torch.manual_seed(5)
    decoder, options = LARGE[name]
    network = CaptioningNetwork(
        {"encoder": "tiny", "decoder": decoder, "decoder_options": options}, WORDS
    ).eval()
    stored = quantise(network.state_dict())
    network.load_state_dict(restore(stored))
    folders = {integers: tmp_path / f"{integers}" for integers in (False, True)}
    for integers, folder in folders.items():
        folder.mkdir()
        save_file(stored, folder / WEIGHTS)
        shown = [np.random.default_rng(3).random((1, 3, 64, 64), np.float32)]
        write_graphs(network, 64, folder, int8_calibration=shown if integers else None)
    assert kinds(folders[True] / DECODER).count("MatMulInteger") > 3
    assert "DequantizeLinear" not in kinds(folders[True] / DECODER)
    assert "MatMulInteger" not in kinds(folders[False] / DECODER)

    random = np.random.default_rng(2)
    with torch.inference_mode():
        begun = network.encode(torch.rand(1, 3, 64, 64))
    inputs = {"tokens": random.integers(0, WORDS, ROWS)}
    inputs |= {f"memory_{n}": part.numpy() for n, part in enumerate(begun.memory)}
    inputs |= {
        f"state_{n}": np.repeat(part.numpy(), ROWS, 0)
        + random.normal(0, 0.3, (ROWS, *part.shape[1:])).astype(np.float32)
        for n, part in enumerate(begun.state)
    }
    exact, rounded = (stepped(folder, inputs) for folder in folders.values())
    for one, other in zip(exact, rounded, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() < 0.05
    assert (exact[0].argmax(1) == rounded[0].argmax(1)).all()


def graph(uses: list[Any], outputs: list[str], matrix: Any, scale: Any) -> Any:
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    return helper.make_model(
        helper.make_graph(
            [helper.make_node("DequantizeLinear", ["stored", "scale"], ["wide"], axis=0), *uses],
            "test",
            [
                helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 8]),
                helper.make_tensor_value_info("which", onnx.TensorProto.INT64, [None]),
            ],
            [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs],
            [
                numpy_helper.from_array(matrix, "stored"),
                numpy_helper.from_array(scale, "scale"),
                numpy_helper.from_array(np.ones(6, np.float32), "bias"),
            ],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )


def run(model: Any, x: Any, which: Any, path: Path) -> list[Any]:
    path.write_bytes(model.SerializeToString())
    outputs: list[Any] = session(path, 1).run(None, {"x": x, "which": which})
    return outputs


def test_products_rows_and_whatever_else_is_done_with_a_matrix(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    matrix = random.integers(-127, 128, (6, 8)).astype(np.int8)
    scale = random.random(6).astype(np.float32) / 100
    make = onnx.helper.make_node
    uses = [
        make("Transpose", ["wide"], ["turned"], perm=[1, 0]),
        make("MatMul", ["x", "turned"], ["product"]),
        make("Gemm", ["x", "wide", "bias"], ["linear"], transB=1),
        make("Gather", ["wide", "which"], ["rows"], axis=0),
        make("Mul", ["wide", "wide"], ["squares"]),
    ]
    names = ["product", "linear", "rows", "squares"]
    model = graph(uses, names, matrix, scale)
    x, which = random.normal(size=(3, 8)).astype(np.float32), np.array([5, 0, 5])
    before = run(model, x, which, tmp_path / "before.onnx")
    quantise_matmuls(model)
    after = run(model, x, which, tmp_path / "after.onnx")
    assert len([n for n in model.graph.node if n.op_type == "DynamicQuantizeLinear"]) == 1
    assert len([n for n in model.graph.node if n.op_type == "DequantizeLinear"]) == 1
    wide = matrix * scale[:, None]
    step = (max(0.0, x.max()) - min(0.0, x.min())) / 255
    bound = step / 2 * np.abs(wide).sum(1).max() + 1e-6  # each number is at most half a step off
    for name, one, other in zip(names, before, after, strict=True):
        assert np.abs(one - other).max() <= (bound if name in ("product", "linear") else 1e-7)
    assert np.allclose(after[2], wide[which])


def test_what_is_scaled_or_turned_otherwise_stays_wide(tmp_path: Path) -> None:
    matrix, scale = np.ones((6, 8), np.int8), np.ones(6, np.float32)
    uses = [onnx.helper.make_node("Gemm", ["x", "wide", "bias"], ["linear"], transB=1, alpha=2.0)]
    model = graph(uses, ["linear"], matrix, scale)
    quantise_matmuls(model)
    assert [n.op_type for n in model.graph.node] == ["DequantizeLinear", "Gemm"]
    (linear,) = run(model, np.ones((1, 8), np.float32), np.array([0]), tmp_path / "g.onnx")
    assert linear.tolist() == [[17.0] * 6]
