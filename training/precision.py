"""Mixed precision: the number format with the fewest bits that the machine is quick with."""

from __future__ import annotations

import torch


def autocast(device: str, wanted: torch.dtype = torch.bfloat16) -> torch.autocast:
    """Autocast to `wanted`, but on a processor without bfloat16 in float32.

    Such a processor would imitate it, which takes ten times as long.
    """
    imitated = device == "cpu" and wanted == torch.bfloat16 and not _has_bfloat16()
    if imitated or wanted == torch.float32:
        return torch.autocast(device, torch.bfloat16, enabled=False)
    return torch.autocast(device, wanted)


def _has_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
