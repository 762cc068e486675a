"""Photograph, artwork or graphic: what the head says, and when it is not asked at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.captioning.medium import (
    HEAD,
    MEDIA,
    PLAIN_NUMBERS,
    SHIPPED,
    Media,
    MediumHead,
    load,
    plain_numbers,
)
from models.runtime import bundle

CHANNELS = 2


def head(sure: float = 0.8) -> MediumHead:
    """One that takes the first feature for artwork, the second for a graphic."""
    size = CHANNELS + PLAIN_NUMBERS
    weights = np.zeros((len(MEDIA), size + 1), np.float32)
    weights[1, 0] = weights[2, 1] = 4
    return MediumHead("abc", np.zeros(size, np.float32), np.ones(size, np.float32), weights, sure)


@pytest.mark.parametrize(
    ("media", "drawn", "told"),
    [
        (Media(0.1, 0.7, 0.2, 0.8), False, "artwork"),
        (Media(0.1, 0.2, 0.7, 0.8), False, "graphic"),
        (Media(0.3, 0.6, 0.1, 0.8), False, "photograph"),  # in doubt
        (Media(0.3, 0.6, 0.1, 0.8), True, "artwork"),  # two say so
        (Media(0.6, 0.3, 0.1, 0.8), True, "photograph"),
    ],
)
def test_in_doubt_it_is_a_photograph(media: Media, drawn: bool, told: str) -> None:
    assert media.told(drawn=drawn) == told


def test_what_was_saved_says_the_same(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 30), "red")
    head().save(tmp_path / HEAD)
    again = load("abc", CHANNELS, tmp_path)
    assert again is not None
    for features, told in (([1, 0], "artwork"), ([0, 1], "graphic"), ([0, 0], "photograph")):
        media = again.believed(np.array(features, np.float32), image)
        assert media.told(drawn=False) == told
        assert media.photograph + media.artwork + media.graphic == pytest.approx(1)


def test_it_is_for_one_encoder_and_damaged_ones_are_none(tmp_path: Path) -> None:
    head().save(tmp_path / HEAD)
    assert load("another", CHANNELS, tmp_path) is None
    assert load("abc", CHANNELS + 1, tmp_path) is None
    whole = (tmp_path / HEAD).read_bytes()
    for content in (b"", b"PK", whole[:200], whole[:-30], b"\0" * 2_000_000):
        (tmp_path / HEAD).write_bytes(content)
        assert load("abc", CHANNELS, tmp_path) is None
    (tmp_path / HEAD).unlink()
    assert load("abc", CHANNELS, tmp_path) is None


def test_plain_numbers_tell_flat_from_grainy() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (50, 60, 3)).astype(np.uint8)
    flat = plain_numbers(Image.new("RGB", (60, 50), "blue"))
    grainy = plain_numbers(Image.fromarray(noise))
    assert flat.shape == grainy.shape == (PLAIN_NUMBERS,)
    assert flat[2] == flat[1] == 1.0
    assert grainy[0] > 0.9
    assert grainy[4] > 0.5
    assert plain_numbers(Image.new("RGB", (1, 1))).shape == (PLAIN_NUMBERS,)


def test_the_one_that_ships_is_for_the_captioner_that_ships() -> None:
    encoder = bundle.digest(bundle.SHIPPED / bundle.ENCODER)
    with np.load(SHIPPED / HEAD, allow_pickle=False) as arrays:
        channels = len(arrays["mean"]) - PLAIN_NUMBERS
    assert load(encoder, channels) is not None, "run: python -m training medium"
