"""Have a graph convolve in integers: its int8 kernels as they are stored, by rounded activations.

What goes into a convolution and comes out of it is rounded to so many steps between the least and
the most that was seen on some pictures beforehand (static quantisation, Jacob et al. 2018). What
blocks hand on and add up stays in float32. See ADR 0021.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from models.runtime.int8_matmul import needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Ranges = Mapping[str, tuple[float, float]]

# Of 255. Processors without VNNI add two products in 16 bits: with more steps too many sums do not
# fit, with the 128 that always fit the rounding is worse than the few that do not.
_STEPS = 160
_USUAL = 99  # percent of the pictures whose extremes must be inside the range


def measure_ranges(
    path: Path, pictures: Iterable[NDArray[np.float32]]
) -> dict[str, tuple[float, float]]:
    """The least and the most that a graph's convolutions read and give.

    `path` is the graph, beside its weights; `pictures` (1, 3, S, S) are what it reads.
    """
    import onnx

    from models.runtime.engines.onnx import session

    model = onnx.load(path, load_external_data=False)
    names = sorted({name for each in _convolutions(model) for name in (each.source, each.result)})
    del model.graph.output[:]
    for name in names:
        kind = onnx.TensorProto.FLOAT
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
    seen = path.with_suffix(".measured")  # beside the weights, which it refers to
    seen.write_bytes(model.SerializeToString())
    try:
        graph = session(seen, 1)
        extremes = np.asarray([[(part.min(), part.max())
                                for part in graph.run(None, {"pixels": pixels})]
                               for pixels in pictures])
    finally:
        seen.unlink()
    least = np.percentile(extremes[..., 0], 100 - _USUAL, axis=0)
    most = np.percentile(extremes[..., 1], _USUAL, axis=0)
    return {name: (float(low), float(high))
            for name, low, high in zip(names, least, most, strict=True)}


def quantise_convolutions(model: Any, ranges: Ranges, folder: Path) -> None:
    """Rewrite the convolutions whose kernels are stored as int8 with a row's scale.

    `folder` has the weights that the model refers to. Raises KeyError for an activation that
    has no range.
    """
    rewriter = _Rewriter(model, ranges, folder)
    made = {each.node.name: each for each in _convolutions(model)}
    results = {each.result for each in made.values()}
    for node in model.graph.node:
        if node.name in made:
            rewriter.convolution(made[node.name])
        elif node.output[0] not in results:
            rewriter.nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(needed(rewriter.nodes, model))


class _Convolution:
    """A convolution of a graph with what belongs to it: padding before, ReLU behind.

    `source` and `result` are what is read and given by all of it.
    """

    def __init__(self, node: Any, padding: Any | None, pads: list[int], relu: Any | None) -> None:
        import onnx

        self.node = node
        self.source = node.input[0] if padding is None else padding.input[0]
        self.result = node.output[0] if relu is None else relu.output[0]
        self.kernel, self.bias = node.input[1:3]
        self.options = {each.name: onnx.helper.get_attribute_value(each)
                        for each in node.attribute if each.name != "auto_pad"}
        if padding is not None:
            self.options["pads"] = pads


def _convolutions(model: Any) -> list[_Convolution]:
    """Those with a bias, whose kernels are stored as int8."""
    import onnx

    makers = {node.output[0]: node for node in model.graph.node}
    uses = Counter(name for node in model.graph.node for name in node.input)
    uses.update(output.name for output in model.graph.output)
    relus = {node.input[0]: node for node in model.graph.node
             if node.op_type == "Relu" and uses[node.input[0]] == 1}
    found = []
    for node in model.graph.node:
        if (node.op_type != "Conv" or len(node.input) < 3
                or getattr(makers.get(node.input[1]), "op_type", "") != "DequantizeLinear"):
            continue
        padding, pads = makers.get(node.input[0]), [0] * 4
        if padding is not None and padding.op_type == "Pad":
            (value,) = makers[padding.input[1]].attribute
            sides = onnx.numpy_helper.to_array(value.t).tolist()
            pads = [*sides[2:4], *sides[6:8]]  # of (N, C, H, W) before, then behind
        else:
            padding = None
        found.append(_Convolution(node, padding, pads, relus.get(node.output[0])))
    return found


class _Rewriter:
    def __init__(self, model: Any, ranges: Ranges, folder: Path) -> None:
        self.graph, self.ranges, self.folder = model.graph, ranges, folder
        self.nodes: list[Any] = []
        self._makers = {node.output[0]: node for node in self.graph.node}
        self._initializers = {each.name: each for each in self.graph.initializer}
        self._rounded: dict[str, str] = {}  # activation → the bytes that stand for it

    def convolution(self, what: _Convolution) -> None:
        """Round what goes in, if that is not done; leave what comes out rounded and wide."""
        kernel, scale = self._makers[what.kernel].input[:2]
        rows = self._array(self._initializers[scale]).astype(np.float64)
        bias = self._array(self._initializers[self._makers[what.bias].input[0]])
        step, _ = self._steps(what.source)
        at = what.kernel
        sums = np.rint(bias.astype(np.float64) / (rows * step)).clip(-(2**31), 2**31 - 1)
        inputs = [self._bytes(what.source), *self._scale(what.source), kernel, scale,
                  self._constant(f"{at}.zeros", np.zeros(len(rows), np.int8)),
                  *self._scale(what.result),
                  self._constant(f"{what.bias}.sums", sums.astype(np.int32))]
        narrow = f"{what.result}.bytes"
        self._add("QLinearConv", inputs, narrow, **what.options)
        self._rounded[what.result] = narrow
        self._add("DequantizeLinear", [narrow, *self._scale(what.result)], what.result)

    def _bytes(self, name: str) -> str:
        if name not in self._rounded:
            self._rounded[name] = f"{name}.bytes"
            self._add("QuantizeLinear", [name, *self._scale(name)], f"{name}.bytes")
        return self._rounded[name]

    def _steps(self, name: str) -> tuple[float, int]:
        """Size of a step, and which of the bytes stands for 0."""
        low, high = min(self.ranges[name][0], 0.0), max(self.ranges[name][1], 0.0)
        step = max((high - low) / _STEPS, 1e-9)
        return step, round(-low / step)

    def _scale(self, name: str) -> tuple[str, str]:
        step, zero = self._steps(name)
        return (self._constant(f"{name}.step", np.asarray(step, np.float32)),
                self._constant(f"{name}.zero", np.asarray(zero, np.uint8)))

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        import onnx

        if name not in self._initializers:
            self._initializers[name] = onnx.numpy_helper.from_array(value, name)
            self.graph.initializer.append(self._initializers[name])
        return name

    def _add(self, kind: str, inputs: list[str], output: str, **options: Any) -> None:
        import onnx

        self.nodes.append(onnx.helper.make_node(kind, inputs, [output], name=output, **options))

    def _array(self, tensor: Any) -> NDArray[Any]:
        import onnx

        array: NDArray[Any] = onnx.numpy_helper.to_array(tensor, str(self.folder))
        return array
