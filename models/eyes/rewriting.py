"""Published graphs, changed such that each weight is in memory once, and nothing is computed twice.

The same operators get the same values, in another order. A graph taken apart gives the same bits,
in pieces and for the last token alone the same up to rounding. What is not known stays as it is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.eyes.onnx_file import (
    CONTRIBUTED,
    ELEMENTS,
    Graph,
    Node,
    Tensor,
    graphs,
    integers,
    parse,
    value_info,
)
from models.eyes.protobuf import text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.eyes.onnx_file import File

_FLAG, _LOGITS = "use_cache_branch", "logits"
_PAST, _PRESENT = "past_key_values", "present"
# what a decoder is given of the picture, the same for every token
STATES = "encoder_hidden_states"
_SEEN = frozenset({STATES, "encoder_attention_mask"})
_PRODUCTS = frozenset({"MatMul", "MatMulInteger", "MatMulNBits", "Gemm"})
_ROWS = 256  # of a matrix of words that are widened at once: few enough for a cache


@dataclass(frozen=True, slots=True)
class Parts:
    """A decoder as graphs: `step` runs for each token, the others once for a picture.

    `keys` gives keys and values of the picture as `present.…`, which the step has as
    `past_key_values.…`; what `seen` gives has the names of the step's inputs.
    """

    step: Graph
    keys: Graph | None = None
    seen: Graph | None = None


def present(name: str) -> str:
    """What becomes of a past of this name."""
    return name.replace(_PAST, _PRESENT, 1)


def with_inputs(graph: Graph, types: Mapping[str, str]) -> Graph:
    """The same with inputs of ONNX Runtime's `types` where there was no more than their names."""
    known = {name: value_info(name, ELEMENTS[kind]) for name, kind in types.items()}
    return replace(
        graph, inputs={name: value or known[name] for name, value in graph.inputs.items()}
    )


def lean(graph: Graph) -> Graph:
    """Any graph with its matrix of words widened piece by piece, and without logits of tokens
    which only the last one's are wanted of."""
    graph = _words_by_pieces(graph)
    if _LOGITS in graph.outputs:
        graph = _last_only(graph)
    return graph


def parts(file: File) -> Parts | None:
    """The parts of a decoder which speaks of an encoder's states; None for any other.

    Of a merged one (`use_cache_branch`) that branch is taken which has a past: for the first token
    the past is empty. What the other branch alone computes, keys and values of the picture, gets a
    graph of its own, and so does all that no token changes.
    """
    graph = file.graph
    if STATES not in graph.inputs:
        return None
    past, first = graph, None
    if _FLAG in graph.inputs:
        branches = _branches(file)
        if branches is None:
            return None
        past, first = branches
    names = [name for name in past.inputs if name.startswith(_PAST)]
    own = [present(name) for name in names if ".encoder." not in name]
    keys = [present(name) for name in names if ".encoder." in name]
    step = past.needed([name for name in graph.outputs if name == _LOGITS or name in own])
    looked = None
    if keys:
        if first is None or not {*keys} <= {*first.outputs}:
            return None
        looked = first.needed(keys)
    step, seen = _hoisted(step)
    return Parts(_words_by_pieces(step), looked, seen)


def _branches(file: File) -> tuple[Graph, Graph] | None:
    """A merged decoder with a past, and one without; None where the choice is not that alone."""
    graph = file.graph
    choices = [node for node in graph.nodes if _FLAG in node.uses]
    if len(choices) != 1 or choices[0].kind != "If" or choices[0].inputs != (_FLAG,):
        return None
    choice = choices[0]
    at = graph.nodes.index(choice)
    inputs = {name: value for name, value in graph.inputs.items() if name != _FLAG}
    made = []
    for name in ("then_branch", "else_branch"):
        inner = parse(graphs(choice.attributes[name])[0], file.data)
        renamed = tuple(
            Node("Identity", (each,), (output,))
            for each, output in zip(inner.outputs, choice.outputs, strict=True)
            if each != output
        )
        nodes = (*graph.nodes[:at], *inner.nodes, *renamed, *graph.nodes[at + 1 :])
        made.append(Graph(nodes, {**graph.tensors, **inner.tensors}, inputs, graph.outputs))
    return made[0], made[1]


def _hoisted(graph: Graph) -> tuple[Graph, Graph | None]:
    """A graph without what depends on the picture alone, and that; None where that is no product.

    What the latter gives are inputs of the former, whose ValueInfoProto is still empty.
    """
    fixed, early = {*graph.tensors}, _SEEN & {*graph.inputs}
    first: list[Node] = []
    later: list[Node] = []
    for node in graph.nodes:
        if node.uses <= fixed:
            fixed |= {*node.outputs}
            later.append(node)
        elif node.uses <= fixed | early:
            early |= {*node.outputs}
            first.append(node)
        else:
            later.append(node)
    if not any(node.kind in _PRODUCTS for node in first) or early & {*graph.outputs}:
        return graph, None
    used = set[str]().union(*(node.uses for node in later))
    crossing = [name for node in first for name in node.outputs if name in used]
    inputs = {**graph.inputs, **dict.fromkeys(crossing, b"")}
    constant = [node for node in later if {*node.outputs} <= fixed]
    seen = replace(graph, nodes=(*constant, *first)).needed(crossing)
    return replace(graph, nodes=tuple(later), inputs=inputs).needed(graph.outputs), seen


