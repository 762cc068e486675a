"""Any image becomes what people see, and then the array that the encoder was trained on."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from models.captioning.preprocess import Preprocessing, squash, to_array, upright_rgb, visible

WHITE, RED, GREEN, BLUE = (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)
PLAIN = Preprocessing(8, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def through_file(image: Image.Image, kind: str, **options: object) -> Image.Image:
    """As the image comes out of a file: modes and metadata are then what they really are."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(io.BytesIO(file.getvalue()))


def half_and_half() -> Image.Image:
    """Red on the left, blue on the right; 16 by 8."""
    image = Image.new("RGB", (16, 8), RED)
    image.paste(BLUE, (8, 0, 16, 8))
    return image


@pytest.mark.parametrize(
    ("orientation", "size", "edge"),  # where the red left edge of the stored picture goes
    [
        (1, (16, 8), "left"),
        (2, (16, 8), "right"),
        (3, (16, 8), "right"),
        (4, (16, 8), "left"),
        (5, (8, 16), "top"),
        (6, (8, 16), "top"),
        (7, (8, 16), "bottom"),
        (8, (8, 16), "bottom"),
    ],
)
def test_a_turned_photograph_is_set_upright(
    orientation: int, size: tuple[int, int], edge: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = upright_rgb(through_file(half_and_half(), "PNG", exif=exif))
    assert upright.size == size
    right, bottom = size[0] - 1, size[1] - 1
    ends = {
        "left": [(0, 0), (0, bottom)],
        "right": [(right, 0), (right, bottom)],
        "top": [(0, 0), (right, 0)],
        "bottom": [(0, bottom), (right, bottom)],
    }
    assert [upright.getpixel(corner) for corner in ends[edge]] == [RED, RED]
    assert [upright.getpixel((right - x, bottom - y)) for x, y in ends[edge]] == [BLUE, BLUE]


def test_transparency_lies_over_white() -> None:
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    image.putpixel((2, 0), (0, 0, 0, 128))
    seen = upright_rgb(through_file(image, "PNG"))
    assert seen.mode == "RGB"
    assert seen.getpixel((0, 0)) == WHITE
    assert seen.getpixel((1, 0)) == RED
    assert seen.getpixel((2, 0)) == pytest.approx((127, 127, 127), abs=1)


def test_grey_with_transparency_lies_over_white() -> None:
    image = Image.new("LA", (2, 1), (0, 0))
    image.putpixel((1, 0), (90, 255))
    seen = upright_rgb(through_file(image, "PNG"))
    assert [seen.getpixel((x, 0)) for x in (0, 1)] == [WHITE, (90, 90, 90)]


def test_a_palette_with_a_transparent_colour_lies_over_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*GREEN, *BLUE])
    image.putpixel((1, 0), 1)
    seen = upright_rgb(through_file(image, "PNG", transparency=0))
    assert [seen.getpixel((x, 0)) for x in (0, 1)] == [WHITE, BLUE]


def test_a_palette_without_transparency_keeps_its_colours() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*GREEN, *BLUE])
    image.putpixel((1, 0), 1)
    seen = upright_rgb(through_file(image, "PNG"))
    assert [seen.getpixel((x, 0)) for x in (0, 1)] == [GREEN, BLUE]


