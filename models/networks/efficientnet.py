"""EfficientNet-Lite3, an encoder that tells everyday things apart at a small encoder's cost."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from models.captioning.preprocess import Preprocessing
from models.networks.inverted_residuals import InvertedResiduals
from models.networks.same import SameConv2d

# expansion, channels, layers, kernel, stride: table 1 of Tan and Le 2019 at the width and the
# depth of B3; the Lite series leaves the first and the last stage as deep as B0's
_STAGES = (
    (1, 24, 1, 3, 1),
    (6, 32, 3, 3, 2),
    (6, 48, 3, 5, 2),
    (6, 96, 5, 3, 2),
    (6, 136, 5, 5, 1),
    (6, 232, 6, 5, 2),
    (6, 384, 1, 3, 1),
)


class MBConv(nn.Module):
    """Inverted residual with ReLU6 (Sandler et al. 2018), without squeeze and excitation."""

    def __init__(
        self, inputs: int, outputs: int, *, expansion: int, kernel: int, stride: int
    ) -> None:
        super().__init__()
        middle = inputs * expansion
        layers = [SameConv2d(inputs, middle, 1, 1, 1)] if expansion > 1 else []
        layers.append(SameConv2d(middle, middle, kernel, stride, middle))
        self.layers = nn.ModuleList(layers)
        self.project = SameConv2d(middle, outputs, 1, 1, 1)
        self.strided = stride > 1
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in self.layers:
            y = functional.relu6(layer(y))
        projected: Tensor = self.project(y)
        return x + projected if self.residual else projected


class EfficientNetLite3(InvertedResiduals):
    """EfficientNet-Lite3 (Tan and Le 2019, "EfficientNet"; the Lite series of 2020).

    (B, 3, S, S) as (x - 127) / 128 → (B, 1280, S / 32, S / 32). No batch norm: the published
    weights have it folded in.
    """

    preprocessing = Preprocessing(size=280, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, 32, 3, 2, 1)
        blocks, inputs = [], 32
        for expansion, outputs, depth, kernel, stride in _STAGES:
            for layer in range(depth):
                blocks.append(
                    MBConv(
                        inputs,
                        outputs,
                        expansion=expansion,
                        kernel=kernel,
                        stride=1 if layer else stride,
                    )
                )
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = SameConv2d(inputs, self.channels, 1, 1, 1)
        self.classifier = nn.Linear(self.channels, self.classes)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu6(self.head(self.blocks(functional.relu6(self.stem(x)))))
