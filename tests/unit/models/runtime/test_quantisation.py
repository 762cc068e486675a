"""Weights as they are stored: how far off they may be, and what is left as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.runtime.bundle import WEIGHTS
from models.runtime.quantisation import SCALE, halve, quantise, restore
from tests.bundles import random_network

if TYPE_CHECKING:
    from pathlib import Path


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(64, 90),
    columns=st.integers(64, 90),
    spread=st.sampled_from([1e-6, 1.0, 1e3]),
)
def test_a_weight_is_at_most_half_a_step_of_its_row_off(
    seed: int, rows: int, columns: int, spread: float
) -> None:
    torch.manual_seed(seed)
    weights = torch.randn(rows, columns) * torch.rand(rows, 1) ** 4 * spread
    weights[3] = 0
    stored = quantise({"layer": weights})
    assert stored["layer"].dtype == torch.int8
    assert stored["layer" + SCALE].shape == (rows,)
    step = weights.abs().amax(1, keepdim=True) / 127
    error = (restore(stored)["layer"] - weights).abs()
    assert (error <= step / 2 * 1.001 + 1e-12).all()
    assert (restore(stored)["layer"][3] == 0).all()


def test_a_convolutions_rows_are_its_outputs() -> None:
    torch.manual_seed(1)
    for rows, columns in ((16, 64), (640, 1)):  # of one channel each: a convolution by depth
        weights = torch.randn(rows, columns, 3, 3)
        weights *= torch.logspace(-3, 3, rows).view(-1, 1, 1, 1)
        stored = quantise({"layer": weights})
        assert stored["layer" + SCALE].shape == (rows,)
        wide = restore(stored)["layer"]
        assert wide.shape == weights.shape
        assert torch.allclose(
            wide.flatten(1).norm(dim=1) / weights.flatten(1).norm(dim=1),
            torch.ones(rows),
            atol=0.01,
        )


@pytest.mark.parametrize("shape", [(5000,), (30, 34), ()])
def test_what_is_small_is_stored_as_float16(shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    weights = torch.randn(shape)
    stored = quantise({"layer": weights})
    assert list(stored) == ["layer"]
    assert stored["layer"].dtype == torch.float16
    assert torch.equal(restore(stored)["layer"], weights.half().float())


def test_storing_again_what_was_stored_changes_nothing() -> None:
    first = quantise(random_network(20).state_dict())
    again = quantise(restore(first))
    assert list(again) == list(first)
    for name, value in first.items():
        if name.endswith(SCALE):
            assert torch.allclose(again[name], value, rtol=1e-6)
        else:
            assert torch.equal(again[name], value), name


def test_a_network_gets_every_weight_back() -> None:
    network = random_network(20)
    wide = restore(quantise(network.state_dict()))
    network.load_state_dict(wide)  # strict
    assert {value.dtype for value in wide.values()} == {torch.float32}


def test_a_bundle_is_stored_so(tiny_bundle: Path) -> None:
    from safetensors.torch import load_file

    stored = load_file(tiny_bundle / WEIGHTS)
    wide = {name for name, value in stored.items() if value.dtype == torch.int8}
    assert {name + SCALE for name in wide} == {name for name in stored if name.endswith(SCALE)}
    assert "encoder.classifier.weight" in wide
    assert sum(stored[name].numel() for name in wide) > 0.9 * sum(
        value.numel() for value in stored.values()
    )


def test_halving_keeps_what_is_too_large_for_it() -> None:
    weights = {"small": torch.tensor([[0.1, -2.0]]), "large": torch.tensor([1.0, 1e5])}
    stored = halve(weights)
    assert [stored[name].dtype for name in weights] == [torch.float16, torch.float32]
    assert torch.equal(restore(stored)["large"], weights["large"])
    assert torch.allclose(restore(stored)["small"], weights["small"], rtol=1e-3)
