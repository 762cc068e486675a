"""Pictures are changed, but what is said of them stays true."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.data.augmentation import Augmentation

ACROSS = torch.linspace(0, 255, 32).expand(3, 32, 32)  # dark on the left, light on the right


def noise(count: int = 4) -> Tensor:
    return torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)


def test_it_keeps_the_shape_and_obeys_the_seed() -> None:
    pixels, mirror = noise(), torch.tensor([True, False, True, False])
    torch.manual_seed(2)
    first = Augmentation()(pixels, mirror)
    torch.manual_seed(2)
    again = Augmentation()(pixels, mirror)
    assert first.shape == pixels.shape
    assert first.dtype == torch.float32
    assert torch.equal(first, again)
    assert not torch.equal(first, Augmentation()(pixels, mirror))


def test_without_crop_and_colour_only_the_mirror_is_left() -> None:
    pixels = noise(2)
    changed = Augmentation(1.0, 1.0, 0.0)(pixels, torch.tensor([True, False]))
    assert torch.allclose(changed[0], pixels[0].flip(-1).float(), atol=0.01)
    assert torch.allclose(changed[1], pixels[1].float(), atol=0.01)


def test_pictures_can_come_out_smaller() -> None:
    pixels = noise(3)
    changed = Augmentation(1.0, 1.0, 0.0)(pixels, torch.zeros(3) > 0, size=16)
    assert changed.shape == (3, 3, 16, 16)
    means = pixels.float().unflatten(3, (16, 2)).unflatten(2, (16, 2)).mean((3, 5))
    assert torch.allclose(changed, means, atol=0.01)


def test_only_what_is_to_be_mirrored_is() -> None:
    torch.manual_seed(1)
    mirror = torch.rand(40) < 0.5
    changed = Augmentation(0.5, 1.5, 0.0)(ACROSS.expand(40, -1, -1, -1), mirror)
    falls = changed[:, 0, 16, 0] > changed[:, 0, 16, -1]
    assert torch.equal(falls, mirror)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.1, 1), stretch=st.floats(1, 3))
def test_a_crop_stays_inside_and_keeps_as_much_as_it_should(
    seed: int, scale: float, stretch: float
) -> None:
    torch.manual_seed(seed)
    pixels = torch.stack([ACROSS[0], ACROSS[0].T, ACROSS[0]]).expand(8, -1, -1, -1)
    changed = Augmentation(scale, stretch, 0.0)(pixels, torch.zeros(8) > 0)
    steps = 255 / 31
    width = changed[:, 0].diff(dim=-1) / steps  # of the source's cells for each cell
    height = changed[:, 1].diff(dim=-2) / steps
    # no cell twice, as beyond an edge; half a cell at the edges is the border's
    assert width[:, :, 1:-1].min() > 0
    assert height[:, 1:-1].min() > 0
    for share in (width[:, :, 1:-1], height[:, 1:-1]):
        assert torch.allclose(share, share[:, :1, :1].expand_as(share), atol=1e-3)
    across, down = width[:, 16, 16], height[:, 16, 16]
    assert across.max() <= 1 + 1e-4
    assert down.max() <= 1 + 1e-4
    ratio = across / down
    assert (ratio < stretch * 1.01).all()
    assert (ratio > 1 / stretch / 1.01).all()
    # a side that would be longer than the picture's is cut to it
    assert (across * down >= scale / stretch * 0.99).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), colour=st.floats(0, 1))
def test_colours_stay_bytes(seed: int, colour: float) -> None:
    torch.manual_seed(seed)
    pixels = noise() // 255 * 255 if seed % 2 else noise()
    changed = Augmentation(colour=colour)(pixels, torch.rand(4) < 0.5)
    assert changed.isfinite().all()
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_grey_stays_grey() -> None:
    pixels = noise()[:, :1].expand(-1, 3, -1, -1)
    changed = Augmentation(colour=0.9)(pixels, torch.zeros(4) > 0)
    assert torch.allclose(changed, changed[:, :1].expand_as(changed), atol=0.05)


def places() -> Tensor:
    """Maps of three things: on the left, on the right, across the middle; and of none."""
    maps = torch.zeros(2, 4, 16, 16)
    maps[:, 0, 4:8, 1:5] = maps[:, 1, 4:8, 11:15] = maps[:, 2, 2:4, 5:11] = 0.25
    return maps


def test_a_crop_of_all_leaves_maps_as_they_are_and_a_mirror_turns_them() -> None:
    maps = places()
    pixels, left, share = Augmentation(1.0, 1.0, 0.0).with_maps(
        noise(2), maps, torch.tensor([True, False]), size=24
    )
    assert pixels.shape == (2, 3, 24, 24)
    assert left.shape == maps.shape
    assert torch.allclose(left[0], maps[0].flip(-1), atol=1e-5)
    assert torch.allclose(left[1], maps[1], atol=1e-5)
    assert torch.allclose(share, torch.tensor([1.0, 1, 1, 0]).expand(2, 4), atol=1e-5)


def test_pixels_are_changed_as_without_maps() -> None:
    pixels, mirror = noise(2), torch.tensor([True, False])
    torch.manual_seed(2)
    alone = Augmentation()(pixels, mirror)
    torch.manual_seed(2)
    assert torch.equal(Augmentation().with_maps(pixels, places(), mirror)[0], alone)


@pytest.mark.parametrize(
    ("mirror", "wanted"), [(1.0, [1.0, 0.0, 0.5, 0.0]), (-1.0, [1.0, 0.0, 0.5, 0.0])]
)
def test_what_is_left_of_things_in_half_a_picture(
    monkeypatch: pytest.MonkeyPatch, mirror: float, wanted: list[float]
) -> None:
    left_half = torch.tensor([[mirror * 0.5, 0, -0.5], [0, 1.0, 0]]).expand(2, -1, -1)
    monkeypatch.setattr(Augmentation, "_crops", lambda *_: left_half)
    _, left, share = Augmentation(colour=0.0).with_maps(noise(2), places(), torch.zeros(2) > 0)
    assert torch.allclose(share, torch.tensor(wanted).expand(2, 4), atol=0.05)
    assert not left[:, [1, 3]].any()
    columns = torch.arange(16) + 0.5
    at = (left[0, 0].sum(0) * columns).sum() / left[0, 0].sum()
    assert float(at) == pytest.approx(6 if mirror > 0 else 10, abs=0.05)  # twice as far from 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.1, 1))
def test_a_share_is_a_share(seed: int, scale: float) -> None:
    torch.manual_seed(seed)
    crops = Augmentation(scale, 2.0)
    even = torch.full((4, 1, 16, 16), 0.5)
    _, left, share = crops.with_maps(noise(), even, torch.rand(4) < 0.5)
    assert left.min() >= 0
    assert left.max() <= 0.5 + 1e-6
    assert share.min() >= scale / 2 * 0.8  # the stretch may cost half; the edges fade out
    assert share.max() <= 1
