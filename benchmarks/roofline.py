"""Roofline: a caption's time beside the least that its multiply-adds could take on these cores.

That floor (Williams et al. 2009, "Roofline", without the memory's side) is work over peak rate.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.captioner import Captioner, load
from models.runtime import bundle
from models.runtime.engines.onnx import session

TARGET = 6.0  # times the floor, at most
_SIDE, _PRODUCTS = 1536, 12  # of the matrices whose product shows the peak; the best of so many
_WARM = 3  # captions that do not count
# which inputs are multiplied
_COUNTED = {
    "Conv": (0, 1),
    "MatMul": (0, 1),
    "Gemm": (0, 1),
    "ConvInteger": (0, 1),
    "MatMulInteger": (0, 1),
    "QLinearConv": (0, 3),
    "QLinearMatMul": (0, 3),
}
_TYPES = {"tensor(int64)": np.int64, "tensor(uint8)": np.uint8}
_UNCOUNTED = {"LSTM", "GRU", "RNN", "Einsum", "ConvTranspose", "Attention"}


@dataclass(frozen=True, slots=True)
class Roofline:
    """`work` is multiply-adds, `peak` multiply-adds a second, `milliseconds` by stage.

    Medians over the pictures; `steps` and `rows` are of the decoder, rows in all steps together.
    """

    encoder_work: int
    row_work: int
    peak: float
    threads: int
    steps: float
    rows: float
    milliseconds: dict[str, float]

    @property
    def least(self) -> float:
        """The floor in milliseconds."""
        return 1e3 * (self.encoder_work + self.rows * self.row_work) / self.peak

    @property
    def whole(self) -> float:
        return sum(self.milliseconds.values())


@dataclass(slots=True)
class Clock:
    """Where a caption's milliseconds went; what is timed inside of something counts there only."""

    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    rows: list[int] = field(default_factory=list)
    _inside: bool = False

    def timed(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            if self._inside:
                return call(*arguments, **options)
            self._inside, began = True, time.perf_counter()
            try:
                return call(*arguments, **options)
            finally:
                self._inside = False
                self.spent[stage] += 1e3 * (time.perf_counter() - began)

        return run


class Watched:
    """Stands before an object and times its methods."""

    def __init__(self, of: Any, clock: Clock, stages: dict[str, str], rest: str = "") -> None:
        self._of, self._clock, self._stages, self._rest = of, clock, stages, rest

    def __getattr__(self, name: str) -> Any:
        found, stage = getattr(self._of, name), self._stages.get(name, self._rest)
        return self._clock.timed(stage, found) if stage and callable(found) else found

    def __len__(self) -> int:
        return len(self._of)

    def step(self, tokens: NDArray[np.int64], *others: Any) -> Any:
        """The engine's: how many rows each step has is noted."""
        self._clock.rows.append(len(tokens))
        return self._clock.timed("decoder", self._of.step)(tokens, *others)


def measure(pictures: Sequence[bytes], threads: int, folder: Path = bundle.SHIPPED) -> Roofline:
    """Caption all pictures, and count what that takes at least."""
    captioner = load(folder, threads=threads)
    clock, found = Clock(), []
    captioner.engine = Watched(captioner.engine, clock, {"encode": "encoder"})
    store: Any = Watched(captioner.caption_store, clock, {}, "memory of captions")
    captioner.caption_store = store
    for number, picture in enumerate(tqdm([*pictures[:_WARM], *pictures], unit="caption")):
        clock.spent.clear()
        clock.rows.clear()
        spent = _caption(captioner, picture, clock)
        if number >= _WARM:
            found.append((spent, len(clock.rows), sum(clock.rows)))
    stages = {
        stage: float(np.median([spent[stage] for spent, _, _ in found])) for stage in found[0][0]
    }
    encoder, row = work(folder / bundle.ENCODER), work(folder / bundle.DECODER)
    return Roofline(
        encoder,
        row,
        peak(threads),
        threads,
        float(np.median([steps for _, steps, _ in found])),
        float(np.median([rows for _, _, rows in found])),
        stages,
    )


def _caption(captioner: Captioner, picture: bytes, clock: Clock) -> dict[str, float]:
    """→ milliseconds by stage of one caption, from the file's bytes to the sentence."""
    from describer_daemon.captioner import image_decoding as pictures
    from describer_daemon.core import phrasing, ports

    times = [time.perf_counter()]
    image = pictures.from_encoded(picture)
    pictures.blank_reason(image)
    times.append(time.perf_counter())
    encoding = captioner.encode(image)
    times.append(time.perf_counter())
    seen = captioner.caption(encoding)
    times.append(time.perf_counter())
    phrasing.sentence(ports.Caption(seen.words, seen.log_probabilities, seen.confidence))
    times.append(time.perf_counter())
    decoded, encoded, captioned, phrased = (1e3 * each for each in np.diff(times).tolist())
    spent = clock.spent
    return {
        "decoding the file": decoded,
        "preprocessing": encoded - spent["encoder"],
        "encoder": spent["encoder"],
        "decoder": spent["decoder"],
        "memory of captions": spent["memory of captions"],
        "search, confidence, tags": captioned - spent["decoder"] - spent["memory of captions"],
        "phrasing": phrased,
    }


def peak(threads: int) -> float:
    """Multiply-adds a second of a large float32 product on so many cores: the best of several."""
    import onnx

    sides = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [_SIDE, _SIDE])
        for name in "abc"
    ]
    node = onnx.helper.make_node("MatMul", ["a", "b"], ["c"])
    graph = onnx.helper.make_graph([node], "product", sides[:2], sides[2:])
    model = onnx.helper.make_model(
        graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 18)]
    )
    matrix = np.random.default_rng(0).standard_normal((_SIDE, _SIDE), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, Path(folder) / "product.onnx")
        product = session(Path(folder) / "product.onnx", threads)
    best = math.inf
    for _ in range(_PRODUCTS):
        began = time.perf_counter()
        product.run(None, {"a": matrix, "b": matrix})
        best = min(best, time.perf_counter() - began)
    return _SIDE**3 / best


