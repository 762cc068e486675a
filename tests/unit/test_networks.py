"""Encoders and decoders: shapes, padding, starting weights, gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.networks.attention import AdditiveAttention
from models.networks.captioners import CaptioningNetwork
from models.networks.decoders import DECODERS, Committee, Decoder, SoftAttentionLSTM
from models.networks.encoders import ENCODERS, MobileNetEdgeTPU, SameConv2d
from tests.bundles import ARCHITECTURE, random_network

if TYPE_CHECKING:
    from collections.abc import Callable


def ones(kernel: int, stride: int) -> SameConv2d:
    """A convolution that sums its window."""
    layer = SameConv2d(1, 1, kernel, stride, 1)
    with torch.no_grad():
        layer.weight.fill_(1)
        layer.bias.zero_()
    return layer


@pytest.mark.parametrize(
    ("kernel", "row"),  # of the input row 1 2 4 8 16 32, by hand
    [
        (3, [1 + 2 + 4, 4 + 8 + 16, 16 + 32 + 0]),  # nothing on the left, one on the right
        (5, [0 + 1 + 2 + 4 + 8, 2 + 4 + 8 + 16 + 32, 8 + 16 + 32 + 0 + 0]),  # one, two
    ],
)
def test_the_odd_cell_of_same_padding_goes_right_and_below(kernel: int, row: list[int]) -> None:
    line = torch.tensor([1.0, 2, 4, 8, 16, 32])
    layer = ones(kernel, stride=2)
    across = torch.zeros(1, 1, 6, 6)
    across[0, 0, 2] = line  # one row: windows overlap it without seeing a second
    assert layer(across)[0, 0, 1].tolist() == row
    down = across.transpose(2, 3)
    assert layer(down)[0, 0, :, 1].tolist() == row


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_same_padding_is_the_plain_one_without_stride(kernel: int) -> None:
    torch.manual_seed(1)
    layer = SameConv2d(4, 6, kernel, 1, 2)
    x = torch.randn(2, 4, 8, 8)
    plain = functional.conv2d(x, layer.weight, layer.bias, padding=kernel // 2, groups=2)
    assert torch.allclose(layer(x), plain, atol=1e-6)


@pytest.mark.parametrize("name", sorted(ENCODERS))
@pytest.mark.parametrize("size", [64, 96])
def test_an_encoder_gives_the_grid_that_it_promises(name: str, size: int) -> None:
    encoder = ENCODERS[name]()
    with torch.inference_mode():
        grid = encoder(torch.zeros(2, 3, size, size))
    assert grid.shape == (2, encoder.channels, size // encoder.stride, size // encoder.stride)


def test_the_mobile_encoder_has_1280_channels_at_a_32nd() -> None:
    assert (MobileNetEdgeTPU.channels, MobileNetEdgeTPU.stride) == (1280, 32)


def published(encoder: MobileNetEdgeTPU) -> dict[str, Tensor]:
    """What a file of starting weights holds; the classifier's first class is the background."""
    torch.manual_seed(7)
    layers = [m for m in encoder.modules() if isinstance(m, SameConv2d)]
    tensors = {}
    for number, layer in enumerate(layers):
        tensors[f"{number}.weight"] = torch.randn_like(layer.weight)
        tensors[f"{number}.bias"] = torch.randn(len(layer.weight))
    last = len(layers)
    return tensors | {f"{last}.weight": torch.randn(1001, 1280, 1, 1),
                      f"{last}.bias": torch.randn(1001)}


def test_starting_weights_are_taken_in_order() -> None:
    encoder = MobileNetEdgeTPU()
    tensors = published(encoder)
    encoder.load_imagenet(tensors)
    layers = [m for m in encoder.modules() if isinstance(m, SameConv2d)]
    assert layers[0] is encoder.stem
    assert layers[-1] is encoder.head
    for number, layer in enumerate(layers):
        assert torch.equal(layer.weight, tensors[f"{number}.weight"])
        assert torch.equal(layer.bias, tensors[f"{number}.bias"])
    last = len(layers)
    assert torch.equal(encoder.classifier.weight, tensors[f"{last}.weight"][1:, :, 0, 0])
    assert torch.equal(encoder.classifier.bias, tensors[f"{last}.bias"][1:])


