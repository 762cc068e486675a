"""Alt text in an XMP packet (ISO 16684-1): reading it, and adding to one without touching the rest.

A packet is changed as text: what others wrote, and how they wrote it, stays byte by byte. The
property is `Iptc4xmpCore:AltTextAccessibility` (IPTC Photo Metadata 2021.1), beside it are ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from typing import Any
from xml.parsers import expat

from describer_daemon.alt_text.proposals import Proposal
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

MAX_BYTES = 16 << 20
IPTC = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
OURS = "urn:x-describer:alt-text:1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XML = "http://www.w3.org/XML/1998/namespace"
_ALT = f"{IPTC} AltTextAccessibility"
_PROPOSED = f"{OURS} Proposed"
_DESCRIPTIONS = (f"{IPTC} ExtDescrAccessibility", "http://purl.org/dc/elements/1.1/ description")
_TAG = re.compile(rb"<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")
_UNPRINTED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ROUND = 4  # digits of a confidence


class PacketError(DescriberError):
    """The packet is damaged, or written in a way that is not taken."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a file says of its picture: `alt` text, another `description`, "" where there is none.

    `is_ours` tells that the alt text is the one that this program proposed, letter by letter:
    changed by somebody, it is an author's. `is_damaged` where a packet could not be read.
    """

    alt: str = ""
    description: str = ""
    is_ours: bool = False
    is_damaged: bool = False

    @property
    def by_author(self) -> str:
        """The text that an author has given the picture."""
        return self.description if self.is_ours or not self.alt else self.alt

    def joined(self, other: Found) -> Found:
        """With what is said elsewhere; an author's alt text goes before ours."""
        first, second = (other, self) if self.is_ours or not self.alt else (self, other)
        alt = first if first.alt else second
        return Found(
            alt.alt,
            self.description or other.description,
            alt.is_ours,
            self.is_damaged or other.is_damaged,
        )


@dataclass(slots=True)
class _Property:
    name: str
    start: int
    end: int = 0
    language: str = ""
    texts: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """In the language that is meant for everybody, else English, else the first."""
        stripped = {language: text.strip() for language, text in self.texts.items()}
        filled = [text for language, text in stripped.items() if text and language]
        for language in ("x-default", "en", "en-us", "en-gb"):
            if stripped.get(language):
                return stripped[language]
        return filled[0] if filled else stripped.get("", "")


