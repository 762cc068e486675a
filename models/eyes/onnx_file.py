"""ONNX files, read and written without copying their weights.

A graph is read as nodes and tensors (onnx.proto3), changed (`rewriting`), and written as a small
model whose weights stay where they are: external data that lie in the file that was read. ONNX
Runtime maps that file, and what it has packed for its products it lets go of again.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from models.eyes import protobuf
from models.eyes.protobuf import fields, part, text, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

# what reading a file that is damaged, or no ONNX, raises; shapes may be such as no memory has
UNREADABLE = (OSError, ValueError, LookupError, StopIteration, RecursionError, MemoryError)

_GRAPH = 7  # of ModelProto
_MODEL_KEPT = (1, 8, 25)  # ir_version, opset_import, functions
_EXTERNAL = 1
CONTRIBUTED = "com.microsoft"  # the domain of ONNX Runtime's own operators
_LEAST = 4096  # bytes of a tensor that stays outside: shapes are read while a graph is loaded
# TensorProto.DataType by ONNX Runtime's name
ELEMENTS: Mapping[str, int] = {
    "tensor(float)": 1,
    "tensor(uint8)": 2,
    "tensor(int8)": 3,
    "tensor(int32)": 6,
    "tensor(int64)": 7,
    "tensor(bool)": 9,
    "tensor(float16)": 10,
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor by name. Its values are `raw` bytes, little-endian, which begin at `place` in the
    file (-1: made here); whatever stores them otherwise is `other`, a TensorProto as it was."""

    name: str
    dims: tuple[int, ...]
    kind: int
    raw: memoryview = field(repr=False)
    place: int = -1
    other: memoryview | None = field(default=None, repr=False)

    def rows(self, begin: int, end: int, name: str) -> Tensor:
        """Some rows of a matrix, where they lie."""
        width = len(self.raw) // self.dims[0]
        part = slice(begin * width, end * width)
        return replace(
            self,
            name=name,
            dims=(end - begin, *self.dims[1:]),
            raw=self.raw[part],
            place=self.place + part.start if self.place >= 0 else -1,
        )


