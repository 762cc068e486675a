"""What an object head's maps tell: whether a thing is there, where, and how many."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.networks.objects import FACTS, ObjectHead, read_maps

KINDS = 3


def blank(rows: int, columns: int) -> Tensor:
    """(1, 3 K, h, w) maps of nothing."""
    return torch.zeros(1, 3 * KINDS, rows, columns)


@given(rows=st.integers(1, 9), columns=st.integers(1, 9), data=st.data())
@settings(deadline=None)
def test_one_bright_cell_is_the_place(rows: int, columns: int, data: st.DataObject) -> None:
    row, column = (data.draw(st.integers(0, most - 1)) for most in (rows, columns))
    maps = blank(rows, columns)
    maps[0, 1, row, column] = 60.0
    maps[0, KINDS + 1] = -4.0
    maps[0, KINDS + 1, row, column] = 2.5
    seen = read_maps(maps)
    across, down, wide, high = seen.places[0, 1].tolist()
    assert (across, down) == pytest.approx(((column + 0.5) / columns, (row + 0.5) / rows), abs=1e-5)
    # as a cell's own: that of an even distribution over it
    wanted = (1 / columns / math.sqrt(12), 1 / rows / math.sqrt(12))
    assert (wide, high) == pytest.approx(wanted, abs=2e-3)
    assert float(seen.attention[0, 1, row * columns + column]) == pytest.approx(1)
    assert float(seen.logits[0, 1]) == pytest.approx(2.5, abs=1e-5)  # what is there alone counts


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (8, 8)])
def test_who_looks_everywhere_looks_at_the_whole_picture(size: tuple[int, int]) -> None:
    maps = blank(*size)
    maps[:, KINDS : 2 * KINDS] = torch.randn(1, KINDS, *size)
    seen = read_maps(maps)
    whole = torch.tensor([0.5, 0.5, 1 / math.sqrt(12), 1 / math.sqrt(12)])
    assert torch.allclose(seen.places, whole.expand(1, KINDS, 4), atol=1e-5)
    assert torch.allclose(seen.logits, maps[:, KINDS : 2 * KINDS].mean((2, 3)), atol=1e-6)


def test_attention_is_a_share_of_the_cells() -> None:
    torch.manual_seed(1)
    seen = read_maps(torch.randn(2, 3 * KINDS, 4, 5) * 3)
    assert seen.logits.shape == seen.counts.shape == (2, KINDS)
    assert seen.attention.shape == (2, KINDS, 20)
    assert seen.places.shape == (2, KINDS, 4)
    assert torch.allclose(seen.attention.sum(-1), torch.ones(2, KINDS))
    assert seen.places.min() > 0
    assert seen.places.max() < 1
    assert seen.counts.min() > 0


def test_counts_are_sums_of_densities_over_eight_by_eight_cells() -> None:
    maps = blank(8, 8)
    maps[0, 2 * KINDS :] = -30.0
    maps[0, 2 * KINDS, 2, 3] = maps[0, 2 * KINDS, 6, 6] = math.log(math.e - 1)  # softplus: 1
    maps[0, 2 * KINDS + 1] = math.log(math.exp(0.5) - 1)
    assert read_maps(maps).counts[0].tolist() == pytest.approx([2, 32, 0], abs=1e-3)


@given(st.integers(1, 4), st.integers(0, 99))
@settings(deadline=None)
def test_counts_do_not_depend_on_the_grids_size(times: int, seed: int) -> None:
    torch.manual_seed(seed)
    maps = torch.randn(1, 3 * KINDS, 4, 6)
    finer = maps.repeat_interleave(times, 2).repeat_interleave(times, 3)
    coarse, fine = read_maps(maps), read_maps(finer)
    assert torch.allclose(coarse.counts, fine.counts, rtol=1e-4)
    assert torch.allclose(coarse.logits, fine.logits, atol=1e-4)
    assert torch.allclose(coarse.places, fine.places, atol=1e-4)


def test_a_mirrored_picture_has_its_things_on_the_other_side() -> None:
    torch.manual_seed(1)
    maps = torch.randn(2, 3 * KINDS, 5, 7)
    straight, turned = read_maps(maps), read_maps(maps.flip(3))
    assert torch.allclose(straight.logits, turned.logits, atol=1e-5)
    assert torch.allclose(straight.counts, turned.counts, rtol=1e-5)
    exchanged = straight.places.clone()
    exchanged[..., 0] = 1 - exchanged[..., 0]
    assert torch.allclose(exchanged, turned.places, atol=1e-5)


def test_facts_are_all_but_the_attention() -> None:
    seen = read_maps(torch.randn(2, 3 * KINDS, 4, 4))
    facts = seen.facts()
    assert facts.shape == (2, KINDS, FACTS)
    assert torch.equal(facts[..., 0], seen.logits)
    assert torch.equal(facts[..., 1:5], seen.places)
    assert torch.equal(facts[..., 5], seen.counts)


def test_a_new_head_believes_in_nothing() -> None:
    torch.manual_seed(1)
    head = ObjectHead(16, KINDS).eval()
    seen = read_maps(head(torch.rand(4, 16, 8, 8)))
    assert seen.logits.sigmoid().max() < 0.1
    assert seen.counts.max() < 1


def test_the_heads_of_folds_have_maps_of_their_own() -> None:
    torch.manual_seed(1)
    head, features = ObjectHead(16, KINDS, folds=2).eval(), torch.rand(3, 16, 4, 4)
    maps = head.fold_maps(features)
    assert maps.shape == (2, *head(features).shape) == (2, 3, 3 * KINDS, 4, 4)
    assert not torch.allclose(maps[0], maps[1], atol=1e-3)
    assert not torch.allclose(maps[0], head(features), atol=1e-3)
    assert torch.equal(maps, head.fold_maps(features))


def test_gradients_reach_every_map_of_every_head() -> None:
    torch.manual_seed(1)
    head, features = ObjectHead(16, KINDS, folds=2).train(), torch.rand(2, 16, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        every = [head(features), *head.fold_maps(features)]
    assert {maps.dtype for maps in every} == {torch.float32}  # the logits' sums want it
    # places, logits and counts each by themselves: the maps are three
    sum((read_maps(maps).facts() ** 2).sum() for maps in every).backward()
    for parameter in head.parameters():
        assert parameter.grad is not None
        assert (parameter.grad.flatten(1).abs().sum(1) > 0).all() if parameter.dim() > 1 else True
