"""What encoders of inverted residuals with folded batch norms have in common."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.networks.encoder_base import Encoder
from models.networks.same import SameConv2d

if TYPE_CHECKING:
    from collections.abc import Mapping


class InvertedResiduals(Encoder):
    """Layers called `first`, `blocks` of which some are `strided`, a `head` and a `classifier`.

    Batch norms are folded into the convolutions, as the weights are published: named
    "<layer>.weight|bias" in the order of the layers, the classifier last.
    """

    channels = 1280
    stride = 32
    classes = 1000
    first: tuple[str, ...] = ("stem",)
    blocks: nn.Sequential
    head: nn.Module
    classifier: nn.Linear

    def published_classifier(self, tensor: Tensor) -> Tensor:
        """The classifier's published weight or bias, (classes, …), as this one has it."""
        return tensor

    def stages(self) -> list[nn.ModuleList]:
        strided = [at for at, block in enumerate(self.blocks) if getattr(block, "strided", False)]
        cuts = [0, *strided, len(self.blocks)]
        groups = [list(self.blocks)[begin:end] for begin, end in pairwise(cuts)]
        groups[0] = [*(getattr(self, name) for name in self.first), *groups[0]]
        groups[-1] += [self.head, self.classifier]
        return [nn.ModuleList(group) for group in groups]

    def classify(self, features: Tensor) -> Tensor:
        logits: Tensor = self.classifier(features.mean((2, 3)))
        return logits

    def load_imagenet(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the starting weights. Raises ValueError on any mismatch."""
        modules = [m for m in self.modules() if isinstance(m, SameConv2d | nn.Linear)]
        layers = sorted({int(name.partition(".")[0]) for name in tensors})
        if len(layers) != len(modules):
            raise ValueError(f"expected {len(modules)} layers, found {len(layers)}")
        with torch.no_grad():
            for layer, module in zip(layers, modules, strict=True):
                for name, parameter in module.named_parameters():
                    tensor = tensors.get(f"{layer}.{name}")
                    if tensor is not None and module is self.classifier:
                        tensor = self.published_classifier(tensor)
                    if tensor is None or tensor.shape != parameter.shape:
                        raise ValueError(f"layer {layer}: its {name} does not fit")
                    parameter.copy_(tensor)
