"""MobileNet-EdgeTPU, the encoder of the recipes before `everyday`."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from models.networks.inverted_residuals import InvertedResiduals
from models.networks.same import SameConv2d


class Block(nn.Module):
    """Inverted residual (Sandler et al. 2018): expand, filter, project without activation.

    `fused` joins expansion and filter in one plain convolution, as MobileNet-EdgeTPU does
    in its early stages. The input is added where stride and channels allow it.
    """

    def __init__(
        self,
        inputs: int,
        middle: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        fused: bool = False,
        residual: bool = True,
    ) -> None:
        super().__init__()
        if fused:
            self.layers = nn.ModuleList([SameConv2d(inputs, middle, kernel, stride, 1)])
        else:
            self.layers = nn.ModuleList(
                [
                    SameConv2d(inputs, middle, 1, 1, 1),
                    SameConv2d(middle, middle, kernel, stride, middle),
                ]
            )
        self.project = SameConv2d(middle, outputs, 1, 1, 1)
        self.strided = stride > 1
        self.residual = residual and stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in self.layers:
            y = functional.relu(layer(y))
        projected: Tensor = self.project(y)
        return x + projected if self.residual else projected


class MobileNetEdgeTPU(InvertedResiduals):
    """MobileNet-EdgeTPU 1.0 (Xiong et al. 2021, MobileDets).

    (B, 3, S, S) in [-1, 1] → (B, 1280, S / 32, S / 32). No batch norm: the published
    weights have it folded in.
    """

    first = ("stem", "narrow")

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, 32, 3, 2, 1)
        self.narrow = SameConv2d(32, 16, 1, 1, 1)
        blocks = [Block(16, 128, 32, stride=2, fused=True)]
        blocks += [Block(32, 128, 32, fused=True) for _ in range(3)]
        blocks += [Block(32, 256, 48, stride=2, fused=True)]
        blocks += [Block(48, 192, 48, fused=True) for _ in range(3)]
        blocks += [Block(48, 384, 96, stride=2)]
        blocks += [Block(96, 384, 96) for _ in range(3)]
        blocks += [Block(96, 768, 96, residual=False)]
        blocks += [Block(96, 384, 96) for _ in range(3)]
        blocks += [Block(96, 768, 160, kernel=5, stride=2)]
        blocks += [Block(160, 640, 160, kernel=5) for _ in range(3)]
        blocks += [Block(160, 1280, 192)]
        self.blocks = nn.Sequential(*blocks)
        self.head = SameConv2d(192, self.channels, 1, 1, 1)
        self.classifier = nn.Linear(self.channels, self.classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.narrow(functional.relu(self.stem(x)))
        return functional.relu(self.head(self.blocks(x)))

    def published_classifier(self, tensor: Tensor) -> Tensor:
        """It is a 1 by 1 convolution, and its first class, the background, is left out."""
        return tensor.reshape(len(tensor), -1)[1:] if tensor.ndim > 1 else tensor[1:]
