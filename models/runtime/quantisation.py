"""Weights as they are stored: matrices as int8 with a scale for each row, the rest as float16."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

SCALE = ".scale"
_SMALL = 1024  # values: below this nothing is saved, and the first layers need their precision


def quantise(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Store each large tensor as round(w / scale) with scale = max |w| / 127 of its row.

    Rows are the first dimension: outputs of a layer, words of an embedding (per-channel
    symmetric quantisation, Jacob et al. 2018). `<name>.scale` is float32 (rows,).
    """
    stored: dict[str, Tensor] = {}
    for name, value in tensors.items():
        wide = value.detach().float().cpu()
        if wide.ndim < 2 or wide.numel() < _SMALL:
            stored[name] = wide.half().contiguous()
            continue
        scale = wide.flatten(1).abs().amax(1).clamp(min=1e-12) / 127
        rows = scale.view(-1, *[1] * (wide.ndim - 1))
        stored[name] = (wide / rows).round().to(torch.int8).contiguous()
        stored[name + SCALE] = scale
    return stored


def halve(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Store each tensor as float16, or as float32 where its values are too large for that."""
    stored: dict[str, Tensor] = {}
    for name, value in tensors.items():
        half = value.detach().half().cpu().contiguous()
        stored[name] = half if half.isfinite().all() else value.detach().float().cpu().contiguous()
    return stored


def restore(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Make float32 weights of what `quantise` stored."""
    wide = {}
    for name, value in stored.items():
        if name.endswith(SCALE):
            continue
        scale = stored.get(name + SCALE)
        wide[name] = (
            value.float()
            if scale is None
            else (value.float() * scale.view(-1, *[1] * (value.ndim - 1)))
        )
    return wide
