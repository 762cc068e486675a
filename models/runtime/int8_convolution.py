"""Run a graph's convolutions in int8: the kernels as they are stored, activations as uint8.

What goes into a convolution and comes out of it is quantised to so many levels between the least
and the most that was seen on some pictures beforehand (static quantisation, Jacob et al. 2018).
What blocks hand on and add up stays in float32. See ADR 0021.

```
before   x ─ Pad ─ Conv ─ Relu ─ y          kernel: int8 ─ DequantizeLinear, bias: float32
after    x ─ QuantizeLinear ─ QLinearConv ─ DequantizeLinear ─ y
```
The padding goes into the convolution, the ReLU into the range of `y`, which begins at 0. A next
convolution reads the uint8 of `y`, not its float32.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from models.runtime.graph_editor import GraphEditor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Ranges = Mapping[str, tuple[float, float]]

# Of 255. Processors without VNNI add two products in 16 bits: with more levels too many sums do not
# fit, with the 128 that always fit the rounding is worse than the few that do not.
_LEVELS = 160
_PERCENTILE = 99  # of the pictures, whose extremes must be inside the range


class QuantParams(NamedTuple):
    """The uint8 number q stands for `scale` * (q - `zero_point`)."""

    scale: float
    zero_point: int

    @classmethod
    def of_range(cls, low: float, high: float) -> QuantParams:
        """Those that have 0 and all between `low` and `high` in `_LEVELS` steps."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = max((high - low) / _LEVELS, 1e-9)
        return cls(scale, round(-low / scale))


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
        extremes = np.asarray(
            [
                [(part.min(), part.max()) for part in graph.run(None, {"pixels": pixels})]
                for pixels in pictures
            ]
        )
    finally:
        seen.unlink()
    least = np.percentile(extremes[..., 0], 100 - _PERCENTILE, axis=0)
    most = np.percentile(extremes[..., 1], _PERCENTILE, axis=0)
    return {
        name: (float(low), float(high)) for name, low, high in zip(names, least, most, strict=True)
    }


