"""Rectangles on plain ground, and which regions of cells make one picture, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from models.finder import frames
from models.finder.candidates import Cells, candidates
from models.finder.limits import Limits
from models.finder.region import Region
from models.finder.regions import INTERFACE, PHOTOGRAPH

if TYPE_CHECKING:
    from collections.abc import Sequence

GREY, WHITE = (70, 72, 76), (250, 250, 250)
COVER = (200, 120, 360, 320)


def screen(colour: tuple[int, int, int] = GREY) -> Image.Image:
    return Image.new("RGB", (640, 480), colour)


def photograph(size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(data.astronaut()).resize(size)


def with_cover(image: Image.Image, box: tuple[int, int, int, int] = COVER) -> Image.Image:
    """A book's cover: its title on plain white, and a picture below."""
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = box
    pen.rectangle((left, top, right - 1, bottom - 1), fill=(255, 255, 255))
    pen.text((left + 12, top + 12), "A TITLE", fill="black", font=ImageFont.load_default(24))
    image.paste(photograph((right - left, bottom - top - 80)), (left, top + 80))
    return image


def fitted(image: Image.Image, *box: float) -> frames.Fit:
    return frames.fit(np.asarray(image), np.array(box, float))


def test_a_part_of_a_picture_grows_to_all_of_it() -> None:
    image = screen()
    image.paste(photograph((160, 200)), COVER[:2])
    fit = fitted(image, 200, 200, 360, 320)
    assert fit.box.tolist() == list(COVER)
    assert fit.framed == 4
    assert not fit.gap
    assert frames.clear(fit.before) == 3


def test_a_box_that_has_ground_in_it_shrinks() -> None:
    fit = fitted(with_cover(screen()), 180, 110, 372, 332)
    assert fit.box.tolist() == list(COVER)
    assert fit.framed == 4


def test_a_picture_at_the_screens_end_ends_there() -> None:
    image = screen()
    image.paste(photograph((200, 480)), (0, 0))
    fit = fitted(image, 0, 90, 200, 480)
    assert fit.box.tolist() == [0, 0, 200, 480]
    assert fit.framed == 4


def test_ground_may_be_a_gradient() -> None:
    slope = np.linspace(20, 60, 480).astype(np.uint8)
    image = Image.fromarray(np.broadcast_to(slope[:, None, None], (480, 640, 3)).copy())
    fit = fitted(with_cover(image), *COVER)
    assert fit.box.tolist() == list(COVER)
    assert fit.framed == 4


def test_text_is_no_rectangle() -> None:
    image = screen(WHITE)
    pen = ImageDraw.Draw(image)
    for row, words in enumerate(("some words", "and some more of them", "end")):
        pen.text((200, 120 + 22 * row), words, fill="black", font=ImageFont.load_default(16))
    assert fitted(image, 190, 116, 400, 190).framed < 4


def test_a_line_is_no_ground() -> None:
    image = screen()
    image.paste(photograph((300, 200)), (100, 100))
    ImageDraw.Draw(image).line((250, 100, 250, 299), fill=GREY)  # a bar of a window in it
    assert fitted(image, 100, 100, 250, 300).box.tolist() == [100, 100, 400, 300]


def test_a_frame_around_a_picture_is_left_out() -> None:
    image = screen()
    ImageDraw.Draw(image).rectangle((92, 92, 407, 307), fill=(230, 120, 20))
    image.paste(photograph((300, 200)), (100, 100))
    assert fitted(image, 90, 92, 408, 310).box.tolist() == [100, 100, 400, 300]


def test_ground_that_runs_through_a_card_is_told() -> None:
    image = screen()
    image.paste(photograph((200, 120)), (100, 100))
    image.paste(photograph((200, 60)), (100, 240))
    fit = fitted(image, 100, 100, 300, 250)
    assert fit.box.tolist() == [100, 100, 300, 300]
    assert fit.gap


