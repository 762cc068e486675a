"""EfficientNet-Lite3: the library's network without its norms, and its starting weights."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from models.networks.efficientnet import EfficientNetLite3, MBConv
from models.networks.same import SameConv2d

if TYPE_CHECKING:
    from collections.abc import Callable

LAYERS = 74  # the stem, 2 + 23 * 3 of the blocks, the head, the classifier


@functools.cache
def library() -> nn.Module:
    """timm's network, with statistics in its norms that are not the identity."""
    from timm import create_model

    torch.manual_seed(6)
    network = create_model("tf_efficientnet_lite3", pretrained=False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


def folded(network: nn.Module) -> dict[str, Tensor]:
    """Its weights as they are published: each norm folded into its convolution; additions of
    residuals have numbers, too, and so there are gaps between those of the layers."""
    layers = [
        module
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.Linear)
    ]
    tensors = {}
    for number, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d):
            norm = layers[number + 1]
            assert isinstance(norm, nn.BatchNorm2d)
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            tensors[f"{number}.weight"] = (layer.weight * scale[:, None, None, None]).detach()
            tensors[f"{number}.bias"] = (norm.bias - norm.running_mean * scale).detach()
        elif isinstance(layer, nn.Linear):
            tensors[f"{number}.weight"] = layer.weight.detach()
            tensors[f"{number}.bias"] = layer.bias.detach()
    return tensors


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return folded(library())


@pytest.fixture(scope="module")
def encoder(tensors: dict[str, Tensor]) -> EfficientNetLite3:
    made = EfficientNetLite3()
    made.load_imagenet(tensors)
    return made.eval()


def test_it_is_the_librarys_network(encoder: EfficientNetLite3) -> None:
    torch.manual_seed(1)
    pixels = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        grid = encoder(pixels)
        wanted, found = library()(pixels), encoder.classify(grid)
    assert grid.shape == (2, 1280, 2, 2)
    assert grid.min() >= 0
    assert grid.max() <= 6  # ReLU6
    assert torch.allclose(found, wanted, atol=1e-4 * float(wanted.abs().max()))


def test_it_has_as_many_layers_as_the_paper_says(encoder: EfficientNetLite3) -> None:
    layers = [each for each in encoder.modules() if isinstance(each, SameConv2d | nn.Linear)]
    assert len(layers) == LAYERS
    assert sum(map(torch.Tensor.numel, encoder.parameters())) == pytest.approx(8.2e6, rel=0.01)


def test_stages_begin_where_the_grid_gets_smaller(encoder: EfficientNetLite3) -> None:
    stages = encoder.stages()
    assert len(stages) == 5
    assert stages[0][0] is encoder.stem
    assert list(stages[-1])[-2:] == [encoder.head, encoder.classifier]
    for stage in stages[1:]:
        assert isinstance(stage[0], MBConv)
        assert [block.strided for block in stage if isinstance(block, MBConv)].count(True) == 1
        assert stage[0].strided
    inside = [id(each) for stage in stages for each in stage.parameters()]
    assert sorted(inside) == sorted(id(each) for each in encoder.parameters())


@pytest.mark.parametrize(("size", "side"), [(64, 2), (192, 6), (256, 8)])
def test_a_cell_stands_for_32_pixels(size: int, side: int) -> None:
    with torch.device("meta"):
        network = EfficientNetLite3().eval()
        grid = network(torch.zeros(1, 3, size, size, device="meta"))
    assert grid.shape[2:] == network.grid(size) == (side, side)


def first(tensors: dict[str, Tensor], place: int) -> int:
    """The number of a layer by its place."""
    return sorted({int(name.partition(".")[0]) for name in tensors})[place]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda t: t.pop("0.bias"), "layer 0: its bias does not fit"),
        (lambda t: t.update({"0.weight": t["0.weight"][:, :1]}), "layer 0: its weight"),
        (lambda t: t.update({f"{first(t, -1)}.bias": torch.zeros(1001)}), r"layer \d+: its bias"),
        (lambda t: (t.pop("0.bias"), t.pop("0.weight")), "expected 74 layers, found 73"),
        (lambda t: t.update({"900.weight": torch.zeros(1)}), "expected 74 layers, found 75"),
        (lambda t: t.clear(), "found 0"),
    ],
)
def test_wrong_starting_weights_are_refused(
    tensors: dict[str, Tensor], spoil: Callable[[dict[str, Tensor]], object], complaint: str
) -> None:
    spoilt = dict(tensors)
    spoil(spoilt)
    with pytest.raises(ValueError, match=complaint):
        EfficientNetLite3().load_imagenet(spoilt)
