"""Messages between the processes: whole, or not at all."""

from __future__ import annotations

import io
import json
import os
import struct
import threading
from array import array
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from describer_daemon.captioner import protocol

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=8,
)
# a busy machine is no failure
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MESSAGES = st.tuples(st.dictionaries(st.text(), JSON, max_size=4), st.binary(max_size=200))


def packed(head: dict[str, Any], body: bytes = b"") -> bytes:
    stream = io.BytesIO()
    protocol.write(stream, head, body)
    return stream.getvalue()


@patient
@given(st.lists(MESSAGES, max_size=4))
def test_what_is_written_is_read(messages: list[tuple[dict[str, Any], bytes]]) -> None:
    stream = io.BytesIO(b"".join(packed(*message) for message in messages))
    for message in messages:
        assert protocol.read(stream) == message
    assert protocol.read(stream) is None


@pytest.mark.parametrize(
    "body",
    [b"abcd", bytearray(b"abcd"), memoryview(b"abcd"), memoryview(array("H", [0x6261, 0x6463]))],
)
def test_bodies_of_every_kind_count_in_bytes(body: Any) -> None:
    assert protocol.read(io.BytesIO(packed({"a": 1}, body))) == ({"a": 1}, b"abcd")


@patient
@given(MESSAGES, st.data())
def test_a_message_that_is_cut_off_is_none(
    message: tuple[dict[str, Any], bytes], data: st.DataObject
) -> None:
    whole = packed(*message)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert protocol.read(io.BytesIO(whole[:cut])) is None


@pytest.mark.parametrize(
    "nonsense",
    [
        struct.pack("<II", 1 << 31, 0),
        struct.pack("<II", 2, (1 << 30) + 1) + b"{}",
        struct.pack("<II", 2, 0) + b"[]",
        struct.pack("<II", 1, 0) + b"{",
        struct.pack("<II", 2, 0) + b"\xff\xfe",
        b"GET / HTTP/1.1\r\n\r\n" * 10,
    ],
)
def test_nonsense_is_refused_before_it_is_believed(nonsense: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - several kinds, all of them values
        protocol.read(io.BytesIO(nonsense))


@patient
@given(st.binary(max_size=64))
def test_any_bytes_are_a_message_or_none_or_nonsense(data: bytes) -> None:
    try:
        message = protocol.read(io.BytesIO(data))
    except ValueError:
        return
    assert message is None or isinstance(message[0], dict)


def test_through_a_pipe_that_is_smaller_than_the_body() -> None:
    reading, writing = os.pipe()
    body = os.urandom(3_000_000)
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb") as sink:
        writer = threading.Thread(target=protocol.write, args=(sink, {"n": 1}, body))
        writer.start()
        assert protocol.read(source) == ({"n": 1}, body)
        writer.join(20)
        assert not writer.is_alive()


def test_a_reader_that_went_away_is_an_os_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(BrokenPipeError), os.fdopen(writing, "wb") as sink:
        protocol.write(sink, {}, b"x" * 100_000)


def test_heads_are_plain_json() -> None:
    head_length, body_length = struct.unpack("<II", packed({"a": "é"}, b"xy")[:8])
    assert json.loads(packed({"a": "é"}, b"xy")[8 : 8 + head_length]) == {"a": "é"}
    assert body_length == 2