def work(path: Path) -> int:
    """Multiply-adds of a graph, for one row where it takes several.

    Counted are products and convolutions; a graph with others that could count is refused. It is
    run once to see the shapes: not all can be told from the graph.
    """
    import onnx
    import onnxruntime

    model = onnx.load(path)
    graph = model.graph
    uncounted = {node.op_type for node in graph.node} & _UNCOUNTED
    if uncounted:
        raise ValueError(f"The multiplications of {', '.join(uncounted)} are not counted here.")
    counted = [node for node in graph.node if node.op_type in _COUNTED]
    wanted = {name for node in counted for name in _ends(node)}
    known = {entry.name for entry in (*graph.input, *graph.output, *graph.initializer)}
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(wanted - known))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    run = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    inputs = {
        entry.name: np.zeros(
            [each if isinstance(each, int) else 1 for each in entry.shape],
            _TYPES.get(entry.type, np.float32),
        )
        for entry in run.get_inputs()
    }
    names = [entry.name for entry in run.get_outputs()]
    arrays = inputs | dict(zip(names, run.run(names, inputs), strict=True))
    shapes = {name: list(each.shape) for name, each in arrays.items()}
    shapes |= {each.name: list(each.dims) for each in graph.initializer}
    return sum(_multiplied(node, shapes) for node in counted)


def _ends(node: Any) -> tuple[str, str, str]:
    """The names of what is made, and of the two that are multiplied for it."""
    first, second = _COUNTED[node.op_type]
    return node.output[0], node.input[first], node.input[second]


def _multiplied(node: Any, shapes: dict[str, list[int]]) -> int:
    out, first, second = (shapes[name] for name in _ends(node))
    if "Conv" in node.op_type:  # weights: (outputs, inputs of a group, height, width)
        return math.prod(out) * math.prod(second[1:])
    turned = any(each.name == "transA" and each.i for each in node.attribute)
    return math.prod(out) * (first[0] if turned else first[-1])


def table(found: Roofline) -> str:
    """The floor, then each stage: its time, its share."""
    lines = [
        f"multiply-adds of the encoder         {found.encoder_work / 1e6:10.1f} MMAC",
        f"multiply-adds of the decoder, a row  {found.row_work / 1e6:10.1f} MMAC",
        f"steps, rows in all                   {found.steps:10.0f} {found.rows:6.0f}",
        f"peak of {found.threads} cores                      {found.peak / 1e9:10.1f} GMAC/s",
        f"floor                                {found.least:10.1f} ms",
        f"caption                              {found.whole:10.1f} ms",
        f"caption / floor                      {found.whole / found.least:10.1f} "
        f"(target: at most {TARGET:g})",
        "",
        f"{'stage':28}{'ms':>8}{'share':>8}{'floor, ms':>11}",
    ]
    floors = {
        "encoder": 1e3 * found.encoder_work / found.peak,
        "decoder": 1e3 * found.rows * found.row_work / found.peak,
    }
    for stage, length in found.milliseconds.items():
        least = f"{floors[stage]:11.1f}" if stage in floors else f"{'-':>11}"
        lines.append(f"{stage:28}{length:8.1f}{100 * length / found.whole:7.0f}%{least}")
    return "\n".join(lines)
