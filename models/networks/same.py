"""Convolutions that pad as TensorFlow does."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding, for even sizes.

    Of the k - stride padded cells the odd one goes right and below, which is where
    torchvision's symmetric padding differs and loses accuracy with these weights.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int,
        groups: int,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=bias)
        total = kernel - stride if stride > 1 else kernel - 1
        before = total // 2
        self.pads = (before, total - before) * 2

    def forward(self, x: Tensor) -> Tensor:
        before, after = self.pads[:2]
        if self.groups > 1 and self.training and (before != after or self.kernel_size[0] > 3):
            # the gradients of these kinds in bfloat16 take most of the time of a training step
            with torch.autocast(x.device.type, enabled=False):
                return self._padded(x.float())
        return self._padded(x)

    def _padded(self, x: Tensor) -> Tensor:
        before, after = self.pads[:2]
        if before == after:  # the convolution pads as it reads: no copy
            return functional.conv2d(
                x, self.weight, self.bias, self.stride, before, self.dilation, self.groups
            )
        return super().forward(functional.pad(x, self.pads))
