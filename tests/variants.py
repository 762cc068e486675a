"""Every decoder with its options, small; and an encoder that costs nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from models.networks.encoder_base import Encoder

_ATTENDING: dict[str, Any] = {
    "grid": 8,
    "hidden": 7,
    "embedding": 6,
    "attention": 5,
    "dropout": 0.1,
}
_LUONG: dict[str, Any] = {"hidden": 8, "embedding": 6, "dropout": 0.1}

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "soft attention LSTM": ("soft_attention_lstm", _ATTENDING),
    "committee": ("committee", _ATTENDING),
    "soft attention": ("soft_attention", _ATTENDING),
    "soft attention, GRU": ("soft_attention", _ATTENDING | {"cell": "gru"}),
    "hard attention": ("hard_attention", _ATTENDING),
    "hard attention, GRU": ("hard_attention", _ATTENDING | {"cell": "gru"}),
    "top-down": ("top_down", _ATTENDING),
    "top-down, GRU": ("top_down", _ATTENDING | {"cell": "gru"}),
    "Show and Tell": ("show_and_tell", _LUONG),
    "Show and Tell, GRU": ("show_and_tell", _LUONG | {"cell": "gru"}),
    "merge": ("merge", {"size": 16, "embedding": 6}),
    "merge, GRU": ("merge", {"size": 16, "embedding": 6, "cell": "gru"}),
    "global, dot": ("luong_global", _LUONG | {"score": "dot"}),
    "global, general": ("luong_global", _LUONG | {"score": "general"}),
    "global, concat, GRU": ("luong_global", _LUONG | {"score": "concat", "cell": "gru"}),
    "monotonic, dot": (
        "luong_local",
        _LUONG | {"alignment": "monotonic", "reach": 1, "score": "dot"},
    ),
    "monotonic, concat": (
        "luong_local",
        _LUONG | {"alignment": "monotonic", "reach": 2, "score": "concat"},
    ),
    "predictive, general": ("luong_local", _LUONG | {"reach": 2, "score": "general"}),
    "predictive, dot, GRU": ("luong_local", _LUONG | {"reach": 2, "score": "dot", "cell": "gru"}),
}

WITH_OBJECTS = frozenset({"grounded_lstm"})
"""Decoders whose features have the maps of an object head behind them: tests of their own."""


class TinyEncoder(Encoder):
    """One convolution: four by four cells of a picture of 64."""

    channels, stride = 10, 16

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(3, self.channels, self.stride, self.stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.look(x))

    def stages(self) -> list[nn.ModuleList]:
        return [nn.ModuleList([self.look])]
