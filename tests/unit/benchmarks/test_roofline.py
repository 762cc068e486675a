"""The multiplications that are counted are those of the network."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import growth, roofline
from benchmarks.pictures import photographs
from models.runtime.bundle import DECODER, ENCODER


def written(path: Path, *nodes: tuple[str, list[int], list[int], list[int]]) -> Path:
    """A graph of unconnected nodes of two inputs: their kind, the inputs' and output's shapes."""
    import onnx

    inputs, outputs, made = [], [], []
    for at, (kind, *shapes) in enumerate(nodes):
        names = [f"{side}{at}" for side in "abc"]
        entries = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name, shape in zip(names, shapes, strict=True)
        ]
        inputs += entries[:2]
        outputs.append(entries[2])
        made.append(onnx.helper.make_node(kind, names[:2], names[2:]))
    graph = onnx.helper.make_graph(made, "graph", inputs, outputs)
    onnx.save(
        onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10
        ),
        path,
    )
    return path


def test_multiply_adds_are_counted_by_shape(tmp_path: Path) -> None:
    product = ("MatMul", [2, 3, 5], [5, 7], [2, 3, 7])
    assert roofline.work(written(tmp_path / "a", product)) == 2 * 3 * 5 * 7
    convolution = ("Conv", [1, 4, 8, 8], [6, 4, 3, 3], [1, 6, 6, 6])
    assert roofline.work(written(tmp_path / "b", convolution)) == 6 * 6 * 6 * (4 * 3 * 3)
    added = ("Add", [9, 9], [9, 9], [9, 9])
    assert roofline.work(written(tmp_path / "c", product, convolution, added)) == 210 + 7776


def test_products_in_integers_count_as_well(tmp_path: Path) -> None:
    import onnx

    make, kinds = onnx.helper, onnx.TensorProto
    nodes = [
        make.make_node(
            "QLinearConv", ["x", "scale", "zero", "w", "scale", "none", "scale", "zero"], ["y"]
        ),
        make.make_node("MatMulInteger", ["a", "b"], ["c"]),
    ]
    inputs = [
        make.make_tensor_value_info("x", kinds.UINT8, [1, 4, 8, 8]),
        make.make_tensor_value_info("a", kinds.UINT8, [3, 5]),
    ]
    outputs = [
        make.make_tensor_value_info("y", kinds.UINT8, [1, 6, 6, 6]),
        make.make_tensor_value_info("c", kinds.INT32, [3, 7]),
    ]
    weights = [
        make.make_tensor("scale", kinds.FLOAT, [], [0.5]),
        make.make_tensor("zero", kinds.UINT8, [], [0]),
        make.make_tensor("none", kinds.INT8, [], [0]),
        make.make_tensor("w", kinds.INT8, [6, 4, 3, 3], [1] * 216),
        make.make_tensor("b", kinds.INT8, [5, 7], [1] * 35),
    ]
    graph = make.make_graph(nodes, "graph", inputs, outputs, weights)
    onnx.save(
        make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=10),
        tmp_path / "integers",
    )
    assert roofline.work(tmp_path / "integers") == 6 * 6 * 6 * (4 * 3 * 3) + 3 * 5 * 7


def test_the_count_agrees_with_the_networks_own_weights(tiny_bundle: Path) -> None:
    """Each weight of a decoder's matrices is used once a row, or once for each cell."""
    encoder, decoder = roofline.work(tiny_bundle / ENCODER), roofline.work(tiny_bundle / DECODER)
    assert encoder > 5 * decoder > 0


def test_a_caption_is_told_by_stages(tiny_bundle: Path) -> None:
    found = roofline.measure(photographs(None, 2), 1, tiny_bundle)
    assert found.rows >= found.steps >= 1
    assert found.peak > found.row_work > 0
    assert found.whole >= found.least / 2
    assert min(found.milliseconds.values()) >= 0
    printed = roofline.table(found)
    assert "caption / floor" in printed
    assert all(stage in printed for stage in found.milliseconds)


def test_growth_is_measured_and_drawn(tmp_path: Path) -> None:
    pictures = photographs(None, 2)
    found = growth.Growth(
        growth.sizes(pictures[0], 1, (0.01, 0.02)),
        growth.beams(pictures, (1, 2)),
        growth.many(tmp_path, pictures, 3),
    )
    assert [(each.kind, each.megapixels) for each in found.sizes] == [
        ("JPEG", 0.01),
        ("PNG", 0.01),
        ("JPEG", 0.02),
        ("PNG", 0.02),
    ]
    assert [(each.beam, len(each.milliseconds)) for each in found.beams] == [(1, 2), (2, 2)]
    assert found.many[0].cores == 1
    assert all(each.files == 3 and 0 < each.busy <= 1.1 for each in found.many)
    told = growth.table(found)
    assert told.count("\n") > 8
    growth.plot(found, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 5000


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no pictures"):
        photographs(tmp_path, 3)
