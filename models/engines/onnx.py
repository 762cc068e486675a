"""The default engine: ONNX Runtime on the CPU, light to install and quick to start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from models.bundle import DECODER, ENCODER, VOCABULARY, unusable
from models.decoding import Encoding

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from models.bundle import Config
    from models.decoding import Arrays

_INPUTS = ("grid", "keys", "hidden", "cell")
_FEATURES = 4  # the place among the encoder's outputs


class OnnxEngine:
    """See `models.decoding.Engine`."""

    def __init__(
        self, folder: Path, config: Config, words: int, threads: int | None = None
    ) -> None:
        """`threads` defaults to the processors that this process may use.

        Raises BundleError when a graph cannot be loaded or does not fit the other parts.
        """
        count = threads or processors()
        self.encoder = session(folder / ENCODER, count)
        self.decoder = session(folder / DECODER, count)
        size, cells = config.preprocessing.size, config.grid[0] * config.grid[1]
        widths = [output.shape[1:] for output in self.decoder.get_outputs()]
        for part, has, wanted in (
            (ENCODER, self.encoder.get_inputs()[0].shape, [1, 3, size, size]),
            (DECODER, [entry.name for entry in self.decoder.get_inputs()], ["tokens", *_INPUTS]),
            (DECODER, widths[1], [cells]),
            (VOCABULARY, [words], widths[0]),
        ):
            if has != wanted:
                raise unusable(part, "it does not fit the others")
        self.channels: int = self.encoder.get_outputs()[_FEATURES].shape[1]

    def encode(self, pixels: NDArray[np.float32]) -> Encoding:
        parts = self.encoder.run(None, {"pixels": pixels})
        grid, keys, hidden, cell, features, classes = parts
        return Encoding((grid, keys), (hidden, cell), features[0], classes[0])

    def step(
        self, tokens: NDArray[np.int64], memory: Arrays, state: Arrays
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Arrays]:
        inputs = dict(zip(_INPUTS, (*memory, *state), strict=True))
        scores, attention, *after = self.decoder.run(None, {"tokens": tokens, **inputs})
        return scores, attention, tuple(after)


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
    # idle threads must sleep, not spin: the daemon shares the person's machine
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # widen the stored int8 weights once, while loading, and not with every word
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base but this
        raise unusable(path.name) from error
