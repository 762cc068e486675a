"""A decoder that attends to the evidence for things besides the grid."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.captioning.vocabulary import END, PAD, START
from models.networks.captioners import CaptioningNetwork
from models.networks.grounded import GroundedLSTM
from models.networks.objects import FACTS
from models.networks.registry import ENCODERS
from tests.variants import TinyEncoder
from training.trainer import self_critical

CHANNELS, KINDS, EVIDENCE, WORDS = 10, 5, 3, 9
OPTIONS: dict[str, Any] = {
    "kinds": KINDS,
    "evidence": EVIDENCE,
    "grid": 8,
    "hidden": 7,
    "embedding": 6,
    "attention": 5,
    "dropout": 0.1,
}


def decoder(**more: Any) -> GroundedLSTM:
    torch.manual_seed(1)
    network = GroundedLSTM(channels=CHANNELS, vocab_size=WORDS, **OPTIONS | more)
    with torch.no_grad():  # clear choices: it starts out with hardly any
        network.embedding.weight *= 20
    return network.eval()


def observed(count: int = 2, side: int = 3) -> Tensor:
    """Features with the maps of an object head behind them."""
    torch.manual_seed(2)
    return torch.randn(count, CHANNELS + 3 * KINDS, side, side)


def logits_of(features: Tensor) -> Tensor:
    """The logits' maps, a view."""
    return features[:, CHANNELS + KINDS : CHANNELS + 2 * KINDS]


