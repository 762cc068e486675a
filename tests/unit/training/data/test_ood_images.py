"""Made-up pictures: of every kind, and the same for the same seed."""

from __future__ import annotations

from collections import Counter

import numpy as np

from training.data.ood_images import draw


def test_there_are_as_many_of_every_kind() -> None:
    kinds = Counter(kind for kind, _ in draw(2, seed=1))
    assert set(kinds) == {"noise", "plain", "text", "chart", "map", "drawing", "icons", "window"}
    assert set(kinds.values()) == {2}


def test_the_seed_decides_everything() -> None:
    def pixels(seed: int) -> list[bytes]:
        return [image.tobytes() for _, image in draw(1, seed)]

    assert pixels(1) == pixels(1)
    assert not set(pixels(1)) & set(pixels(2))


def test_they_are_small_colour_pictures_that_show_something() -> None:
    for kind, image in draw(2, seed=3):
        assert image.mode == "RGB", kind
        assert all(160 <= side < 480 for side in image.size)
        assert np.asarray(image).std() > 1, kind
