"""The one graph that is ours: it takes rows of tensors by their numbers.

It is written here by the rules of Protocol Buffers' wire format, in the few fields of onnx.proto3
that it needs, so that the package onnx, which is large, need not be installed for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FLOAT, _INT64, _FLOAT16 = 1, 7, 10  # TensorProto.DataType
_IR_VERSION, _OPSET = 8, 13
_ELEMENTS = {"tensor(float)": _FLOAT, "tensor(float16)": _FLOAT16}


def gather_graph(types: Sequence[str]) -> bytes:
    """A model with inputs rows (N,) and x0, x1, … (B, …) of these types, and outputs y0, y1, …
    (N, …): row rows[i] of each input is row i of its output."""
    nodes = b"".join(
        _part(
            1,
            _text(1, f"x{number}") + _text(1, "rows") + _text(2, f"y{number}") + _text(4, "Gather"),
        )
        for number in range(len(types))
    )
    elements = [_ELEMENTS[each] for each in types]
    inputs = _value(11, "rows", _INT64) + b"".join(
        _value(11, f"x{number}", element) for number, element in enumerate(elements)
    )
    outputs = b"".join(_value(12, f"y{number}", element) for number, element in enumerate(elements))
    graph = nodes + _text(2, "rows") + inputs + outputs
    return _whole(1, _IR_VERSION) + _part(7, graph) + _part(8, _whole(2, _OPSET))


def _value(field: int, name: str, element: int) -> bytes:
    """A ValueInfoProto of any shape."""
    return _part(field, _text(1, name) + _part(2, _part(1, _whole(1, element))))


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def _whole(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _part(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _part(field, text.encode())
