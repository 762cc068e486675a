"""HTTP/1.1 as it comes in and goes out (RFC 9112), and no more of it than is needed here.

What is not plainly right is refused rather than guessed at: line ends other than CRLF, lengths that
are told twice, folded lines, anything beyond the limits. Each part has to come within its time,
however slowly its bytes drip.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from describer_daemon.core.i18n import _

MAX_HEAD = 16 << 10  # bytes
_MAX_FIELDS = 64
_MAX_OVERHEAD = 1 << 20  # bytes of a chunked body that are no content
IDLE_TIMEOUT = 15.0  # seconds until a request begins
HEAD_TIMEOUT = 5.0  # seconds for all of a head
BODY_TIMEOUT = 30.0  # seconds for all of a body
_SEND_TIMEOUT = 10.0  # seconds for all of an answer
_LINGER = 0.5, 256 << 10  # seconds and bytes that are still taken from one that is refused
_LINE = re.compile(r"([A-Za-z]{1,20}) (/[!-~]{0,2000}|\*) HTTP/(\d)\.(\d)", re.ASCII)
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}):[ \t]*(.*?)[ \t]*", re.ASCII)
_UNPRINTED = re.compile(r"[^\t -~\x80-\xff]")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(;[\t -~\x80-\xff]{0,256})?")
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n|$)")
_PHRASES = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    417: "Expectation Failed",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


class RefusedError(Exception):
    """A request that gets no more than a status and a sentence; the connection is then closed.

    What only a program's maker can mend stays English; what a person can is translated.
    """

    def __init__(self, status: int, sentence: str, **fields: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence
        self.fields = {name.replace("_", "-"): value for name, value in fields.items()}


class GoneError(Exception):
    """Whoever asked has left, or asks nothing: there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request; `fields` by their names in small letters, as often as they came."""

    method: str
    target: str
    minor: int
    fields: Mapping[str, tuple[str, ...]]

    def only(self, name: str) -> str | None:
        """The value of a field; None without. Raises RefusedError when it came more than once."""
        values = self.fields.get(name, ())
        if len(values) > 1:
            raise RefusedError(400, f"The field {name} came more than once.")
        return values[0] if values else None

    @property
    def stays(self) -> bool:
        """Whether the connection may be used again."""
        wanted = ",".join(self.fields.get("connection", ())).lower()
        options = {option.strip() for option in wanted.split(",")}
        return self.minor >= 1 and "close" not in options

    def length(self) -> int | None:
        """Bytes of the body as told, None for chunks. Raises RefusedError for what is not clear."""
        length, coding = self.only("content-length"), self.only("transfer-encoding")
        if coding is not None:
            if length is not None or self.minor < 1:
                raise RefusedError(400, "The length of the body is not clear.")
            if coding.lower() != "chunked":
                raise RefusedError(501, "The only transfer coding that I know is chunked.")
            return None
        if length is None:
            return 0
        if not re.fullmatch(r"[0-9]{1,15}", length, re.ASCII):
            raise RefusedError(400, "The length of the body is no number.")
        return int(length)

    @property
    def waits(self) -> bool:
        """Whether the client waits to be told to go on. Raises RefusedError."""
        expected = self.only("expect")
        if expected is not None and expected.lower() != "100-continue":
            raise RefusedError(417, "I know no expectation but 100-continue.")
        return expected is not None and self.minor >= 1


class Wire:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def request(self) -> Request:
        """The head of the next request. Raises RefusedError or GoneError."""
        deadline = time.monotonic() + IDLE_TIMEOUT
        while not self._buffer.lstrip(b"\r\n"):  # an empty line before is allowed
            if len(self._buffer) > MAX_HEAD:
                raise RefusedError(400, "Nothing but empty lines came.")
            self._more(deadline, begun=False)
        deadline = time.monotonic() + HEAD_TIMEOUT
        del self._buffer[: len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))]
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._check(len(self._buffer))
            self._more(deadline)
        self._check(end)
        head = self._buffer[:end].decode("latin-1")
        del self._buffer[: end + 4]
        return parsed(head)

    def body(self, length: int | None, most: int) -> bytes:
        """So many bytes, or chunks up to `most`. Raises RefusedError or GoneError."""
        deadline = time.monotonic() + BODY_TIMEOUT
        if length is not None:
            return self._exactly(length, deadline)
        pieces, size, overhead = [], 0, 0
        while True:
            line = self._line(deadline)
            found = _CHUNK.fullmatch(line)
            if found is None:
                raise RefusedError(400, "The chunks of the body are not right.")
            count = int(found[1], 16)
            if count == 0:
                break
            size, overhead = size + count, overhead + len(line) + 4
            if size > most:
                raise too_large(most)
            if overhead > _MAX_OVERHEAD:
                raise RefusedError(400, "The chunks of the body are too small.")
            pieces.append(self._exactly(count, deadline))
            if self._exactly(2, deadline) != b"\r\n":
                raise RefusedError(400, "The chunks of the body are not right.")
        following = 0
        while line := self._line(deadline):  # fields behind the body, which nobody needs
            following += len(line) + 2
            if following > MAX_HEAD:
                raise RefusedError(400, "Too much follows the body.")
        return b"".join(pieces)

    def go_on(self) -> None:
        """Tell a client that waits to send its body. Raises GoneError."""
        self._send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def answer(
        self, status: int, body: bytes, *, stays: bool, head: bool = False, **fields: str
    ) -> None:
        """Send an answer in JSON, without its body for HEAD. Raises GoneError."""
        lines = [
            f"HTTP/1.1 {status} {_PHRASES[status]}",
            f"Date: {_date(time.time())}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"Connection: {'keep-alive' if stays else 'close'}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            *(f"{name}: {value}" for name, value in fields.items()),
        ]
        data = "\r\n".join(lines).encode("ascii") + b"\r\n\r\n"
        self._send(data if head else data + body)

    def refuse(self, refusal: RefusedError, *, head: bool = False) -> None:
        """Answer with a refusal, and take what may still come, lest the answer be lost."""
        body = json.dumps({"error": refusal.sentence}).encode("ascii") + b"\n"
        with contextlib.suppress(GoneError, OSError):
            self.answer(refusal.status, body, stays=False, head=head, **refusal.fields)
            self._connection.shutdown(socket.SHUT_WR)
            deadline, left = time.monotonic() + _LINGER[0], _LINGER[1]
            while left > 0 and (remaining := deadline - time.monotonic()) > 0:
                self._connection.settimeout(remaining)
                taken = len(self._connection.recv(65_536))
                left -= taken or left

    def _check(self, end: int) -> None:
        if end > MAX_HEAD:
            raise RefusedError(431, "The head of the request is too long.")
        if _BARE.search(self._buffer, 0, end):
            raise RefusedError(400, "Lines must end with CRLF.")

    def _line(self, deadline: float) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD:
                raise RefusedError(400, "A line in the body is too long.")
            self._more(deadline)
        if end > MAX_HEAD:
            raise RefusedError(400, "A line in the body is too long.")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _exactly(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) < count:
            self._more(deadline)
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _more(self, deadline: float, *, begun: bool = True) -> None:
        late = RefusedError(408, "The request came too slowly.") if begun else GoneError()
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise late
        try:
            self._connection.settimeout(remaining)
            data = self._connection.recv(262_144)
        except TimeoutError:
            raise late from None
        except OSError as error:
            raise GoneError from error
        if not data:
            raise GoneError
        self._buffer += data

    def _send(self, data: bytes) -> None:
        try:
            self._connection.settimeout(_SEND_TIMEOUT)  # for all of it
            self._connection.sendall(data)
        except OSError as error:
            raise GoneError from error


def parsed(head: str) -> Request:
    """The lines of a head, without the empty one. Raises RefusedError."""
    first, *lines = head.split("\r\n")
    found = _LINE.fullmatch(first)
    if found is None:
        raise RefusedError(400, "The first line of the request is not right.")
    method, target, major, minor = found.groups()
    if major != "1":
        raise RefusedError(505, "I know HTTP/1.1 alone.")
    if len(lines) > _MAX_FIELDS:
        raise RefusedError(431, "The request has too many fields.")
    fields: dict[str, tuple[str, ...]] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None or _UNPRINTED.search(line):
            raise RefusedError(400, "A field of the request is not right.")
        name = field[1].lower()
        fields[name] = (*fields.get(name, ()), field[2])
    return Request(method, target, int(minor), fields)


def too_large(most: int) -> RefusedError:
    """What is said of a body of more than `most` bytes."""
    return RefusedError(
        413,
        _("The picture is too large: I take at most {number} megabytes.").format(number=most >> 20),
    )


def _date(seconds: float) -> str:
    """As HTTP has it, whatever the locale is (RFC 9110)."""
    now = time.gmtime(seconds)
    day, month = _DAYS[now.tm_wday], _MONTHS[now.tm_mon - 1]
    clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"
    return f"{day}, {now.tm_mday:02} {month} {now.tm_year} {clock} GMT"
