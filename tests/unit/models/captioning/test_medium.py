"""Photograph, artwork or graphic: what the head says, and when it is not asked at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.captioning.decoding import Encoding
from models.captioning.medium import (
    COVERS,
    HEAD,
    MEDIA,
    PLAIN_NUMBERS,
    Media,
    MediumHead,
    load,
    plain_numbers,
)
from models.runtime import bundle

CHANNELS, DIMENSIONS = 2, 3
SIZE = CHANNELS + PLAIN_NUMBERS + 2 * DIMENSIONS + len(COVERS)


def head(sure: float = 0.8) -> MediumHead:
    """One that takes the first feature for artwork, the second for a chart."""
    weights = np.zeros((len(MEDIA), SIZE + 1), np.float32)
    weights[1, 0] = weights[2, 1] = 6
    ones = np.ones(SIZE, np.float32)
    return MediumHead("abc", np.zeros(SIZE, np.float32), ones, weights, sure, 0.9)


def encoding(features: tuple[int, ...], classes: int = 1000) -> Encoding:
    cells = np.zeros((1, 5, DIMENSIONS), np.float32)
    classified = np.full(classes, 1e-3, np.float32)
    return Encoding((cells,), (), np.array(features, np.float32), classified)


@pytest.mark.parametrize(
    ("shares", "drawn", "told", "graphic"),
    [
        ((0.1, 0.7, 0.2, 0, 0, 0), False, "artwork", ""),
        ((0.1, 0.2, 0.7, 0, 0, 0), False, "graphic", "chart"),
        ((0.1, 0.4, 0.2, 0.1, 0.1, 0.1), False, "graphic", ""),
        ((0.1, 0.1, 0, 0.8, 0, 0), False, "graphic", "map"),
        ((0.1, 0.1, 0, 0, 0.8, 0), False, "graphic", "sign"),
        ((0.1, 0.1, 0, 0, 0, 0.8), False, "graphic", ""),
        ((0.3, 0.6, 0.1, 0, 0, 0), False, "photograph", ""),  # in doubt
        ((0.3, 0.6, 0.1, 0, 0, 0), True, "artwork", ""),  # two say so
        ((0.6, 0.3, 0.1, 0, 0, 0), True, "photograph", ""),
    ],
)
def test_in_doubt_it_is_a_photograph(
    shares: tuple[float, ...], drawn: bool, told: str, graphic: str
) -> None:
    media = Media(shares, 0.8, 0.7)
    assert media.told(drawn=drawn) == told
    assert media.graphic == graphic


def test_what_was_saved_says_the_same(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 30), "red")
    head().save(tmp_path / HEAD)
    again = load("abc", tmp_path)
    assert again is not None
    for features, told in (((1, 0), "artwork"), ((0, 1), "graphic"), ((0, 0), "graphic")):
        media = again.believed(encoding(features), image)
        assert media is not None
        assert media.told(drawn=False) == told
        assert sum(media.shares) == pytest.approx(1)
        assert media.graphic == ("chart" if features == (0, 1) else "")


def test_it_is_for_one_encoder_and_damaged_ones_are_none(tmp_path: Path) -> None:
    head().save(tmp_path / HEAD)
    assert load("another", tmp_path) is None
    image = Image.new("RGB", (40, 30))
    assert head().believed(encoding((1, 0), classes=0), image) is not None
    assert head().believed(encoding((1, 0, 0)), image) is None
    whole = (tmp_path / HEAD).read_bytes()
    for content in (b"", b"PK", whole[:200], whole[:-30], b"\0" * 2_000_000):
        (tmp_path / HEAD).write_bytes(content)
        assert load("abc", tmp_path) is None
    (tmp_path / HEAD).unlink()
    assert load("abc", tmp_path) is None


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
    assert load(encoder) is not None, "run: python -m training medium"
