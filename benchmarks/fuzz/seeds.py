"""Small sound pictures of every format and mode that Pillow writes: what mutations start from."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw

_SIZE = (52, 40)
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I;16", "I", "F")
# other ways to write some formats: what is compressed or in several pieces has more to break
_WAYS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "JPEG": ({"progressive": True}, {"quality": 20, "restart_marker_blocks": 1}),
    "TIFF": tuple({"compression": name} for name in ("tiff_lzw", "tiff_deflate", "packbits")),
    "TIFF 1": ({"compression": "group4"},),
    "TIFF RGB": ({"compression": "jpeg"},),
    "PNG": ({"interlace": 1}, {"compress_level": 0}),
    "GIF": ({"save_all": True},),
    "WEBP": ({"lossless": True}, {"save_all": True}),
    "JPEG2000": ({"irreversible": True, "quality_layers": [30, 10]}, {"no_jp2": True}),
    "ICO": ({"bitmap_format": "bmp"},),
}


@functools.cache
def seeds() -> Mapping[str, bytes]:
    """The files, by names such as "PNG RGBA"; those that Pillow cannot write are left out."""
    Image.init()
    made: dict[str, bytes] = {}
    for kind in sorted(Image.SAVE):
        for mode in _MODES:
            ways = ({}, *_WAYS.get(kind, ()), *_WAYS.get(f"{kind} {mode}", ()))
            for number, options in enumerate(ways):
                if data := _written(kind, mode, options):
                    made[f"{kind} {mode}{f' {number}' if number else ''}"] = data
    return made


@functools.cache
def openers() -> tuple[bytes, ...]:
    """How files begin of formats that Pillow opens but may not write, and of other things."""
    return (
        b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\xff\xff\0\0\xff\xff\0\x08\0\3",  # PSD
        b"\x0a\x05\x01\x08\0\0\0\0\xff\xff\xff\xff",
        b"SIMPLE  =                    T",
        b'/* XPM */\nstatic char *x[] = {\n"99999 99999 256 9",',
        b"\x12\xaf\xff\xff",
        b"\0\0\0\x20ftypheic",
        b"\0\0\0\x20ftypavif",
        b"RIFF\xff\xff\xff\xffWEBPVP8X",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 999999 999999\n(%pipe%id) (w) file\n",
        b"%PDF-1.7\n",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='99999'>",
        b"\x7fELF",
        b"PK\3\4",
        b"MZ",
        b"BZh9",
        b"\x1f\x8b\x08",
        b"\xd7\xcd\xc6\x9a",
        b"qoif\xff\xff\xff\xff\xff\xff\xff\xff\4\0",
        b"DDS \x7c\0\0\0",
        b"icns\xff\xff\xff\xff",
        b"P7\nWIDTH 99999\nHEIGHT 99999\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n",
        b"GIF89a\xff\xff\xff\xff\xff\0\0",
        b"\xff\xd8\xff\xe1\xff\xff",
        b"\xff\x4f\xff\x51",
        b"#define x_width 99999\n#define x_height 99999\n",
        b"",
    )


def _written(kind: str, mode: str, options: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = drawn(mode)
            others = [drawn(mode, place) for place in range(1, 4)]
            more = {"append_images": others} if options.get("save_all") else {}
            picture.save(stream, kind, **options, **more)
    except Exception:  # Pillow's writers say no in many ways
        return b""
    return stream.getvalue()


def drawn(mode: str, place: int = 0, size: tuple[int, int] = _SIZE) -> Image.Image:
    """A shape before a gradient."""
    image = Image.radial_gradient("L").resize(size).convert("RGB")
    left = size[0] // 6 * (place + 1)
    ImageDraw.Draw(image).ellipse((left, 5, left + 20, 30), fill=(200, 30, 40 * place))
    if mode == "I;16":
        return image.convert("I").convert("I;16")
    if mode == "LAB":
        return Image.merge("LAB", image.split())
    return image.convert("L").convert(mode) if mode in ("LA", "PA") else image.convert(mode)
