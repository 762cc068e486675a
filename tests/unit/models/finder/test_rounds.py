"""A picture that was cut to a circle has the circle's box."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data

from models.finder import rounds
from models.finder.candidates import Cells, candidates
from models.finder.limits import Limits
from models.finder.region import Region

GROUND, PLACE, SIDE = (34, 40, 45), (210, 130), 150
TRUE = [210, 130, 360, 280]
ABOUT = np.array([196.0, 120, 352, 290])  # as the cells have it


def screen(shape: str = "ellipse") -> Image.Image:
    image, mask = Image.new("RGB", (640, 480), GROUND), Image.new("L", (SIDE, SIDE))
    getattr(ImageDraw.Draw(mask), shape)((0, 0, SIDE - 1, SIDE - 1), fill=255)
    image.paste(Image.fromarray(data.astronaut()).resize((SIDE, SIDE)), PLACE, mask)
    return image


def test_a_circle_is_found_to_the_pixel_beside_its_title() -> None:
    image = screen()
    ImageDraw.Draw(image).text((220, 300), "An artist", "white")
    box = rounds.fit(np.asarray(image), ABOUT)
    assert box is not None
    assert np.abs(box - TRUE).max() <= 1


def test_a_region_takes_the_box_of_its_circle() -> None:
    cells = Cells(np.zeros((4, 60, 80), np.float32), np.zeros((4, 60, 80), np.float32), 8)
    regions = [Region(ABOUT, 0.9, photograph=True)]
    (found,) = candidates(np.asarray(screen()), regions, cells, Limits())
    assert np.abs(found.box - TRUE).max() <= 1


@pytest.mark.parametrize("shape", ["rectangle", "rounded_rectangle", "line"])
def test_other_shapes_are_no_circle(shape: str) -> None:
    assert rounds.fit(np.asarray(screen(shape)), ABOUT) is None


@pytest.mark.parametrize("box", [(0, 0, 150, 150), (490, 330, 640, 480), (400, 20, 560, 120)])
def test_at_the_screens_end_and_on_ground_there_is_none(box: tuple[int, int, int, int]) -> None:
    assert rounds.fit(np.asarray(screen()), np.array(box, float)) is None
