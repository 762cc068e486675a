"""Run a graph's matrix products in int8, by the weights as they are stored.

A decoder's step is a few rows times large matrices: it takes as long as reading them does. In
one byte a weight, that is a quarter of the bytes of float32, and so much less memory. Activations
are quantised as they come (dynamic quantisation, Jacob et al. 2018). See ADR 0021.

```
x ─ DynamicQuantizeLinear ─┬─ uint8 ─┬─ MatMulInteger ─ Cast ─ Mul ─ x · Wᵀ
                           └─ scale ─│──────── Mul ────────────┘
W int8 ─ BitwiseXor 128 ─ Transpose ─┘          │
W's scales, one a row ──────────────────────────┘
```
"""

from __future__ import annotations

from typing import Any

from models.runtime.graph_editor import GraphEditor, attribute

_ZERO_POINT = 128  # of a weight as uint8


class _Rewriter(GraphEditor):
    """`stored` maps each float32 matrix to its int8 weights and their scales (one a row),
    `transposed` each transposed one to the matrix."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.stored = {
            node.output[0]: (node.input[0], node.input[1])
            for node in self.graph.node
            if node.op_type == "DequantizeLinear"
        }
        self.transposed = {
            node.output[0]: node.input[0]
            for node in self.graph.node
            if node.op_type == "Transpose" and node.input[0] in self.stored
        }
        self._quantised: set[str] = set()  # activations
        self._uint8: dict[str, str] = {}  # matrix → what MatMulInteger takes

    def matmul(self, left: str, matrix: str, output: str) -> None:
        """`output` = `left` times the transpose of the matrix.

        `left` gets one scale for all of it. Both sides are unsigned: processors without VNNI lose
        sums of signed by unsigned products.
        """
        import onnx

        if left not in self._quantised:
            self._quantised.add(left)
            self.add(
                "DynamicQuantizeLinear", [left], f"{left}.bytes", f"{left}.scale", f"{left}.zero"
            )
        zero_point = self._scalar("zero.byte", _ZERO_POINT, onnx.TensorProto.UINT8)
        sums = self.add(
            "MatMulInteger",
            [f"{left}.bytes", self._as_uint8(matrix), f"{left}.zero", zero_point],
            f"{output}.sums",
        )
        sums = self.add("Cast", [sums], f"{output}.float", to=onnx.TensorProto.FLOAT)
        _, weight_scales = self.stored[matrix]
        scales = self.add("Mul", [f"{left}.scale", weight_scales], f"{output}.scales")
        self.add("Mul", [sums, scales], output)

    def gather(self, matrix: str, which: str, output: str) -> None:
        """`output` = some rows of the matrix, as of an embedding."""
        import onnx

        weights, weight_scales = self.stored[matrix]
        column = self._scalar("last.axis", -1, onnx.TensorProto.INT64)
        rows = self.add("Gather", [weights, which], f"{output}.stored")
        rows = self.add("Cast", [rows], f"{output}.float", to=onnx.TensorProto.FLOAT)
        scales = self.add("Gather", [weight_scales, which], f"{output}.scale")
        scales = self.add("Unsqueeze", [scales, column], f"{output}.scales")
        self.add("Mul", [rows, scales], output)

    def _as_uint8(self, matrix: str) -> str:
        """The matrix as uint8, transposed; the engine makes it once, while loading."""
        import onnx

        if matrix not in self._uint8:
            # the same bytes read as unsigned, with the highest bit the other way, are 128 more
            unsigned = onnx.TensorProto()
            unsigned.CopyFrom(self.initializers[self.stored[matrix][0]])
            unsigned.name, unsigned.data_type = f"{matrix}.unsigned", onnx.TensorProto.UINT8
            self.add_initializer(unsigned)
            zero_point = self._scalar("zero.byte", _ZERO_POINT, onnx.TensorProto.UINT8)
            raised = self.add("BitwiseXor", [unsigned.name, zero_point], f"{matrix}.bytes")
            self._uint8[matrix] = self.add("Transpose", [raised], f"{matrix}.turned", perm=[1, 0])
        return self._uint8[matrix]

    def _scalar(self, name: str, value: int, kind: int) -> str:
        import onnx

        return self.add_initializer(onnx.helper.make_tensor(name, kind, [], [value]))


def quantise_matmuls(model: Any) -> None:
    """Rewrite products with, and rows of, matrices that are stored as int8 with a row's scale.

    Matrices that are used in any other way stay float32.
    """
    rewriter = _Rewriter(model)
    stored, transposed = rewriter.stored, rewriter.transposed
    for node in model.graph.node:
        inputs, output = list(node.input), node.output[0]
        if node.op_type == "MatMul" and inputs[1] in transposed:
            rewriter.matmul(inputs[0], transposed[inputs[1]], output)
        elif node.op_type == "Gemm" and inputs[1] in stored and _is_linear(node):
            product = f"{output}.product" if len(inputs) > 2 else output
            rewriter.matmul(inputs[0], inputs[1], product)
            if len(inputs) > 2:
                rewriter.add("Add", [product, inputs[2]], output)
        elif node.op_type == "Gather" and inputs[0] in stored and not attribute(node, "axis", 0):
            rewriter.gather(inputs[0], inputs[1], output)
        else:
            rewriter.keep(node)
    rewriter.finish()


def _is_linear(node: Any) -> bool:
    """Whether a Gemm is x · Wᵀ, plus a bias, and nothing else."""
    return (
        attribute(node, "transB", 0) == 1
        and not attribute(node, "transA", 0)
        and attribute(node, "alpha", 1.0) == 1
        and attribute(node, "beta", 1.0) == 1
    )
