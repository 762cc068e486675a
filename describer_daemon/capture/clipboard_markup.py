"""Pictures inside copied markup: HTML of browsers and office programs, and rich text (RTF).

Nothing is fetched from a network. Each scan goes through the text once: what was copied may be
made to keep a reader busy.
"""

from __future__ import annotations

import binascii
import codecs
import html
import re
from collections.abc import Iterator

_TAG = re.compile(
    r"<(?:[a-z]{1,20}:)?(?:img|image|imagedata|source|input|object|embed|video|fill|div|span|td|"
    r"table|body)(?=[\s/>])",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"[\s/]*([^\s=>\"'/]{1,40})(\s*=\s*)?")
_BARE = re.compile(r"[^\s>]*")
_ADDRESSES = ("src", "data", "poster", "background", "href", "xlink:href", "o:href")
_STYLE_ADDRESS = re.compile(r"url\(\s*[\"']?(data:[^\"')]+|file:[^\"')]+)", re.IGNORECASE)
_UNSEEN = {  # elements of which nothing is shown, and where they end
    name: re.compile(rf"</{name}[\s>]", re.IGNORECASE)
    for name in ("head", "style", "script", "title", "template")
}
_NAME = re.compile(r"<([a-z]{1,20})", re.IGNORECASE)
_BLANK = "\ufeff\u200b\xa0 \t\r\n\f\v"
_MOST_ADDRESSES = 200
_MOST_PARTS = 50_000  # tags, attributes and pieces of text that are looked at
_SPACER = 128  # letters; an address of data that is no longer holds a dot that keeps some room
# whole files in hexadecimal, PNG and JPEG; their group may have others inside, with identifiers
_RTF_PICTURE = re.compile(rb"(?:89504e470d0a1a0a|ffd8ff)[0-9a-f\s]{64,}", re.IGNORECASE)

_HEADER = re.compile(rb"(?:[A-Za-z]{1,30}:[^\r\n<]{0,4096}[\r\n]+)+")  # of Windows' HTML
_PLACE = re.compile(rb"((?:Start|End)(?:HTML|Fragment)):(-?\d{1,18})\s", re.IGNORECASE)
_APPLE_DATA = re.compile("«data HTML([0-9A-Fa-f]*)»".encode())


def decoded(data: bytes) -> str:
    """Copied text: UTF-16 where it has a mark or every other byte is 0, else UTF-8.

    Bytes that are no UTF-8 stay what they were, as in the names of files (`os.fsencode`).
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace").strip("\0")
    head = data[:64]
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) > 3 and head[first::2].count(0) * 2 > len(head) // 2 + 1:
            return data.decode(name, "replace").strip("\0")
    return data.decode("utf-8-sig", "surrogateescape").strip("\0")


def of_windows(data: bytes) -> bytes:
    """The HTML that was selected, of Windows' "HTML Format": a header tells where in it that is.

    Where it tells nonsense, all that follows the header.
    """
    data = data.strip(b"\0")
    header = _HEADER.match(data)
    if header is None:
        return data
    places = {name.lower(): int(place) for name, place in _PLACE.findall(header[0])}
    for part in (b"fragment", b"html"):
        start, end = places.get(b"start" + part, -1), places.get(b"end" + part, -1)
        if header.end() <= start < end <= len(data):
            return data[start:end]
    return data[header.end() :]


def of_macos(printed: bytes) -> bytes:
    """The HTML that AppleScript prints in hexadecimal, b"" when it prints anything else."""
    found = _APPLE_DATA.fullmatch(printed.strip())
    return binascii.unhexlify(found[1]) if found and len(found[1]) % 2 == 0 else b""


def addresses(text: str) -> list[str]:
    """The addresses of what the markup shows as pictures, each once.

    First those that have the data themselves, the longest first: small ones keep room for others.
    """
    found: dict[str, None] = {}
    for address in _addresses(text):
        if address and (address[:5].lower() != "data:" or len(address) > _SPACER):
            found.setdefault(address)
        if len(found) >= _MOST_ADDRESSES:
            break
    return sorted(found, key=lambda each: -len(each) if each[:5].lower() == "data:" else 0)


def has_text(text: str) -> bool:
    """Whether the markup shows words beside any pictures."""
    place = 0
    for _ in range(_MOST_PARTS):
        start = text.find("<", place)
        if start < 0:
            break
        if html.unescape(text[place:start]).strip(_BLANK):
            return True
        place = _behind(text, start)
        if place < 0:
            return False
    return bool(html.unescape(text[place:]).strip(_BLANK))


def in_rich_text(data: bytes) -> bytes:
    """The largest PNG or JPEG in RTF, b"" when there is none."""
    digits = b"".join(max(_RTF_PICTURE.findall(data), key=len, default=b"").split())
    return binascii.unhexlify(digits[: len(digits) // 2 * 2])


def _behind(text: str, start: int) -> int:
    """Where a tag, a comment or what is not shown ends that begins there; -1 if it never does."""
    if text.startswith("<!--", start):
        end = text.find("-->", start)
        return end + 3 if end >= 0 else -1
    end = text.find(">", start)
    name = _NAME.match(text, start)
    if end >= 0 and name and (closing := _UNSEEN.get(name[1].lower())):
        close = closing.search(text, end)
        end = text.find(">", close.start()) if close else -1
    return end + 1 if end >= 0 else -1


def _addresses(text: str) -> Iterator[str]:
    place, in_tag = 0, False
    for _ in range(_MOST_PARTS):
        if not in_tag:
            if (tag := _TAG.search(text, place)) is None:
                return
            place, in_tag = tag.end(), True
        elif (attribute := _ATTRIBUTE.match(text, place)) is None:
            in_tag = False
        else:
            name, value, place = attribute[1].lower(), "", attribute.end()
            if attribute[2]:
                value, place = _value(text, place)
            yield from _in_attribute(name, value)


def _in_attribute(name: str, value: str) -> Iterator[str]:
    if name == "style":
        yield from (each[1].strip() for each in _STYLE_ADDRESS.finditer(html.unescape(value)))
    elif name == "srcset":
        # a comma ends each address, and those with data have one of their own
        for part in html.unescape(value).split():
            if part.lower().startswith(("data:", "file:", "http:", "https:")):
                yield part.strip(",")
    elif name in _ADDRESSES:
        yield html.unescape(value).strip()


def _value(text: str, place: int) -> tuple[str, int]:
    """An attribute's value that begins there, and where it ends; quotes may never be closed."""
    quote = text[place : place + 1]
    if quote in ('"', "'"):
        end = text.find(quote, place + 1)
        end = len(text) if end < 0 else end
        return text[place + 1 : end], min(end + 1, len(text))
    bare = _BARE.match(text, place)
    return (bare[0], bare.end()) if bare else ("", place)
