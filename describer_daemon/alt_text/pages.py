"""The pictures of a page of HTML, and the alt text that they lack.

A page is changed as bytes: the attribute is put behind `<img`, and nothing else is touched, in
whatever encoding it is. Nothing is fetched: a picture that is not in a file beside the page, or in
the page itself, is only named.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

from describer_daemon.alt_text import addresses
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

MAX_BYTES = 16 << 20
Place = Literal["file", "inside", "remote", "outside", "unclear"]
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_HEAD = 4096  # bytes in which a page tells its encoding; browsers look at 1,024
# encodings in which a byte below 128 may be a part of another letter, "<" included
_UNSAFE = re.compile(rb"\x1b[$(]|~\{")
_TEMPLATE = re.compile(r"<\?|<%|\{\{|\{%|\$\{")
_TEXT_ONLY = frozenset({"textarea", "title", "style", "script", "xmp", "iframe", "noembed"})
# what gives a picture a name, or tells that it needs none, in place of alt
_NAMED_BY = ("aria-label", "aria-labelledby", "title")
_DECORATIVE = {"role": ("presentation", "none"), "aria-hidden": ("true",)}


@dataclass(frozen=True, slots=True)
class PagePicture:
    """An <img> of a page without alt text: where its tag begins, in bytes, and in which line.

    `source` is its address as the page has it, `file` the picture where its `place` is "file",
    `data` where it lies "inside" the page. Others cannot be described: see `place`.
    """

    start: int
    line: int
    source: str
    place: Place
    file: Path | None = None
    data: bytes = b""


class Page:
    """A page as it was read. Raises DescriberError for one that cannot be changed bytewise."""

    def __init__(self, data: bytes, path: Path, root: Path | None = None) -> None:
        """`root` is the folder that no picture may lie outside of: by default the page's own."""
        if len(data) > MAX_BYTES:
            raise DescriberError(
                _("The page is too large: I take at most {number} MB.").format(
                    number=MAX_BYTES >> 20
                )
            )
        self.data = data
        self._encoding = _encoding(data)
        folder = path.absolute().parent
        self._addresses = addresses.Addresses(folder, root if root is not None else folder)

    def pictures(self) -> Iterator[PagePicture]:
        """Those without alt text that an author has not named otherwise, in the page's order."""
        finder = _Finder()
        try:
            finder.feed(self.data.decode("latin-1"))  # a letter a byte
            finder.close()
        except AssertionError as error:  # it knows no other way to say so
            raise DescriberError(
                _("The page cannot be read as HTML."), detail=str(error)
            ) from error
        starts = [0, *(match.end() for match in re.finditer(b"\n", self.data))]
        base = next(iter(finder.bases), "")
        for line, column, tag in finder.tags:
            text = tag.encode("latin-1").decode(self._encoding, "replace")
            attributes = _attributes(text)
            if _is_told(attributes) or _TEMPLATE.search(text):
                continue
            source = _source(attributes)
            start = starts[line - 1] + column
            found = self._addresses.resolved(source, base)
            yield PagePicture(start, line, source, found.place, found.file, found.data)

    def with_alts(self, alts: Mapping[int, str]) -> bytes:
        """The page with these texts, by the places (`start`) of their pictures."""
        pieces, done = [], 0
        for start, text in sorted(alts.items()):
            behind = start + len(b"<img")
            value = escape(text, quote=True).encode("ascii", "xmlcharrefreplace")
            pieces += [self.data[done:behind], b' alt="' + value + b'"']
            done = behind
        return b"".join([*pieces, self.data[done:]])


def _encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:_HEAD]:
        raise DescriberError(_("The page is in UTF-16. Please save it as UTF-8."))
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if _UNSAFE.search(data):
        raise DescriberError(_("The page's encoding changes in it. Please save it as UTF-8."))
    declared = _META.search(data[:_HEAD])
    if declared is not None:
        try:
            name = codecs.lookup(declared[1].decode("ascii")).name
            "a".encode(name)
        except (LookupError, ValueError):
            name = ""
        if name and not name.startswith(("utf-16", "utf-32", "utf_7", "utf-7")):
            return "windows-1252" if name in ("iso8859-1", "ascii") else name
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


class _Finder(HTMLParser):
    """Where the tags of pictures begin: (line from 1, column from 0, the tag)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[int, int, str]] = []
        self.bases: list[str] = []
        self._text_only = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._text_only:
            return
        if tag == "img":
            line, column = self.getpos()
            self.tags.append((line, column, self.get_starttag_text() or ""))
        elif tag == "base":
            self.bases += [value or "" for name, value in attrs if name == "href"]
        elif tag in _TEXT_ONLY:
            self._text_only = tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("img", "base"):  # "<title/>" begins a title all the same
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._text_only:
            self._text_only = ""


class _Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self.found.setdefault(name, value or "")  # of two, a browser takes the first


def _attributes(tag: str) -> dict[str, str]:
    parser = _Attributes()
    parser.feed(tag)
    parser.close()
    return parser.found


def _is_told(attributes: Mapping[str, str]) -> bool:
    """Whether an author has said what it is, or that there is nothing to say (`alt=""`)."""
    return (
        # also as frameworks bind it: :alt, v-bind:alt, [alt]
        any(name.strip("[]").rpartition(":")[2] == "alt" for name in attributes)
        or any(attributes.get(name, "").strip() for name in _NAMED_BY)
        or any(attributes.get(name, "").lower() in values for name, values in _DECORATIVE.items())
    )


def _source(attributes: Mapping[str, str]) -> str:
    """Its own address, else the first of its `srcset`."""
    if attributes.get("src", "").strip():
        return attributes["src"]
    candidates = attributes.get("srcset", "").split()
    return candidates[0].rstrip(",") if candidates else ""


def shown(source: str) -> str:
    """An address for a line: one that holds a whole picture is cut."""
    return source if len(source) <= 200 else f"{source[:80]}…"
