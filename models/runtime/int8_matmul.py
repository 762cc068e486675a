"""Have a graph multiply by its int8 matrices as they are, not by wide copies of them.

A decoder's step is a few rows times large matrices: it takes as long as reading them does. In
one byte a weight, that is a quarter of the bytes, and so much less memory. See ADR 0021.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_ZERO = 128  # of a weight as uint8


class _Rewriter:
    """Rewrites the nodes of one graph; `wide` maps a matrix to its stored int8 and its scale."""

    def __init__(self, model: Any) -> None:
        self.graph = model.graph
        self.nodes: list[Any] = []
        self._quantised: set[str] = set()  # activations
        self._narrow: dict[str, str] = {}  # matrix → what MatMulInteger takes
        self.wide = {node.output[0]: (node.input[0], node.input[1])
                     for node in self.graph.node if node.op_type == "DequantizeLinear"}
        self.turned = {node.output[0]: node.input[0] for node in self.graph.node
                       if node.op_type == "Transpose" and node.input[0] in self.wide}
        self._initializers = {each.name: each for each in self.graph.initializer}
        self._constants: set[str] = set()

    def add(self, kind: str, inputs: Iterable[str], output: str, **attributes: Any) -> str:
        import onnx

        self.nodes.append(onnx.helper.make_node(kind, list(inputs), [output], name=output,
                                                **attributes))
        return output

    def constant(self, name: str, value: Any, kind: int) -> str:
        import onnx

        if name not in self._constants:
            self._constants.add(name)
            self.graph.initializer.append(onnx.helper.make_tensor(name, kind, [], [value]))
        return name

    def product(self, left: str, matrix: str, output: str) -> None:
        """`output` = `left` times the transpose of the matrix.

        What is multiplied gets one scale for all of it, as it comes (Jacob et al. 2018). Both
        sides are unsigned: processors without VNNI lose sums of signed by unsigned products.
        """
        import onnx

        if left not in self._quantised:
            self._quantised.add(left)
            self.nodes.append(onnx.helper.make_node(
                "DynamicQuantizeLinear", [left],
                [f"{left}.bytes", f"{left}.scale", f"{left}.zero"], name=f"{left}.bytes"))
        zero = self.constant("zero.byte", _ZERO, onnx.TensorProto.UINT8)
        sums = self.add("MatMulInteger", [f"{left}.bytes", self.narrow(matrix),
                                          f"{left}.zero", zero], f"{output}.sums")
        sums = self.add("Cast", [sums], f"{output}.float", to=onnx.TensorProto.FLOAT)
        scale = self.add("Mul", [f"{left}.scale", self.wide[matrix][1]], f"{output}.scales")
        self.add("Mul", [sums, scale], output)

    def narrow(self, matrix: str) -> str:
        """The matrix as uint8, turned; the engine makes it once, while loading."""
        import onnx

        if matrix not in self._narrow:
            # the same bytes read as unsigned, with the highest bit the other way, are 128 more
            stored = onnx.TensorProto()
            stored.CopyFrom(self._initializers[self.wide[matrix][0]])
            stored.name, stored.data_type = f"{matrix}.unsigned", onnx.TensorProto.UINT8
            self.graph.initializer.append(stored)
            zero = self.constant("zero.byte", _ZERO, onnx.TensorProto.UINT8)
            raised = self.add("BitwiseXor", [stored.name, zero], f"{matrix}.bytes")
            self._narrow[matrix] = self.add("Transpose", [raised], f"{matrix}.turned",
                                            perm=[1, 0])
        return self._narrow[matrix]

    def rows(self, matrix: str, which: str, output: str) -> None:
        """`output` = some rows of the matrix, as of an embedding."""
        import onnx

        stored, scale = self.wide[matrix]
        column = self.constant("last.axis", -1, onnx.TensorProto.INT64)
        found = self.add("Gather", [stored, which], f"{output}.stored")
        found = self.add("Cast", [found], f"{output}.float", to=onnx.TensorProto.FLOAT)
        scales = self.add("Gather", [scale, which], f"{output}.scale")
        scales = self.add("Unsqueeze", [scales, column], f"{output}.scales")
        self.add("Mul", [found, scales], output)


def quantise_matmuls(model: Any) -> None:
    """Rewrite products with, and rows of, matrices that are stored as int8 with a row's scale.

    Matrices that are used in any other way stay wide.
    """
    rewriter = _Rewriter(model)
    wide, turned = rewriter.wide, rewriter.turned
    for node in model.graph.node:
        inputs, output = list(node.input), node.output[0]
        if node.op_type == "MatMul" and inputs[1] in turned:
            rewriter.product(inputs[0], turned[inputs[1]], output)
        elif node.op_type == "Gemm" and inputs[1] in wide and _is_linear(node):
            product = f"{output}.product" if len(inputs) > 2 else output
            rewriter.product(inputs[0], inputs[1], product)
            if len(inputs) > 2:
                rewriter.add("Add", [product, inputs[2]], output)
        elif node.op_type == "Gather" and inputs[0] in wide and not _attribute(node, "axis", 0):
            rewriter.rows(inputs[0], inputs[1], output)
        else:
            rewriter.nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(needed(rewriter.nodes, model))


def _is_linear(node: Any) -> bool:
    return (_attribute(node, "transB", 0) == 1 and not _attribute(node, "transA", 0)
            and _attribute(node, "alpha", 1.0) == 1 and _attribute(node, "beta", 1.0) == 1)


def _attribute(node: Any, name: str, usual: float) -> float:
    import onnx

    found = [onnx.helper.get_attribute_value(each) for each in node.attribute
             if each.name == name]
    return float(found[0]) if found else usual


def needed(nodes: list[Any], model: Any) -> list[Any]:
    """Leave out what nothing uses any more."""
    used = {output.name for output in model.graph.output}
    kept = []
    for node in reversed(nodes):
        if used.intersection(node.output):
            kept.append(node)
            used.update(node.input)
    return kept[::-1]
