"""Rewriting an ONNX graph node by node: what both kinds of int8 rewriting share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class GraphEditor:
    """Collects the nodes that are to replace those of a graph, inputs before what reads them.

    `makers` has the node that gives each value of the graph as it was, `initializers` each of its
    tensors. Tensors are added at once, nodes with `finish`.
    """

    def __init__(self, model: Any) -> None:
        self.graph = model.graph
        self.makers = {node.output[0]: node for node in self.graph.node}
        self.initializers = {each.name: each for each in self.graph.initializer}
        self._nodes: list[Any] = []

    def keep(self, node: Any) -> None:
        """Leave a node as it is."""
        self._nodes.append(node)

    def add(self, kind: str, inputs: Iterable[str], *outputs: str, **attributes: Any) -> str:
        """Add a node, named after its first output; → that."""
        import onnx

        self._nodes.append(
            onnx.helper.make_node(kind, list(inputs), list(outputs), name=outputs[0], **attributes)
        )
        return outputs[0]

    def add_initializer(self, tensor: Any) -> str:
        """Add a tensor, unless there is one of this name; → the name."""
        if tensor.name not in self.initializers:
            self.initializers[tensor.name] = tensor
            self.graph.initializer.append(tensor)
        return str(tensor.name)

    def finish(self) -> None:
        """Put the collected nodes in place of the graph's, but for what nothing uses any more."""
        used = {output.name for output in self.graph.output}
        kept = []
        for node in reversed(self._nodes):
            if used.intersection(node.output):
                kept.append(node)
                used.update(node.input)
        del self.graph.node[:]
        self.graph.node.extend(kept[::-1])


def attribute(node: Any, name: str, default: float) -> float:
    """A number among a node's attributes."""
    import onnx

    found = [onnx.helper.get_attribute_value(each) for each in node.attribute if each.name == name]
    return float(found[0]) if found else default