def test_an_animation_shows_its_first_frame() -> None:
    frames = [Image.new("RGB", (4, 4), RED), Image.new("RGB", (4, 4), BLUE)]
    seen = upright_rgb(through_file(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert seen.getpixel((1, 1)) == RED


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    values = np.array([[0, 256, 32768, 65535]], np.uint16)
    seen = upright_rgb(through_file(Image.fromarray(values), "PNG"))
    assert [seen.getpixel((x, 0))[0] for x in range(4)] == pytest.approx([0, 1, 127, 255], abs=1)


def test_a_dark_sixteen_bit_picture_stays_dark() -> None:
    seen = upright_rgb(through_file(Image.fromarray(np.full((2, 2), 200, np.uint16)), "PNG"))
    assert seen.getpixel((0, 0)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("top", "kind"),
    [
        (255, np.int32),
        (65535, np.int32),
        (1_000_000, np.int32),
        (1, np.float32),
        (255, np.float32),
        (65535, np.float32),
    ],
)
def test_deep_grey_images_keep_their_scale(top: int, kind: type) -> None:
    values = (np.array([[0.0, 0.5, 1.0]]) * top).astype(kind)
    seen = upright_rgb(through_file(Image.fromarray(values), "TIFF"))
    assert [seen.getpixel((x, 0))[1] for x in range(3)] == pytest.approx([0, 127, 255], abs=1)


def test_numbers_that_are_none_do_no_harm() -> None:
    values = np.array([[np.nan, 0.5, 1.0]], np.float32)
    seen = upright_rgb(through_file(Image.fromarray(values), "TIFF"))
    assert [seen.getpixel((x, 0))[1] for x in range(3)] == pytest.approx([0, 127, 255], abs=1)


def test_print_colours_become_screen_colours() -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert upright_rgb(through_file(image, "TIFF")).getpixel((8, 8)) == RED
    near = upright_rgb(through_file(image, "JPEG", quality=95)).getpixel((8, 8))
    assert near == pytest.approx(RED, abs=6)


def test_one_bit_becomes_black_and_white() -> None:
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    seen = upright_rgb(through_file(image, "PNG"))
    assert [seen.getpixel((x, 0)) for x in (0, 1)] == [(0, 0, 0), WHITE]


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (64, 64), (1300, 700)])
def test_shape_type_and_range(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    array = to_array(Image.fromarray(noise), Preprocessing(64))
    assert array.shape == (1, 3, 64, 64)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    assert array.min() >= -1
    assert array.max() <= 1


def test_mean_and_deviation_belong_to_their_channels() -> None:
    how = Preprocessing(8, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0))
    array = to_array(Image.new("RGB", (8, 8), (255, 0, 255)), how)
    assert array[0, :, 0, 0] == pytest.approx([1.0, -1.0, 0.5])


def test_nothing_is_cropped() -> None:
    image = Image.new("RGB", (400, 80), (0, 0, 0))
    for corner in ((0, 0), (350, 0), (0, 40), (350, 40)):
        image.paste(WHITE, (*corner, corner[0] + 50, corner[1] + 40))
    array = to_array(image, PLAIN)[0, 0]
    assert array[[0, 0, -1, -1], [0, -1, 0, -1]].min() > 0.8  # every corner is still there
    assert array[:, 2:6].max() < 0.1


def test_small_details_are_averaged_not_skipped() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    assert to_array(Image.fromarray(stripes), PLAIN) == pytest.approx(0.5, abs=0.02)


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    image = half_and_half().resize((8, 8))
    assert squash(image, PLAIN) is image


@pytest.mark.parametrize("size", [(40, 20), (20, 40)])
def test_with_a_shorter_side_the_middle_is_cut_out(size: tuple[int, int]) -> None:
    how = Preprocessing(8, shorter_side=10, mean=PLAIN.mean, std=PLAIN.std)
    image = Image.new("RGB", size, RED)
    left, top = size[0] // 2 - 8, size[1] // 2 - 8
    image.paste(BLUE, (left, top, left + 16, top + 16))
    assert to_array(image, how)[0, :, 1:-1, 1:-1].mean((1, 2)) == pytest.approx([0, 0, 1], abs=0.02)
    seen = visible(image, how)
    assert (seen.size, seen.getcolors()) == ((16, 16), [(256, BLUE)])
    assert visible(image, PLAIN) is image


def test_what_is_cut_out_is_no_larger_than_the_picture() -> None:
    with pytest.raises(ValueError, match="shorter_side"):
        Preprocessing(8, shorter_side=7)
