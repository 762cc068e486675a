"""What a program may put on the clipboard: pictures, texts, files and addresses of every kind.

Each goes the way of `describer_daemon.capture.clipboard.picture`, which all clipboards of Linux
share, with the owner's answers given here; what comes out as a picture goes to the real captioner.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Self
from urllib.parse import quote

from benchmarks.fuzz import mangling, pictures, texts
from benchmarks.fuzz.seeds import openers, seeds
from benchmarks.fuzz.trial import Ending, Sample, weighted
from describer_daemon.capture import clipboard
from describer_daemon.core.ports import DescriberError

_IMAGES = (
    "image/png",
    "image/jpeg",
    "image/bmp",
    "image/tiff",
    "image/x-icon",
    "image/svg+xml",
    "image/",
    "image/png\0",
    "IMAGE/PNG",
    "image/x-" + "a" * 300,
)
_FILES = ("text/uri-list", "x-special/gnome-copied-files", "x-special/mate-copied-files")
_TEXTS = (
    "UTF8_STRING",
    "text/plain",
    "text/plain;charset=utf-8",
    "STRING",
    "TEXT",
    "text/plain; charset=UTF-16",
    "text/html",
    "TARGETS",
    "application/x-qt-image",
)
_PAGES = ("text/html", "text/html;charset=utf-16", "text/rtf", "text/plain", "image/svg+xml")
_PARTS = (
    "<img src=", "<img ", "<", ">", '"', "'", "<!--", "-->", "<style>", "</style>", "srcset=",
    "style=background:url(", "&quot;", "<v:imagedata o:href=", "<svg xmlns=''>", "</svg>", " ",
    "{\\rtf1{\\pict\\pngblip ", "89504e470d0a1a0a", "ffd8ff", "00" * 50, "}", "https://a.b/c",
)  # fmt: skip
_WAYS = {"picture": 15, "text": 25, "path": 25, "files": 20, "data": 15, "page": 20}
# devices, pipes and files of the kernel: none is a picture, and some never end
_PLACES = (
    "/dev/zero",
    "/dev/full",
    "/dev/null",
    "/dev/tty",
    "/dev/stdin",
    "/dev/fd/0",
    "/dev/random",
    "/proc/kmsg",
    "/proc/self/mem",
    "/proc/self/environ",
    "/proc/self/maps",
    "/proc/self/pagemap",
    "/proc/self/fd",
    "/proc/self/root",
    "/proc/self/cwd",
    "/proc/1/environ",
    "/proc/kcore",
    "/proc/self/exe",
    "/sys/kernel",
    "/etc/shadow",
    "/",
    "/var",
    "/proc/sys/kernel/random/uuid",
    "/proc/self/task",
    "/nowhere/at/all",
    "/proc/sysrq-trigger",
    "/proc/bus/pci",
    "/proc/self/attr/current",
)


class Clipboards:
    """See `trial.Kind`."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._taker = pictures.Pictures()
        self._places: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="clip-")))
        self._open.enter_context(self._taker)
        self._places = self._traps(folder)
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def make(self, random: Random) -> Sample:
        how = weighted(random, _WAYS)
        offered: dict[str, bytes] = {}
        for _ in range(random.choice((1, 1, 2, 4))):
            if how == "picture":
                data = random.choice((*seeds().values(), *openers()))
                offered[random.choice(_IMAGES)] = mangling.mangled(random, data)[1]
            elif how == "page":
                offered[random.choice(_PAGES)] = _encoded(random, _page(random))
            elif how == "files":
                offered[random.choice(_FILES)] = _list(random)
            else:
                text = {"text": _text, "path": _path, "data": _data}[how](random)
                offered[random.choice((*_TEXTS, *_FILES))] = _encoded(random, text)
        if random.random() < 0.1:
            offered |= {f"type-{number}": b"" for number in range(random.choice((5, 3000)))}
        table = {kind: base64.b64encode(data).decode() for kind, data in offered.items()}
        return Sample(how, json.dumps(table).encode())

    def attempt(self, sample: Sample, thorough: bool) -> Ending:
        offered: Mapping[str, str] = json.loads(sample.data)
        kinds = list(offered)

        def read(kind: str) -> bytes:
            data = base64.b64decode(offered[kind])
            for number, place in enumerate(self._places):  # the traps lie elsewhere each time
                data = data.replace(b"TRAP%d" % number, os.fsencode(place))
            return data

        try:
            found = clipboard.picture(kinds, read)
        except DescriberError as error:
            return Ending(error.spoken, accepted=False)
        return self._taker.attempt(Sample(sample.how, found.data), thorough)

    def _traps(self, folder: Path) -> tuple[str, ...]:
        """A pipe, a socket, a ring of links, a folder, a file of 70 MB, strange names."""
        os.mkfifo(folder / "pipe")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "socket"))
        (folder / "ring").symlink_to(folder / "ring")
        (folder / "link").symlink_to("/dev/zero")
        (folder / "folder").mkdir()
        with (folder / "huge.png").open("wb") as huge:
            huge.write(b"\x89PNG\r\n\x1a\n")
            huge.truncate(70 << 20)
        (folder / "empty.png").touch()
        (folder / "new\nline \x1b[31m.png").write_bytes(seeds()["PNG RGB"])
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.jpg")).write_bytes(seeds()["JPEG RGB"])
        return tuple(str(path) for path in sorted(folder.iterdir()))


