"""Where the pictures of a page lie: files that its addresses name, and nothing that is fetched."""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote_to_bytes

# as browsers take addresses (WHATWG URL): what is cut off, and what is passed over inside
_AROUND = "".join(map(chr, range(33)))
_PASSED_OVER = re.compile(r"[\t\n\r]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_MAX_INSIDE = 64 << 20  # letters


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a picture is; see `pages.PagePicture`."""

    place: Literal["file", "inside", "remote", "outside", "unclear"]
    file: Path | None = None
    data: bytes = b""


class Addresses:
    """Of a page in a `folder` whose pictures have to lie below `root`."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root.resolve()

    def resolved(self, source: str, base: str = "") -> Resolved:
        """The place of an address, relative to the page's <base>, if that has one."""
        address = _cleaned(source)
        if not address:
            return Resolved("unclear")
        scheme = _SCHEME.match(address)
        if scheme is not None and scheme[1].lower() == "data":
            return _inside(address[scheme.end() :])
        path = _local(address)
        if path is None:
            return Resolved("remote")
        start = self._base(_cleaned(base)) if scheme is None else self._folder
        if start is None:
            return Resolved("remote")
        return self._file(start, path, from_root=scheme is None)

    def _base(self, base: str) -> Path | None:
        """The folder that relative addresses begin at; None where that is another machine."""
        if not base:
            return self._folder
        path = _local(base)
        if path is None:
            return None
        folder = path.rpartition("/")[0] + "/"
        if _SCHEME.match(base):
            return Path(_name(folder))
        if path.startswith("/"):
            return self._root / _name(folder.lstrip("/"))
        return self._folder / _name(folder)

    def _file(self, start: Path, path: str, *, from_root: bool) -> Resolved:
        name = _name(path)
        if "\0" in name or not name:
            return Resolved("unclear")
        if name.startswith("/"):
            whole = self._root / name.lstrip("/") if from_root else Path(name)
        else:
            whole = start / name
        try:
            real = whole.resolve()
        except (OSError, RuntimeError, ValueError):  # links in a circle
            return Resolved("unclear")
        if not real.is_relative_to(self._root):
            return Resolved("outside")
        return Resolved("file", real)


def _cleaned(address: str) -> str:
    return _PASSED_OVER.sub("", address.strip(_AROUND))


def _local(address: str) -> str | None:
    """The path of an address on this machine, "?" and "#" and what follows cut off; else None."""
    scheme = _SCHEME.match(address)
    rest = address
    if scheme is not None:
        if scheme[1].lower() != "file":
            return None
        rest = address[scheme.end() :]
    rest = re.split(r"[?#]", rest, maxsplit=1)[0].replace("\\", "/")
    if rest.startswith("//"):  # another machine, unless it is file:///path or file://localhost/path
        host, slash, path = rest[2:].partition("/")
        if scheme is None or host.lower() not in ("", "localhost"):
            return None
        rest = slash + path
    return rest


def _name(path: str) -> str:
    return os.fsdecode(unquote_to_bytes(path))


def _inside(rest: str) -> Resolved:
    """A picture in the address itself (RFC 2397)."""
    head, comma, body = rest.partition(",")
    if not comma or len(body) > _MAX_INSIDE:
        return Resolved("unclear")
    data = unquote_to_bytes(body)
    if head.lower().rstrip().endswith(";base64"):
        try:
            data = base64.b64decode(b"".join(data.split()) + b"==", validate=False)
        except binascii.Error:
            return Resolved("unclear")
    return Resolved("inside", data=data) if data else Resolved("unclear")
