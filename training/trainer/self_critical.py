"""Self-critical sequence training (Rennie et al. 2017): learn from the score of one's own words.

`sample` draws from a torch decoder for a whole batch at once and keeps the gradients of the
log-probabilities; `models.captioning.decoding.search`, which people hear, works on one picture in
numpy and has none. Nothing that is drawn here is heard: none of the search's rules apply but the
ban on tokens that are no words.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.captioning.kinds import named
from models.captioning.vocabulary import END, PAD, START, UNKNOWN, Vocabulary
from models.networks.committee import Committee
from models.networks.decoder_base import Decoder
from training.trainer.distributed import SINGLE_PROCESS, Team
from training.trainer.losses import scst_loss

_LONGEST = 4  # words in an n-gram
_SIGMA = 6.0

Gram = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Vector:
    """tf-idf of the n-grams of one caption, and the norm for each n."""

    grams: tuple[dict[Gram, float], ...]
    norms: tuple[float, ...]
    length: int


class CiderReward:
    """CIDEr-D (Vedantam et al. 2015, section 6) over ids, with the training captions' idf.

    END counts as a word, so that a caption that breaks off is not rewarded for it.
    """

    def __init__(self, references: Sequence[Sequence[Sequence[int]]], mirrored: Tensor) -> None:
        """`references`: for each training picture its captions, as ids that end with END.

        `mirrored` (V,) is what each id becomes when the picture is mirrored.
        """
        self.mirrored = mirrored
        frequency: Counter[Gram] = Counter()
        for captions in references:
            frequency.update({gram for caption in captions for gram in _count(caption)})
        self._frequency = frequency
        self._log_pictures = float(np.log(len(references)))
        self._references = [
            [self._vector(caption) for caption in captions] for captions in references
        ]

    def __call__(self, picture: int, caption: Sequence[int]) -> float:
        """Score a caption (ids that end with END) of one training picture; 10 is the most."""
        candidate = self._vector(caption)
        references = self._references[picture]
        return 10.0 * sum(_similarity(candidate, each) for each in references) / len(references)

    def _vector(self, caption: Sequence[int]) -> _Vector:
        grams: tuple[dict[Gram, float], ...] = tuple({} for _ in range(_LONGEST))
        for gram, count in _count(caption).items():
            idf = self._log_pictures - float(np.log(max(1.0, self._frequency[gram])))
            grams[len(gram) - 1][gram] = count * idf
        norms = tuple(float(np.sqrt(sum(v * v for v in each.values()))) for each in grams)
        return _Vector(grams, norms, len(caption))


class HonestReward(CiderReward):
    """CIDEr-D less `invented` for each kind of thing that is named and known not to be there.

    (As Rohrbach et al. 2018, "Object hallucination in image captioning", would count it.)
    """

    def __init__(
        self,
        references: Sequence[Sequence[Sequence[int]]],
        mirrored: Tensor,
        vocabulary: Vocabulary,
        absent: Sequence[frozenset[int]],
        invented: float,
    ) -> None:
        """`absent`: for each training picture the kinds that it has not."""
        super().__init__(references, mirrored)
        self._vocabulary, self._absent, self._invented = vocabulary, absent, invented

    def costing(self, invented: float) -> HonestReward:
        """The same, with another cost of what is invented."""
        other = copy.copy(self)
        other._invented = invented
        return other

    def __call__(self, picture: int, caption: Sequence[int]) -> float:
        reward = super().__call__(picture, caption)
        if self._invented:
            claimed = named(self._vocabulary.decode(caption))
            reward -= self._invented * len(claimed & self._absent[picture])
        return reward


def _count(caption: Sequence[int]) -> Counter[Gram]:
    ids = tuple(caption)
    return Counter(
        ids[start : start + n] for n in range(1, _LONGEST + 1) for start in range(len(ids) - n + 1)
    )


def _similarity(candidate: _Vector, reference: _Vector) -> float:
    penalty = float(np.exp(-((candidate.length - reference.length) ** 2) / (2 * _SIGMA**2)))
    total = 0.0
    for mine, theirs, a, b in zip(
        candidate.grams, reference.grams, candidate.norms, reference.norms, strict=True
    ):
        if a and b:
            shared = sum(
                min(v, theirs[gram]) * theirs[gram] for gram, v in mine.items() if gram in theirs
            )
            total += shared / (a * b)
    return penalty * total / _LONGEST


def sample(
    decoder: Decoder,
    features: Tensor,
    samples: int,
    words: int,
    *,
    greedy: bool = False,
    team: Team = SINGLE_PROCESS,
) -> tuple[Tensor, Tensor]:
    """Draw captions: (B, C, S, S) features → (B, samples, T) ids and their log-probabilities.

    T is at most `words` + 1. After END all ids are PAD, with log-probability 0. `greedy` takes
    the likeliest word instead. The processes of a `team` go on until all have ended.
    """
    memory, first = decoder.begin(features)
    state = tuple(part.expand(-1, samples, *part.shape[2:]) for part in first)
    last = torch.full((len(features), samples), START, device=features.device)
    over = torch.zeros_like(last, dtype=torch.bool)
    tokens, log_probabilities = [], []
    for _ in range(words + 1):
        logits, _, state = decoder.step(last, memory, state)
        logits = logits.float()
        logits[..., [PAD, START, UNKNOWN]] = -torch.inf
        scores = logits.log_softmax(-1)
        drawn = scores.detach()
        drawn = (
            drawn.argmax(-1)
            if greedy
            else torch.multinomial(drawn.flatten(0, 1).exp(), 1).view(last.shape)
        )
        last = drawn.masked_fill(over, PAD)
        chosen = scores.gather(-1, last.masked_fill(over, END)[..., None]).squeeze(-1)
        tokens.append(last)
        log_probabilities.append(chosen.masked_fill(over, 0.0))
        over = over | (last == END)
        if team.all_reduce_max(int(not over.all())) == 0:
            break
    return torch.stack(tokens, -1), torch.stack(log_probabilities, -1)


def loss(
    decoder: Decoder,
    features: Tensor,
    reward: CiderReward,
    pictures: Sequence[int],
    mirror: Tensor,
    samples: int,
    words: int,
    team: Team = SINGLE_PROCESS,
) -> Tensor:
    """`scst_loss` of captions that are drawn here, rewarded by how people put it.

    `pictures` are the training pictures' numbers and `mirror` (B,) which of them are shown
    mirrored. Every member of a committee learns from captions of its own; the result is their
    mean.
    """
    if isinstance(decoder, Committee):
        each = [
            loss(member, features, reward, pictures, mirror, samples, words, team)
            for member in decoder.ensemble_members()
        ]
        return torch.stack(each).mean()
    tokens, log_probabilities = sample(decoder, features, samples, words, team=team)
    drawn_ids = tokens.cpu()
    as_taken = torch.where(mirror[:, None, None], reward.mirrored[drawn_ids], drawn_ids)
    rewards = torch.tensor(
        [
            [reward(picture, [token for token in ids if token != PAD]) for ids in drawn]
            for picture, drawn in zip(pictures, as_taken.tolist(), strict=True)
        ]
    )
    count = int((tokens != PAD).sum())
    weight = team.loss_weight(count, int(team.all_reduce_sum(count)))
    return scst_loss(log_probabilities, tokens, rewards) * weight