@torch.no_grad()
def test_teacher_forcing_is_the_same_as_step_by_step() -> None:
    network, features, tokens = decoder(), observed(), torch.randint(0, WORDS, (2, 4, 6))
    logits, attention = network(features, tokens)
    assert logits.shape == (2, 4, 5, WORDS)
    assert attention.shape == (2, 4, 5, 9)
    memory, first = network.begin(features)
    assert {part.shape[1] for part in memory} == {9 + EVIDENCE}
    state = tuple(part.expand(-1, 4, -1) for part in first)
    for place, last in enumerate(tokens[..., :-1].unbind(2)):
        scores, weights, state = network.step(last, memory, state)
        assert torch.allclose(scores, logits[:, :, place], atol=1e-5)
        assert torch.allclose(weights, attention[:, :, place], atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("side", [1, 3])
def test_attention_that_is_told_is_that_to_the_grid(side: int) -> None:
    network, features = decoder(), observed(side=side)
    _, attention = network(features, torch.randint(0, WORDS, (2, 4, 6)))
    assert attention.shape[-1] == side**2
    assert attention.min() >= 0
    assert torch.allclose(attention.sum(-1), torch.ones(2, 4, 5))


@torch.no_grad()
def test_evidence_changes_what_is_said() -> None:
    network, features = decoder(), observed()
    tokens = torch.randint(0, WORDS, (2, 1, 4))
    before = network(features, tokens)[0].softmax(-1)
    for kind in range(KINDS):  # the same grid, but another thing is likely
        changed = features.clone()
        logits_of(changed)[:, kind] += 20.0
        assert not torch.allclose(network(changed, tokens)[0].softmax(-1), before, atol=1e-3)


@torch.no_grad()
def test_only_the_likeliest_things_are_evidence() -> None:
    network, features = decoder(), observed()
    tokens = torch.randint(0, WORDS, (2, 1, 4))
    logits_of(features)[:, :EVIDENCE] += 20.0
    before = network(features, tokens)[0]
    changed = features.clone()
    changed[:, CHANNELS + 2 * KINDS + EVIDENCE :] += 5.0  # the others' counts
    logits_of(changed)[:, EVIDENCE:] -= 3.0
    assert torch.equal(network(changed, tokens)[0], before)
    changed[:, CHANNELS + 2 * KINDS] += 5.0  # the first one's count
    assert not torch.allclose(network(changed, tokens)[0], before, atol=1e-4)


@torch.no_grad()
def test_a_kind_that_is_swapped_with_another_is_another_kind() -> None:
    """The tokens tell which kind they are of, not its place in a list."""
    network, features = decoder(evidence=KINDS), observed()
    tokens = torch.randint(0, WORDS, (2, 1, 4))
    swapped = features.clone()
    for first in range(CHANNELS, CHANNELS + 3 * KINDS, KINDS):
        swapped[:, [first, first + 1]] = features[:, [first + 1, first]]
    assert not torch.allclose(network(features, tokens)[0], network(swapped, tokens)[0], atol=1e-4)
    weight = network.kind.weight
    weight[[0, 1]] = weight[[1, 0]].clone()
    again = network(swapped, tokens)[0]
    weight[[0, 1]] = weight[[1, 0]].clone()
    assert torch.allclose(network(features, tokens)[0], again, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_reach_every_parameter(dtype: torch.dtype) -> None:
    network, features = decoder().train(), observed()
    features.requires_grad_()
    tokens = torch.randint(PAD + 1, WORDS, (2, 3, 6))
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        logits, _ = network(features, tokens)
        _, drawn = self_critical.sample(network, features, 2, 4)
        loss = functional.cross_entropy(logits.float().flatten(0, -2), tokens[..., 1:].flatten())
        (loss - drawn.mean()).backward()
    assert loss.isfinite()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert features.grad is not None
    assert features.grad[:, CHANNELS:].abs().sum() > 0


def test_it_learns_from_text_to_say_what_is_evident() -> None:
    network = decoder(dropout=0.0).train()
    optimiser = torch.optim.Adam(network.parameters(), 0.02)

    def made(count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Captions of the one likely thing among three, each kind with a word of its own."""
        kinds = torch.rand(count, KINDS).argsort(1)[:, :EVIDENCE]
        facts = torch.rand(count, EVIDENCE, FACTS)
        facts[..., 0] = -3.0
        place = torch.randint(EVIDENCE, (count,))
        facts[torch.arange(count), place, 0] = 3.0
        word = kinds[torch.arange(count), place] + 4
        tokens = torch.stack([torch.full_like(word, START), word, torch.full_like(word, END)], 1)
        return kinds, facts, tokens[:, None]

    for step in range(150):
        torch.manual_seed(step)
        kinds, facts, tokens = made(32)
        logits = network.from_text(kinds, facts, tokens)
        assert logits.shape == (32, 1, 2, WORDS)
        loss = functional.cross_entropy(logits.flatten(0, -2), tokens[..., 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    torch.manual_seed(1000)
    kinds, facts, tokens = made(200)
    told = network.eval().from_text(kinds, facts, tokens).argmax(-1)
    assert (told[:, 0, 0] == tokens[:, 0, 1]).float().mean() > 0.9
    assert (told[:, 0, 1] == END).all()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> CaptioningNetwork:
    monkeypatch.setitem(ENCODERS, "tiny", TinyEncoder)
    torch.manual_seed(1)
    return CaptioningNetwork(
        {
            "encoder": "tiny",
            "decoder": "grounded_lstm",
            "decoder_options": OPTIONS,
            "objects": {"kinds": KINDS, "folds": 2},
        },
        WORDS,
    ).eval()


@torch.inference_mode()
def test_a_network_with_a_head_tells_what_it_sees(network: CaptioningNetwork) -> None:
    pixels = torch.rand(1, 3, 64, 64)
    seen = network.encode(pixels)
    assert network.objects is not None
    assert seen.objects is not None
    assert seen.places is not None
    assert seen.objects.shape == (1, KINDS, FACTS)
    assert seen.places.shape == (1, KINDS, 4, 4)
    assert torch.allclose(seen.places.sum((2, 3)), torch.ones(1, KINDS))
    assert seen.features.shape == (1, CHANNELS)  # of the picture, without the maps
    grid = network.encoder(pixels)
    both = network.observed(grid)
    assert torch.equal(both[:, :CHANNELS], grid)
    assert torch.equal(both[:, CHANNELS:], network.objects(grid))
    for part, wanted in zip(seen.memory, network.decoder.begin(both)[0], strict=True):
        assert torch.allclose(part, wanted, atol=1e-5)
    three = tuple(torch.cat([part] * 3) for part in seen.state)
    scores, weights, _ = network.step(torch.tensor([1, 1, 5]), seen.memory, three)
    assert torch.allclose(scores.exp().sum(-1), torch.ones(3))
    assert weights.shape == (3, 16)
    assert torch.allclose(weights.sum(-1), torch.ones(3))


@torch.inference_mode()
def test_without_a_head_nothing_is_told_of_things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENCODERS, "tiny", TinyEncoder)
    options = {"grid": 8, "hidden": 7, "embedding": 6, "attention": 5}
    network = CaptioningNetwork(
        {"encoder": "tiny", "decoder": "soft_attention_lstm", "decoder_options": options}, WORDS
    ).eval()
    features = torch.rand(1, CHANNELS, 4, 4)
    assert network.observed(features) is features
    assert network.encode(torch.rand(1, 3, 64, 64)).objects is None
