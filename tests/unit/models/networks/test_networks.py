"""Encoders and decoders: shapes, padding, starting weights, gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.networks.additive_attention import HardAttention, TopDown
from models.networks.attention_layers import AdditiveAttention, ConcatScore, DotScore, GeneralScore
from models.networks.captioners import CaptioningNetwork
from models.networks.committee import Committee
from models.networks.decoder_base import Decoder
from models.networks.luong import LuongLocal
from models.networks.mobilenet_edgetpu import MobileNetEdgeTPU
from models.networks.pooled import Merge, ShowAndTell
from models.networks.registry import DECODERS, ENCODERS
from models.networks.same import SameConv2d
from tests.bundles import ARCHITECTURE, random_network
from tests.variants import VARIANTS

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


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("groups", [1, 4])
def test_same_padding_is_the_same_in_training(kernel: int, stride: int, groups: int) -> None:
    torch.manual_seed(1)
    layer = SameConv2d(4, 8, kernel, stride, groups)
    x = torch.randn(2, 4, 8, 8)
    wanted = layer.eval()(x)
    assert torch.equal(layer.train()(x), wanted)
    with torch.autocast("cpu", torch.bfloat16):  # some kinds are computed in float32 there
        assert torch.allclose(layer(x.bfloat16()).float(), wanted, atol=0.1)
        layer(x.bfloat16()).float().sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.isfinite().all()


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_an_encoder_gives_the_grid_that_it_promises(name: str) -> None:
    with torch.device("meta"):  # shapes alone
        encoder = ENCODERS[name]()
    for size in (96, 128, 224, 299) if encoder.preprocessing.size == 299 else (64, 96, 224):
        with torch.inference_mode():
            grid = encoder.to("meta").eval()(torch.zeros(2, 3, size, size, device="meta"))
        assert grid.shape == (2, encoder.channels, *encoder.grid(size))


@pytest.mark.parametrize(
    ("name", "grid"),
    [
        ("vgg16", 14),
        ("resnet50", 7),
        ("resnet101", 7),
        ("mobilenet_v2", 7),
        ("inception_v3", 8),
        ("xception", 10),
        ("mobilenet_edgetpu", 7),
        ("efficientnet_lite3", 8),
    ],
)
def test_grids_are_those_of_the_papers(name: str, grid: int) -> None:
    with torch.device("meta"):
        encoder = ENCODERS[name]()
    assert encoder.grid(encoder.preprocessing.size) == (grid, grid)


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
    return tensors | {
        f"{last}.weight": torch.randn(1001, 1280, 1, 1),
        f"{last}.bias": torch.randn(1001),
    }


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


SMALL = {"channels": 10, "vocab_size": 9, "grid": 8, "hidden": 7, "embedding": 6, "attention": 5}


def step_by_step(decoder: Decoder, features: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    memory, first = decoder.begin(features)
    state = tuple(part.expand(-1, tokens.shape[1], *part.shape[2:]) for part in first)
    scores, attention = [], []
    for last in tokens[..., :-1].unbind(2):
        logits, weights, state = decoder.step(last, memory, state)
        scores.append(logits)
        attention.append(weights)
    return torch.stack(scores, 2), torch.stack(attention, 2)


def test_a_mirrored_look_is_the_mean_of_a_picture_and_its_mirror_image() -> None:
    plain = random_network(20)
    both = CaptioningNetwork(ARCHITECTURE | {"mirror": True}, 20).eval()
    both.load_state_dict(plain.state_dict())
    torch.manual_seed(1)
    pixels = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        seen, turned = both.encode(pixels), both.encode(pixels.flip(3))
        mean = (plain.encoder(pixels) + plain.encoder(pixels.flip(3)).flip(3)) / 2
        memory, _ = plain.decoder.begin(mean)
    for made, wanted in zip(seen.memory, memory, strict=True):
        assert torch.allclose(made, wanted, atol=1e-4)
    assert torch.allclose(seen.features, turned.features, atol=1e-4)
    assert seen.classes is not None
    assert turned.classes is not None
    assert torch.allclose(seen.classes, turned.classes, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_teacher_forcing_is_the_same_as_step_by_step(variant: str) -> None:
    torch.manual_seed(1)
    name, options = VARIANTS[variant]
    decoder = DECODERS[name](channels=10, vocab_size=9, **options).eval()
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
    assert float(decoder.surrogate(torch.ones(2, 4, 5))) == 0


def test_a_committee_is_its_members() -> None:
    torch.manual_seed(1)
    committee = Committee(members=3, **SMALL).eval()
    features, tokens = torch.randn(2, 10, 3, 3), torch.randint(0, 9, (2, 4, 6))
    together, _ = step_by_step(committee, features, tokens)
    each = [step_by_step(member, features, tokens)[0].softmax(-1) for member in committee.members]
    assert len(committee.ensemble_members()) == 3
    assert not torch.allclose(each[0], each[1], atol=1e-3)
    assert torch.allclose(together.exp(), torch.stack(each).mean(0), atol=1e-6)
    assert torch.allclose(together.exp().sum(-1), torch.ones(2, 4, 5))


def test_a_committee_of_one_is_that_one() -> None:
    torch.manual_seed(1)
    committee = Committee(members=1, **SMALL).eval()
    features, tokens = torch.randn(2, 10, 3, 3), torch.randint(0, 9, (2, 4, 6))
    alone, attention = step_by_step(committee.ensemble_members()[0], features, tokens)
    scores, weights = step_by_step(committee, features, tokens)
    assert torch.allclose(scores, alone.log_softmax(-1), atol=1e-6)
    assert torch.equal(weights, attention)


@pytest.mark.parametrize("decoder", ["committee", "soft_attention_lstm"])
def test_what_the_engines_ask_for_is_one_picture_with_several_hypotheses(decoder: str) -> None:
    torch.manual_seed(1)
    network = CaptioningNetwork({**ARCHITECTURE, "decoder": decoder}, vocab_size=9).eval()
    with torch.inference_mode():
        seen = network.encode(torch.rand(1, 3, 64, 64))
        assert seen.features.shape == (1, 1280)
        assert seen.classes is not None
        assert seen.classes.shape == (1, 1000)
        assert torch.allclose(seen.classes.sum(), torch.ones(()))
        assert seen.objects is seen.places is None
        assert {len(part) for part in (*seen.memory, *seen.state)} == {1}
        three = tuple(torch.cat([part] * 3) for part in seen.state)
        scores, weights, after = network.step(torch.tensor([1, 1, 5]), seen.memory, three)
    assert scores.shape == (3, 9)
    assert torch.allclose(scores.exp().sum(-1), torch.ones(3))
    assert weights.shape == (3, 4)
    assert torch.equal(scores[0], scores[1])
    assert not torch.allclose(scores[0], scores[2])
    assert [part.shape[1:] for part in after] == [part.shape[1:] for part in seen.state]


@pytest.mark.parametrize("variant", sorted(set(VARIANTS) - {"committee"}))
def test_a_word_does_not_see_the_words_after_it(variant: str) -> None:
    torch.manual_seed(1)
    name, options = VARIANTS[variant]
    decoder = DECODERS[name](channels=4, vocab_size=9, **options).eval()
    features, tokens = torch.randn(1, 4, 2, 2), torch.tensor([[[1, 4, 5, 6, 2]]])
    changed = tokens.clone()
    changed[..., 3] = 8
    before, after = decoder(features, tokens)[0], decoder(features, changed)[0]
    assert torch.equal(before[:, :, :3], after[:, :, :3])
    assert not torch.allclose(before[:, :, 3], after[:, :, 3])


@pytest.mark.parametrize("decoder", ["committee", "soft_attention_lstm"])
def test_gradients_reach_every_parameter(decoder: str) -> None:
    network = random_network(vocab_size=9).train()
    network.decoder = DECODERS[decoder](
        channels=1280, vocab_size=9, **ARCHITECTURE["decoder_options"]
    )
    torch.manual_seed(1)
    features = network.encoder(torch.rand(2, 3, 64, 64))
    logits, _ = network.decoder(features, torch.randint(0, 9, (2, 1, 5)))
    targets = torch.randint(0, 9, (logits[..., 0].numel(),))
    loss = functional.cross_entropy(logits.flatten(0, -2), targets)
    (loss + network.encoder.classify(features).log_softmax(-1)[:, 7].sum()).backward()
    left_out = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert not left_out


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_an_unknown_name_is_refused_with_the_known_ones(kind: str) -> None:
    with pytest.raises(ValueError, match=f"unknown {kind} 'resnet'; known: .*{ARCHITECTURE[kind]}"):
        CaptioningNetwork({**ARCHITECTURE, kind: "resnet"}, 9)


class TestLuong:
    """The weights of Luong et al. 2015, against their equations."""

    grid = torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(1))
    hidden = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(2))

    @torch.no_grad()
    def test_scores(self) -> None:
        dot = DotScore(6)(self.hidden, self.grid)
        general, concat = GeneralScore(6), ConcatScore(6)
        assert dot[1, 2, 4] == pytest.approx(float(self.hidden[1, 2] @ self.grid[1, 4]), abs=1e-5)
        found = general(self.hidden, self.grid, *general.keys(self.grid))[1, 2, 4]
        wanted = self.hidden[1, 2] @ general.key.weight @ self.grid[1, 4]
        assert float(found) == pytest.approx(float(wanted), abs=1e-5)
        found = concat(self.hidden, self.grid, *concat.keys(self.grid))[1, 2, 4]
        both = torch.cat([self.hidden[1, 2], self.grid[1, 4]])
        matrix = torch.cat([concat.query.weight, concat.key.weight], 1)
        wanted = concat.score.weight[0] @ torch.tanh(matrix @ both + concat.key.bias)
        assert float(found) == pytest.approx(float(wanted), abs=1e-5)

    def test_a_monotonic_window_moves_with_the_words(self) -> None:
        decoder = LuongLocal(
            channels=4, vocab_size=9, alignment="monotonic", reach=2, score="dot", hidden=6
        )
        for word in (0, 4, 8, 20):
            count = torch.full((2, 3, 1), float(word))
            weights, (after,) = decoder.weigh(self.hidden, (self.grid,), (count,))
            middle = min(word, 8)
            inside = slice(max(0, middle - 2), middle + 3)
            wanted = torch.zeros(2, 3, 9)
            wanted[..., inside] = (self.hidden @ self.grid.transpose(1, 2))[..., inside].softmax(-1)
            assert torch.allclose(weights, wanted, atol=1e-6)
            assert torch.equal(after, count + 1)

    def test_a_predicted_window_is_a_gaussian(self) -> None:
        torch.manual_seed(3)
        decoder = LuongLocal(channels=4, vocab_size=9, reach=2, score="dot", hidden=6)
        with torch.no_grad():
            weights, _ = decoder.weigh(self.hidden, (self.grid,), (torch.zeros(2, 3, 1),))
            place = decoder.place
            assert place is not None
            inner = torch.tanh(self.hidden @ place[0].weight.T) @ place[2].weight[0]
        middle = 9 * torch.sigmoid(inner)[..., None]
        far = torch.arange(9) - middle
        scores = (self.hidden @ self.grid.transpose(1, 2)).masked_fill(far.abs() > 2, -torch.inf)
        wanted = scores.softmax(-1) * torch.exp(-(far**2) / (2 * (2 / 2) ** 2))
        assert torch.allclose(weights, wanted, atol=1e-6)


def test_hard_attention_learns_where_to_look_by_its_reward(monkeypatch: pytest.MonkeyPatch) -> None:
    # all pictures are drawn for: the expectation would teach it, too
    monkeypatch.setattr(torch, "rand", torch.zeros)
    generator = torch.Generator().manual_seed(5)

    def share(surrogate: float) -> float:
        """Attention on the one cell of four that tells the word; it is marked."""
        torch.manual_seed(1)
        decoder = HardAttention(
            channels=6, vocab_size=8, grid=16, hidden=12, embedding=6, attention=16, dropout=0.0
        )
        optimiser = torch.optim.Adam(decoder.parameters(), 0.01)
        for _ in range(150):
            word = torch.randint(4, 8, (64,), generator=generator)
            at = torch.randint(4, (64,), generator=generator)
            features = torch.zeros(64, 6, 4)
            other = torch.randint(4, (64, 4), generator=generator)
            features.scatter_(1, other[:, None], 2.0)
            features[torch.arange(64), :4, at] = functional.one_hot(word - 4, 4) * 2.0
            features[torch.arange(64), 4, at] = 2.0
            tokens = torch.stack([torch.ones_like(word), word], 1)[:, None]
            decoder.train()
            logits, attention = decoder(features.view(64, 6, 2, 2), tokens)
            losses = functional.cross_entropy(logits[:, 0, 0], word, reduction="none")
            loss = losses.mean() + surrogate * decoder.surrogate(losses[:, None, None])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return float(attention[torch.arange(64), 0, 0, at].detach().mean())

    assert share(0.0) < 0.4
    assert share(1.0) > 0.7


def test_the_baseline_follows_the_reward() -> None:
    torch.manual_seed(1)
    decoder = HardAttention(channels=4, vocab_size=9, grid=8, hidden=7, embedding=6, attention=5)
    assert float(decoder.baseline) == pytest.approx(-np.log(9))
    decoder.train()(torch.randn(6, 4, 2, 2), torch.randint(1, 9, (6, 2, 4)))
    losses = torch.full((6, 2, 3), 0.5)
    losses[..., 2] = 0  # padding
    decoder.surrogate(losses)
    assert float(decoder.baseline) == pytest.approx(-0.9 * np.log(9) - 0.1 * 0.5, rel=1e-5)
    assert float(decoder.surrogate(losses)) == 0  # once a forward


def test_top_down_speaks_with_what_its_attention_saw() -> None:
    torch.manual_seed(1)
    decoder = TopDown(channels=4, vocab_size=9, grid=8, hidden=7, embedding=6, attention=5).eval()
    memory, state = decoder.begin(torch.randn(1, 4, 2, 2))
    grid, keys, mean = memory
    assert torch.allclose(mean, grid.mean(1))
    assert [tuple(part.shape) for part in state] == [(1, 1, 7)] * 4
    tokens = torch.tensor([[3]])
    scores, weights, after = decoder.step(tokens, memory, state)
    last = decoder.embedding(tokens)[0]
    looking = decoder.looking.cell(torch.cat([torch.zeros(1, 7), mean, last], 1))
    context, wanted = decoder.attention(grid, keys, looking[0][None])
    speaking = decoder.speaking.cell(torch.cat([context[0], looking[0]], 1))
    assert torch.allclose(weights, wanted)
    assert torch.allclose(scores[0], decoder.words(speaking[0]), atol=1e-6)
    assert torch.allclose(after[2][0], speaking[0], atol=1e-6)


def test_merge_reads_words_apart_from_the_picture() -> None:
    torch.manual_seed(1)
    decoder = Merge(channels=4, vocab_size=9, size=8, embedding=6).eval()
    features = torch.rand(2, 4, 2, 2)
    (picture, _), state = decoder.begin(features)
    assert all(not part.any() for part in state)
    scores, _, after = decoder.step(torch.tensor([[1], [1]]), (picture, torch.ones(2, 4)), state)
    assert torch.allclose(after[0][0], after[0][1], atol=1e-6)  # the pictures differ
    assert not torch.allclose(scores[0], scores[1])
    said = decoder.cell.cell(decoder.embedding(torch.tensor([1])))[0]
    added = torch.relu(decoder.picture(features.mean((2, 3)))) + said
    assert torch.allclose(scores[:, 0], decoder.words(torch.relu(decoder.mixed(added))), atol=1e-6)


def test_show_and_tell_reads_the_picture_before_the_first_word() -> None:
    torch.manual_seed(1)
    decoder = ShowAndTell(channels=4, vocab_size=9, hidden=8, embedding=6).eval()
    features = torch.rand(2, 4, 2, 2)
    _, (hidden, cell) = decoder.begin(features)
    wanted = decoder.cell.cell(decoder.norm(decoder.picture(features.mean((2, 3)))))
    assert torch.allclose(hidden[:, 0], wanted[0], atol=1e-6)
    assert torch.allclose(cell[:, 0], wanted[1], atol=1e-6)
