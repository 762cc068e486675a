"""The classic encoders, as torchvision and timm have them; their weights keep their names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.captioning.preprocess import Preprocessing
from models.networks.encoder_base import Encoder
from models.networks.same import SameConv2d

if TYPE_CHECKING:
    from collections.abc import Mapping

_STANDARD = Preprocessing(224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_LARGE = Preprocessing(299, interpolation="bicubic")


class FixedNorm(nn.Module):
    """Batch norm whose statistics stay those of the starting weights.

    A batch here is small, its moving statistics would differ between processes, and the weights
    that are evaluated are averages. Scale and shift learn. Random starting weights have the
    identity.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return functional.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training=False,
            eps=self.eps,
        )


class Published(Encoder, ABC):
    """Layers of a library's network, from input to output.

    `trunk` names them stage by stage; `head` is the linear classifier, "" for none; `weights`
    is the library's name of the weights.
    """

    trunk: tuple[tuple[str, ...], ...]
    head = ""
    weights: str

    def __init__(self) -> None:
        super().__init__()
        with torch.device("meta"):  # most of VGG's 138 million numbers are in a head left out
            network = self._build()
        first = {name.partition(".")[0] for stage in self.trunk for name in stage}
        for name, child in network.named_children():
            if name in first or (self.head and name == self.head.partition(".")[0]):
                self.add_module(name, child)
        self.to_empty(device="cpu")
        self._begin()

    @abstractmethod
    def _build(self) -> nn.Module:
        """The library's network, without weights."""

    def _begin(self) -> None:
        """Random weights that keep the size of what they pass on (He et al. 2015)."""
        for module in list(self.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.BatchNorm2d):
                    module.add_module(name, FixedNorm(child.num_features, child.eps))
                elif isinstance(child, nn.Conv2d):
                    nn.init.kaiming_normal_(child.weight, nonlinearity="relu")
                    if child.bias is not None:
                        nn.init.zeros_(child.bias)
                elif isinstance(child, nn.Linear):
                    child.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.trunk:
            for name in stage:
                x = self.get_submodule(name)(x)
        return x

    def stages(self) -> list[nn.ModuleList]:
        stages = [nn.ModuleList(self.get_submodule(name) for name in stage) for stage in self.trunk]
        if self.head:
            stages[-1].append(self.get_submodule(self.head))
        return stages

    def classify(self, features: Tensor) -> Tensor:
        if not self.head:
            return super().classify(features)
        logits: Tensor = self.get_submodule(self.head)(features.mean((2, 3)))
        return logits

    def load_imagenet(self, tensors: Mapping[str, Tensor]) -> None:
        """Raises ValueError when one is missing or of another shape; what the library's network
        has besides is left out."""
        wanted = self.state_dict()
        wrong = [
            name
            for name, value in wanted.items()
            if name not in tensors or tensors[name].shape != value.shape
        ]
        if wrong:
            raise ValueError(
                f"{len(wrong)} of the starting weights are missing or do not fit "
                f"{type(self).__name__}, {wrong[0]} among them"
            )
        self.load_state_dict({name: tensors[name] for name in wanted})

    def download(self) -> dict[str, Tensor]:
        try:
            return self._fetch()
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"the ImageNet weights of {type(self).__name__} cannot be downloaded ({error}): "
                "put a local file of them (a state dict, .safetensors or .pth) in a folder, give "
                "it with --weights, and name the file in starting_weights"
            ) from error

    def _fetch(self) -> dict[str, Tensor]:
        from torchvision.models import get_weight

        found: dict[str, Tensor] = get_weight(self.weights).get_state_dict(
            progress=True, check_hash=True
        )
        return found


class VGG16(Published):
    """VGG-16 (Simonyan and Zisserman 2015): 14 x 14 cells of a picture of 224.

    As in Xu et al. 2015, the last pooling is left out, and its three dense layers with it.
    """

    channels, stride = 512, 16
    preprocessing = _STANDARD
    trunk = tuple(
        tuple(f"features.{n}" for n in range(*ends))
        for ends in ((0, 5), (5, 10), (10, 17), (17, 24), (24, 30))
    )
    weights = "VGG16_Weights.IMAGENET1K_V1"

    def _build(self) -> nn.Module:
        from torchvision.models import vgg16

        network: nn.Module = vgg16(init_weights=False)
        return network


