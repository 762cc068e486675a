"""Pictures changed in ways that leave their captions true."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_GREY = (0.299, 0.587, 0.114)  # the weights of ITU-R BT.601


@dataclass(frozen=True, slots=True)
class Augmentation:
    """`scale`: least area kept by a crop; `stretch`: most change of the aspect ratio;
    `colour`: most change of brightness, contrast and saturation."""

    scale: float = 0.6
    stretch: float = 1.5
    colour: float = 0.25

    def __call__(
        self, pixels: Tensor, mirror: Tensor, rows: Tensor | slice = slice(None), size: int = 0
    ) -> Tensor:
        """(B, 3, S, S) bytes and (B,) booleans → changed floats (B, 3, size, size), in 0..255.

        A batch at a time: one picture after the other took a fifth of the training. Uses
        torch's own random state, so a seed set before the step decides everything. With `rows`,
        the pixels are those rows only of a batch for all of which `mirror` is and is drawn.
        `size` 0 keeps theirs.
        """
        cropped = self._cropped(pixels.float(), mirror, rows, size or pixels.shape[-1])
        return self._coloured(cropped, len(mirror), rows)

    def _cropped(
        self, pixels: Tensor, mirror: Tensor, rows: Tensor | slice, size: int
    ) -> Tensor:
        """Random crops (Szegedy et al. 2015, "Inception"), resized to `size` pixels a side."""
        count = len(mirror)
        area = torch.empty(count).uniform_(self.scale, 1.0)
        limit = float(torch.tensor(self.stretch).log())
        ratio = torch.empty(count).uniform_(-limit, limit).exp()
        # shares of the picture's sides; affine_grid's coordinates run from -1 to 1
        width, height = ((area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1))
        across, down = ((torch.rand(count) * 2 - 1) * (1 - side) for side in (width, height))
        none = torch.zeros(count)
        matrix = torch.stack([torch.where(mirror, -width, width), none, across,
                              none, height, down], 1).view(-1, 2, 3)
        matrix = matrix[rows].to(pixels.device)
        grid = functional.affine_grid(matrix, [len(pixels), 3, size, size], align_corners=False)
        return functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)

    def _coloured(self, pixels: Tensor, count: int, rows: Tensor | slice) -> Tensor:
        brightness, contrast, saturation = (
            torch.empty(count, 1, 1, 1).uniform_(1 - self.colour, 1 + self.colour)[rows]
            .to(pixels.device) for _ in range(3))
        pixels = (pixels * brightness).clamp(0, 255)
        weights = torch.tensor(_GREY, device=pixels.device).view(1, 3, 1, 1)
        grey = (pixels * weights).sum(1, keepdim=True)
        pixels = (grey.mean((1, 2, 3), keepdim=True)).lerp(pixels, contrast).clamp(0, 255)
        return grey.lerp(pixels, saturation).clamp(0, 255)