def test_classes_are_told_from_the_mean_of_the_grid() -> None:
    encoder = MobileNetEdgeTPU()
    features = torch.randn(2, 1280, 3, 2)
    wanted = encoder.classifier(features.flatten(2).mean(-1))
    assert encoder.classify(features).shape == (2, encoder.classes)
    assert torch.allclose(encoder.classify(features), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda t: t.pop("12.bias"), "layer 12: its bias"),
        (lambda t: t.update({"12.bias": torch.zeros(1)}), "layer 12: its bias"),
        (lambda t: t.update({"3.weight": t["5.weight"][:, :1]}), "layer 3: its weight"),
        (lambda t: (t.pop("4.bias"), t.pop("4.weight")), "layers, found"),
        (lambda t: t.update({"58.weight": torch.zeros(1000, 1280, 1, 1)}), "layer 58: its weight"),
        (lambda t: t.update({"900.weight": torch.zeros(1)}), "layers, found"),
        (lambda t: t.clear(), "layers, found 0"),
    ],
)
def test_wrong_starting_weights_are_refused(
    spoil: Callable[[dict[str, Tensor]], object], complaint: str
) -> None:
    encoder = MobileNetEdgeTPU()
    tensors = published(encoder)
    spoil(tensors)
    with pytest.raises(ValueError, match=complaint):
        encoder.load_imagenet(tensors)


def test_attention_is_a_share_of_the_grid_that_all_captions_share() -> None:
    torch.manual_seed(1)
    attention = AdditiveAttention(grid=6, hidden=5, size=4)
    grid, hidden = torch.randn(3, 7, 6), torch.randn(3, 2, 5) * 9
    context, weights = attention(grid, attention.key(grid), hidden)
    assert weights.shape == (3, 2, 7)
    assert weights.min() >= 0
    assert torch.allclose(weights.sum(-1), torch.ones(3, 2))
    wanted = sum(weights[:, :, i, None] * grid[:, None, i] for i in range(7))
    assert torch.allclose(context, wanted, atol=1e-6)


SMALL = {"channels": 10, "words": 9, "grid": 8, "hidden": 7, "embedding": 6, "attention": 5}


