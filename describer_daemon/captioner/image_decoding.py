"""Bytes from outside → an image that is safe to caption. Runs in the captioner's process only."""

from __future__ import annotations

import contextlib
import io
import unicodedata
import warnings
from collections.abc import Sequence

from PIL import (
    ExifTags,
    Image,
    ImageFile,
    ImageOps,
    Jpeg2KImagePlugin,
    UnidentifiedImageError,
    features,
)

from describer_daemon.captioner import image_files, memory, papers, repair
from describer_daemon.captioner.image_files import MAX_JPEG_PIXELS, MAX_PIXELS, MIN_SIDE
from describer_daemon.captioner.papers import blank_reason
from describer_daemon.core.file_kinds import FileKind, kind_of
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Rectangle

__all__ = ["MAX_JPEG_PIXELS", "MAX_PIXELS", "MIN_SIDE", "blank_reason"]

_REDUCED_SIZE = (1024, 1024)  # pictures are reduced to a scale that is no smaller than this
_SAMPLES = 3  # each way, of a block of pixels that becomes one
_REDUCIBLE = ("L", "LA", "RGB", "RGBA", "CMYK")
_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF", "TIFF")
_MAX_FRAMES = 30  # are looked at for one that shows something
_MAX_FRAME_PIXELS = 60_000_000  # of all these frames
_LEVELS = 5  # of JPEG 2000's scales, each half as large as the one before


def from_pixels(width: int, height: int, layout: str, data: bytes) -> Image.Image:
    """Wrap raw pixels (see `ports.Pixels`). Raises DescriberError when they do not fit."""
    image_files.check_size(width, height)
    if len(data) != width * height * len(layout):
        raise DescriberError(_("The screen picture came incomplete. Please try again."))
    return Image.frombuffer("RGB", (width, height), data, "raw", layout, 0, 1)


