"""Bytes from outside → an image that is safe to caption. Runs in the captioner's process only."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Literal, cast

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from describer_daemon.captioner import memory
from describer_daemon.core.ports import DescriberError, Rectangle

MAX_PIXELS = 100_000_000
MIN_SIDE = 8
_AT_MOST = f"I take at most {MAX_PIXELS // 1_000_000} million pixels."
# what desktops and cameras make; none that runs another program to be decoded, as EPS does
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "ICO", "JPEG2000", "AVIF")
_REDUCED_SIZE = (1024, 1024)  # pictures are reduced to a scale that is no smaller than this
_REDUCIBLE = ("L", "LA", "RGB", "RGBA", "CMYK")


def from_pixels(width: int, height: int, layout: str, data: bytes) -> Image.Image:
    """Wrap raw pixels (see `ports.Pixels`). Raises DescriberError when they do not fit."""
    _check_size(width, height)
    if len(data) != width * height * len(layout):
        raise DescriberError("The screen picture came incomplete. Please try again.")
    return Image.frombuffer("RGB", (width, height), data, "raw", layout, 0, 1)


def from_encoded(data: bytes, *, full: bool = False) -> Image.Image:
    """Decode an image file's first frame, `full` or, if that saves time, at a reduced scale.

    Raises DescriberError with the cause and the cure.
    """
    if not data:
        raise DescriberError("The picture is empty: it has no content at all.")
    # Pillow refuses more than twice its limit, even inside an icon, before it decodes any
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata is no reason to refuse a picture
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            _check_size(*image.size)
            if not full:
                image.draft("RGB", _REDUCED_SIZE)
            image.load()
            return _upright(image if full else _reduced(image))
    except UnidentifiedImageError as error:
        raise DescriberError(
            "This is not a picture of a kind that I can read.", detail=str(error)
        ) from error
    except DescriberError:
        raise
    except Image.DecompressionBombError as error:
        raise DescriberError(f"The picture is too large. {_AT_MOST}", detail=str(error)) from error
    # Pillow's decoders raise whatever they stumble over: struct.error, SyntaxError, KeyError …
    except Exception as error:
        if memory.is_out_of_memory(error):
            raise DescriberError(memory.TOO_MUCH, detail=repr(error)) from error
        raise DescriberError(
            "The picture is damaged or cut off, so I cannot read it.", detail=repr(error)
        ) from error


def full_size(data: bytes, decoded: Image.Image) -> tuple[int, int]:
    """Width and height of a file's image, upright, that was `decoded`, maybe at a reduced scale."""
    if min(decoded.size) < min(_REDUCED_SIZE):  # it was not reduced
        return decoded.size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
    # the camera's note may have turned it
    same = (width >= height) == (decoded.width >= decoded.height)
    return (width, height) if same else (height, width)


def _reduced(image: Image.Image) -> Image.Image:
    """Reduce a large image, as JPEG's decoder has done already, before it is copied or changed.

    One that the camera's note wants rotated stays as it is: the note would be lost.
    """
    factor = min(image.width // _REDUCED_SIZE[0], image.height // _REDUCED_SIZE[1])
    if factor < 2 or image.mode not in _REDUCIBLE:
        return image
    try:
        rotated = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    except Exception:  # Pillow's readers of notes raise of every kind
        rotated = False
    return image if rotated else image.reduce(factor)


def _upright(image: Image.Image) -> Image.Image:
    """Apply the camera's note of how it was held, and drop all notes: they may be damaged."""
    try:
        upright = ImageOps.exif_transpose(image)
    except Exception:  # Pillow's readers of notes raise of every kind too
        upright = image.copy()
    upright.info = {key: upright.info[key] for key in ("transparency",) if key in upright.info}
    return upright


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise DescriberError(f"The picture is too large: {width} by {height} pixels. {_AT_MOST}")
    if min(width, height) < MIN_SIDE:
        raise DescriberError(
            f"The picture is too small: {width} by {height} pixels. "
            f"I need at least {MIN_SIDE} by {MIN_SIDE}."
        )


def outlined(image: Image.Image, boxes: Sequence[Rectangle], labels: Sequence[str] = ()) -> bytes:
    """A PNG of an RGB image with boxes drawn around what they hold, with their labels, or else
    numbered from 1."""
    from PIL import ImageDraw, ImageFont

    drawn = image.copy()
    draw = ImageDraw.Draw(drawn)
    line = max(2, min(image.size) // 200)
    font = ImageFont.load_default(size=12 * line)
    names = labels or [str(number) for number in range(1, len(boxes) + 1)]
    for box, name in zip(boxes, names, strict=True):
        sides = (box.left, box.top, box.left + box.width - 1, box.top + box.height - 1)
        draw.rectangle(sides, outline="yellow", width=2 * line)
        draw.rectangle(sides, outline="black", width=line)  # one of them is seen on anything
        corner, label = (box.left, box.top), f" {name} "
        _, _, right, bottom = draw.textbbox(corner, label, font)
        draw.rectangle((*corner, right, bottom + line), fill="black")
        draw.text(corner, label, fill="yellow", font=font)
    stream = io.BytesIO()
    drawn.save(stream, "PNG")
    return stream.getvalue()


def blank_reason(image: Image.Image) -> Literal["", "black", "plain"]:
    """Tell an RGB image that is all black or all of one colour from one that shows something."""
    small = image.resize((64, 64), Image.Resampling.BOX, reducing_gap=2.0)
    ranges = _ranges(small)
    if max(high - low for low, high in ranges) > 6:
        return ""
    # a lone bright spot would survive in the original: only a truly flat picture counts
    if max(high - low for low, high in _ranges(image)) > 48:
        return ""
    return "black" if max(high for _, high in ranges) < 16 else "plain"


def _ranges(image: Image.Image) -> tuple[tuple[int, int], ...]:
    """Least and greatest value of each channel; Pillow's type covers images of one too."""
    return cast("tuple[tuple[int, int], ...]", image.getextrema())
