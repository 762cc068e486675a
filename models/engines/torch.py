"""The reference engine, in torch: for GPUs, for training, and to prove the others right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from models.bundle import CONFIG, WEIGHTS, unusable
from models.decoding import Encoding
from models.networks.captioners import CaptioningNetwork
from models.quantisation import restore

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from models.bundle import Config
    from models.decoding import Arrays


class TorchEngine:
    """See `models.decoding.Engine`. Weights are cast to float32."""

    def __init__(self, network: CaptioningNetwork, device: str | None = None) -> None:
        """`device` defaults to a CUDA GPU where there is one."""
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.eval().float().to(self.device)
        self.channels = network.encoder.channels

    @classmethod
    def load(
        cls, folder: Path, config: Config, words: int, device: str | None = None
    ) -> TorchEngine:
        """Raises BundleError when the weights do not fit the other parts."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            network = CaptioningNetwork(config.architecture, words)
        except (KeyError, TypeError, ValueError) as error:
            raise unusable(CONFIG) from error
        try:
            network.load_state_dict(restore(load_file(folder / WEIGHTS)))
        except (RuntimeError, SafetensorError) as error:
            raise unusable(WEIGHTS) from error
        side = config.preprocessing.size // network.encoder.stride
        if config.grid != (side, side):
            raise unusable(CONFIG, "its grid does not fit its size")
        return cls(network, device)

    def encode(self, pixels: NDArray[np.float32]) -> Encoding:
        with torch.inference_mode():
            parts = self.network.encode(torch.from_numpy(pixels).to(self.device))
        grid, keys, hidden, cell, features, classes = (part.cpu().numpy() for part in parts)
        return Encoding((grid, keys), (hidden, cell), features[0], classes[0])

    def step(
        self, tokens: NDArray[np.int64], memory: Arrays, state: Arrays
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Arrays]:
        tensors = (torch.from_numpy(part).to(self.device) for part in (tokens, *memory, *state))
        with torch.inference_mode():
            parts = self.network.step(*tensors)
        scores, weights, *after = (part.cpu().numpy() for part in parts)
        return scores, weights, tuple(after)
