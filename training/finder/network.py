"""The finder's network: what every cell of a screen is, and how far its picture reaches."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from pathlib import Path

CELL = 8  # pixels along a side of a cell
KINDS = 4


class Mix(nn.Module):
    """Depthwise separable convolution with a short cut (Howard et al. 2017; He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 5, stride: int = 1) -> None:
        super().__init__()
        self.filter = nn.Conv2d(inputs, inputs, kernel, stride, kernel // 2, groups=inputs,
                                bias=False)
        self.norm = nn.BatchNorm2d(inputs)
        self.project = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm_after = nn.BatchNorm2d(outputs)
        self.short = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm_after(self.project(functional.relu(self.norm(self.filter(x)))))
        return functional.relu(x + y if self.short else y)


class FinderNetwork(nn.Module):
    """A small U-net (Ronneberger et al. 2015) with the heads of FCOS (Tian et al. 2019).

    Pixels (B, 3, H, W) in 0..255, H and W multiples of 64 → class logits (B, 4, H/8, W/8), and
    the pixels from each cell's centre to the left, top, right and bottom of its picture,
    (B, 4, H/8, W/8). The stem looks at patches alone, like a block transform: that a photograph
    differs from text and controls shows in its finest grain.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 48, 80, 112)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 4, 4), nn.ReLU(),  # H/4
            nn.Conv2d(16, first, 2, 2, bias=False), nn.BatchNorm2d(first), nn.ReLU(),  # H/8
            Mix(first, first, kernel=3),
        )
        self.down = nn.ModuleList([
            nn.Sequential(Mix(first, second, stride=2), Mix(second, second)),  # H/16
            nn.Sequential(Mix(second, third, stride=2), *(Mix(third, third) for _ in range(2))),
            nn.Sequential(Mix(third, fourth, stride=2), *(Mix(fourth, fourth) for _ in range(3))),
        ])
        self.up = nn.ModuleList([nn.Conv2d(fourth, third, 1), nn.Conv2d(third, second, 1),
                                 nn.Conv2d(second, first, 1)])
        self.join = nn.ModuleList([Mix(third, third), Mix(second, second), Mix(first, first)])
        self.head = nn.Sequential(nn.Conv2d(first, 48, 1), nn.ReLU(),
                                  nn.Conv2d(48, KINDS + 4, 1))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return self.read(self.stem(pixels / 127.5 - 1))

    def read(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """All after the stem, whose answer is `cells`."""
        levels = [cells]
        for stage in self.down:
            levels.append(stage(levels[-1]))
        x = levels.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = functional.interpolate(up(x), scale_factor=2.0, mode="nearest")
            x = join(x + levels.pop())
        answer = self.head(x).float()
        # logarithmic: a pixel matters more to a near side than to a far one
        reach = CELL * torch.expm1(functional.softplus(answer[:, KINDS:]).clamp(max=6.0))
        return answer[:, :KINDS], reach


_STRIPS = 8


class _Exported(nn.Module):
    """(1, H, W, 3) uint8 → probabilities and sides, as `models.finder` wants them.

    The patches of the stem do not overlap, so strips of a screen go through it one by one: at
    full size a screen is 25 MB as float32, a strip is 3. Their range is part of the first weights.
    """

    def __init__(self, network: FinderNetwork) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval()
        self.patches, self.cells = self.network.stem[:5], self.network.stem[5:]
        first = self.patches[0]
        if not isinstance(first, nn.Conv2d) or first.bias is None:
            raise TypeError("the stem must begin with a convolution")
        with torch.no_grad():
            first.bias -= first.weight.sum((1, 2, 3))
            first.weight /= 127.5

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        images, height, width, channels = pixels.shape
        strips = pixels.permute(0, 3, 1, 2).reshape(images, channels, _STRIPS,
                                                    height // _STRIPS, width)
        seen = [self.patches(strips[:, :, n].float()) for n in range(_STRIPS)]
        logits, reach = self.network.read(self.cells(torch.cat(seen, 2)))
        return logits.softmax(1), reach


def export(network: FinderNetwork, path: Path) -> None:
    """Write the ONNX graph for screens of any size (multiples of 64)."""
    pixels = torch.zeros(1, 128, 192, 3, dtype=torch.uint8)
    height, width = torch.export.Dim("rows", min=1, max=256), torch.export.Dim("columns", min=1,
                                                                              max=256)
    torch.onnx.export(_Exported(network).eval(), (pixels,), path, dynamo=True, verbose=False,
                      external_data=False, input_names=["pixels"],
                      output_names=["kinds", "sides"],
                      dynamic_shapes=({1: 64 * height, 2: 64 * width},))
