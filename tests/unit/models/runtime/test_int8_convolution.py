"""Graphs that convolve by their kernels as they are stored: the same, but for a little rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.networks.captioners import CaptioningNetwork
from models.networks.encoder_base import Encoder
from models.networks.mobilenet_edgetpu import Block
from models.networks.registry import ENCODERS
from models.networks.same import SameConv2d
from models.runtime.bundle import ENCODER, WEIGHTS
from models.runtime.engines.onnx import session
from models.runtime.export import write_graphs
from models.runtime.int8_convolution import measure_ranges, quantise_convolutions
from models.runtime.quantisation import quantise, restore

SIDE = 64


class SmallEncoder(Encoder):
    """All kinds of convolution: strided and padded, thin, pointwise, added to what came in."""

    channels, stride = 32, 4

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, 32, 3, 2, 1)
        self.blocks = nn.Sequential(
            Block(32, 512, 32),
            Block(32, 512, 32, kernel=5, stride=2),
            Block(32, 32, 32, fused=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.blocks(functional.relu(self.stem(x)))
        return features


def pictures(seed: int, count: int = 12) -> Iterator[NDArray[np.float32]]:
    random = np.random.default_rng(seed)
    for _ in range(count):
        coarse = random.uniform(-1, 1, (1, 3, 8, 8)).astype(np.float32)
        yield np.kron(coarse, np.ones((1, 1, SIDE // 8, SIDE // 8), np.float32))


def written(
    tmp_path_factory: pytest.TempPathFactory, make: Callable[[], Encoder]
) -> tuple[Path, Path]:
    """The graphs of a network with this encoder, in float32 and in int8."""
    from safetensors.torch import save_file

    folders = (tmp_path_factory.mktemp("wide"), tmp_path_factory.mktemp("narrow"))
    torch.manual_seed(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENCODERS, "small", make)
        network = CaptioningNetwork(
            {
                "encoder": "small",
                "decoder": "soft_attention_lstm",
                "decoder_options": {"grid": 8, "hidden": 7, "embedding": 6, "attention": 5},
            },
            20,
        ).eval()
    stored = quantise(network.state_dict())
    network.load_state_dict(restore(stored))
    for folder, shown in zip(folders, (None, pictures(1)), strict=True):
        save_file(stored, folder / WEIGHTS)
        write_graphs(network, SIDE, folder, int8_calibration=shown)
    return folders


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return written(tmp_path_factory, SmallEncoder)


class ClippedEncoder(Encoder):
    """A convolution with ReLU6 behind, which cuts much of it off."""

    channels, stride = 32, 2

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, 64, 3, 2, 1)
        self.head = SameConv2d(64, 32, 1, 1, 1)
        with torch.no_grad():
            self.stem.weight *= 20

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.head(functional.relu6(self.stem(x)))
        return features


def test_relu6_cuts_off_what_is_one_byte_each(tmp_path_factory: pytest.TempPathFactory) -> None:
    folders = written(tmp_path_factory, ClippedEncoder)
    model = onnx.load(folders[1] / ENCODER, load_external_data=False)
    makers = {node.output[0]: node.op_type for node in model.graph.node}
    [clip] = [node for node in model.graph.node if node.op_type == "Clip"]
    assert makers[clip.input[0]] == "QLinearConv"
    assert kinds(folders[1]).count("QLinearConv") == 2
    wide, narrow = (features(folder, seed=2) for folder in folders)
    assert np.linalg.norm(wide - narrow) < 0.05 * np.linalg.norm(wide - wide.mean(0))


def kinds(folder: Path) -> list[str]:
    model = onnx.load(folder / ENCODER, load_external_data=False)
    return [node.op_type for node in model.graph.node]


def features(folder: Path, seed: int) -> NDArray[np.float32]:
    graph = session(folder / ENCODER, 1)
    return np.concatenate([graph.run(["features"], {"pixels": each})[0] for each in pictures(seed)])


def test_pictures_never_measured_look_nearly_the_same(graphs: tuple[Path, Path]) -> None:
    wide, narrow = (features(folder, seed=2) for folder in graphs)
    # of what tells one picture from another, which for random weights is little
    assert np.linalg.norm(wide - narrow) < 0.2 * np.linalg.norm(wide - wide.mean(0))


def test_all_but_the_small_stem_are_in_integers(graphs: tuple[Path, Path]) -> None:
    wide, narrow = map(kinds, graphs)
    assert wide.count("Conv") == 9
    assert "QLinearConv" not in wide
    assert (narrow.count("Conv"), narrow.count("QLinearConv")) == (1, 8)
    assert narrow.count("Pad") == 1  # the stem's own; the other went into its convolution
    assert narrow.count("Relu") == 1  # what is rounded begins at 0 all the same
    # what the blocks add up is never rounded but to be read
    assert narrow.count("Add") == wide.count("Add")


def test_only_standard_operators_are_used(graphs: tuple[Path, Path]) -> None:
    model = onnx.load(graphs[1] / ENCODER, load_external_data=False)
    assert {node.domain for node in model.graph.node} == {""}


def test_the_kernels_stay_in_the_file_of_weights(graphs: tuple[Path, Path]) -> None:
    model = onnx.load(graphs[1] / ENCODER, load_external_data=False)
    inside = [each for each in model.graph.initializer if not each.external_data]
    assert max(np.prod(each.dims) for each in inside) <= 512  # biases, as sums
    assert not list(graphs[1].glob("*.measured"))


def test_the_range_is_what_was_seen_but_for_the_most_unusual(graphs: tuple[Path, Path]) -> None:
    seen = measure_ranges(graphs[0] / ENCODER, pictures(1))
    assert len(seen) == 10  # what one block gives another is counted once
    for low, high in seen.values():
        assert low <= high
    begun = next(name for name in seen if name.startswith("relu"))
    model = onnx.load(graphs[0] / ENCODER, load_external_data=False)
    model.graph.output.append(
        onnx.helper.make_tensor_value_info(begun, onnx.TensorProto.FLOAT, None)
    )
    path = graphs[0] / "also.onnx"
    path.write_bytes(model.SerializeToString())
    graph = session(path, 1)
    most = [graph.run([begun], {"pixels": each})[0].max() for each in pictures(1)]
    assert np.median(most) < seen[begun][1] <= max(most)


def model_of(nodes: list[Any], outputs: list[str]) -> Any:
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    make = helper.make_node
    kind = onnx.TensorProto.FLOAT
    return helper.make_model(
        helper.make_graph(
            [
                make("DequantizeLinear", ["stored", "scale"], ["kernel"], axis=0),
                make("Cast", ["half"], ["bias"], to=kind),
                *nodes,
            ],
            "test",
            [helper.make_tensor_value_info("pixels", kind, [1, 2, 3, 3])],
            [helper.make_tensor_value_info(name, kind, None) for name in outputs],
            [
                numpy_helper.from_array(np.full((2, 2, 1, 1), 64, np.int8), "stored"),
                numpy_helper.from_array(np.full(2, 1 / 64, np.float32), "scale"),
                numpy_helper.from_array(np.asarray([0, -2], np.float16), "half"),
            ],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )


def run(model: Any, pixels: Any, path: Path) -> list[Any]:
    path.write_bytes(model.SerializeToString())
    outputs: list[Any] = session(path, 1).run(None, {"pixels": pixels})
    return outputs


def test_sums_by_hand_and_what_is_read_twice(tmp_path: Path) -> None:
    """The ReLU is not all that reads the convolution, so it must not be taken into it."""
    make = onnx.helper.make_node
    nodes = [
        make("Conv", ["pixels", "kernel", "bias"], ["sums"], name="sums"),
        make("Relu", ["sums"], ["above"], name="above"),
    ]
    model = model_of(nodes, ["sums", "above"])
    pixels = np.zeros((1, 2, 3, 3), np.float32)
    pixels[0, :, 1, 1] = (1.0, 0.5)
    quantise_convolutions(model, {"pixels": (0.0, 1.6), "sums": (-4.0, 4.0)}, tmp_path)
    assert [node.op_type for node in model.graph.node] == [
        "QuantizeLinear",
        "QLinearConv",
        "DequantizeLinear",
        "Relu",
    ]
    sums, above = run(model, pixels, tmp_path / "graph.onnx")
    assert sums[0, 0].round(6).tolist() == [[0, 0, 0], [0, 1.5, 0], [0, 0, 0]]
    assert sums[0, 1].round(6).tolist() == [[-2, -2, -2], [-2, -0.5, -2], [-2, -2, -2]]
    assert np.array_equal(above, np.maximum(sums, 0))


def test_an_activation_without_a_range_is_told(tmp_path: Path) -> None:
    node = onnx.helper.make_node("Conv", ["pixels", "kernel", "bias"], ["sums"], name="sums")
    with pytest.raises(KeyError, match="sums"):
        quantise_convolutions(model_of([node], ["sums"]), {"pixels": (0.0, 1.0)}, tmp_path)
