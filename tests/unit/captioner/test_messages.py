"""What one end of the captioner says is what the other end hears."""

from __future__ import annotations

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from describer_daemon.captioner import protocol
from describer_daemon.captioner.judging import Fit, Fitted, Judge, Judged, Row
from describer_daemon.captioner.messages import (
    Describe,
    Described,
    Failed,
    Illustrate,
    Load,
    Loaded,
    Outline,
    Outlined,
    ProtocolError,
    Read,
    Reply,
    Request,
    TextRead,
    decode_request,
)
from describer_daemon.captioner.protocol import Body, Head
from describer_daemon.captioner.recalling import Fetch, Recall, Recalled
from describer_daemon.core.details import Details
from describer_daemon.core.ports import (
    Aim,
    Caption,
    Detection,
    Encoded,
    OcrResult,
    Pixels,
    Rectangle,
    Tag,
    TextLine,
    Thing,
)

PICTURES = [
    Encoded(b"GIF89a"),
    Encoded(b"", Aim()),
    Pixels(1, 2, b"abcdef"),
    Pixels(1, 1, b"abcd", "BGRX", Aim((3, 4), Rectangle(-5, 0, 7, 8))),
]
BOXES = (Rectangle(1, 2, 3, 4), Rectangle(0, -9, 1, 1))
DOGS = Thing("dog", "two dogs", 0.8, 2, Rectangle(3, 4, 50, 60))

# as text is in captions and in pictures: see `fields.printable` for what is none
texts = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=8)
shares, numbers = st.floats(0, 1), st.integers(-9999, 9999)
boxes = st.builds(Rectangle, numbers, numbers, numbers, numbers)
things = st.builds(Thing, texts, texts, shares, st.integers(1, 3), boxes)
lines = st.builds(TextLine, texts, shares, numbers, numbers, numbers, numbers)
ocr_results = st.builds(
    OcrResult,
    st.lists(st.lists(lines, max_size=2).map(tuple), max_size=2).map(tuple),
    st.sampled_from(["", "black", "plain"]),
)
captions = st.builds(
    Caption,
    st.lists(texts, max_size=3).map(tuple),
    st.lists(st.floats(-99, 0)).map(tuple),
    shares,
    st.sampled_from(["plain", "hedged", "things", "unknown"]),
    st.sampled_from(["", "black", "plain", "none", "text", "drawing"]),
    st.lists(st.builds(Tag, texts, shares), max_size=2).map(tuple),
    st.lists(
        st.builds(Detection, boxes, shares, st.sampled_from(["photograph", "drawing"])), max_size=2
    ).map(tuple),
    st.integers(0, 2),
    st.lists(things, max_size=2).map(tuple),
    st.lists(texts, max_size=4).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    st.sampled_from(["", "dark", "light"]),
    st.none() | ocr_results,
    st.just("en"),
    texts,
    st.lists(texts, max_size=2).map(tuple),
)
details = st.builds(
    Details,
    boxes,
    st.sampled_from(["", "black", "plain", "none", "text", "drawing"]),
    st.lists(things, max_size=2).map(tuple),
    st.lists(things, max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    st.sampled_from(["", "dark", "light"]),
    st.sampled_from(["", "sharp", "blurred"]),
    st.lists(st.sampled_from(["left", "top", "right", "bottom"]), unique=True).map(tuple),
    st.booleans(),
    st.none() | ocr_results,
    st.just("en"),
)


def sent(message: Request | Reply) -> tuple[Head, Body]:
    """What comes out at the other end of the pipe."""
    stream = io.BytesIO()
    protocol.write(stream, *message.encode())
    stream.seek(0)
    received = protocol.read(stream)
    assert received is not None
    return received


@pytest.mark.parametrize(
    "request_",
    [
        Load(),
        Load("de"),
        *map(Describe, PICTURES),
        Describe(PICTURES[0], BOXES),
        Describe(PICTURES[0], BOXES, "de"),
        Illustrate(PICTURES[0], "de"),
        *map(Illustrate, PICTURES),
        *map(Read, PICTURES),
        Recall(),
        Recall(read=True),
        Fetch(),
        Judge(("a dog", "two dogs")),
        Fit((Row({"mean": -0.5, "words": 3.0}, good=True), Row({}, good=False))),
        Outline(PICTURES[0], ()),
        Outline(PICTURES[0], BOXES),
        Outline(PICTURES[3], BOXES, ("two dogs", "a café")),
    ],
)
def test_requests_arrive_as_they_were_sent(request_: Request) -> None:
    head, body = sent(request_)
    assert decode_request(head, bytes(body)) == request_


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(captions)
def test_captions_arrive_as_they_were_sent(caption: Caption) -> None:
    described = Described(caption, {"find": 1.5, "caption": 20.0}, b"PNG")
    head, body = sent(described)
    assert Described.decode(head, bytes(body)) == described


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(details)
def test_details_arrive_as_they_were_sent(known: Details) -> None:
    head, body = sent(Recalled(known))
    assert Recalled.decode(head, bytes(body)) == Recalled(known)


def test_what_is_said_of_a_picture_has_its_keys_in_the_message() -> None:
    head, body = sent(
        Described(
            Caption(("dogs",), (-1.0, -0.5), 0.3, "things", things=(DOGS,), seen=("two dogs",)), {}
        )
    )
    assert body == b""
    assert head == {
        "words": ["dogs"],
        "log_probabilities": [-1.0, -0.5],
        "confidence": 0.3,
        "form": "things",
        "finding": "",
        "tags": [],
        "pictures": [],
        "number": 0,
        "things": [
            {
                "kind": "dog",
                "name": "two dogs",
                "probability": 0.8,
                "count": 2,
                "box": {"left": 3, "top": 4, "width": 50, "height": 60},
            }
        ],
        "seen": ["two dogs"],
        "colours": [],
        "brightness": "",
        "written": None,
        "language": "en",
        "translated": "",
        "listed": [],
        "graphic": "",
        "labels": [],
        "milliseconds": {},
    }


def test_other_replies_arrive_as_they_were_sent() -> None:
    for reply in (
        Loaded(("landlock",)),
        Outlined(b"PNG"),
        TextRead(OcrResult(((TextLine("Hi", 0.5, 1, 2, 3, 4),),), "")),
        Judged(None),
        Judged(Row({"mean": -0.5}, good=True)),
        Fitted('{"format": 1}'),
    ):
        head, body = sent(reply)
        assert type(reply).decode(head, bytes(body)) == reply
        assert Failed.decode(head) is None
    for failed in (Failed("Sorry."), Failed("Too large.", "MemoryError()", out_of_memory=True)):
        assert Failed.decode(sent(failed)[0]) == failed


def test_boxes_without_labels_are_numbered_by_whoever_draws_them() -> None:
    head, body = sent(Outline(PICTURES[0], BOXES))
    del head["labels"]  # as one sent it who knows of none
    assert decode_request(head, bytes(body)) == Outline(PICTURES[0], BOXES)


def test_an_operation_that_there_is_not_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="paint"):
        decode_request({"op": "paint"}, b"")
