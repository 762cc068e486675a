"""The default engine: ONNX Runtime on the CPU, light to install and quick to start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from models.captioning.decoding import Encoding
from models.captioning.kinds import kinds
from models.captioning.tags import names
from models.runtime.bundle import DECODER, ENCODER, VOCABULARY, BundleError, unusable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models.captioning.decoding import Arrays
    from models.runtime.bundle import Config


FACTS = 6  # of a kind of thing: see `models.captioning.decoding.Encoding`
_LAST = (
    ("features",),
    ("features", "classes"),
    ("features", "objects", "places"),
    ("features", "classes", "objects", "places"),
)


class OnnxEngine:
    """See `models.captioning.decoding.Engine`. The graphs describe themselves (ADR 0016):

    encoder: pixels → memory…, state…, features[, classes][, objects, places];
    decoder: tokens, memory…, state… → scores, attention, state after….
    What the encoder gives has the names of the decoder's inputs, whatever and however many
    they are; the decoder's outputs tell how many are state.
    """

    def __init__(
        self, folder: Path, config: Config, vocab_size: int, threads: int | None = None
    ) -> None:
        """`threads` of the encoder default to the processors that this process may use.

        Raises BundleError when a graph cannot be loaded or does not fit the other parts.
        """
        count = threads or processors()
        self.encoder = session(folder / ENCODER, count)
        # a step is short: to wake a second thread takes as long as it saves, and on a busy
        # machine it comes late
        self.decoder = session(folder / DECODER, 1)
        self._inputs = [entry.name for entry in self.decoder.get_inputs()[1:]]
        # every part of the state comes back behind scores and attention; the rest is memory
        self._memory = len(self._inputs) - (len(self.decoder.get_outputs()) - 2)
        _check_decoder(
            self.decoder,
            self._memory,
            self.encoder.get_outputs(),
            vocab_size,
            config.grid[0] * config.grid[1],
        )
        self.channels = _check_encoder(self.encoder, len(self._inputs), config)
        self._last = [entry.name for entry in self.encoder.get_outputs()[len(self._inputs) :]]

    def encode(self, pixels: NDArray[np.float32]) -> Encoding:
        parts = _run(self.encoder, {"pixels": pixels}, ENCODER)
        memory, count = self._memory, len(self._inputs)
        last = {name: part[0] for name, part in zip(self._last, parts[count:], strict=True)}
        classes = last.pop("classes", np.zeros(0, np.float32))
        return Encoding(
            tuple(parts[:memory]), tuple(parts[memory:count]), last.pop("features"), classes, **last
        )

    def step(
        self, tokens: NDArray[np.int64], memory: Arrays, state: Arrays
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Arrays]:
        inputs = dict(zip(self._inputs, (*memory, *state), strict=True))
        scores, attention, *after = _run(self.decoder, {"tokens": tokens, **inputs}, DECODER)
        return scores, attention, tuple(after)


def _run(graph: Any, inputs: dict[str, Any], part: str) -> Any:
    """All outputs. Raises BundleError for a graph that loads but does not work."""
    try:
        return graph.run(None, inputs)
    except Exception as error:  # its errors have no common base but this
        raise unusable(part) from error


def _check_encoder(encoder: Any, inputs: int, config: Config) -> int:
    """→ the number of channels. Raises BundleError for an encoder that does not fit the `config`,
    or has anything but features, classes, objects and places behind the decoder's `inputs`."""
    size = config.preprocessing.size
    _expect(
        ENCODER,
        "inputs",
        [(entry.name, entry.shape) for entry in encoder.get_inputs()],
        [("pixels", [1, 3, size, size])],
    )
    shapes = {entry.name: entry.shape for entry in encoder.get_outputs()[inputs:]}
    if tuple(shapes) not in _LAST or len(shapes["features"]) != 2:
        raise _misfit(
            ENCODER,
            "outputs behind memory and state",
            shapes,
            "features (1, C), and maybe classes, and maybe objects and places",
        )
    wanted = {
        "classes": [1, len(names())],
        "objects": [1, len(kinds()), FACTS],
        "places": [1, len(kinds()), *config.grid],
    }
    for name, shape in shapes.items():
        _expect(ENCODER, name, shape, wanted.get(name, shape))
    _expect(ENCODER, "a head for things", "objects" in shapes, "objects" in config.architecture)
    channels: int = shapes["features"][1]
    return channels


def _check_decoder(
    decoder: Any, memory: int, encoded: list[Any], vocab_size: int, cells: int
) -> None:
    """Raises BundleError for a decoder that does not take the encoder's outputs `encoded`, the
    first `memory` of them as memory, or its own state back, or has another vocabulary or grid."""
    inputs, outputs = decoder.get_inputs(), decoder.get_outputs()
    if len(outputs) < 2 or memory < 0:
        raise _misfit(
            DECODER,
            "outputs",
            [entry.name for entry in outputs],
            "scores, attention, and each part of the state again",
        )
    _expect(
        DECODER,
        "inputs",
        [entry.name for entry in inputs],
        ["tokens", *(entry.name for entry in encoded[: len(inputs) - 1])],
    )
    state = inputs[1 + memory :]
    for source, target in (
        *zip(encoded, inputs[1:], strict=False),
        *zip(outputs[2:], state, strict=True),
    ):
        if not _alike(source, target):
            raise _misfit(DECODER, f"input {target.name}", _signature(target), _signature(source))
    _expect(DECODER, "cells of the attention", outputs[1].shape[1:], [cells])
    _expect(VOCABULARY, "words", [vocab_size], outputs[0].shape[1:])


def _expect(part: str, what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise _misfit(part, what, actual, expected)


def _misfit(part: str, what: str, actual: object, expected: object) -> BundleError:
    return unusable(
        part, "it does not fit the others", f"{part}: {what}: expected {expected}, found {actual}"
    )


def _signature(entry: Any) -> str:
    return f"{entry.type} {entry.shape}"


def _alike(one: Any, other: Any) -> bool:
    """Whether two ends of a connection agree, but for axes that may be of any length."""
    return (
        one.type == other.type
        and len(one.shape) == len(other.shape)
        and all(
            a == b or isinstance(a, str) or isinstance(b, str)
            for a, b in zip(one.shape, other.shape, strict=True)
        )
    )


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quiet() -> None:
    """Load ONNX Runtime with its telemetry switched off."""
    # some builds of it report to their maker unless told not to before they load
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()


def session_options(threads: int) -> Any:
    """How every session runs on a person's machine: quietly, and giving back what it took."""
    quiet()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # what a picture needed goes back when it is done, and does not stay for the next one
    options.enable_cpu_mem_arena = False
    # idle threads must sleep, not spin: the daemon shares the person's machine
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def session(path: Path, threads: int) -> Any:
    """Load a graph. Raises BundleError when it is missing or damaged."""
    options = session_options(threads)
    import onnxruntime

    # widen the stored int8 weights once, while loading, and not with every word
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base but this
        raise unusable(path.name) from error