@dataclass(frozen=True, slots=True)
class Node:
    """`attributes` by name, each as it was; `captured` are values from around it that graphs in
    its attributes may use."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    domain: str = ""
    attributes: Mapping[str, memoryview] = field(default_factory=dict, repr=False)
    captured: frozenset[str] = frozenset()

    @property
    def uses(self) -> set[str]:
        """Every value that must be there before it."""
        return {*self.inputs, *self.captured} - {""}


@dataclass(frozen=True, slots=True)
class Graph:
    """`nodes` with what they read before them; `tensors`, `inputs` and `outputs` by name, the
    latter two as ValueInfoProto (b"" for an output of which nothing is known)."""

    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    inputs: Mapping[str, bytes]
    outputs: Mapping[str, bytes]

    def needed(self, outputs: Iterable[str]) -> Graph:
        """What gives these outputs, and nothing else."""
        wanted = list(outputs)
        used, kept = set(wanted), []
        for node in reversed(self.nodes):
            if used.intersection(node.outputs):
                kept.append(node)
                used |= node.uses
        return Graph(
            tuple(kept[::-1]),
            {name: each for name, each in self.tensors.items() if name in used},
            {name: each for name, each in self.inputs.items() if name in used},
            {name: self.outputs.get(name, b"") for name in wanted},
        )


@dataclass(frozen=True, slots=True)
class File:
    """A model in a file: its graph, and what belongs to no graph."""

    path: Path
    graph: Graph
    around: bytes = field(repr=False)
    data: memoryview = field(repr=False)

    def model(self, graph: Graph) -> bytes:
        """A model of this graph, whose large tensors are looked for in the file."""
        nodes = b"".join(part(1, _node(node)) for node in graph.nodes)
        tensors = b"".join(
            part(5, _tensor(each, self.path.name)) for each in graph.tensors.values()
        )
        inputs = b"".join(part(11, value) for value in graph.inputs.values())
        outputs = b"".join(
            part(12, value or text(1, name)) for name, value in graph.outputs.items()
        )
        content = nodes + text(2, "rewritten") + tensors + inputs + outputs
        around = self.around
        if CONTRIBUTED.encode() not in around:
            around += part(8, text(1, CONTRIBUTED) + whole(2, 1))
        return around + part(_GRAPH, content)


def read(path: Path) -> File:
    """Read a file. Raises ValueError for what is no ONNX, OSError for what cannot be read."""
    with path.open("rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    graph, around = None, []
    for number, value, entire in fields(data):
        if number == _GRAPH and isinstance(value, memoryview):
            graph = parse(value, data)
        elif number in _MODEL_KEPT:
            around.append(bytes(entire))
    if graph is None:
        raise ValueError("there is no graph")
    return File(path, graph, b"".join(around), data)


def parse(content: memoryview, file: memoryview) -> Graph:
    """A GraphProto, which lies in this `file`. Raises ValueError."""
    start = _address(file)
    nodes, tensors = [], {}
    inputs: dict[str, bytes] = {}
    outputs: dict[str, bytes] = {}
    for number, value, _ in fields(content):
        if not isinstance(value, memoryview):
            continue
        if number == 1:
            nodes.append(_read_node(value))
        elif number == 5:
            tensor = _read_tensor(value, start)
            tensors[tensor.name] = tensor
        elif number in (11, 12):
            (inputs if number == 11 else outputs)[_named(value)] = bytes(value)
        elif number == 15:
            raise ValueError("it has sparse tensors")
    # the oldest files name their weights among the inputs
    inputs = {name: value for name, value in inputs.items() if name not in tensors}
    return Graph(tuple(nodes), tensors, inputs, outputs)


def _named(value: memoryview) -> str:
    return next(_text(part) for number, part, _ in fields(value) if number == 1)


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise ValueError("a name is a number")
    return str(value, "utf-8")


def _address(view: memoryview) -> int:
    import numpy as np

    return int(np.frombuffer(view, np.uint8).ctypes.data)


def _read_tensor(content: memoryview, start: int) -> Tensor:
    name, kind, dims, raw, plain = "", 0, [], None, True
    for number, value, _ in fields(content):
        if number == 1:
            dims += [value] if isinstance(value, int) else list(_packed(value))
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 8:
            name = _text(value)
        elif number == 9 and isinstance(value, memoryview):
            raw = value
        elif number in (3, 13, 14):  # a part of a tensor, or of another file
            plain = plain and value == 0
    if raw is None or kind not in ELEMENTS.values() or not plain:
        return Tensor(name, tuple(dims), kind, memoryview(b""), other=content)
    return Tensor(name, tuple(dims), kind, raw, _address(raw) - start if len(raw) else -1)


def _packed(content: memoryview) -> Iterator[int]:
    at = 0
    while at < len(content):
        value, at = protobuf.varint(content, at)
        yield value


def _read_node(content: memoryview) -> Node:
    inputs, outputs, kind, domain = [], [], "", ""
    attributes: dict[str, memoryview] = {}
    captured: set[str] = set()
    for number, value, _ in fields(content):
        if number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 4:
            kind = _text(value)
        elif number == 7:
            domain = _text(value)
        elif number == 5 and isinstance(value, memoryview):
            attributes[_named(value)] = value
            for graph in graphs(value):
                captured |= {
                    name
                    for at, node, _ in fields(graph)
                    if at == 1 and isinstance(node, memoryview)
                    for name in _read_node(node).uses
                }
                captured |= {
                    _named(each)
                    for at, each, _ in fields(graph)
                    if at == 12 and isinstance(each, memoryview)
                }
    return Node(kind, tuple(inputs), tuple(outputs), domain, attributes, frozenset(captured))


def graphs(attribute: memoryview) -> list[memoryview]:
    """The graphs (GraphProto) in an attribute."""
    return [
        value
        for number, value, _ in fields(attribute)
        if number in (6, 11) and isinstance(value, memoryview)
    ]


def integers(attribute: memoryview) -> tuple[int, ...]:
    """The whole numbers of an attribute, from 0."""
    found: list[int] = []
    for number, value, _ in fields(attribute):
        if number in (3, 8):
            found += [value] if isinstance(value, int) else list(_packed(value))
    return tuple(found)


def value_info(name: str, element: int) -> bytes:
    """A ValueInfoProto of any shape, of elements by TensorProto.DataType."""
    return text(1, name) + part(2, part(1, whole(1, element)))


def _tensor(tensor: Tensor, file: str) -> bytes:
    if tensor.other is not None:
        return bytes(tensor.other)
    head = b"".join(whole(1, length) for length in tensor.dims)
    head += whole(2, tensor.kind) + text(8, tensor.name)
    if tensor.place < 0 or len(tensor.raw) < _LEAST:
        return head + part(9, tensor.raw)
    place = {"location": file, "offset": str(tensor.place), "length": str(len(tensor.raw))}
    entries = b"".join(part(13, text(1, name) + text(2, value)) for name, value in place.items())
    return head + entries + whole(14, _EXTERNAL)


def _node(node: Node) -> bytes:
    return (
        b"".join(text(1, name) for name in node.inputs)
        + b"".join(text(2, name) for name in node.outputs)
        + text(4, node.kind)
        + b"".join(part(5, value) for value in node.attributes.values())
        + (text(7, node.domain) if node.domain else b"")
    )