def _words_by_pieces(graph: Graph) -> Graph:
    """Products with a quantised matrix that is widened and turned for them, in pieces.

    All of it as float takes four times as much memory as all words do.
    """
    makers = {name: node for node in graph.nodes for name in node.outputs}
    times = _times(graph)
    nodes: list[Node] = []
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        found = _widened(node, makers, graph.tensors, times) if node.kind == "MatMul" else None
        if found is None:
            nodes.append(node)
            continue
        words, widen = found
        made = []
        for begin in range(0, words.dims[0], _ROWS):
            rows = words.rows(
                begin, min(begin + _ROWS, words.dims[0]), f"{words.name}/rows_{begin}"
            )
            tensors[rows.name] = rows
            wide, some = (f"{node.outputs[0]}/{kind}_{begin}" for kind in ("wide", "some"))
            nodes += [
                replace(widen, inputs=(rows.name, *widen.inputs[1:]), outputs=(wide,)),
                Node("FusedMatMul", (node.inputs[0], wide), (some,), CONTRIBUTED, _TURNED),
            ]
            made.append(some)
        nodes.append(Node("Concat", tuple(made), node.outputs, attributes=_number("axis", -1)))
    return replace(graph, nodes=tuple(nodes), tensors=tensors).needed(graph.outputs)


def _widened(
    product: Node, makers: Mapping[str, Node], tensors: Mapping[str, Tensor], times: dict[str, int]
) -> tuple[Tensor, Node] | None:
    """The matrix that is the second factor of a product once it is turned, and what widens it;
    None where it is not both, in whichever order, or no large matrix with one scale."""
    chain: dict[str, Node] = {}
    name = product.inputs[1]
    while (node := makers.get(name)) is not None and times[name] == 1:
        if node.kind in chain:  # turned twice, it is as it was
            return None
        chain[node.kind] = node
        name = node.inputs[0]
    words = tensors.get(name)
    if chain.keys() != {"Transpose", "DequantizeLinear"} or words is None or words.other:
        return None
    turn, widen = chain["Transpose"], chain["DequantizeLinear"]
    scale = tensors.get(widen.inputs[1])
    if scale is None or scale.dims not in ((), (1,)) or len(words.dims) != 2:
        return None
    if "perm" in turn.attributes and integers(turn.attributes["perm"]) != (1, 0):
        return None
    rows, width = words.dims
    # what a damaged file says of its shape may be anything
    whole_matrix = width > 0 and len(words.raw) == rows * width
    return (words, widen) if rows > _ROWS and whole_matrix else None


def _last_only(graph: Graph) -> Graph:
    """Logits of the last token alone, where what they are multiplied from can be told."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    times = _times(graph)
    known = {name: len(tensor.dims) < 2 for name, tensor in graph.tensors.items()}
    name = _LOGITS
    while (node := makers.get(name)) is not None and times[name] == 1:
        if node.kind in ("MatMul", "MatMulInteger", "MatMulNBits"):
            return _last_rows(graph, node)
        if node.kind in ("Cast", "Identity"):
            name = node.inputs[0]
        elif node.kind in ("Mul", "Add"):
            wide = [each for each in node.inputs if not _flat(each, makers, known)]
            if len(wide) != 1:
                break
            name = wide[0]
        else:
            break
    return graph


def _flat(name: str, makers: Mapping[str, Node], known: dict[str, bool]) -> bool:
    """Whether a value has no more than one axis, whatever is given; `known` are those that were
    looked at, each but once."""
    if name in known:
        return known[name]
    known[name] = False  # as for what is made of itself
    node = makers.get(name)
    if node is not None and node.kind == "DynamicQuantizeLinear":
        known[name] = name != node.outputs[0]  # its scale, or its zero point
    elif node is not None and node.kind == "Mul":
        known[name] = all(_flat(each, makers, known) for each in node.inputs)
    return known[name]


def _last_rows(graph: Graph, product: Node) -> Graph:
    """The same with the last row alone of what a product multiplies: (B, N, D) → (B, 1, D)."""
    source = product.inputs[0]
    last, at = f"{source}/last", "last position"
    take = Node("Gather", (source, at), (last,), attributes=_number("axis", -2))
    minus_one = memoryview(struct.pack("<q", -1))
    nodes: list[Node] = []
    for node in graph.nodes:
        if node is product:
            nodes += [take, replace(node, inputs=(last, *node.inputs[1:]))]
        else:
            nodes.append(node)
    tensor = Tensor(at, (1,), ELEMENTS["tensor(int64)"], minus_one)
    # what is known of its shape does not hold any more
    outputs = {**graph.outputs, _LOGITS: b""}
    return Graph(tuple(nodes), {**graph.tensors, at: tensor}, graph.inputs, outputs)


def _times(graph: Graph) -> dict[str, int]:
    """How many nodes use each value; that it is an output counts, too."""
    counted = dict.fromkeys(graph.outputs, 1)
    for node in graph.nodes:
        for name in node.uses:
            counted[name] = counted.get(name, 0) + 1
    return counted


def _number(name: str, number: int) -> dict[str, memoryview]:
    """An attribute with a whole number."""
    return {name: memoryview(text(1, name) + whole(3, number % (1 << 64)) + whole(20, 2))}


_TURNED = _number("transB", 1)
