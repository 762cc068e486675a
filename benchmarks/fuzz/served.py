"""Requests to `describer serve`: a real server on a real port, a connection for each."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import tempfile
from random import Random
from typing import Self

from benchmarks.fuzz import mangling, texts
from benchmarks.fuzz.trial import Ending, Sample, weighted
from describer_daemon.serving import doors
from describer_daemon.serving.server import Limits, Server

_WAYS = {
    "sound": 10,
    "fields": 25,
    "mangled": 25,
    "chunks": 15,
    "several": 8,
    "noise": 9,
    "large": 8,
}
_PATIENCE = 20.0  # seconds
_LARGEST = 64 << 10  # bytes of a picture
_PLACEHOLDER = b"T" * 43  # as long as the token, which every server makes anew
_HEAD = re.compile(
    rb"HTTP/1\.1 (\d{3}) [A-Za-z -]+\r\nDate: [^\r\n]+ GMT\r\nContent-Type: application/json\r\n"
    rb"Content-Length: (\d+)\r\nConnection: (close|keep-alive)\r\n(?:[A-Za-z-]+: [^\r\n]+\r\n)*\r\n"
)
_VALUES = (
    "", "0", "1", "-1", "+5", "5, 5", "0x5", "\u00b2", "5 ", "999999999999999", "9" * 40,
    "chunked", "gzip, chunked", "identity", "close", "keep-alive", "upgrade", "100-continue",
    "null", "*", "x\0", "http://evil", "127.0.0.1", "localhost", "[::1]", "a\r\nHost: b", "a\n b",
    "Basic eDp5", "Bearer", "Bearer x", "../../etc/passwd", "\xff\xfe", "%00", "text/html",
)  # fmt: skip
_NAMES = (
    "Content-Length", "content-length", "Transfer-Encoding", "Host", "Origin", "Authorization",
    "Expect", "Connection", "Upgrade", "Range", "Cookie", "Content-Length ", " Host", "X" * 101, "",
    "\xe9", "Forwarded", "X-HTTP-Method-Override", "Referer", "Sec-Fetch-Site",
)  # fmt: skip
_TARGETS = (
    "/describe", "/health", "/", "*", "//describe", "/describe/", "/describe?x=1", "/../describe",
    "/%64escribe", "http://127.0.0.1/describe", "/describe#", "/describe\\", "/etc/passwd", "",
    "/\xe9",
)  # fmt: skip
_METHODS = (
    "POST",
    "POST",
    "GET",
    "HEAD",
    "OPTIONS",
    "PUT",
    "TRACE",
    "CONNECT",
    "post",
    "PRI",
    "P" * 30,
)
_VERSIONS = (
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/2.0",
    "HTTP/0.9",
    "http/1.1",
    "HTTP/1.10",
    "",
)


class Requests:
    """See `trial.Kind`. Whoever comes in without the token is found out, too."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._address = ("", 0)
        self._token = self._host = b""
        self._seen = 0

    def __enter__(self) -> Self:
        before = os.environ.get("XDG_RUNTIME_DIR")
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dsc-"))
            stack.callback(_set_runtime, before)
            _set_runtime(folder)
            door = stack.enter_context(doors.port(0))
            server = Server(door.listener, door.gate, self._answer, Limits(_LARGEST))
            server.start()
            stack.callback(server.stop)
            self._address = door.listener.getsockname()
            self._token = door.gate.token.encode()
            self._host = door.address.removeprefix("http://").encode()
            self._open = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def make(self, random: Random) -> Sample:
        how = weighted(random, _WAYS)
        if how == "fields":
            return Sample(how, _request(random))
        if how == "mangled":
            return Sample(how, mangling.mangled(random, _sound(random))[1])
        if how == "chunks":
            return Sample(how, _head("POST", "/describe", [("Transfer-Encoding", "chunked")])
                          + _chunks(random))  # fmt: skip
        if how == "several":
            return Sample(how, b"".join(_sound(random) for _ in range(random.choice((2, 3, 40)))))
        if how == "noise":
            return Sample(how, random.randbytes(random.choice((0, 1, 50, 4000))))
        if how == "large":
            size = random.choice((16_000, 16_384, 17_000, 70_000, 1 << 20))
            filler = random.choice((b"a", b"\r\n", b"a: b\r\n", b"\0", b"\r", b"\n", b" "))
            return Sample(how, random.choice((b"", _sound(random)[:-60])) + filler * size)
        return Sample(how, _sound(random))

    def attempt(self, sample: Sample, thorough: bool) -> Ending:
        """Ask, and after it ask as a well-behaved client would, if `thorough`."""
        data = sample.data.replace(_PLACEHOLDER, self._token).replace(b"$HOST", self._host)
        seen = self._seen
        statuses = self._exchange(data)
        if self._seen > seen and self._token not in data:
            raise ValueError("somebody without the token came in")
        if thorough:
            sound = _head("GET", "/health", [("Connection", "close")])
            sound = sound.replace(_PLACEHOLDER, self._token).replace(b"$HOST", self._host)
            if self._exchange(sound) != [200]:
                raise ValueError("a sound request was refused afterwards")
        if 500 in statuses:
            raise ValueError("something failed inside")
        if 200 in statuses:
            return Ending("", accepted=True)
        last = statuses[-1] if statuses else "no answer"
        return Ending(f"Refused with {last}.", accepted=False)

    def _exchange(self, data: bytes) -> list[int]:
        """→ the statuses. Raises ValueError when what comes back is not whole answers."""
        answer = bytearray()
        with socket.create_connection(self._address, _PATIENCE) as connection:
            # a server that has heard enough answers and leaves
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
                with contextlib.suppress(OSError):  # refused, and hung up already
                    connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError, OSError):
                while piece := connection.recv(65_536):
                    answer += piece
        return _statuses(bytes(answer).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b""))

    def _answer(self, data: bytes) -> tuple[int, bytes]:
        self._seen += 1
        return 200, json.dumps({"file": "-", "size": len(data)}).encode()


