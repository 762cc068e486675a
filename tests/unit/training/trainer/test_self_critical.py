"""Self-critical training: its reward is the field's CIDEr, its samples are the decoder's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.captioning.vocabulary import END, PAD, START, UNKNOWN
from models.networks.committee import Committee
from models.networks.decoder_base import Decoder
from models.networks.registry import DECODERS
from tests.variants import VARIANTS
from training.trainer import self_critical
from training.trainer.self_critical import CiderReward

WORDS = 30


def captions(seed: int, pictures: int) -> list[list[list[int]]]:
    random = np.random.default_rng(seed)
    return [
        [[*random.integers(4, WORDS, random.integers(3, 9)).tolist(), END] for _ in range(5)]
        for _ in range(pictures)
    ]


def reward_of(references: list[list[list[int]]]) -> CiderReward:
    return CiderReward(references, torch.arange(WORDS))


def decoder(name: str = "soft_attention_lstm") -> Decoder:
    torch.manual_seed(3)
    return DECODERS[name](
        channels=8, vocab_size=WORDS, grid=16, hidden=16, embedding=16, attention=8, dropout=0.0
    )


def quiet(variant: str) -> Decoder:
    """A decoder that draws nothing by itself."""
    torch.manual_seed(3)
    name, options = VARIANTS[variant]
    return DECODERS[name](channels=8, vocab_size=WORDS, **options | {"dropout": 0.0}).eval()


every_decoder = pytest.mark.parametrize("name", VARIANTS)


def test_the_reward_is_the_fields_own_score() -> None:
    from pycocoevalcap.cider.cider import Cider

    references, others = captions(1, 40), captions(2, 40)
    reward = reward_of(references)

    def text(ids: list[int]) -> str:
        return " ".join(map(str, ids))

    # some candidates are references, so that not all scores are near nothing
    candidates = [references[n][0] if n % 2 else others[n][0] for n in range(40)]
    _, wanted = Cider().compute_score(
        {n: [text(each) for each in references[n]] for n in range(40)},
        {n: [text(candidates[n])] for n in range(40)},
    )
    assert [reward(n, candidates[n]) for n in range(40)] == pytest.approx(list(wanted))
    assert max(wanted) > 1


@every_decoder
def test_a_sample_ends_once_and_knows_its_own_probability(name: str) -> None:
    network, features = quiet(name), torch.randn(3, 8, 2, 2)
    torch.manual_seed(0)
    tokens, log_probabilities = self_critical.sample(network, features, samples=4, words=6)
    assert tokens.shape == log_probabilities.shape
    assert tokens.shape[:2] == (3, 4)
    assert not ((tokens == START) | (tokens == UNKNOWN)).any()
    for row in tokens.flatten(0, 1).tolist():
        words = row[: row.index(END)] if END in row else row
        assert PAD not in words
        assert set(row[len(words) + 1 :]) <= {PAD}
    started = torch.cat([torch.full((3, 4, 1), START), tokens], 2)
    logits, _ = network(features, started)
    if isinstance(network, Committee):
        logits = logits.softmax(-1).mean(0).log()
    logits[..., [PAD, START, UNKNOWN]] = -torch.inf
    forced = logits.log_softmax(-1).gather(-1, tokens[..., None]).squeeze(-1)
    drawn = tokens != PAD
    assert torch.allclose(log_probabilities[drawn], forced[drawn], atol=1e-5)
    assert (log_probabilities[~drawn] == 0).all()


@every_decoder
def test_greedy_samples_are_the_likeliest_word_by_word(name: str) -> None:
    network, features = quiet(name), torch.randn(3, 8, 2, 2)
    tokens, log_probabilities = self_critical.sample(network, features, 2, 6, greedy=True)
    assert torch.equal(tokens[:, 0], tokens[:, 1])
    torch.manual_seed(0)
    _, drawn = self_critical.sample(network, features, 50, 1)
    assert (log_probabilities[:, :1, 0] >= drawn[..., 0] - 1e-6).all()


def test_every_member_of_a_committee_learns() -> None:
    references, network = captions(1, 3), decoder("committee")
    loss = self_critical.loss(
        network,
        torch.randn(3, 8, 2, 2),
        reward_of(references),
        [0, 1, 2],
        torch.zeros(3, dtype=torch.bool),
        4,
        5,
    )
    assert loss.shape == ()
    loss.backward()
    assert all(member.bias.grad.abs().sum() > 0 for member in network.ensemble_members())


def test_it_learns_to_say_what_is_rewarded() -> None:
    references = [[[5, 6, 7, END]] * 5, [[8, 9, 10, END]] * 5, [[11, 12, 13, END]] * 5]
    reward, network = reward_of(references), decoder()
    features = torch.eye(3).repeat_interleave(3, 1)[:, :8, None, None].expand(3, 8, 2, 2) * 3
    optimiser = torch.optim.Adam(network.parameters(), 0.03)

    def mean_reward() -> float:
        torch.manual_seed(1)
        tokens, _ = self_critical.sample(network, features, 20, 5)
        scores = [
            reward(picture, [t for t in ids if t != PAD])
            for picture, drawn in enumerate(tokens.tolist())
            for ids in drawn
        ]
        return sum(scores) / len(scores)

    before = mean_reward()
    for step in range(150):
        torch.manual_seed(step)
        loss = self_critical.loss(
            network, features, reward, [0, 1, 2], torch.zeros(3, dtype=torch.bool), 10, 5
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert mean_reward() > before + 1


def test_a_mirrored_picture_is_scored_with_left_and_right_exchanged() -> None:
    left, right = 5, 6
    exchanged = torch.arange(WORDS)
    exchanged[[left, right]] = torch.tensor([right, left])
    references = [[[left, 7, END]] * 5, [[9, 10, END]] * 5]
    reward = CiderReward(references, exchanged)
    sentence = torch.tensor([right, 7, END])
    assert reward(0, reward.mirrored[sentence].tolist()) > reward(0, sentence.tolist())
