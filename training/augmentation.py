"""Pictures changed in ways that leave their captions true."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional


@dataclass(frozen=True, slots=True)
class Augmentation:
    """`scale`: least area kept by a crop; `stretch`: most change of the aspect ratio;
    `colour`: most change of brightness, contrast and saturation."""

    scale: float = 0.6
    stretch: float = 1.5
    colour: float = 0.25

    def __call__(self, pixels: Tensor, mirror: Tensor) -> Tensor:
        """(B, 3, S, S) bytes and (B,) booleans → changed bytes of the same shape.

        Uses torch's own random state, so a seed set before the step decides everything.
        """
        size = list(pixels.shape[-2:])
        crop = v2.RandomResizedCrop(
            size, scale=(self.scale, 1.0), ratio=(1 / self.stretch, self.stretch), antialias=True
        )
        jitter = v2.ColorJitter(self.colour, self.colour, self.colour)
        changed = []
        for picture, flip in zip(pixels, mirror.tolist(), strict=True):
            view = functional.horizontal_flip(picture) if flip else picture
            changed.append(jitter(crop(view)))
        return torch.stack(changed)
