"""Pictures are changed, but what is said of them stays true."""

from __future__ import annotations

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
    changed = Augmentation(scale, stretch, 0.0)._cropped(
        pixels, torch.zeros(8) > 0, slice(None), 32)
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