def step_by_step(decoder: Decoder, features: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    memory, first = decoder.begin(features)
    state = tuple(part.expand(-1, tokens.shape[1], *part.shape[2:]) for part in first)
    scores, attention = [], []
    for last in tokens[..., :-1].unbind(2):
        logits, weights, state = decoder.step(last, memory, state)
        scores.append(logits)
        attention.append(weights)
    return torch.stack(scores, 2), torch.stack(attention, 2)


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_teacher_forcing_is_the_same_as_step_by_step(name: str) -> None:
    torch.manual_seed(1)
    decoder = DECODERS[name](**SMALL).eval()
    features, tokens = torch.randn(2, 10, 3, 3), torch.randint(0, 9, (2, 4, 6))
    logits, attention = decoder(features, tokens)
    if isinstance(decoder, Committee):  # the next word's probability is the mean of the members'
        assert logits.shape == (2, 2, 4, 5, 9)
        logits, attention = logits.softmax(-1).mean(0).log(), attention.mean(0)
    assert logits.shape == (2, 4, 5, 9)
    assert attention.shape == (2, 4, 5, 9)
    assert torch.allclose(attention.sum(-1), torch.ones(2, 4, 5))
    scores, weights = step_by_step(decoder, features, tokens)
    assert torch.allclose(scores.log_softmax(-1), logits.log_softmax(-1), atol=1e-5)
    assert torch.allclose(weights, attention, atol=1e-5)


def test_a_committee_is_its_members() -> None:
    torch.manual_seed(1)
    committee = Committee(members=3, **SMALL).eval()
    features, tokens = torch.randn(2, 10, 3, 3), torch.randint(0, 9, (2, 4, 6))
    together, _ = step_by_step(committee, features, tokens)
    each = [step_by_step(member, features, tokens)[0].softmax(-1) for member in committee.members]
    assert len(committee.speakers()) == 3
    assert not torch.allclose(each[0], each[1], atol=1e-3)
    assert torch.allclose(together.exp(), torch.stack(each).mean(0), atol=1e-6)
    assert torch.allclose(together.exp().sum(-1), torch.ones(2, 4, 5))


def test_a_committee_of_one_is_that_one() -> None:
    torch.manual_seed(1)
    committee = Committee(members=1, **SMALL).eval()
    features, tokens = torch.randn(2, 10, 3, 3), torch.randint(0, 9, (2, 4, 6))
    alone, attention = step_by_step(committee.speakers()[0], features, tokens)
    scores, weights = step_by_step(committee, features, tokens)
    assert torch.allclose(scores, alone.log_softmax(-1), atol=1e-6)
    assert torch.equal(weights, attention)


@pytest.mark.parametrize("decoder", sorted(DECODERS))
def test_what_the_engines_ask_for_is_one_picture_with_several_hypotheses(decoder: str) -> None:
    torch.manual_seed(1)
    network = CaptioningNetwork({**ARCHITECTURE, "decoder": decoder}, words=9).eval()
    with torch.inference_mode():
        memory, state, features, classes = network.encode(torch.rand(1, 3, 64, 64))
        assert features.shape == (1, 1280)
        assert classes.shape == (1, 1000)
        assert torch.allclose(classes.sum(), torch.ones(()))
        assert {len(part) for part in (*memory, *state)} == {1}
        three = tuple(torch.cat([part] * 3) for part in state)
        scores, weights, after = network.step(torch.tensor([1, 1, 5]), memory, three)
    assert scores.shape == (3, 9)
    assert torch.allclose(scores.exp().sum(-1), torch.ones(3))
    assert weights.shape == (3, 4)
    assert torch.equal(scores[0], scores[1])
    assert not torch.allclose(scores[0], scores[2])
    assert [part.shape[1:] for part in after] == [part.shape[1:] for part in state]


def test_a_word_does_not_see_the_words_after_it() -> None:
    torch.manual_seed(1)
    decoder = SoftAttentionLSTM(channels=4, words=9, grid=8, hidden=8, embedding=8, attention=8)
    decoder.eval()
    features, tokens = torch.randn(1, 4, 2, 2), torch.tensor([[[1, 4, 5, 6, 2]]])
    changed = tokens.clone()
    changed[..., 3] = 8
    before, after = decoder(features, tokens)[0], decoder(features, changed)[0]
    assert torch.equal(before[:, :, :3], after[:, :, :3])
    assert not torch.allclose(before[:, :, 3], after[:, :, 3])


@pytest.mark.parametrize("decoder", sorted(DECODERS))
def test_gradients_reach_every_parameter(decoder: str) -> None:
    network = random_network(words=9).train()
    network.decoder = DECODERS[decoder](channels=1280, words=9, **ARCHITECTURE["decoder_options"])
    torch.manual_seed(1)
    features = network.encoder(torch.rand(2, 3, 64, 64))
    logits, _ = network.decoder(features, torch.randint(0, 9, (2, 1, 5)))
    targets = torch.randint(0, 9, (logits[..., 0].numel(),))
    loss = functional.cross_entropy(logits.flatten(0, -2), targets)
    (loss + network.encoder.classify(features).log_softmax(-1)[:, 7].sum()).backward()
    left_out = [name for name, parameter in network.named_parameters()
                if parameter.grad is None or not parameter.grad.abs().sum() > 0]
    assert not left_out


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_an_unknown_name_is_refused_with_the_known_ones(kind: str) -> None:
    with pytest.raises(ValueError, match=f"unknown {kind} 'resnet'; known: .*{ARCHITECTURE[kind]}"):
        CaptioningNetwork({**ARCHITECTURE, kind: "resnet"}, 9)
