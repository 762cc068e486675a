"""What a copied text means when a picture is wanted: files, an address with data, a drawing's or a
page's markup, or no picture.

Nothing of the text goes into a sentence or a log: it may be a password.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import url2pathname

from describer_daemon import mounts
from describer_daemon.capture import clipboard_markup, copied_files
from describer_daemon.capture.copied_files import NoPictureError, checked, no_picture, nothing
from describer_daemon.core.file_kinds import HEAD, FileKind, kind_of
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Encoded

_LONGEST_PATH = 4096
_LONGEST_LINE = 1 << 16  # of several paths
_MOST_LINES = 1000
_SHORTEST = 64  # letters of base64 that are a picture
_WEB = re.compile(r"https?://\S+\Z", re.IGNORECASE)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]{1,20}://\S", re.IGNORECASE)
_DATA = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?P<options>[^,]{0,1000}),", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/=_\s-]+\Z")
# how pictures begin in base64: PNG, JPEG, GIF, WebP, BMP, TIFF, SVG
_UNPACKED = ("iVBORw0KGg", "/9j/", "R0lGOD", "UklGR", "Qk0", "SUkqA", "TU0AK", "PHN2Zy", "PD94bWw")
_EMBEDDED = re.compile(r"data:image/[\w.+-]{1,40};base64,[A-Za-z0-9+/=_%-]+", re.IGNORECASE)
_BLOCK = "x-special/nautilus-clipboard"  # the first line of copied files, as some managers have it


def web_address() -> NoPictureError:
    return NoPictureError(
        _("The clipboard holds a web address, not a picture. Copy the picture itself.")
    )


def from_text(text: str) -> Encoded:
    """The picture that plain text stands for. Raises DescriberError when it is just text."""
    text = text.strip().strip("\0")
    if not text:
        raise nothing()
    if text[:5].lower() == "data:":
        return _from_data(text)
    if _WEB.match(text):
        raise web_address()
    if text.startswith(_BLOCK):
        return from_uris(text)
    if named := _paths(text):
        return copied_files.from_paths(named)
    if (found := _inside(text)) is not None:
        return found
    raise no_picture()


def from_uris(text: str) -> Encoded:
    """The first picture among copied files.

    `text` is a text/uri-list (RFC 2483) or what file managers have of their own, which begins
    with a line "copy" or "cut".
    """
    lines = [line.strip() for line in text.strip("\0").splitlines()]
    uris = [line for line in lines if line and not line.startswith("#")]
    for word in ((_BLOCK,), ("copy", "cut")):
        if uris and uris[0] in word:
            del uris[0]
    if not uris:
        raise nothing()
    named = [path for uri in uris if (path := _from_file_uri(uri)) is not None]
    if named:
        return copied_files.from_paths(named)
    if _ELSEWHERE.match(uris[0]) and not _WEB.match(uris[0]):
        raise NoPictureError(
            _("The copied file is not on this computer. Copy it to a folder here first.")
        )
    return from_text(uris[0])


def from_html(text: str) -> Encoded | None:
    """The largest picture inside the markup; None when it is text.

    Raises NoPictureError when it shows pictures alone, none of which is here.
    """
    told: NoPictureError | None = None
    for address in clipboard_markup.addresses(text):
        try:
            if address[:5].lower() == "data:":
                return _from_data(address)
            if (path := _from_file_uri(address)) is not None:
                return copied_files.read_file(path)
        except NoPictureError as error:
            told = told or error  # another one may be whole
        else:
            told = told or (web_address() if address[:4].lower() == "http" else None)
    if told is not None and not clipboard_markup.has_text(text):
        raise told
    return None


def _inside(text: str) -> Encoded | None:
    """A picture that the text itself is: a drawing's markup, or base64 with little around it."""
    data = text.encode("utf-8", "surrogateescape")
    if kind_of(data[:HEAD]) is FileKind.SVG:
        return checked(data)
    if text.startswith(_UNPACKED) and len(text) >= _SHORTEST and _BASE64.match(text):
        found = _decoded("".join(text.split()).encode("ascii"))
        return found if kind_of(found.data[:HEAD]) is not FileKind.UNKNOWN else None
    embedded = max(_EMBEDDED.findall(text), key=len, default="")
    return _from_data(embedded) if len(embedded) * 2 > len(text) else None


def _from_data(text: str) -> Encoded:
    match = _DATA.match(text)
    if match is None:
        raise no_picture()
    is_image = (match["type"] or "").lower().startswith("image/")
    try:
        data = _data(text[match.end() :], match["options"])
    except DescriberError:
        if is_image:
            raise
        raise no_picture() from None
    # what says that it is a picture is taken at its word
    if not is_image and kind_of(data.data[:HEAD]) is FileKind.UNKNOWN:
        raise no_picture()
    return data


def _data(body: str, options: str) -> Encoded:
    if len(body) > copied_files.LIMIT * 4:
        raise copied_files.too_large()
    data = _unquoted(body)
    if ";base64" not in options.lower():
        return checked(data)
    return _decoded(b"".join(data.split()))


def _decoded(data: bytes) -> Encoded:
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
        raise copied_files.broken() from None


def _from_file_uri(uri: str) -> Path | None:
    if uri[:5].lower() != "file:":
        return None
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    here = ("", "localhost", socket.gethostname().lower())
    if parts.scheme.lower() != "file" or parts.netloc.lower() not in here:
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


class _ElsewhereError(Exception):
    """Whether there is a file cannot be told without asking what may never answer."""


def _paths(text: str) -> list[Path]:
    try:
        return copied_files.answering(lambda: paths(text, _is_here), hash(text))
    except _ElsewhereError:
        data = copied_files.elsewhere("paths", text.encode("utf-8", "surrogateescape"))
        return [Path(os.fsdecode(name)) for name in data.split(b"\0") if name]


def _is_here(path: Path) -> bool:
    if not mounts.is_local(path):
        raise _ElsewhereError
    return path.exists()


def paths(text: str, exists: Callable[[Path], bool]) -> list[Path]:
    """The files that a text names, a line or a shell's word each; none if it says anything else.

    Those of which not `exists` count only as addresses: who copies one means a file.
    """
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if len(lines) > _MOST_LINES:
        return []
    found: list[Path] = []
    for line in lines:
        named = _in_line(line, exists)
        if not named:
            return []
        found += named
    return found


def _in_line(line: str, exists: Callable[[Path], bool]) -> list[Path]:
    if len(line) > _LONGEST_LINE or "\0" in line:
        return []
    words = line.split() if " file:" in line else [line]  # an address has no spaces
    named = [path for word in words if (path := _from_file_uri(word)) is not None]
    if line[:5].lower() == "file:" and len(named) == len(words):
        return named
    # as it stands, or in quotes; else as a shell reads it
    for word in (line, line.strip("\"'")):
        if (path := _path(word)) is not None and _found(path, exists):
            return [path]
    if os.name == "nt" or not line.startswith(("/", "~", "'", '"', "\\")):
        return []
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    meant = [_from_file_uri(word) or _path(word) for word in words]
    there = [path for path in meant if path is not None and _found(path, exists)]
    return there if len(there) == len(meant) else []


def _path(text: str) -> Path | None:
    """The path that a text is, if it can be one: full, and not too long."""
    if not text or len(text) > _LONGEST_PATH:
        return None
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        return None
    return path if path.is_absolute() else None


def _found(path: Path, exists: Callable[[Path], bool]) -> bool:
    try:
        return exists(path)
    except (OSError, ValueError):
        return False
