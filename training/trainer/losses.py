"""The losses, as functions of tensors alone; `training.trainer.objective` weighs them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import (
    adaptive_avg_pool2d,
    binary_cross_entropy_with_logits,
    cross_entropy,
    smooth_l1_loss,
)

from models.captioning.vocabulary import PAD
from models.networks.objects import read_maps

_PLACE, _COUNT = 0.2, 1.0  # weights of where and how many beside whether


def xent_loss(logits: Tensor, tokens: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy of (…, T, V) logits on the (…, T) next words, padding left out."""
    real = tokens != PAD
    return cross_entropy(logits[real].float(), tokens[real], label_smoothing=smoothing)


def token_losses(logits: Tensor, tokens: Tensor) -> Tensor:
    """Cross-entropy of each of the (…, T) next words, 0 for padding, without a gradient."""
    with torch.no_grad():
        flat = cross_entropy(
            logits.float().flatten(0, -2), tokens.flatten(), ignore_index=PAD, reduction="none"
        )
    return flat.view(tokens.shape)


def distillation_loss(logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Cross-entropy of (B, C) logits with the distribution of the teacher's (B, C).

    (Hinton et al. 2015, "Distilling the knowledge in a neural network", at temperature 1.)
    """
    return cross_entropy(logits.float(), teacher_logits.float().softmax(-1))


def scst_loss(log_probs: Tensor, tokens: Tensor, rewards: Tensor) -> Tensor:
    """Policy gradient whose baseline is the mean reward of a picture's other samples.

    (B, S, T) log-probabilities of drawn tokens (B, S, T), PAD after the end; (B, S) rewards.
    (Rennie et al. 2017; Luo 2020, "A Better Variant of Self-Critical Sequence Training",
    equation 6.)
    """
    others = (rewards.sum(1, keepdim=True) - rewards) / (rewards.shape[1] - 1)
    advantage = (rewards - others)[..., None].to(log_probs.device)
    return -(advantage * log_probs)[tokens != PAD].mean()


@dataclass(frozen=True, slots=True)
class ObjectLabels:
    """What is known of the things on B pictures: `presence` and `counts` (B, K), -1 where a count
    is unknown; `known` (B, K), 0 where a crop may have cut the thing away; `coverage` as
    `ObjectTargets.coverage` gives it."""

    presence: Tensor
    counts: Tensor
    known: Tensor
    coverage: Tensor


def object_loss(maps: Tensor, labels: ObjectLabels, rows: Tensor | None = None) -> Tensor:
    """What (B, 3 K, h, w) maps of an object head get wrong; only of the `rows` (B,), if given."""
    seen = read_maps(maps)
    weights = labels.known if rows is None else labels.known * rows[:, None]
    total = weights.amax(1).sum().clamp(min=1.0)
    # whether
    errors = binary_cross_entropy_with_logits(seen.logits, labels.presence, reduction="none")
    loss = (errors * weights).sum() / total / 4
    # where
    there = weights * (labels.presence > 0.5)
    wanted = adaptive_avg_pool2d(labels.coverage, (maps.shape[2], maps.shape[3])).flatten(2)
    mass = wanted.sum(-1)
    where = there * (mass > 0)
    surprise = -(wanted / mass.clamp(min=1e-9)[..., None] * seen.attention.clamp(min=1e-9).log())
    loss = loss + _PLACE * (surprise.sum(-1) * where).sum() / where.sum().clamp(min=1.0)
    # how many
    counted = there * (labels.counts > 0)
    misses = smooth_l1_loss(
        seen.counts.log1p(), labels.counts.clamp(min=0).log1p(), reduction="none", beta=0.3
    )
    return loss + _COUNT * (misses * counted).sum() / counted.sum().clamp(min=1.0)