def test_what_goes_on_beyond_one_odd_side_is_told() -> None:
    """A title on white looks like the ground above a picture, a black band like that below."""
    below_title = fitted(with_cover(screen()), 200, 200, 360, 320)
    assert below_title.box.tolist() == [200, 200, 360, 320]
    assert below_title.farther is not None
    assert below_title.farther.tolist() == list(COVER)
    image = with_cover(screen())
    ImageDraw.Draw(image).rectangle((200, 240, 359, 250), fill="black")
    fit = fitted(image, 200, 120, 360, 240)
    assert fit.box.tolist() == [200, 120, 360, 240]
    assert fit.farther is not None
    assert fit.farther.tolist() == list(COVER)


@pytest.mark.parametrize("box", [(0, 0, 3, 3), (630, 470, 660, 500), (10, 10, 10, 90)])
def test_hardly_anything_is_no_rectangle(box: tuple[int, int, int, int]) -> None:
    assert fitted(screen(), *box).framed < 4


# ---- regions of cells


def cells(claims: Sequence[tuple[int, int, int, int]], share: float = 0.9) -> Cells:
    """Each box is of cells that claim it for their picture, so sure."""
    kinds, reach = np.zeros((4, 60, 80), np.float32), np.zeros((4, 60, 80), np.float32)
    kinds[INTERFACE] = 1
    for left, top, right, bottom in claims:
        place = slice(round(top / 8), round(bottom / 8)), slice(round(left / 8), round(right / 8))
        kinds[PHOTOGRAPH][place], kinds[INTERFACE][place] = share, 1 - share
        down, across = 8 * (np.mgrid[place] + 0.5)
        for side, each in enumerate((across - left, down - top, right - across, bottom - down)):
            reach[side][place] = each
    return Cells(kinds, reach, 8)


def places(
    image: Image.Image, regions: Sequence[tuple[int, int, int, int]], seen: Cells
) -> list[list[float]]:
    made = [Region(np.array(box, float), 0.9, photograph=True) for box in regions]
    found = candidates(np.asarray(image), made, seen, Limits())
    return [each.box.tolist() for each in found]


def test_shreds_of_one_picture_are_one() -> None:
    whole = (96, 96, 400, 304)
    image = screen()
    image.paste(photograph((304, 208)), (96, 96))
    shreds = [(96, 96, 200, 304), (200, 96, 256, 304), (256, 96, 400, 304)]
    assert places(image, shreds, cells([whole])) == [list(whole)]


def test_pictures_that_touch_stay_apart() -> None:
    image = screen()
    parts = [(96, 96, 248, 304), (248, 96, 400, 304)]
    for box in parts:
        image.paste(photograph((152, 208)), box[:2])
    assert places(image, parts, cells(parts)) == [list(box) for box in parts]


def test_a_cover_that_hardly_any_cell_is_sure_of_is_found_by_its_rectangle() -> None:
    image = screen((18, 18, 18))
    image.paste(photograph((80, 80)), (104, 104))
    assert places(image, [], cells([(104, 104, 184, 184)], 0.2)) == [[104, 104, 184, 184]]


@pytest.mark.parametrize("shape", ["ellipse", "rectangle"])
def test_signs_of_the_same_size_are_not(shape: str) -> None:
    image = screen((18, 18, 18))
    getattr(ImageDraw.Draw(image), shape)((104, 104, 183, 183), fill=(230, 120, 20))
    assert not places(image, [], cells([(104, 104, 184, 184)], 0.2))


def test_chequers_beside_a_picture_are_none_of_it() -> None:
    image = screen(WHITE)
    squares = (np.indices((480, 640)) // 8).sum(0) % 2
    chequers = Image.fromarray(np.where(squares, 255, 220).astype(np.uint8)).convert("RGB")
    image.paste(chequers.crop((96, 96, 400, 400)), (96, 96))
    image.paste(photograph((304, 200)), (96, 96))
    found = places(image, [(96, 96, 400, 296)], cells([(96, 96, 400, 296)]))
    assert found == [[96, 96, 400, 296]]