def _statuses(answer: bytes) -> list[int]:
    found, place = [], 0
    while place < len(answer):
        head = _HEAD.match(answer, place)
        if head is None:
            raise ValueError(f"no answer: {answer[place : place + 60]!r}")
        body = answer[head.end() : head.end() + int(head[2])]
        place = head.end() + int(head[2])
        if body.startswith(b"HTTP/") or not body:  # of HEAD, which has none
            place = head.end()
        elif not isinstance(json.loads(body), dict):
            raise ValueError("the body is not an object")
        found.append(int(head[1]))
    return found


def _head(method: str, target: str, fields: list[tuple[str, str]]) -> bytes:
    usual = [("Host", "$HOST"), ("Authorization", f"Bearer {_PLACEHOLDER.decode()}")]
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in usual + fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _sound(random: Random) -> bytes:
    if random.random() < 0.3:
        return _head("GET", "/health", [])
    body = random.randbytes(random.choice((1, 100, 5000)))
    if random.random() < 0.3:
        chunked = [("Transfer-Encoding", "chunked")]
        return _head("POST", "/describe", chunked) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    expects = [("Expect", "100-continue")] if random.random() < 0.2 else []
    return _head("POST", "/describe", [("Content-Length", str(len(body))), *expects]) + body


def _request(random: Random) -> bytes:
    """Nearly a request: fields and a first line that a client should not send."""
    first = f"{random.choice(_METHODS)} {random.choice(_TARGETS)} {random.choice(_VERSIONS)}"
    fields = [
        (random.choice(_NAMES), random.choice((*_VALUES, texts.word(random))))
        for _ in range(random.choice((1, 2, 3, 80)))
    ]
    usual = [("Host", "$HOST"), ("Authorization", f"Bearer {_PLACEHOLDER.decode()}")]
    fields += random.choice((usual, usual, usual[:1], usual[1:], []))
    random.shuffle(fields)
    if random.random() < 0.6:
        first = "POST /describe HTTP/1.1"
    end = random.choice(("\r\n", "\r\n", "\r\n", "\n", "\r"))
    text = end.join([first, *(f"{name}: {value}" for name, value in fields)]) + end * 2
    return text.encode("utf-8", "replace") + random.randbytes(random.choice((0, 5, 200)))


def _chunks(random: Random) -> bytes:
    pieces = []
    for _ in range(random.choice((1, 2, 3000))):
        body = random.randbytes(random.choice((1, 10, 300)))
        size = random.choice(
            (f"{len(body):x}",) * 6
            + (
                f"{len(body):x};a=b",
                f"{len(body):X}",
                "-1",
                "ffffffff",
                "fffffffff",
                "",
                "0x5",
                "g",
            )
        )
        ending = random.choice((b"\r\n",) * 8 + (b"\n", b"", b"\r\r\n"))
        pieces.append(size.encode() + b"\r\n" + body + ending)
    last = random.choice((b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"0\r\n" + b"A: b\r\n" * 3000, b""))
    return b"".join(pieces) + last


def _set_runtime(folder: str | None) -> None:
    if folder is None:
        os.environ.pop("XDG_RUNTIME_DIR", None)
    else:
        os.environ["XDG_RUNTIME_DIR"] = folder
