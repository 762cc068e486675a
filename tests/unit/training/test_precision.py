"""Few bits where the machine is quick with them, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training import precision


@pytest.mark.parametrize(
    ("has", "wanted", "got"),
    [
        (True, torch.bfloat16, torch.bfloat16),
        (False, torch.bfloat16, torch.float32),
        (True, torch.float32, torch.float32),
        (False, torch.float32, torch.float32),
    ],
)
def test_a_product_comes_in_what_was_wanted_unless_it_would_be_imitated(
    has: bool, wanted: torch.dtype, got: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_has_bfloat16", lambda: has)
    with precision.autocast("cpu", wanted):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == got


@pytest.mark.parametrize("wanted", [torch.bfloat16, torch.float32])
def test_a_processor_is_taken_for_what_its_own_flags_say(wanted: torch.dtype) -> None:
    """oneDNN counts on AVX-512 (its core, bw, dq, vl) or AVX-NE-CONVERT on x86, on ARM's bf16."""
    flags = {
        flag
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.partition(":")[0].strip() in ("flags", "Features")
        for flag in line.partition(":")[2].split()
    }
    assert flags, "this kernel does not tell"
    quick = (
        {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags
        or "avx_ne_convert" in flags
        or "bf16" in flags
    )
    with precision.autocast("cpu", wanted):
        got = (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    assert got == (wanted if quick else torch.float32)
