"""Rewritten graphs give what the published ones give, with their weights left in the file."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks import peers_published
from models.eyes import rewriting
from models.eyes.decoder import Decoder, load_decoder
from models.eyes.graphs import Graph, load_graph
from models.eyes.onnx_file import ELEMENTS, Node, Tensor, read
from models.eyes.onnx_file import Graph as Onnx
from models.eyes.protobuf import fields
from models.runtime.bundle import BundleError
from models.runtime.engines import onnx as engine

MERGED = "onnx/decoder_model_merged.onnx"


@pytest.fixture
def plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime changes nothing itself, so that equal graphs give equal numbers."""

    def options(threads: int) -> Any:
        made = engine.session_options(threads)
        made.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        return made

    monkeypatch.setattr("models.eyes.graphs.session_options", options)


def _logits(decoder: Decoder, seen: dict[str, Any], tokens: list[Any], rows: list[Any]) -> Any:
    """What a decoder says step by step; before each, texts are reordered."""
    cache = decoder.begin(seen, next(iter(seen.values())).shape[1])
    found = []
    for step, order in zip(tokens, rows, strict=True):
        decoder.reorder(cache, order)
        found.append(decoder.step(cache, np.asarray(step["ids"])[:, None], step.get("embedded")))
    return found


def _both(
    path: Path,
    sources: int,
    width: int,
    embedded: int = 0,
    choose: pytest.MonkeyPatch | None = None,
) -> tuple[list[Any], list[Any]]:
    """Logits of the graph as it was published, and taken apart, over four steps of beams; the
    former by the branch that has a past from the first step on, where one is to `choose`."""
    random = np.random.default_rng(7)
    seen = {"encoder_hidden_states": random.standard_normal((1, sources, width), np.float32)}
    rows = [[0], [0, 0, 0], [2, 0, 1], [1, 0]]
    steps: list[Any] = []
    for order in rows:
        steps.append({"ids": random.integers(0, 300, len(order))})
        if embedded:
            size = (len(order), 1, embedded)
            steps[-1]["embedded"] = random.standard_normal(size, np.float32)
    whole = Decoder(Graph(path, 1, "decoder"))
    if choose:
        run, flag = whole._graph.run, {"use_cache_branch": np.asarray([True])}
        choose.setattr(whole._graph, "run", lambda given, wanted: run(given | flag, wanted))
    apart = load_decoder(path, 1)
    assert "use_cache_branch" in whole._graph.inputs
    assert "use_cache_branch" not in apart._graph.inputs
    return _logits(whole, seen, steps, rows), _logits(apart, seen, steps, rows)


@pytest.mark.usefixtures("plainly")
@pytest.mark.parametrize("int8", [False, True])
def test_a_decoder_without_the_branch_gives_the_same_numbers(
    gpt2_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, int8: bool
) -> None:
    path = shutil.copy(gpt2_folder / MERGED, tmp_path / "decoder_model_merged.onnx")
    if int8:
        peers_published.quantise(tmp_path)
        path = tmp_path / "decoder_model_merged_quantized.onnx"
    # torch's exporter computes the first place of the branch without a past before it is rounded
    choose = monkeypatch if int8 else None
    for one, other in zip(*_both(Path(path), 17, 32, choose=choose), strict=True):
        if int8:
            assert other == pytest.approx(one, abs=1e-5)
        else:
            assert np.array_equal(one, other)


@pytest.mark.usefixtures("plainly")
def test_keys_of_the_picture_come_from_a_graph_of_their_own(florence_folder: Path) -> None:
    whole, apart = _both(florence_folder / MERGED, 9, 32, embedded=32)
    for one, other in zip(whole, apart, strict=True):
        assert np.array_equal(one, other)


