"""What every encoder has in common: its interface, its stages, its starting weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from models.captioning.preprocess import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IMAGENET = "imagenet"


class Encoder(nn.Module):
    """Picture → grid of feature vectors: (B, 3, S, S) → (B, channels, h, w).

    A cell of the grid stands for about `stride` by `stride` pixels. `classes` is the number of
    ImageNet's classes that it can tell apart: 0 where it has no classifier. `preprocessing` is
    how the pictures were made ready that its published weights have seen.
    """

    channels: int
    stride: int
    classes = 0
    preprocessing = Preprocessing()

    def grid(self, size: int) -> tuple[int, int]:
        """(rows, columns) of the grid of a picture of `size` by `size` pixels."""
        return size // self.stride, size // self.stride

    def stages(self) -> list[nn.ModuleList]:
        """All layers from input to output, in groups that are fine-tuned together."""
        return [nn.ModuleList(self.children())]

    def trainable(self, count: int) -> list[nn.Parameter]:
        """The parameters of the last `count` stages (0: of all).

        Raises ValueError when there are not so many.
        """
        stages = self.stages()
        if not 0 <= count <= len(stages):
            raise ValueError(f"this encoder has {len(stages)} stages, not {count}")
        return [parameter for stage in stages[-count:] for parameter in stage.parameters()]

    def classify(self, features: Tensor) -> Tensor:
        """(B, C, h, w) features → (B, classes) logits of ImageNet's classes.

        Raises ValueError where there is no classifier.
        """
        raise ValueError("this encoder has no classifier: it cannot learn from classes")

    def load_imagenet(self, tensors: Mapping[str, Tensor]) -> None:
        """Take starting weights, named as they are published. Raises ValueError on a mismatch."""
        raise ValueError("this encoder knows no published weights: leave starting_weights empty")

    def download(self) -> dict[str, Tensor]:
        """Fetch the weights of the library that has the network, or find them in its cache.

        Raises ValueError where that cannot be.
        """
        raise ValueError(
            "this encoder's ImageNet weights cannot be downloaded: name a local file "
            "in starting_weights, and give its folder with --weights"
        )


def starting_tensors(encoder: Encoder, name: str, folder: Path | None) -> dict[str, Tensor]:
    """Starting weights as float32: "imagenet" is downloaded, anything else is a file in `folder`.

    Raises ValueError, with the cure, when they cannot be had.
    """
    if name == IMAGENET:
        tensors = encoder.download()
    elif folder is None:
        raise ValueError(f"the starting weights {name} are in no known folder: give --weights")
    else:
        tensors = read_weights(folder / name)
    return {name: value.float() for name, value in tensors.items()}


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict from .safetensors, or from .pth or .pt without running what is in it.

    Raises ValueError naming the file when it is missing or holds anything else.
    """
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ValueError(f"there are no starting weights at {path}")
    try:
        found = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"the starting weights {path} cannot be read: {error}") from error
    for wrapping in ("state_dict", "model"):  # checkpoints hold more than the weights
        if isinstance(found, dict) and isinstance(found.get(wrapping), dict):
            found = found[wrapping]
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise ValueError(f"the starting weights {path} are no table of tensors (a state dict)")
    return dict(found)