def from_encoded(
    data: bytes, *, full: bool = False, scope: memory.Scope | None = None
) -> Image.Image:
    """Decode an image file → RGB as people see it, `full` or, if that saves time, reduced.

    Of several frames it is the first that shows something. A JPEG that is larger than other
    kinds may be is reduced in any case (see `full_size`). `scope` may raise the limit of memory.

    Raises DescriberError with the cause and the cure.
    """
    if not data:
        raise DescriberError(_("The picture is empty: it has no content at all."))
    kind = kind_of(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged metadata is no reason to refuse a picture
        try:
            return _decoded(data, kind, full, scope or memory.Scope())
        except Image.DecompressionBombError as error:
            raise DescriberError(
                _("The picture is too large. I take at most {number} million pixels.").format(
                    number=image_files.MAX_PIXELS // 1_000_000
                ),
                detail=str(error),
            ) from error
        except DescriberError:
            raise
        # Pillow's decoders raise whatever they stumble over: struct.error, KeyError …
        except Exception as error:
            if memory.is_out_of_memory(error):
                raise DescriberError(_(memory.TOO_MUCH), detail=repr(error)) from error
            image = _repaired(data, kind, full, scope or memory.Scope())
            if image is None:
                raise _refused(error, kind) from error
            return image


def _refused(error: Exception, kind: FileKind) -> DescriberError:
    known = kind in (FileKind.PICTURE, FileKind.HEIC, FileKind.JPEG_XL, FileKind.SVG)
    readable = known or (kind is FileKind.AVIF and features.check("avif"))
    unknown = kind is FileKind.UNKNOWN
    if unknown or (isinstance(error, UnidentifiedImageError) and not readable):
        refusal = image_files.named(kind)
        return DescriberError(refusal.spoken, detail=str(error))
    return DescriberError(
        _("The picture is damaged or cut off, so I cannot read it."), detail=repr(error)
    )


def _decoded(data: bytes, kind: FileKind, full: bool, scope: memory.Scope) -> Image.Image:
    with image_files.opened(data, kind, scope) as image:
        whole = image.size
        _reduce_while_decoding(image, full)
        enough = scope.allow(image_files.needed(image, whole))
        try:
            image.load()
            return _first_that_shows(image, full)
        except (OSError, ValueError) as error:
            if enough or isinstance(error, UnidentifiedImageError):
                raise
            # some libraries do not tell that they had too little memory
            raise MemoryError(repr(error)) from error


def _reduce_while_decoding(image: Image.Image, full: bool) -> None:
    """Ask a decoder that can for a smaller image."""
    size = _REDUCED_SIZE
    if full:
        if image.width * image.height <= MAX_PIXELS:
            return
        size = (image.width // 2, image.height // 2)
    if isinstance(image, Jpeg2KImagePlugin.Jpeg2KImageFile):
        factor = min(image.width // size[0], image.height // size[1])
        image.reduce = min(_LEVELS, max(0, factor.bit_length() - 1))
    elif isinstance(image, ImageFile.ImageFile):
        image.draft("RGB", size)


def _first_that_shows(image: Image.Image, full: bool) -> Image.Image:
    """The first frame, or the first after it that is not all of one colour."""
    first = _seen(image, full)
    frames = getattr(image, "n_frames", 1) if image.format in _ANIMATED else 1
    if frames == 1 or not blank_reason(first):
        return first
    most = min(frames, _MAX_FRAMES, _MAX_FRAME_PIXELS // (image.width * image.height))
    for number in range(1, most):
        try:
            image.seek(number)
            image.load()
            if image.size != first.size and image.format == "TIFF":
                image_files.check_size(*image.size)
            frame = _seen(image, full)
        except Exception:  # the first one was whole
            return first
        if not blank_reason(frame):
            return frame
    return first


def _seen(image: Image.Image, full: bool) -> Image.Image:
    image = papers.without_empty_alpha(image)
    small = image if full else _reduced(image)
    return _without_notes(papers.as_seen(_upright(small), image))


def _repaired(data: bytes, kind: FileKind, full: bool, scope: memory.Scope) -> Image.Image | None:
    """What can be seen of a damaged picture; None when that is nothing."""
    for candidate, found in repair.candidates(data, kind):
        # decoders raise of every kind, as above; the first error is the one that is told
        if candidate is not data and len(candidate) <= len(data):  # nothing was made up
            with contextlib.suppress(Exception):
                return _decoded(candidate, found, full, scope)
        with contextlib.suppress(Exception), repair.lenient():
            image = repair.recognisable(_decoded(candidate, found, full, scope), candidate)
            if image is not None:
                return image
    return None


def full_size(data: bytes, decoded: Image.Image) -> tuple[int, int]:
    """Width and height of a file's image, upright, that was `decoded`, maybe at a reduced scale."""
    if min(decoded.size) < min(_REDUCED_SIZE):  # it was not reduced
        return decoded.size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            width, height = image_files.full_size(data)
    except Exception:  # a drawing, or one that was repaired: as it was decoded
        return decoded.size
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
    if rotated:
        return image
    if (step := factor // _SAMPLES) > 1:  # so many pixels that a few of each block are enough
        size = (image.width // step, image.height // step)
        image, factor = image.resize(size, Image.Resampling.NEAREST), _SAMPLES
    return image.reduce(factor)


def _upright(image: Image.Image) -> Image.Image:
    """Apply the camera's note of how it was held."""
    try:
        rotated = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
        return ImageOps.exif_transpose(image) if rotated else image
    except Exception:  # Pillow's readers of notes raise of every kind too
        return image


def _without_notes(image: Image.Image) -> Image.Image:
    """The image alone: notes may be damaged, and nobody is to apply them again."""
    if isinstance(image, ImageFile.ImageFile):
        image = image.copy()
    image.info = {}
    return image


def _plain(text: str) -> str:
    """Letters without their marks: the font that Pillow brings has no others."""
    for letter, plain in (("ß", "ss"), ("ł", "l"), ("Ł", "L")):
        text = text.replace(letter, plain)
    return "".join(each for each in unicodedata.normalize("NFD", text) if each.isascii())


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
        corner, label = (box.left, box.top), f" {_plain(name)} "
        _, _, right, bottom = draw.textbbox(corner, label, font)
        draw.rectangle((*corner, right, bottom + line), fill="black")
        draw.text(corner, label, fill="yellow", font=font)
    stream = io.BytesIO()
    drawn.save(stream, "PNG")
    return stream.getvalue()
