"""The reference engine, in torch: for GPUs, for training, and to prove the others right."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import torch

from models.captioning.decoding import Encoding
from models.captioning.kinds import kinds
from models.networks.captioners import CaptioningNetwork, Exportable
from models.runtime.bundle import CONFIG, WEIGHTS, unusable
from models.runtime.quantisation import restore

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from models.captioning.decoding import Arrays
    from models.runtime.bundle import Config


class TorchEngine:
    """See `models.captioning.decoding.Engine`. Weights are cast to float32."""

    def __init__(self, network: Exportable, device: str | None = None) -> None:
        """`device` defaults to a CUDA GPU where there is one."""
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.eval().float().to(self.device)
        self.channels = network.channels

    @classmethod
    def load(
        cls, folder: Path, config: Config, vocab_size: int, device: str | None = None
    ) -> TorchEngine:
        """Raises BundleError when the weights do not fit the other parts."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            network = CaptioningNetwork(config.architecture, vocab_size)
        except (KeyError, TypeError, ValueError) as error:
            raise unusable(CONFIG) from error
        try:
            network.load_state_dict(restore(load_file(folder / WEIGHTS)))
        except (RuntimeError, SafetensorError) as error:
            raise unusable(WEIGHTS) from error
        if config.grid != network.encoder.grid(config.preprocessing.size):
            raise unusable(CONFIG, "its grid does not fit its size")
        if network.objects is not None and network.objects.kinds != len(kinds()):
            raise unusable(CONFIG, f"its head for things must know {len(kinds())} kinds")
        return cls(network, device)

    def encode(self, pixels: NDArray[np.float32]) -> Encoding:
        with torch.inference_mode():
            made = self.network.encode(torch.from_numpy(pixels).to(self.device))
        classes = np.zeros(0, np.float32) if made.classes is None else _array(made.classes)[0]
        encoding = Encoding(
            tuple(map(_array, made.memory)),
            tuple(map(_array, made.state)),
            _array(made.features)[0],
            classes,
        )
        if made.objects is None or made.places is None:
            return encoding
        return dataclasses.replace(
            encoding, objects=_array(made.objects)[0], places=_array(made.places)[0]
        )

    def step(
        self, tokens: NDArray[np.int64], memory: Arrays, state: Arrays
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Arrays]:
        with torch.inference_mode():
            scores, weights, after = self.network.step(
                torch.from_numpy(tokens).to(self.device),
                self._tensors(memory),
                self._tensors(state),
            )
        return _array(scores), _array(weights), tuple(map(_array, after))

    def _tensors(self, arrays: Arrays) -> tuple[Tensor, ...]:
        return tuple(torch.from_numpy(part).to(self.device) for part in arrays)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.cpu().numpy()
    return array
