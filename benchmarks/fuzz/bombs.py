"""Pictures built to cost far more than they weigh, or to say of themselves what is not so."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from collections.abc import Callable, Mapping
from random import Random

from PIL import Image

from benchmarks.fuzz.seeds import drawn

Bomb = Callable[[Random], bytes]
_PNG = b"\x89PNG\r\n\x1a\n"
_SIDES = (0, 1, 7, 8, 1000, 4000, 20_000, 65_535, 1 << 20, (1 << 31) - 1)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _header(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@functools.cache
def _zeros(megabytes: int) -> bytes:
    """So many megabytes of zeros, compressed a thousandfold."""
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(megabytes)), packer.flush()])


def png_of_zeros(random: Random) -> bytes:
    """A PNG whose few kilobytes unpack to far more, or fewer, pixels than its header says."""
    # the last is just small enough to be taken, which takes its time
    side = random.choice((*(500, 2000, 4000, 20_000, 60_000) * 6, 9_900))
    colour, depth = random.choice(((0, 1), (0, 8), (0, 16), (2, 8), (3, 8), (6, 8), (6, 16)))
    palette = _chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    return (
        _PNG
        + _header(side, side, depth, colour)
        + palette
        + _chunk(b"IDAT", _zeros(random.choice((1, 30, 300))))
        + _chunk(b"IEND", b"")
    )


def png_of_any_size(random: Random) -> bytes:
    """A sound PNG but for its size, with the right check sum."""
    sound = _saved(drawn("RGB"), "PNG")
    return _PNG + _header(random.choice(_SIDES), random.choice(_SIDES), 8, 2) + sound[33:]


def png_with_texts(random: Random) -> bytes:
    """A sound PNG with texts, profiles and notes that unpack to a lot, or are many."""
    sound, zeros = _saved(drawn("RGB"), "PNG"), _zeros(random.choice((1, 70)))
    notes = {
        "zTXt": _chunk(b"zTXt", b"Comment\0\0" + zeros),
        "iTXt": _chunk(b"iTXt", b"Comment\0\1\0\0\0" + zeros),
        "iCCP": _chunk(b"iCCP", b"icc\0\0" + zeros),
        "eXIf": _chunk(b"eXIf", _exif(random)),
        "xmp": _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _xmp(random)),
        "many": _chunk(b"tEXt", b"Comment\0" + b"a" * 100) * 20_000,
        "long": _chunk(b"tEXt", b"Comment\0" + b"a" * (5 << 20)),
        "unknown": _chunk(b"abCd", random.randbytes(1000)) * 1000,
    }
    return sound[:33] + b"".join(random.sample(sorted(notes.values()), 2)) + sound[33:]


def apng(random: Random) -> bytes:
    """An animation that lies about its frames."""
    sound = _saved(
        drawn("RGB"),
        "PNG",
        save_all=True,
        append_images=[drawn("RGB", place) for place in range(1, 4)],
    )
    place = sound.index(b"acTL") - 4
    frames = random.choice((0, 1, 5000, 0x7FFFFFFF, 0xFFFFFFFF))
    lies = _chunk(b"acTL", struct.pack(">II", frames, random.choice((0, 0xFFFFFFFF))))
    cut = random.choice((len(sound), len(sound) * 2 // 3))
    return sound[:place] + lies * random.choice((1, 3)) + sound[place + 20 : cut]


def many_frames(random: Random) -> bytes:
    """Thousands of frames, of which only the first is wanted."""
    kind = random.choice(("GIF", "TIFF", "WEBP", "PNG"))
    return _animated(kind, {"GIF": 3000, "TIFF": 2000, "WEBP": 300, "PNG": 1500}[kind])


@functools.cache
def _animated(kind: str, count: int) -> bytes:
    frames = [Image.new("L", (16, 16), number % 256) for number in range(count)]
    return _saved(frames[0], kind, save_all=True, append_images=frames[1:])


def gif_of_any_size(random: Random) -> bytes:
    """A GIF whose canvas and frame have any size."""
    data = bytearray(_saved(drawn("P"), "GIF"))
    sides = (random.choice(_SIDES) & 0xFFFF for _ in range(4))
    data[6:10] = struct.pack("<HH", next(sides), next(sides))
    place = data.index(b",", 13 + 3 * (2 << (data[10] & 7)))
    data[place + 5 : place + 9] = struct.pack("<HH", next(sides), next(sides))
    return bytes(data)


def jpeg_of_many_scans(random: Random) -> bytes:
    """A progressive JPEG that paints the same scan over and over."""
    sound = _saved(drawn("L", size=(random.choice((64, 600)),) * 2), "JPEG", progressive=True)
    start = sound.rindex(b"\xff\xda")
    return sound[:start] + sound[start:-2] * random.choice((10, 300)) + sound[-2:]


def jpeg_with_notes(random: Random) -> bytes:
    """A JPEG whose notes of the camera, colour and editor are made to confuse."""
    profile = random.choice((b"", b"\xff" * 40_000, struct.pack(">I", 0xFFFFFFFF) + bytes(124)))
    sound = _saved(drawn("RGB"), "JPEG", icc_profile=profile)
    notes = (b"Exif\0\0" + _exif(random), b"http://ns.adobe.com/xap/1.0/\0" + _xmp(random))
    segments = b"".join(
        b"\xff\xe1" + struct.pack(">H", len(note[:65_000]) + 2) + note[:65_000]
        for note in random.choices(notes, k=random.choice((1, 2, 50)))
    )
    return sound[:2] + segments + sound[2:]


def _exif(random: Random) -> bytes:
    """A TIFF folder of notes: orientations of every type, endless loops, far too many values."""
    order, mark = random.choice((("<", b"II*\0"), (">", b"MM\0*")))
    count = random.choice((0, 1, 2, 40, 0xFFFF))
    entries = b"".join(
        struct.pack(
            f"{order}HHII",
            random.choice((0x0112, 0x0112, 0x8769, 0x8825, 0x014A, random.randrange(65_536))),
            random.randrange(20),
            random.choice((0, 1, 2, 1000, 0xFFFFFFFF)),
            random.choice((0, 1, 6, 8, 9, 1000, 0xFFFFFFFF)),
        )
        for _ in range(min(count, 50))
    )
    following = random.choice((0, 8, 0xFFFFFFFF))  # 8: itself
    return (
        mark + struct.pack(f"{order}IH", 8, count) + entries + struct.pack(f"{order}I", following)
    )


def _xmp(random: Random) -> bytes:
    """XML whose entities multiply, whose elements nest, or whose orientation is no number."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return random.choice(
        (
            f'<!DOCTYPE l [<!ENTITY l0 "ha">{laughs}]><l>&l9;</l>',
            "<a>" * 15_000,
            '<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="99999999999999999999"/>',
            '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>',
            'tiff:Orientation="' * 3000,
        )
    ).encode()


