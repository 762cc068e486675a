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

    def __post_init__(self) -> None:
        if not 0 < self.scale <= 1:
            raise ValueError("scale must be above 0 and at most 1")
        if not 1 <= self.stretch < float("inf"):
            raise ValueError("stretch must be at least 1")
        if not 0 <= self.colour <= 1:
            raise ValueError("colour must be from 0 to 1")

    def with_maps(
        self,
        pixels: Tensor,
        maps: Tensor,
        mirror: Tensor,
        rows: Tensor | slice = slice(None),
        size: int = 0,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `__call__`, for maps (B, K, h, w) over the pictures, too.

        → the pictures, the maps of what is left, and how much (B, K) is: 0..1 of a map's sum.
        """
        matrix = self._crops(len(mirror), mirror)[rows].to(pixels.device)
        cropped = _sampled(pixels.float(), matrix, size or pixels.shape[-1])
        left = _sampled(maps, matrix, maps.shape[-1], padding="zeros")
        area = (matrix[:, 0, 0] * matrix[:, 1, 1]).abs()
        share = left.sum((2, 3)) * area[:, None] / maps.sum((2, 3)).clamp(min=1e-6)
        return self._coloured(cropped, len(mirror), rows), left, share.clamp(max=1.0)

    def __call__(
        self, pixels: Tensor, mirror: Tensor, rows: Tensor | slice = slice(None), size: int = 0
    ) -> Tensor:
        """(B, 3, S, S) bytes and (B,) booleans → changed floats (B, 3, size, size), in 0..255.

        A batch at a time: one picture after the other took a fifth of the training. Uses
        torch's own random state, so a seed set before the step decides everything. With `rows`,
        the pixels are those rows only of a batch for all of which `mirror` is and is drawn.
        `size` 0 keeps theirs.
        """
        matrix = self._crops(len(mirror), mirror)[rows].to(pixels.device)
        cropped = _sampled(pixels.float(), matrix, size or pixels.shape[-1])
        return self._coloured(cropped, len(mirror), rows)

    def _crops(self, count: int, mirror: Tensor) -> Tensor:
        """Random crops (Szegedy et al. 2015, "Inception") as matrices (B, 2, 3)."""
        area = torch.empty(count).uniform_(self.scale, 1.0)
        limit = float(torch.tensor(self.stretch).log())
        ratio = torch.empty(count).uniform_(-limit, limit).exp()
        # shares of the picture's sides; affine_grid's coordinates run from -1 to 1
        width, height = ((area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1))
        across, down = ((torch.rand(count) * 2 - 1) * (1 - side) for side in (width, height))
        none = torch.zeros(count)
        return torch.stack(
            [torch.where(mirror, -width, width), none, across, none, height, down], 1
        ).view(-1, 2, 3)

    def _coloured(self, pixels: Tensor, count: int, rows: Tensor | slice) -> Tensor:
        brightness, contrast, saturation = (
            torch.empty(count, 1, 1, 1)
            .uniform_(1 - self.colour, 1 + self.colour)[rows]
            .to(pixels.device)
            for _ in range(3)
        )
        pixels = (pixels * brightness).clamp(0, 255)
        weights = torch.tensor(_GREY, device=pixels.device).view(1, 3, 1, 1)
        grey = (pixels * weights).sum(1, keepdim=True)
        pixels = (grey.mean((1, 2, 3), keepdim=True)).lerp(pixels, contrast).clamp(0, 255)
        return grey.lerp(pixels, saturation).clamp(0, 255)


def _sampled(values: Tensor, matrix: Tensor, size: int, padding: str = "border") -> Tensor:
    """(B, C, S, S) cut out by `matrix` (B, 2, 3) and resized to `size` a side."""
    grid = functional.affine_grid(matrix, [len(values), 1, size, size], align_corners=False)
    return functional.grid_sample(values, grid, padding_mode=padding, align_corners=False)