_TRAPS = tuple(f"TRAP{number}" for number in range(9))


def _place(random: Random) -> str:
    return random.choice((*_PLACES, *_TRAPS, *_TRAPS))


def _text(random: Random) -> str:
    return random.choice(
        (
            texts.word(random),
            texts.letters(random),
            "a" * random.choice((4097, 1 << 20, 5 << 20)),
            "\n" * random.choice((1, 100_000)),
            "https://example.org/" + texts.word(random),
            "secret password 123",
            "ftp://" + texts.letters(random),
            "/" * 5000,
            "/" + "a" * 5000,
            "/" + texts.letters(random),
        )
    )


def _path(random: Random) -> str:
    place = _place(random)
    return random.choice(
        (
            place,
            f" {place}\n",
            f"'{place}'",
            f"file://{place}",
            f"file:{place}",
            f"file://localhost{place}",
            f"file://elsewhere{place}",
            f"FILE://{quote(place)}",
            f"file:///{'../' * 20}{place}",
            f"{place}/{texts.word(random)}",
            f"~/{texts.word(random)}",
            f"file://[{place}",
            f"file://{place}%00.png",
            f"{place}\0.png",
        )
    )


def _list(random: Random) -> bytes:
    count = random.choice((0, 1, 2, 100, 5000))
    uris = [_path(random) for _ in range(min(count, 40))] * max(1, count // 40)
    first = random.choice(("", "copy\n", "cut\n", "# a note\n", "\0", "copy"))
    return _encoded(random, first + random.choice(("\n", "\r\n", "\0")).join(uris))


def _data(random: Random) -> str:
    picture = mangling.mangled(random, random.choice(list(seeds().values())))[1]
    body = random.choice(
        (
            base64.b64encode(picture).decode(),
            base64.b85encode(picture).decode(),
            quote(picture[:500]),
            "A" * random.choice((1, 5, 3 << 20)),
            texts.word(random),
            "=" * 1000,
            "%" * 1000,
        )
    )
    kind = random.choice(("image/png", "image/svg+xml", "text/html", "IMAGE/JPEG", "", "image/"))
    options = random.choice((";base64", "", ";BASE64", ";charset=utf-8;base64", ";" * 1000))
    return f"data:{kind}{options},{body}"


def _page(random: Random) -> str:
    """Markup with pictures in it, and how it must not be."""
    makers = {"part": lambda: random.choice(_PARTS), "path": lambda: _path(random)}
    makers["data"] = lambda: _data(random)
    kinds = [
        weighted(random, {"part": 8, "path": 1, "data": 1})
        for _ in range(random.choice((3, 10, 40)))
    ]
    text = "".join(makers[kind]() for kind in kinds)
    return text * random.choice((1, 1, 1, max(1, 1_000_000 // max(1, len(text)))))


def _encoded(random: Random, text: str) -> bytes:
    coding = random.choice(("utf-8", "utf-8", "utf-8", "utf-16", "latin-1"))
    data = text.encode(coding, "replace" if coding == "latin-1" else "surrogatepass")
    return mangling.mangled(random, data)[1] if data and random.random() < 0.2 else data
