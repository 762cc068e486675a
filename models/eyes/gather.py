"""The one graph that is ours: it takes rows of tensors by their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.eyes.onnx_file import ELEMENTS, value_info
from models.eyes.protobuf import part, text, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

_IR_VERSION, _OPSET = 8, 13


def gather_graph(types: Sequence[str]) -> bytes:
    """A model with inputs rows (N,) and x0, x1, … (B, …) of these types, and outputs y0, y1, …
    (N, …): row rows[i] of each input is row i of its output."""
    nodes = b"".join(
        part(1, text(1, f"x{number}") + text(1, "rows") + text(2, f"y{number}") + text(4, "Gather"))
        for number in range(len(types))
    )
    elements = [ELEMENTS[each] for each in types]
    inputs = part(11, value_info("rows", ELEMENTS["tensor(int64)"])) + b"".join(
        part(11, value_info(f"x{number}", element)) for number, element in enumerate(elements)
    )
    outputs = b"".join(
        part(12, value_info(f"y{number}", element)) for number, element in enumerate(elements)
    )
    graph = nodes + text(2, "rows") + inputs + outputs
    return whole(1, _IR_VERSION) + part(7, graph) + part(8, whole(2, _OPSET))
