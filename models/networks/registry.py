"""The encoders and decoders by their names in recipes and in config.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.networks.additive_attention import HardAttention, SoftAttention, TopDown
from models.networks.committee import Committee
from models.networks.decoder_base import Decoder, chosen
from models.networks.efficientnet import EfficientNetLite3
from models.networks.encoder_base import Encoder
from models.networks.grounded import GroundedLSTM
from models.networks.luong import LuongGlobal, LuongLocal
from models.networks.mobilenet_edgetpu import MobileNetEdgeTPU
from models.networks.pooled import Merge, ShowAndTell
from models.networks.published import published
from models.networks.show_attend_tell import SoftAttentionLSTM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENCODERS: dict[str, Callable[..., Encoder]] = {
    "mobilenet_edgetpu": MobileNetEdgeTPU,
    "efficientnet_lite3": EfficientNetLite3,
    **published(),
}
"""Each takes options of its own."""

DECODERS: dict[str, Callable[..., Decoder]] = {
    "soft_attention_lstm": SoftAttentionLSTM,
    "grounded_lstm": GroundedLSTM,
    "committee": Committee,
    "soft_attention": SoftAttention,
    "hard_attention": HardAttention,
    "luong_global": LuongGlobal,
    "luong_local": LuongLocal,
    "show_and_tell": ShowAndTell,
    "merge": Merge,
    "top_down": TopDown,
}
"""Each takes the encoder's `channels`, the `vocab_size`, and options of its own."""


def make_encoder(architecture: Mapping[str, Any]) -> Encoder:
    """`architecture`: {"encoder": name, "encoder_options": {...}}, the latter as needed.

    Raises ValueError for a name that is not registered.
    """
    make = chosen(ENCODERS, architecture["encoder"], "encoder")
    return make(**architecture.get("encoder_options", {}))
