"""Framing of messages to and from the captioner's process: a JSON head and a body of bytes.

What the messages say is in `messages`. Never pickle: whatever a damaged picture does to the
captioner, all it can send is text.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import IO, Any

_LENGTHS = struct.Struct("<II")  # of head and body, in bytes
MAX_HEAD = 1 << 20  # bytes
MAX_BODY = 1 << 30  # bytes
_SKIP_CHUNK = 1 << 20  # bytes

Head = dict[str, Any]
Body = bytes | bytearray | memoryview


class TooLongError(ValueError):
    """A message that announces more than its kind may have."""


def write(stream: IO[bytes], head: Mapping[str, Any], body: Body = b"") -> None:
    """Send one message. Raises BrokenPipeError (an OSError) when nobody reads any more."""
    text = json.dumps(head).encode()
    stream.write(_LENGTHS.pack(len(text), memoryview(body).nbytes) + text)
    stream.write(body)
    stream.flush()


def read(
    stream: IO[bytes], max_head: int = MAX_HEAD, max_body: int = MAX_BODY
) -> tuple[Head, bytes] | None:
    """Receive one message of at most so many bytes; None at the end of the stream.

    Raises TooLongError before any of a longer one is read, ValueError for nonsense, and
    MemoryError for a body that there is no memory for: it is skipped then, so that the next
    message can be read.
    """
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, body_length = _LENGTHS.unpack(lengths)
    if head_length > max_head or body_length > max_body:
        raise TooLongError(f"a message of {head_length} and {body_length} bytes is far too long")
    text = stream.read(head_length)
    try:
        body = stream.read(body_length)
    except MemoryError:
        _skip(stream, body_length)
        raise
    if len(text) < head_length or len(body) < body_length:
        return None
    try:
        head = json.loads(text)
    except RecursionError as error:
        raise ValueError("a message has too many brackets inside each other") from error
    if not isinstance(head, dict):
        raise ValueError("a message must be an object")
    return head, body


def _skip(stream: IO[bytes], length: int) -> None:
    while length > 0 and (chunk := stream.read(min(length, _SKIP_CHUNK))):
        length -= len(chunk)