def test_what_no_word_changes_is_computed_once(
    gpt2_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = load_decoder(gpt2_folder / MERGED, 1)
    seen = decoder._seen
    assert seen is not None
    assert set(seen.inputs) == {"encoder_hidden_states"}
    assert "encoder_hidden_states" not in decoder._graph.inputs
    runs: list[int] = []
    run = seen.run

    def counted(given: Any) -> Any:
        runs.append(len(given["encoder_hidden_states"]))
        return run(given)

    monkeypatch.setattr(seen, "run", counted)
    steps = [{"ids": [1] * count} for count in (1, 2, 2, 2)]
    states = {"encoder_hidden_states": np.ones((1, 17, 32), np.float32)}
    _logits(decoder, states, steps, [[0], [0, 0], [1, 0], [0, 1]])
    assert runs == [1, 2]


def test_weights_stay_in_the_file(gpt2_folder: Path, tmp_path: Path) -> None:
    table = np.random.default_rng(1).standard_normal((300, 64)).astype(np.float32)
    path = _saved(
        tmp_path / "embed.onnx",
        [helper.make_node("Gather", ["table", "ids"], ["rows"])],
        {"table": table},
        {"ids": (TensorProto.INT64, ["n"])},
        ["rows"],
    )
    file = read(path)
    model = file.model(rewriting.lean(file.graph))
    assert len(model) < 1000 < path.stat().st_size
    found = Graph(model, 1, "embed", tmp_path).run({"ids": np.asarray([7, 299])})["rows"]
    assert np.array_equal(found.numpy(), table[[7, 299]])
    assert np.array_equal(
        load_graph(path, 1, "embed").run({"ids": np.asarray([3])})["rows"].numpy(), table[[3]]
    )


@pytest.mark.parametrize("order", ["turned first", "widened first"])
@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_a_matrix_of_words_is_widened_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str, kind: Any
) -> None:
    random = np.random.default_rng(2)
    words = random.integers(0, 100, (90, 64)).astype(kind)
    scale, zero = np.asarray(0.02, np.float32), np.asarray(3, kind)
    if order == "turned first":
        first, second = ("Transpose", ["words"]), ("DequantizeLinear", ["turned", "scale", "zero"])
    else:
        first, second = ("DequantizeLinear", ["words", "scale", "zero"]), ("Transpose", ["turned"])
    nodes = [
        helper.make_node("Gather", ["words", "ids"], ["taken"]),
        helper.make_node("DequantizeLinear", ["taken", "scale", "zero"], ["x"]),
        helper.make_node(first[0], first[1], ["turned"]),
        helper.make_node(second[0], second[1], ["wide"]),
        helper.make_node("MatMul", ["x", "wide"], ["logits"]),
    ]
    tensors = {"words": words, "scale": scale, "zero": zero}
    path = _saved(
        tmp_path / "words.onnx",
        nodes,
        tensors,
        {"ids": (TensorProto.INT64, ["b", "n"])},
        ["logits"],
    )
    monkeypatch.setattr(rewriting, "_ROWS", 40)
    pieces = [n for n in rewriting.lean(read(path).graph).nodes if n.kind == "FusedMatMul"]
    assert len(pieces) == 3  # 40, 40 and 10 rows
    ids = np.asarray([[4, 5], [89, 0]])
    wide = (words.astype(np.float32) - 3) * np.float32(0.02)
    found = load_graph(path, 1, "words").run({"ids": ids})["logits"].numpy()
    assert found[:, -1] == pytest.approx(wide[ids[:, -1]] @ wide.T, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(
    ("dims", "turns"),
    [
        ((90, 64), 2),  # as it was
        ((90, 63), 1),
        ((91, 64), 1),
        ((1 << 40, 64), 1),
        ((90, 0), 1),
        ((5760, 1), 0),
    ],
)
def test_a_matrix_that_is_not_as_it_says_stays_whole(
    dims: tuple[int, int], turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "_ROWS", 40)
    words = Tensor("words", dims, ELEMENTS["tensor(uint8)"], memoryview(bytes(90 * 64)))
    scale = Tensor("scale", (), ELEMENTS["tensor(float)"], memoryview(bytes(4)))
    turned = [
        Node("Transpose", (f"wide_{at}",), (f"wide_{at + 1}",), attributes={})
        for at in range(turns)
    ]
    nodes = (
        Node("DequantizeLinear", ("words", "scale"), ("wide_0",)),
        *turned,
        Node("MatMul", ("x", f"wide_{turns}"), ("y",)),
    )
    graph = Onnx(nodes, {"words": words, "scale": scale}, {"x": b""}, {"y": b""})
    assert rewriting.lean(graph).nodes == nodes


def test_products_of_products_are_looked_at_once() -> None:
    scale = Tensor("scale_0", (1,), ELEMENTS["tensor(float)"], memoryview(bytes(4)))
    scales = [Node("Mul", (f"scale_{at}",) * 2, (f"scale_{at + 1}",)) for at in range(60)]
    nodes = (
        *scales,
        Node("MatMul", ("x", "words"), ("wide",)),
        Node("Mul", ("wide", "scale_60"), ("logits",)),
    )
    graph = Onnx(nodes, {"scale_0": scale}, {"x": b"", "words": b""}, {"logits": b""})
    assert [node.kind for node in rewriting.lean(graph).nodes].count("Gather") == 1


@pytest.mark.parametrize("int8", [False, True])
def test_only_the_last_token_has_logits(smolvlm_folder: Path, tmp_path: Path, int8: bool) -> None:
    source = smolvlm_folder / "onnx/decoder_model_merged_int8.onnx"
    path = Path(shutil.copy(source, tmp_path / "decoder.onnx"))
    if int8:
        peers_published.quantise(tmp_path)
        path = tmp_path / "decoder_quantized.onnx"
    random = np.random.default_rng(3)
    given = {
        "inputs_embeds": random.standard_normal((2, 5, 32), np.float32),
        "attention_mask": np.ones((2, 5), np.int64),
        "position_ids": np.arange(5)[None].repeat(2, 0),
    }
    whole, last = Graph(path, 1, "decoder"), load_graph(path, 1, "decoder")
    past = [name for name in whole.inputs if name.startswith("past")]
    given |= dict.fromkeys(past, np.zeros((2, 2, 0, 8), np.float32))
    wanted, found = (graph.run(given, ["logits", "present.0.key"]) for graph in (whole, last))
    assert wanted["logits"].shape() == [2, 5, 320]
    assert found["logits"].shape() == [2, 1, 320]
    assert found["logits"].numpy()[:, 0] == pytest.approx(wanted["logits"].numpy()[:, -1], abs=1e-4)
    assert np.array_equal(wanted["present.0.key"].numpy(), found["present.0.key"].numpy())


def test_a_branch_that_takes_no_empty_past_stays_a_branch(tmp_path: Path) -> None:
    path = _choosing(tmp_path, "use_cache_branch")
    assert rewriting.parts(read(path)) is not None
    decoder = load_decoder(path, 1)
    assert "use_cache_branch" in decoder._graph.inputs
    _says_the_sum(decoder)


def test_a_choice_that_is_not_known_stays_one(tmp_path: Path) -> None:
    path = _choosing(tmp_path, "not_the_flag")
    assert rewriting.parts(read(path)) is None
    _says_the_sum(load_decoder(path, 1))


@pytest.mark.parametrize("shape", [("n", 1 << 40), (1 << 40, 8), (1 << 16, 1 << 9)], ids=str)
def test_a_decoder_of_a_huge_picture_is_not_tried(
    shape: tuple[Any, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = Decoder.__new__(Decoder)  # without any graph
    decoder._keys = decoder._seen = None
    inputs = {"encoder_hidden_states": ("tensor(float)", ("batch", *shape))}
    graph: Any = SimpleNamespace(inputs=inputs)
    decoder._graph = graph
    monkeypatch.setattr(decoder, "begin", lambda *_: pytest.fail("it was tried"), raising=False)
    monkeypatch.setattr(np, "zeros", lambda *_: pytest.fail("memory was taken"))
    assert decoder.works() is False


def test_what_takes_too_much_memory_is_loaded_as_it_is(
    gpt2_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(rewriting, "lean", full)
    monkeypatch.setattr(Decoder, "works", full)
    assert "use_cache_branch" in load_decoder(gpt2_folder / MERGED, 1)._graph.inputs


def _says_the_sum(decoder: Decoder) -> None:
    """Of the picture in the first step, of what was kept in the second."""
    cache = decoder.begin({"encoder_hidden_states": np.full((1, 3, 1), 2, np.float32)}, 3)
    assert decoder.step(cache, np.asarray([[0]])).tolist() == [[6.0]]
    assert decoder.step(cache, np.asarray([[0]])).tolist() == [[2.0]]


def _choosing(folder: Path, condition: str) -> Path:
    """A decoder whose branch with a past takes its first place, of which there must be one."""
    kept = ["past_key_values.0.key", "at"]
    past = [
        helper.make_node("Gather", kept, ["past_logits"], axis=2),
        helper.make_node("ReduceSum", ["past_logits", "axes"], ["then_logits"], keepdims=0),
        helper.make_node("Identity", ["past_key_values.0.key"], ["then_key"]),
    ]
    first = [
        helper.make_node("ReduceSum", ["encoder_hidden_states", "one"], ["else_logits"]),
        helper.make_node("Unsqueeze", ["encoder_hidden_states", "one"], ["else_key"]),
    ]
    branches = [
        helper.make_graph(
            nodes,
            name,
            [],
            [
                helper.make_tensor_value_info(f"{name}_{part}", TensorProto.FLOAT, None)
                for part in ("logits", "key")
            ],
        )
        for name, nodes in (("then", past), ("else", first))
    ]
    nodes = [
        helper.make_node("Not", ["use_cache_branch"], ["flag"]),
        helper.make_node("Not", ["flag"], ["not_the_flag"]),
        helper.make_node(
            "If",
            [condition],
            ["logits", "present.0.key"],
            then_branch=branches[0],
            else_branch=branches[1],
        ),
    ]
    if condition == "use_cache_branch":
        nodes = nodes[2:]
    return _saved(
        folder / "decoder.onnx",
        nodes,
        {
            "at": np.asarray([0]),
            "axes": np.asarray([1]),
            "one": np.asarray([1]),
        },
        {
            "use_cache_branch": (TensorProto.BOOL, [1]),
            "encoder_hidden_states": (TensorProto.FLOAT, ["batch", "length", 1]),
            "past_key_values.0.key": (TensorProto.FLOAT, ["batch", 1, "past", 1]),
        },
        ["logits", "present.0.key"],
    )


@pytest.mark.parametrize(
    "content", [b"", b"\x0a", b"\x3a\xff\xff", b"\x3b\x00", b"\xff" * 12, b"no graph at all"]
)
def test_what_is_no_graph_is_told_of(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "decoder.onnx"
    path.write_bytes(content)
    for load in (lambda: load_graph(path, 1, "part"), lambda: load_decoder(path, 1)):
        with pytest.raises(BundleError, match="cannot be used"):
            load()


def test_a_file_that_is_cut_off_is_told_of(gpt2_folder: Path, tmp_path: Path) -> None:
    data = (gpt2_folder / MERGED).read_bytes()
    path = tmp_path / "decoder.onnx"
    # the last bytes say which operators, and a graph may do without them
    for length in range(1, len(data) - 1000, len(data) // 12):
        path.write_bytes(data[:length])
        with pytest.raises(BundleError, match="cannot be used"):
            load_decoder(path, 1)


def test_fields_are_read_in_every_form() -> None:
    wide, narrow = struct.pack("<d", 0.5), struct.pack("<f", 0.5)
    data = memoryview(b"\x08\x96\x01" + b"\x11" + wide + b"\x1a\x02hi" + b"\x25" + narrow)
    found = [
        (number, bytes(v) if isinstance(v, memoryview) else v) for number, v, _ in fields(data)
    ]
    assert found == [(1, 150), (2, wide), (3, b"hi"), (4, narrow)]
    assert b"".join(bytes(entire) for _, _, entire in fields(data)) == bytes(data)


def test_what_is_stored_otherwise_stays_as_it_was(tmp_path: Path) -> None:
    path = _saved(
        tmp_path / "sum.onnx",
        [helper.make_node("Add", ["x", "one"], ["y"])],
        {},
        {"x": (TensorProto.FLOAT, [2])},
        ["y"],
    )
    model = onnx.load(path)
    model.graph.initializer.append(helper.make_tensor("one", TensorProto.FLOAT, [2], [1.0, 3.0]))
    # the oldest files name their weights among the inputs
    model.graph.input.append(helper.make_tensor_value_info("one", TensorProto.FLOAT, [2]))
    onnx.save(model, path)
    tensor = read(path).graph.tensors["one"]
    assert tensor.other is not None
    graph = load_graph(path, 1, "sum")
    assert set(graph.inputs) == {"x"}
    assert graph.run({"x": np.zeros(2)})["y"].numpy().tolist() == [1.0, 3.0]


def _saved(
    path: Path,
    nodes: list[Any],
    tensors: dict[str, Any],
    inputs: dict[str, tuple[int, list[Any]]],
    outputs: list[str],
) -> Path:
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path