class Packet:
    """An XMP packet in UTF-8. Raises PacketError when it cannot be read."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._stack: list[str] = []
        self._properties: list[_Property] = []
        self._in: _Property | None = None
        self._blocks: list[_Property] = []  # rdf:Description, their properties' names as texts
        self._attributes: dict[str, str] = {}
        self._about = ""
        self._close = -1
        if len(data) > MAX_BYTES:
            raise PacketError(_("The XMP data is too large."))
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.StartElementHandler, parser.EndElementHandler = self._started, self._ended
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse
        self._parser = parser
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise PacketError(_("The XMP data is damaged."), detail=str(error)) from error

    def found(self) -> Found:
        """What it says of the picture."""
        alt, ours = self._value(_ALT), self._value(_PROPOSED)
        described = [text for name in _DESCRIPTIONS if (text := self._value(name))]
        return Found(alt, next(iter(described), ""), bool(alt) and alt == ours)

    def is_kept(self, proposal: Proposal) -> bool:
        """Whether it says all of this already."""
        kept = {name: self._value(f"{OURS} {name}") for name in notes(proposal)}
        return self._value(_ALT) == proposal.text and kept == notes(proposal)

    def with_alt(self, proposal: Proposal) -> bytes:
        """The packet with this alt text in place of any other; all else as it was.

        Raises PacketError where there is no place for it.
        """
        if self._close < 0 or _ALT in self._attributes:
            raise PacketError(_("The XMP file is written in a way that I cannot add to."))
        data = self._data[: self._close] + _block(proposal, self._about)
        data += self._data[self._close :]
        for start, end in self._replaced():
            data = data[:start] + data[end:].removeprefix(b"\n")
        return data

    def _replaced(self) -> list[tuple[int, int]]:
        """Where the alt text that was there is, last first; with its block, if nothing else is."""
        blocks = [one for one in self._blocks if one.texts and all(map(_is_ours, one.texts))]
        places = [(one.start, one.end) for one in blocks]
        places += [
            (one.start, one.end)
            for one in self._properties
            if _is_ours(one.name)
            and not any(block.start < one.start < block.end for block in blocks)
        ]
        return sorted(places, reverse=True)

    def _value(self, name: str) -> str:
        values = [one.text() for one in self._properties if one.name == name]
        values.append(self._attributes.get(name, "").strip())
        return next(filter(None, values), "")

    def _started(self, name: str, attributes: dict[str, str]) -> None:
        self._stack.append(name)
        start = self._parser.CurrentByteIndex
        if self._stack[-2:] == [f"{_RDF} RDF", f"{_RDF} Description"]:
            self._attributes = {**attributes, **self._attributes}
            self._about = self._about or attributes.get(f"{_RDF} about", "")
            others = attributes.keys() - {f"{_RDF} about", "about"}
            self._blocks.append(_Property(name, start, texts=dict.fromkeys(others, "")))
        elif self._stack[-3:-1] == [f"{_RDF} RDF", f"{_RDF} Description"]:
            self._in = _Property(name, start)
        elif self._in is not None and name == f"{_RDF} li":
            self._in.language = attributes.get(f"{_XML} lang", "x-default").lower()

    def _ended(self, name: str) -> None:
        inside = len(self._stack) > 2 and self._stack[-3:-1] == [
            f"{_RDF} RDF",
            f"{_RDF} Description",
        ]
        if inside and self._in is not None:
            self._in.end = self._end_of(self._in.start)
            self._properties.append(self._in)
            self._blocks[-1].texts[self._in.name] = ""
            self._in = None
        elif self._in is not None and name == f"{_RDF} li":
            self._in.language = ""
        elif self._stack[-2:] == [f"{_RDF} RDF", f"{_RDF} Description"]:
            self._blocks[-1].end = self._end_of(self._blocks[-1].start)
        elif name == f"{_RDF} RDF":
            place = self._parser.CurrentByteIndex
            # an empty one, <rdf:RDF/>, has no inside
            self._close = place if self._data[place : place + 2] == b"</" else -1
        self._stack.pop()

    def _end_of(self, start: int) -> int:
        """Where the element ends that began there and ends at the parser's place."""
        tag = _TAG.match(self._data, start)
        if tag is not None and tag[0].endswith(b"/>"):
            return tag.end()
        return self._data.index(b">", self._parser.CurrentByteIndex) + 1

    def _text(self, text: str) -> None:
        if self._in is not None:
            language = self._in.language
            self._in.texts[language] = self._in.texts.get(language, "") + text

    def _refuse(self, *__: Any) -> None:
        raise PacketError(_("The XMP data declares a document type, which I do not take."))


def _is_ours(name: str) -> bool:
    return name == _ALT or name.startswith(f"{OURS} ")


def new(proposal: Proposal) -> bytes:
    """A whole XMP file with nothing but this alt text."""
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        b' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        + b" "
        + _block(proposal, "")
        + b' </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>\n'
    )


def notes(proposal: Proposal) -> dict[str, str]:
    """What is kept beside the alt text, by the names in our namespace."""
    return {
        "Proposed": proposal.text,
        "Confidence": f"{round(proposal.confidence, _ROUND)}",
        "NeedsReview": str(proposal.needs_review),
        "Form": proposal.form,
    }


def _block(proposal: Proposal, about: str) -> bytes:
    text = _escaped(proposal.text)
    kept = "".join(
        f"   <describer:{name}>{_escaped(value)}</describer:{name}>\n"
        for name, value in notes(proposal).items()
    )
    return (
        f'<rdf:Description rdf:about="{_escaped(about)}" xmlns:rdf="{_RDF}"\n'
        f'    xmlns:Iptc4xmpCore="{IPTC}" xmlns:describer="{OURS}">\n'
        "   <Iptc4xmpCore:AltTextAccessibility>\n    <rdf:Alt>\n"
        f'     <rdf:li xml:lang="x-default">{text}</rdf:li>\n'
        f'     <rdf:li xml:lang="{_escaped(proposal.language)}">{text}</rdf:li>\n'
        "    </rdf:Alt>\n   </Iptc4xmpCore:AltTextAccessibility>\n"
        f"{kept}  </rdf:Description>\n"
    ).encode()


def _escaped(text: str) -> str:
    return escape(_UNPRINTED.sub(" ", text))  # its references are those of XML, too
