"""HTTP as it comes in: what is not plainly right is refused, and nothing waits for ever."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from describer_daemon.serving import wire
from describer_daemon.serving.wire import GoneError, RefusedError, Request, Wire

LONG = 60.0


def status(head: str) -> int:
    try:
        request = wire.parsed(head)
        told = request.length(), request.waits, request.only("host")
    except RefusedError as refusal:
        return refusal.status
    raise AssertionError(told)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", 400),
        ("GET /", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET / HTTP/1.1 ", 400),
        ("GET http://x/ HTTP/1.1", 400),
        ("GET /\xe9 HTTP/1.1", 400),
        ("G\u00b2T / HTTP/1.1", 400),
        ("GET / HTTP/1.\u0661", 400),
        ("PRI * HTTP/2.0", 505),
        ("GET / HTTP/1.1\r\nno colon", 400),
        ("GET / HTTP/1.1\r\nName : x", 400),
        ("GET / HTTP/1.1\r\nA: b\r\n folded", 400),
        ("GET / HTTP/1.1\r\nA: \0", 400),
        ("GET / HTTP/1.1\r\n: b", 400),
        ("GET / HTTP/1.1" + "\r\nA: b" * 65, 431),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: b", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5", 400),
        ("POST / HTTP/1.1\r\nContent-Length: +5", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 5, 5", 400),
        ("POST / HTTP/1.1\r\nContent-Length: \xb2", 400),
        ("POST / HTTP/1.1\r\nContent-Length: " + "9" * 16, 400),
        ("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked", 501),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("POST / HTTP/1.1\r\nExpect: a miracle", 417),
    ],
)
def test_what_is_not_plainly_right_is_refused(head: str, expected: int) -> None:
    assert status(head) == expected


def test_a_sound_head_is_understood() -> None:
    lines = ("Host:\t x ", "CONTENT-LENGTH: 07", "Expect: 100-Continue", "Connection: a, Close")
    request = wire.parsed("\r\n".join(["POST /describe HTTP/1.1", *lines]))
    assert (request.method, request.target, request.only("host")) == ("POST", "/describe", "x")
    assert (request.length(), request.waits, request.stays) == (7, True, False)
    assert wire.parsed("GET / HTTP/1.1").stays
    assert not wire.parsed("GET / HTTP/1.0").stays


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Wire]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield theirs, Wire(ours)


def test_requests_and_bodies_come_one_after_the_other(ends: tuple[socket.socket, Wire]) -> None:
    theirs, reader = ends
    theirs.sendall(b"\r\nGET / HTTP/1.1\r\n\r\nPOST /a HTTP/1.1\r\n\r\nab")
    theirs.sendall(
        b"2\r\ncd\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n"
    )
    assert reader.request().target == "/"
    assert reader.request().target == "/a"
    assert reader.body(2, 9) == b"ab"
    assert reader.body(None, 20) == b"cd0123456789"
    assert reader.request().target == "/b"
    theirs.close()
    with pytest.raises(GoneError):
        reader.request()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"g\r\n", 400),
        (b"\r\n", 400),
        (b"-1\r\n", 400),
        (b"3\r\nabcd\r\n", 400),
        (b"fffffffff\r\n", 400),
        (b"15\r\n", 413),
        (b"1\r\na\r\n" * 21, 413),
        (b"1" * 20_000, 400),
        (b"0\r\n" + b"A: b\r\n" * 200_000, 400),
    ],
)
def test_chunks_that_are_none_are_refused(
    ends: tuple[socket.socket, Wire], data: bytes, expected: int
) -> None:
    theirs, reader = ends
    sender = threading.Thread(target=send, args=(theirs, data), daemon=True)
    sender.start()
    with pytest.raises(RefusedError) as caught:
        reader.body(None, 20)
    assert caught.value.status == expected
    theirs.close()


def send(end: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        end.sendall(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET / HTTP/1.1\n\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", 400),
        (b"a" * (wire.MAX_HEAD + 1), 431),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * wire.MAX_HEAD + b"\r\n\r\n", 431),
        (b"\r\n" * wire.MAX_HEAD, 400),
    ],
)
def test_heads_without_an_end_are_refused(
    ends: tuple[socket.socket, Wire], data: bytes, expected: int
) -> None:
    theirs, reader = ends
    threading.Thread(target=send, args=(theirs, data), daemon=True).start()
    with pytest.raises(RefusedError) as caught:
        reader.request()
    assert caught.value.status == expected
    theirs.close()


def dripping(end: socket.socket, data: bytes) -> None:
    for byte in data:
        send(end, bytes((byte,)))
        time.sleep(0.02)


@pytest.mark.parametrize("part", ["HEAD_TIMEOUT", "BODY_TIMEOUT", "IDLE_TIMEOUT"])
def test_who_drips_is_not_waited_for(
    ends: tuple[socket.socket, Wire], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """Each byte comes in time; all of them do not."""
    monkeypatch.setattr(wire, part, 0.3)
    theirs, reader = ends
    data = b"\r\n" * 400 if part == "IDLE_TIMEOUT" else b"GET / HTTP/1.1\r\nA: " + b"a" * 400
    threading.Thread(target=dripping, args=(theirs, data), daemon=True).start()
    late = (lambda: reader.body(400, 400)) if part == "BODY_TIMEOUT" else reader.request
    with pytest.raises(GoneError if part == "IDLE_TIMEOUT" else RefusedError) as caught:
        late()
    assert getattr(caught.value, "status", 408) == 408
    theirs.close()


def test_an_answer_says_how_long_it_is(ends: tuple[socket.socket, Wire]) -> None:
    theirs, writer = ends
    writer.answer(405, b'{"a": 1}', stays=True, head=True, Allow="GET")
    lines = theirs.recv(4096).decode("ascii").split("\r\n")
    assert lines[0] == "HTTP/1.1 405 Method Not Allowed"
    assert {"Content-Length: 8", "Connection: keep-alive", "Allow: GET"} <= {*lines}
    assert lines[-2:] == ["", ""]
    assert "Access-Control" not in str(lines)
    assert wire._date(1_700_000_000) == "Tue, 14 Nov 2023 22:13:20 GMT"


def test_every_status_that_is_used_has_its_phrase() -> None:
    import re
    from pathlib import Path

    sources = Path(wire.__file__).parent.glob("*.py")
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    used = {int(number) for number in re.findall(r"RefusedError\(\s*(\d{3})", text)} | {
        200,
        422,
        504,
    }
    assert used == {*wire._PHRASES}


def test_a_request_is_a_value() -> None:
    assert Request("GET", "/", 1, {}) == Request("GET", "/", 1, {})
