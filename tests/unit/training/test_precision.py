"""Few bits where the machine is quick with them, and only there."""

from __future__ import annotations

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


def test_whether_this_processor_has_it_can_be_told() -> None:
    assert precision._has_bfloat16() in (True, False)
