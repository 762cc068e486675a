"""ViT and GPT-2 on ONNX Runtime, greedily: as light as it can be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"


class Greedy:
    """Two graphs of `benchmarks.peers_networks.export`, with ONNX Runtime's own settings."""

    def __init__(self, folder: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._make = onnxruntime.OrtValue.ortvalue_from_numpy
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(folder / name, options, providers=["CPUExecutionProvider"])
            for name in (ENCODER, DECODER)
        )
        self._seen = [entry.name for entry in self._encoder.get_outputs()]
        self._outputs = [entry.name for entry in self._decoder.get_outputs()]
        self._empty = {
            entry.name: (1, entry.shape[1], 0, entry.shape[3])
            for entry in self._decoder.get_inputs()
            if entry.name.startswith("past_")
        }

    @property
    def side(self) -> int:
        """Width and height of the pixels."""
        return int(self._encoder.get_inputs()[0].shape[2])

    def caption(self, pixels: NDArray[np.float32], words: int, start: int = 0) -> list[int]:
        """(1, 3, S, S) pixels → so many words, each the likeliest; nothing is copied between."""
        seen = self._encoder.run_with_ort_values(self._seen, {"pixels": self._make(pixels)})
        cross: dict[str, Any] = {f"cross_{at}": each for at, each in enumerate(seen)}
        past = {
            name: self._make(np.zeros(shape, np.float32)) for name, shape in self._empty.items()
        }
        predicted = [start]
        for _ in range(words):
            last = self._make(np.asarray([predicted[-1:]]))
            scores, *after = self._decoder.run_with_ort_values(
                self._outputs, {"ids": last, **cross, **past}
            )
            past = dict(zip(past, after, strict=True))
            predicted.append(int(scores.numpy()[0].argmax()))
        return predicted[1:]