class ResNet50(Published):
    """ResNet-50 (He et al. 2016): 7 x 7 cells of a picture of 224."""

    channels, stride, classes = 2048, 32, 1000
    preprocessing = _STANDARD
    trunk = (
        ("conv1", "bn1", "relu", "maxpool"),
        ("layer1",),
        ("layer2",),
        ("layer3",),
        ("layer4",),
    )
    head = "fc"
    weights = "ResNet50_Weights.IMAGENET1K_V1"
    builder = "resnet50"

    def _build(self) -> nn.Module:
        from torchvision.models import get_model

        network: nn.Module = get_model(self.builder)
        return network

    def grid(self, size: int) -> tuple[int, int]:
        return -(-size // 32), -(-size // 32)


class ResNet101(ResNet50):
    """ResNet-101 (He et al. 2016): 7 x 7 cells of a picture of 224."""

    weights = "ResNet101_Weights.IMAGENET1K_V1"
    builder = "resnet101"


class InceptionV3(Published):
    """Inception v3 (Szegedy et al. 2016): 8 x 8 cells of a picture of 299, of 75 at least."""

    channels, stride, classes = 2048, 32, 1000
    preprocessing = _LARGE
    trunk = (
        ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1"),
        ("Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"),
        ("Mixed_5b", "Mixed_5c", "Mixed_5d"),
        ("Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
        ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
    )
    head = "fc"
    weights = "Inception_V3_Weights.IMAGENET1K_V1"

    def _build(self) -> nn.Module:
        from torchvision.models import inception_v3

        network: nn.Module = inception_v3(init_weights=False, aux_logits=False)
        return network

    def grid(self, size: int) -> tuple[int, int]:
        side = (size - 3) // 2 + 1 - 2  # nothing is padded where it halves
        side = ((side - 3) // 2 + 1 - 2 - 3) // 2 + 1
        side = ((side - 3) // 2 + 1 - 3) // 2 + 1
        return side, side


class Xception(Published):
    """Xception (Chollet 2017), from timm: 10 x 10 cells of a picture of 299."""

    channels, stride, classes = 2048, 32, 1000
    preprocessing = _LARGE
    trunk = (
        ("conv1", "bn1", "act1", "conv2", "bn2", "act2"),
        ("block1", "block2", "block3"),
        tuple(f"block{number}" for number in range(4, 12)),
        ("block12", "conv3", "bn3", "act3", "conv4", "bn4", "act4"),
    )
    head = "fc"
    weights = "legacy_xception.tf_in1k"

    def _build(self) -> nn.Module:
        from timm import create_model

        return create_model(self.weights, pretrained=False)

    def _fetch(self) -> dict[str, Tensor]:
        from timm import create_model

        return dict(create_model(self.weights, pretrained=True).state_dict())

    def grid(self, size: int) -> tuple[int, int]:
        side = (size - 3) // 2 + 1 - 2
        for _ in range(4):
            side = (side - 1) // 2 + 1
        return side, side


class MobileNetV2(Published):
    """MobileNetV2 (Sandler et al. 2018): 7 x 7 cells of a picture of 224.

    `padding` is that of the strided convolutions, as the starting weights know it: "same" is
    TensorFlow's, of a picture scaled to [-1, 1]; "symmetric" torchvision's, with its own means.
    """

    channels, stride, classes = 1280, 32, 1000
    trunk = tuple(
        tuple(f"features.{n}" for n in range(*ends))
        for ends in ((0, 2), (2, 4), (4, 7), (7, 14), (14, 19))
    )
    head = "classifier.1"
    weights = "MobileNet_V2_Weights.IMAGENET1K_V1"

    def __init__(self, padding: Literal["same", "symmetric"] = "same") -> None:
        if padding not in ("same", "symmetric"):
            raise ValueError(f"unknown padding {padding!r}; known: same, symmetric")
        self.same = padding == "same"
        super().__init__()
        if not self.same:
            self.preprocessing = _STANDARD

    def _build(self) -> nn.Module:
        from torchvision.models import mobilenet_v2

        network: nn.Module = mobilenet_v2()
        for module in list(network.modules()):
            for name, child in list(module.named_children()):
                if self.same and isinstance(child, nn.Conv2d) and child.stride == (2, 2):
                    module.add_module(
                        name,
                        SameConv2d(
                            child.in_channels, child.out_channels, 3, 2, child.groups, bias=False
                        ),
                    )
        return network

    def _fetch(self) -> dict[str, Tensor]:
        if self.same:
            raise ValueError(
                "torchvision's MobileNetV2 pads symmetrically: set encoder_options = "
                '{ padding = "symmetric" } in the recipe\'s architecture'
            )
        return super()._fetch()


def published() -> dict[str, Any]:
    """The encoders of this module by their names in recipes."""
    return {
        "vgg16": VGG16,
        "inception_v3": InceptionV3,
        "xception": Xception,
        "resnet50": ResNet50,
        "resnet101": ResNet101,
        "mobilenet_v2": MobileNetV2,
    }