def icon(random: Random) -> bytes:
    """An icon that holds another kind of bomb, or folders of entries that are not there."""
    inner = random.choice((png_of_zeros, png_of_any_size))(random)
    count = random.choice((1, 2, 1000, 0xFFFF))
    entry = struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(inner), 6 + 16 * min(count, 1000))
    return struct.pack("<HHH", 0, 1, count) + entry * min(count, 1000) + inner


def tiff(random: Random) -> bytes:
    """A TIFF of any size whose pages form a ring, or whose strips are all the same bytes."""
    side = random.choice(_SIDES[4:8])
    rows = random.choice((1, side))
    strips = -(-side // rows)
    data = _zeros(1) if random.random() < 0.5 else bytes(1000)
    body = struct.pack("<I", 8) * strips
    place = 8 + len(data)
    tags = [
        (256, 4, 1, side),
        (257, 4, 1, side),
        (258, 3, 1, random.choice((1, 8, 16, 64))),
        (259, 3, 1, random.choice((1, 5, 8, 32773, 50000))),
        (262, 3, 1, 1),
        (273, 4, strips, place if strips > 1 else 8),
        (277, 3, 1, 1),
        (278, 4, 1, rows),
        (279, 4, strips, place if strips > 1 else len(data)),
    ]
    folder = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    at = place + len(body)
    ring = random.choice((0, at))
    return b"II*\0" + struct.pack("<I", at) + data + body + folder + struct.pack("<I", ring)


def plain_map(random: Random) -> bytes:
    """A PPM or BMP whose header promises anything."""
    width, height = random.choice(_SIDES), random.choice(_SIDES)
    if random.random() < 0.5:
        most = random.choice((0, 1, 255, 65_535, 10**30))
        kind = random.choice(("P1", "P2", "P3", "P4", "P5", "P6", "Pf", "PF"))
        return (
            f"{kind}\n{'#' * random.choice((0, 70_000))}\n{width} {height}\n{most}\n".encode()
            + b"1 " * 5000
        )
    data = bytearray(_saved(drawn("RGB"), "BMP"))
    data[18:26] = struct.pack("<II", width, random.choice((height, (1 << 32) - 1)))
    data[28:34] = struct.pack(
        "<HI", random.choice((1, 4, 8, 16, 24, 32, 99)), random.choice((0, 1, 2, 3, 99))
    )
    return bytes(data)


BOMBS: Mapping[str, Bomb] = {
    bomb.__name__: bomb
    for bomb in (
        png_of_zeros,
        png_of_any_size,
        png_with_texts,
        apng,
        many_frames,
        gif_of_any_size,
        jpeg_of_many_scans,
        jpeg_with_notes,
        icon,
        tiff,
        plain_map,
    )
}
