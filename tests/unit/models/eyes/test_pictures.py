"""Pictures are prepared as transformers prepares them, by every option that is published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.eyes.pictures import read_pictures
from models.runtime.bundle import BundleError

if TYPE_CHECKING:
    from PIL import Image

_HALVES = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.2, 0.3]}
TABLES: list[tuple[str, dict[str, Any]]] = [
    ("ViTImageProcessor", {"size": {"height": 32, "width": 24}, "resample": 2, **_HALVES}),
    ("ViTImageProcessor", {"size": {"height": 32, "width": 32}, "do_normalize": False}),
    ("ViTImageProcessor", {"do_resize": False, "do_rescale": False, **_HALVES}),
    ("ViTImageProcessor", {"size": {"height": 9, "width": 9}, "rescale_factor": 0.01, **_HALVES}),
    (
        "CLIPImageProcessor",
        {
            "size": {"shortest_edge": 40},
            "resample": 3,
            "do_center_crop": True,
            "crop_size": {"height": 32, "width": 36},
            **_HALVES,
        },
    ),
    (
        "CLIPImageProcessor",  # smaller than what is cut out: black around it
        {"size": {"shortest_edge": 20}, "crop_size": {"height": 32, "width": 32}, "resample": 3},
    ),
    (
        "CLIPImageProcessor",
        {"size": {"height": 48, "width": 48}, "do_center_crop": False, "resample": 3, **_HALVES},
    ),
]


@pytest.mark.parametrize(("kind", "table"), TABLES)
def test_the_numbers_are_those_of_transformers(
    kind: str, table: dict[str, Any], pictures: list[Image.Image]
) -> None:
    import transformers as hf

    if kind == "CLIPImageProcessor":
        table = {"do_center_crop": True, **_HALVES} | table
        theirs: Any = hf.CLIPImageProcessorPil(**table)
    else:
        theirs = hf.ViTImageProcessorPil(**table)
    ours = read_pictures({"image_processor_type": kind, **theirs.to_dict(), **table})
    for picture in pictures:
        wanted = theirs(images=picture, return_tensors="np").pixel_values
        assert np.abs(ours.array(picture) - wanted).max() < 2e-5


@pytest.mark.parametrize(
    ("table", "size"),
    [
        ({"feature_extractor_type": "ViTFeatureExtractor", "size": 24}, (24, 24)),
        ({"feature_extractor_type": "CLIPFeatureExtractor", "size": 20, "crop_size": 16,
          "do_center_crop": True}, (16, 16)),
        ({"size": [24, 28]}, (24, 28)),
    ],
)  # fmt: skip
def test_sizes_may_be_numbers_as_they_once_were(
    table: dict[str, Any], size: tuple[int, int], pictures: list[Image.Image]
) -> None:
    assert read_pictures(table).array(pictures[0]).shape == (1, 3, *size)


def test_what_is_cropped_is_not_seen(pictures: list[Image.Image]) -> None:
    cropped = read_pictures(
        {"size": {"shortest_edge": 20}, "crop_size": 20, "do_center_crop": True}
    )
    assert cropped.visible(pictures[0]).size == (50, 50)
    assert read_pictures({"size": {"height": 9, "width": 9}}).visible(pictures[0]).size == (70, 50)


@pytest.mark.parametrize(
    "table",
    [
        {"size": {"height": 40}},
        {"size": {"height": -4, "width": 9}},
        {"size": {"height": 99999, "width": 9}},
        {"size": "large"},
        {"size": 9, "image_std": [0, 1, 1]},
        {"size": 9, "image_mean": [0, 1]},
        {"size": 9, "resample": 77},
        {"size": 9, "rescale_factor": "x"},
    ],
    ids=str,
)
def test_settings_that_nothing_can_be_done_with_are_told_of(table: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match=r"preprocessor_config\.json cannot be used"):
        read_pictures(table)
