"""Which kinds of thing are on a picture, where, and how many: a head beside the captions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

FACTS = 6  # of a kind: logit, centre across and down, spread across and down, count
_CELLS = 64  # of the grid at the usual size: densities are for so many, whatever the grid has


class Objects(NamedTuple):
    """`logits` (B, K) of each kind's presence; `attention` (B, K, L), where it is looked for,
    sums to 1 over the cells; `places` (B, K, 4): mean and standard deviation of that attention,
    across, down, across, down, with the picture's sides as 1; `counts` (B, K)."""

    logits: Tensor
    attention: Tensor
    places: Tensor
    counts: Tensor

    def facts(self) -> Tensor:
        """All but the attention: (B, K, `FACTS`)."""
        return torch.cat([self.logits[..., None], self.places, self.counts[..., None]], -1)


class ObjectHead(nn.Module):
    """For each of K kinds three maps: where to look, what is there, how many.

    A kind's logit is the mean of its second map, weighed by the softmax of its first (attention
    pooling, Ilse et al. 2018, "Attention-based deep multiple instance learning"); its count is
    the sum of the softplus of its third (Lempitsky and Zisserman 2010, "Learning to count
    objects in images").

    With `folds`, as many further heads of the same shape learn from all pictures but those of
    their fold, for whom they speak while the decoder is taught (cross-fitting): what a head
    says of pictures that it has learnt from is better than what it will say of any other.
    """

    def __init__(self, channels: int, kinds: int, *, folds: int = 0, dropout: float = 0.3) -> None:
        super().__init__()
        self.kinds, self.folds = kinds, folds
        self.dropout = nn.Dropout2d(dropout)
        self.maps = nn.Conv2d(channels, 3 * kinds, 1)
        self.cross_fitted = nn.ModuleList(nn.Conv2d(channels, 3 * kinds, 1) for _ in range(folds))
        for layer in (self.maps, *self.cross_fitted):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
            with torch.no_grad():  # most kinds are on hardly any picture
                layer.bias[kinds : 2 * kinds] = -3.0
                layer.bias[2 * kinds :] = -5.0

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) features → (B, 3 K, h, w) maps."""
        maps: Tensor = self.maps(self.dropout(features))
        return maps.float()

    def fold_maps(self, features: Tensor) -> Tensor:
        """(B, C, h, w) features → (F, B, 3 K, h, w), of the heads of all folds."""
        dropped = self.dropout(features)
        return torch.stack([layer(dropped).float() for layer in self.cross_fitted])


def read_maps(maps: Tensor) -> Objects:
    """What (B, 3 K, h, w) maps tell."""
    scores, logits, densities = maps.flatten(2).chunk(3, 1)  # (B, K, L)
    attention = scores.softmax(-1)
    rows, columns = maps.shape[2:]
    across = (torch.arange(columns, device=maps.device) + 0.5) / columns
    down = (torch.arange(rows, device=maps.device) + 0.5) / rows
    at = torch.stack(
        [across.expand(rows, -1).flatten(), down[:, None].expand(-1, columns).flatten()], 1
    )  # (L, 2)
    mean = attention @ at
    variance = attention @ at.square() - mean.square()
    # a single cell has a width, too
    least = torch.tensor([1 / (12 * columns**2), 1 / (12 * rows**2)], device=maps.device)
    spread = (variance.clamp(min=0.0) + least).sqrt()
    counts = functional.softplus(densities).mean(-1) * _CELLS
    return Objects((attention * logits).sum(-1), attention, torch.cat([mean, spread], -1), counts)
