"""The default engine: ONNX Runtime on the CPU, light to install and quick to start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from models.captioning.decoding import Encoding
from models.captioning.kinds import kinds
from models.captioning.tags import names
from models.runtime.bundle import DECODER, ENCODER, VOCABULARY, unusable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models.captioning.decoding import Arrays
    from models.runtime.bundle import Config


FACTS = 6  # of a kind of thing: see `models.captioning.decoding.Encoding`
_LAST = (("features",), ("features", "classes"), ("features", "objects", "places"),
         ("features", "classes", "objects", "places"))


class OnnxEngine:
    """See `models.captioning.decoding.Engine`. The graphs describe themselves (ADR 0016):

    encoder: pixels → memory…, state…, features[, classes][, objects, places];
    decoder: tokens, memory…, state… → scores, attention, state after….
    What the encoder gives has the names of the decoder's inputs, whatever and however many
    they are; the decoder's outputs tell how many are state.
    """

    def __init__(
        self, folder: Path, config: Config, words: int, threads: int | None = None
    ) -> None:
        """`threads` of the encoder default to the processors that this process may use.

        Raises BundleError when a graph cannot be loaded or does not fit the other parts.
        """
        count = threads or processors()
        self.encoder = session(folder / ENCODER, count)
        # a step is short: to wake a second thread takes as long as it saves, and on a busy
        # machine it comes late
        self.decoder = session(folder / DECODER, 1)
        given, told = self.encoder.get_outputs(), self.decoder.get_outputs()
        self._inputs = [entry.name for entry in self.decoder.get_inputs()[1:]]
        self._memory = len(self._inputs) - (len(told) - 2)
        last = {entry.name: entry.shape for entry in given[len(self._inputs) :]}
        self._last = tuple(last)
        size, cells = config.preprocessing.size, config.grid[0] * config.grid[1]
        for part, has, wanted in (
            (ENCODER, [_face(entry) for entry in self.encoder.get_inputs()],
             [("pixels", [1, 3, size, size])]),
            (DECODER, len(told) >= 2 and self._memory >= 0 and self._fits(), True),
            (DECODER, [output.shape[1:] for output in told[1:2]], [[cells]]),
            (VOCABULARY, [[words]], [output.shape[1:] for output in told[:1]]),
            (ENCODER, self._last in _LAST and len(last["features"]) == 2, True),
            (ENCODER, last.get("classes", [1, len(names())]), [1, len(names())]),
            (ENCODER, last.get("objects", [1, len(kinds()), FACTS]), [1, len(kinds()), FACTS]),
            (ENCODER, last.get("places", [1, len(kinds()), *config.grid]),
             [1, len(kinds()), *config.grid]),
        ):
            if has != wanted:
                raise unusable(part, "it does not fit the others")
        self.channels: int = last["features"][1]

    def _fits(self) -> bool:
        """Whether the decoder takes what the encoder gives, and its own state back."""
        given, told = self.encoder.get_outputs(), self.decoder.get_outputs()
        tokens, *inputs = self.decoder.get_inputs()
        return (tokens.name == "tokens" and len(given) > len(inputs)
                and all(ours.name == theirs.name and _alike(ours, theirs)
                        for ours, theirs in zip(inputs, given, strict=False))
                and all(map(_alike, inputs[self._memory :], told[2:])))

    def encode(self, pixels: NDArray[np.float32]) -> Encoding:
        parts = _run(self.encoder, {"pixels": pixels}, ENCODER)
        memory, count = self._memory, len(self._inputs)
        last = {name: part[0] for name, part in zip(self._last, parts[count:], strict=True)}
        classes = last.pop("classes", np.zeros(0, np.float32))
        return Encoding(tuple(parts[:memory]), tuple(parts[memory:count]), last.pop("features"),
                        classes, **last)

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


def _face(entry: Any) -> tuple[str, list[int | str]]:
    return entry.name, entry.shape


def _alike(one: Any, other: Any) -> bool:
    """Whether two ends of a connection agree, but for axes that may be of any length."""
    return (one.type == other.type and len(one.shape) == len(other.shape)
            and all(a == b or isinstance(a, str) or isinstance(b, str)
                    for a, b in zip(one.shape, other.shape, strict=True)))


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


def session(path: Path, threads: int) -> Any:
    """Load a graph. Raises BundleError when it is missing or damaged."""
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
    # widen the stored int8 weights once, while loading, and not with every word
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base but this
        raise unusable(path.name) from error