def quantise_convolutions(model: Any, ranges: Ranges, folder: Path) -> None:
    """Rewrite the convolutions whose kernels are stored as int8 with a scale for each channel.

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
            rewriter.keep(node)
    rewriter.finish()


class _Convolution:
    """A convolution of a graph with what belongs to it: padding before, ReLU or ReLU6 behind.

    `source` and `result` are what is read and given by all of it; `ceiling` is the most that is
    given, None for no limit.
    """

    def __init__(
        self,
        node: Any,
        padding: Any | None,
        pads: list[int],
        relu: Any | None,
        ceiling: float | None,
    ) -> None:
        import onnx

        self.ceiling = ceiling
        self.node = node
        self.source = node.input[0] if padding is None else padding.input[0]
        self.result = node.output[0] if relu is None else relu.output[0]
        self.kernel, self.bias = node.input[1:3]
        self.options = {
            each.name: onnx.helper.get_attribute_value(each)
            for each in node.attribute
            if each.name != "auto_pad"
        }
        if padding is not None:
            self.options["pads"] = pads


def _convolutions(model: Any) -> list[_Convolution]:
    """Those with a bias, whose kernels are stored as int8."""
    import onnx

    makers = {node.output[0]: node for node in model.graph.node}
    # of CastLike's inputs the second gives its type alone
    uses = Counter(
        name
        for node in model.graph.node
        for name in node.input[: 1 if node.op_type == "CastLike" else None]
    )
    uses.update(output.name for output in model.graph.output)
    relus = {
        node.input[0]: node
        for node in model.graph.node
        if (node.op_type == "Relu" or _ceiling(node, makers) is not None)
        and uses[node.input[0]] == 1
    }
    found = []
    for node in model.graph.node:
        if (
            node.op_type != "Conv"
            or len(node.input) < 3
            or getattr(makers.get(node.input[1]), "op_type", "") != "DequantizeLinear"
        ):
            continue
        padding, pads = makers.get(node.input[0]), [0] * 4
        if padding is not None and padding.op_type == "Pad":
            (value,) = makers[padding.input[1]].attribute
            sides = onnx.numpy_helper.to_array(value.t).tolist()
            pads = [*sides[2:4], *sides[6:8]]  # of (N, C, H, W) before, then behind
        else:
            padding = None
        relu = relus.get(node.output[0])
        ceiling = None if relu is None else _ceiling(relu, makers)
        found.append(_Convolution(node, padding, pads, relu, ceiling))
    return found


def _ceiling(node: Any, makers: Mapping[str, Any]) -> float | None:
    """The limit of a Clip that begins at 0, as ReLU6 is exported; None for any other node."""
    if node.op_type != "Clip" or len(node.input) != 3:
        return None
    least, most = (_number(name, makers) for name in node.input[1:])
    return most if least == 0 else None


def _number(name: str, makers: Mapping[str, Any]) -> float | None:
    """The value of a constant scalar, whatever type it is cast to; None for anything else."""
    import onnx

    node = makers.get(name)
    while node is not None and node.op_type in ("CastLike", "Cast", "Identity"):
        node = makers.get(node.input[0])
    if node is None or node.op_type != "Constant":
        return None
    value = onnx.helper.get_attribute_value(node.attribute[0])
    array = (
        onnx.numpy_helper.to_array(value)
        if isinstance(value, onnx.TensorProto)
        else (np.asarray(value))
    )
    return float(array) if array.size == 1 else None


class _Rewriter(GraphEditor):
    def __init__(self, model: Any, ranges: Ranges, folder: Path) -> None:
        super().__init__(model)
        self.ranges, self.folder = ranges, folder
        self._uint8: dict[str, str] = {}  # activation → the uint8 that stands for it

    def convolution(self, what: _Convolution) -> None:
        """Quantise what goes in, if that is not done; give what comes out as uint8 and float32."""
        kernel, scales = self.makers[what.kernel].input[:2]
        weight_scales = self._array(scales).astype(np.float64)
        bias = self._array(self.makers[what.bias].input[0]).astype(np.float64)
        step = weight_scales * self._quant_params(what.source).scale  # of the sums, by channel
        sums = np.rint(bias / step).clip(-(2**31), 2**31 - 1)
        inputs = [
            self._as_uint8(what.source),
            *self._quant_initializers(what.source),
            kernel,
            scales,
            self._constant(f"{what.kernel}.zeros", np.zeros(len(weight_scales), np.int8)),
            *self._quant_initializers(what.result),
            self._constant(f"{what.bias}.sums", sums.astype(np.int32)),
        ]
        uint8 = self.add("QLinearConv", inputs, f"{what.result}.bytes", **what.options)
        if what.ceiling is not None:
            uint8 = self._clipped(uint8, what)
        self._uint8[what.result] = uint8
        self.add("DequantizeLinear", [uint8, *self._quant_initializers(what.result)], what.result)

    def _clipped(self, uint8: str, what: _Convolution) -> str:
        """Cut off what is above the ceiling, while it is still one byte each."""
        scale, zero_point = self._quant_params(what.result)
        most = min(255, zero_point + round((what.ceiling or 0.0) / scale))
        limits = (
            self._constant(f"{what.result}.zero", np.asarray(zero_point, np.uint8)),
            self._constant(f"{what.result}.most", np.asarray(most, np.uint8)),
        )
        return self.add("Clip", [uint8, *limits], f"{what.result}.clipped")

    def _as_uint8(self, name: str) -> str:
        if name not in self._uint8:
            self._uint8[name] = self.add(
                "QuantizeLinear", [name, *self._quant_initializers(name)], f"{name}.bytes"
            )
        return self._uint8[name]

    def _quant_params(self, name: str) -> QuantParams:
        return QuantParams.of_range(*self.ranges[name])

    def _quant_initializers(self, name: str) -> tuple[str, str]:
        """The names of an activation's scale and zero point in the graph."""
        scale, zero_point = self._quant_params(name)
        return (
            self._constant(f"{name}.step", np.asarray(scale, np.float32)),
            self._constant(f"{name}.zero", np.asarray(zero_point, np.uint8)),
        )

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        import onnx

        return self.add_initializer(onnx.numpy_helper.from_array(value, name))

    def _array(self, name: str) -> NDArray[Any]:
        import onnx

        array: NDArray[Any] = onnx.numpy_helper.to_array(self.initializers[name], str(self.folder))
        return array
