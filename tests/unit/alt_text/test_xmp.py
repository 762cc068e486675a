"""Alt text in XMP: read however it was written, added without touching anything else."""

from __future__ import annotations

import pytest

from describer_daemon.alt_text import xmp
from describer_daemon.alt_text.proposals import Proposal
from tests.unit.alt_text.making import alternative, packet

SURE = Proposal('A "dog" & <a> cat.', 0.91239, needs_review=False, form="plain")
UNSURE = Proposal("Could be: a cat.", 0.5, needs_review=True, form="hedged")


@pytest.mark.parametrize(
    ("inside", "alt", "description"),
    [
        ("", "", ""),
        (alternative("i:AltTextAccessibility", ("x-default", "A dog.")), "A dog.", ""),
        (alternative("i:AltTextAccessibility", ("de", "Hund"), ("en-US", "Dog")), "Dog", ""),
        (alternative("i:AltTextAccessibility", ("de", " Ein\n Hund ")), "Ein\n Hund", ""),
        (alternative("i:AltTextAccessibility", ("x-default", "  ")), "", ""),
        ("<i:AltTextAccessibility>bare</i:AltTextAccessibility>", "bare", ""),
        (alternative("dc:description", ("x-default", "By me.")), "", "By me."),
        (alternative("i:ExtDescrAccessibility", ("x-default", "Long.")), "", "Long."),
        ("<dc:description/><dc:title>no</dc:title>", "", ""),
    ],
)
def test_what_others_wrote_is_read(inside: str, alt: str, description: str) -> None:
    assert xmp.Packet(packet(inside)).found() == xmp.Found(alt, description)


def test_an_attribute_is_read_and_never_written_over() -> None:
    data = packet("").replace(b"xmlns:i=", b'i:AltTextAccessibility="A" xmlns:i=')
    assert xmp.Packet(data).found().alt == "A"
    with pytest.raises(xmp.PacketError):
        xmp.Packet(data).with_alt(SURE)


@pytest.mark.parametrize("proposal", [SURE, UNSURE])
def test_a_new_file_says_text_confidence_and_review(proposal: Proposal) -> None:
    made = xmp.Packet(xmp.new(proposal))
    assert made.found() == xmp.Found(proposal.text, is_ours=True)
    assert made.is_kept(proposal)
    text = xmp.new(proposal).decode()
    assert f"<describer:NeedsReview>{proposal.needs_review}</describer:NeedsReview>" in text
    assert f"<describer:Confidence>{proposal.confidence:.4g}</describer:Confidence>" in text
    assert text.count("xml:lang=") == 2


def test_all_else_stays_byte_by_byte_however_often_it_is_replaced() -> None:
    title = "<!-- mine --><dc:title  xml:lang='x'>\u00fc &amp; &#x41;</dc:title>\r\n\t"
    theirs = alternative("i:AltTextAccessibility", ("x-default", "Theirs."))
    before = packet(title + theirs, "uuid:1")
    once = xmp.Packet(before).with_alt(SURE)
    twice = xmp.Packet(once).with_alt(UNSURE)
    assert xmp.Packet(twice).found() == xmp.Found(UNSURE.text, is_ours=True)
    assert title.encode() in twice
    assert b"Theirs" not in once
    assert once.count(b'rdf:about="uuid:1"') == twice.count(b'rdf:about="uuid:1"') == 2
    again = xmp.Packet(twice).with_alt(UNSURE)
    assert again == twice  # no husks are left of what was replaced


def test_what_somebody_changed_is_an_authors() -> None:
    changed = xmp.new(UNSURE).replace(b">Could be: a cat.</rdf:li>", b">My cat.</rdf:li>")
    found = xmp.Packet(changed).found()
    assert (found.by_author, found.is_ours) == ("My cat.", False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no xml",
        packet("")[:-3],
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<?xml version="1.0" encoding="utf-16"?>' + packet("").decode().encode("utf-16"),
        b" " * (xmp.MAX_BYTES + 1),
    ],
)
def test_what_is_damaged_or_made_to_do_harm_is_refused(data: bytes) -> None:
    with pytest.raises(xmp.PacketError):
        xmp.Packet(data)


@pytest.mark.parametrize(
    "data", [b"<a/>", b'<RDF xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>']
)
def test_where_there_is_no_place_nothing_is_added(data: bytes) -> None:
    with pytest.raises(xmp.PacketError):
        xmp.Packet(data).with_alt(SURE)


def test_an_authors_text_goes_before_ours_wherever_it_is() -> None:
    ours, theirs = xmp.Found("x", is_ours=True), xmp.Found("y", "z")
    assert ours.joined(theirs).by_author == theirs.joined(ours).by_author == "y"
    assert ours.joined(xmp.Found()).by_author == ""
    assert xmp.Found(description="z").joined(ours).by_author == "z"
