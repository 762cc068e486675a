"""What a copied text means when a picture is wanted: a file, an address with data, or no picture.

Nothing of the text goes into a sentence or a log: it may be a password.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from io import BufferedReader, FileIO
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import url2pathname

from describer_daemon.core.ports import DescriberError, Encoded

LIMIT = 64 * 1024 * 1024  # bytes of an encoded picture

_LONGEST_PATH = 4096
_WEB = re.compile(r"https?://\S+\Z", re.IGNORECASE)
_DATA = re.compile(r"data:(?P<type>image/[\w.+-]+)(?P<options>[^,]*),", re.IGNORECASE)
_MAGIC = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+",
    b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"P7", b"\0\0\1\0", b"8BPS", b"qoif",
    b"\xff\x0a", b"\0\0\0\x0cJXL", b"\0\0\0\x0cjP", b"DDS ", b"\x0a\x05\1\x08", b"icns",
)  # fmt: skip


def nothing() -> DescriberError:
    return DescriberError("The clipboard is empty. Copy a picture first.")


def no_picture() -> DescriberError:
    return DescriberError("The clipboard holds text, not a picture.")


def checked(data: bytes) -> Encoded:
    """The bytes of a picture, neither none nor too many."""
    if not data:
        raise DescriberError("The picture on the clipboard is broken. Please copy it again.")
    if len(data) > LIMIT:
        raise too_large()
    return Encoded(data)


def too_large() -> DescriberError:
    megabytes = LIMIT // (1024 * 1024)
    return DescriberError(
        f"The picture on the clipboard is too large, over {megabytes} megabytes. "
        "Copy a smaller one."
    )


def from_text(text: str) -> Encoded:
    """The picture that plain text stands for. Raises DescriberError when it is just text."""
    text = text.strip().strip("\0")
    if not text:
        raise nothing()
    if text[:5].lower() == "data:":
        return _from_data(text)
    if _WEB.match(text):
        raise DescriberError(
            "The clipboard holds a web address, not a picture. Copy the picture itself."
        )
    line = text.splitlines()[0]
    if line.lower().startswith("file:"):
        return from_uris(text)
    path = _path(text)
    if path is None or not _exists(path):
        raise no_picture()
    return read_file(path)


def from_uris(text: str) -> Encoded:
    """The first picture among copied files.

    `text` is a text/uri-list (RFC 2483) or an x-special/gnome-copied-files, which begins
    with a line "copy" or "cut".
    """
    lines = [line.strip() for line in text.strip("\0").splitlines()]
    uris = [line for line in lines if line and not line.startswith("#")]
    if uris and uris[0] in ("copy", "cut"):
        del uris[0]
    if not uris:
        raise nothing()
    if not uris[0].lower().startswith("file:"):
        return from_text(uris[0])
    return from_paths([path for uri in uris if (path := _from_file_uri(uri)) is not None])


def from_paths(paths: list[Path]) -> Encoded:
    """The first picture among files; the error is that of the first file."""
    if not paths:
        raise no_picture()
    first: DescriberError | None = None
    for path in paths[:100]:
        try:
            return read_file(path)
        except DescriberError as error:
            first = first or error
    raise first or no_picture()


def read_file(path: Path) -> Encoded:
    """The bytes of a picture file. Raises DescriberError when it is no picture, or too large."""
    try:
        # Opened by FileIO itself: a descriptor of ours it would leave open when it is a folder's.
        with BufferedReader(FileIO(path, opener=_open_ordinary)) as file:
            status = os.fstat(file.fileno())
            _require_ordinary(status)
            # None: some of the kernel's files have nothing to say yet
            if not is_picture(file.read(16) or b""):
                raise DescriberError("The copied file is not a picture.")
            if status.st_size > LIMIT:
                raise too_large()
            file.seek(0)
            return checked(file.read(LIMIT + 1))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DescriberError("The copied file is not there any more.") from error
    except IsADirectoryError as error:
        raise DescriberError("The clipboard holds a folder, not a picture.") from error
    except (OSError, ValueError) as error:
        # Of the error only its kind: its text has the path.
        raise DescriberError(
            "The copied file cannot be read.", detail=type(error).__name__
        ) from None


def _open_ordinary(name: str, flags: int) -> int:
    """Open an ordinary file and nothing else, not even for a moment.

    To be opened is enough for some devices to act: a watchdog is armed, a tape rewound, a modem
    dialled; and whoever waits at a pipe's other end goes on.
    """
    # Should it be swapped for another before it is opened, all the same nothing is waited for.
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    if not hasattr(os, "O_PATH"):
        _require_ordinary(Path(name).stat())
        return os.open(name, flags)
    place = os.open(name, os.O_PATH | os.O_CLOEXEC)  # a handle that opens nothing yet
    try:
        _require_ordinary(os.fstat(place))
        return os.open(f"/proc/self/fd/{place}", flags)  # what was looked at, whatever is there now
    finally:
        os.close(place)


def _require_ordinary(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError
    if not stat.S_ISREG(status.st_mode):
        raise DescriberError("The copied file is not a picture.")


def is_picture(head: bytes) -> bool:
    """Whether the first 16 bytes of a file are those of a known picture format."""
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    iso_media = head[4:8] == b"ftyp" and head[8:11] in (b"avi", b"hei", b"hev", b"mif", b"msf")
    return webp or iso_media or head.startswith(_MAGIC)


def _from_data(text: str) -> Encoded:
    match = _DATA.match(text)
    if match is None:
        raise no_picture()
    body = text[match.end() :]
    if len(body) > LIMIT * 4:
        raise too_large()
    data = _unquoted(body)
    if ";base64" not in match["options"].lower():
        return checked(data)
    data = b"".join(data.split())
    try:
        # Addresses may leave out the padding, and may use the other two letters (RFC 4648 5).
        return checked(
            base64.b64decode(
                data + b"=" * (-len(data) % 4),
                b"-_" if b"-" in data or b"_" in data else None,
                validate=True,
            )
        )
    except binascii.Error:
        raise DescriberError(
            "The picture on the clipboard is broken. Please copy it again."
        ) from None


def _from_file_uri(uri: str) -> Path | None:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme.lower() != "file" or parts.netloc.lower() not in ("", "localhost"):
        return None
    if os.name == "nt":
        return Path(url2pathname(parts.path))
    # Names need not be UTF-8; a "#" or "?" that was not quoted belongs to the name.
    raw = uri[len("file:") :]
    raw = raw[2 + len(parts.netloc) :] if raw.startswith("//") else raw
    return Path(os.fsdecode(_unquoted(raw)))


def _unquoted(text: str) -> bytes:
    """Undo the quoting of an address whose bytes need not be UTF-8."""
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape"))


def _path(text: str) -> Path | None:
    """The path that a text is, if it can be one: a single line, and full."""
    text = text.strip("\"'")
    if len(text) > _LONGEST_PATH or not text or len(text.splitlines()) != 1 or "\0" in text:
        return None
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        return None
    return path if path.is_absolute() else None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
