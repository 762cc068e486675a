"""The decoder of joined captioners: several that speak as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from models.networks.decoder_base import Decoder, Tensors
from models.networks.show_attend_tell import SoftAttentionLSTM

if TYPE_CHECKING:
    from collections.abc import Sequence


class Committee(Decoder):
    """Several `SoftAttentionLSTM` on one encoder, which speak as one.

    The next word's probability is the mean of the members' (a deep ensemble, Lakshminarayanan
    et al. 2017, of decoders only: the encoder, which costs most, runs once). The parts of their
    memories follow each other, and those of their states.
    """

    def __init__(self, *, members: int = 2, **options: Any) -> None:
        super().__init__()
        self.members = nn.ModuleList(SoftAttentionLSTM(**options) for _ in range(members))

    def ensemble_members(self) -> list[Decoder]:
        return [member for member in self.members if isinstance(member, Decoder)]

    def begin(self, features: Tensor) -> tuple[Tensors, Tensors]:
        """(B, C, S, S) features → grid (B, L, D), keys (B, L, A) of each member in turn; hidden,
        cell (B, 1, H) of each."""
        memories, states = zip(
            *(member.begin(features) for member in self.ensemble_members()), strict=True
        )
        return _joined(memories), _joined(states)

    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        """(B, K) last words, hidden and cell (B, K, H) of each member in turn.

        → (B, K, V) log-probabilities, (B, K, L) mean attention, next states (B, K, H).
        """
        logits, weights, after = zip(
            *(
                member.step(tokens, memory[2 * m : 2 * m + 2], state[2 * m : 2 * m + 2])
                for m, member in enumerate(self.ensemble_members())
            ),
            strict=True,
        )
        return mean_probability(logits), torch.stack(weights).mean(0), _joined(after)

    def forward(self, features: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """As `SoftAttentionLSTM.forward`, with a dimension M before all of both results."""
        logits, attention = zip(
            *(member(features, tokens) for member in self.ensemble_members()), strict=True
        )
        return torch.stack(logits), torch.stack(attention)


def mean_probability(logits: Sequence[Tensor]) -> Tensor:
    """Logits (…, V) of several → the logarithm (…, V) of their mean probability."""
    # not by logsumexp, which ONNX Runtime takes longer for than for the output layer
    total = sum((part.float().softmax(-1) for part in logits[1:]), logits[0].float().softmax(-1))
    return (total / len(logits)).clamp(min=torch.finfo(torch.float32).tiny).log()


def _joined(members: Sequence[Tensors]) -> Tensors:
    """The parts of all members, one member after the other."""
    return tuple(part for parts in members for part in parts)
