"""What a Wayland compositor offers, asked of itself: the names of its global interfaces.

The wire format is that of https://wayland.freedesktop.org/docs/html/ch04.html: 32-bit words in the
machine's own order; a message is an object, its size in bytes << 16 | an opcode, and arguments.
"""

from __future__ import annotations

import socket
import struct
import sys
import time

from describer_daemon import displays

_SECONDS = 0.5
_HEAD = struct.Struct("=II")
_DISPLAY, _REGISTRY, _CALLBACK = 1, 2, 3  # the first is the protocol's, the others are chosen here
_SYNC, _GET_REGISTRY = 0, 1
# two requests of one argument each: a new registry, and a callback when all of it has come
_ASK = b"".join(
    struct.pack("=III", _DISPLAY, 12 << 16 | opcode, new)
    for opcode, new in ((_GET_REGISTRY, _REGISTRY), (_SYNC, _CALLBACK))
)
_LARGEST = 1 << 20  # bytes; compositors have some fifty of them


def interfaces() -> frozenset[str] | None:
    """Such as "wl_seat"; None where no compositor answers within half a second."""
    path = displays.wayland_socket()
    if path is None or sys.platform == "win32":
        return None
    deadline = time.monotonic() + _SECONDS
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(_SECONDS)
            connection.connect(str(path))
            connection.sendall(_ASK)
            received = b""
            while (found := _read(received)) is None and len(received) < _LARGEST:
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                if not (chunk := connection.recv(1 << 16)):
                    return None
                received += chunk
        except (OSError, ValueError):
            return None
    return found


def has_data_control() -> bool:
    """Whether programs without the focus may use the clipboard; of one that is silent: yes."""
    names = interfaces()
    return names is None or any("data_control_manager" in name for name in names)


def _read(data: bytes) -> frozenset[str] | None:
    """→ all names, once all have come. Raises ValueError for what is no such answer."""
    names: set[str] = set()
    at = 0
    while len(data) - at >= _HEAD.size:
        target, word = _HEAD.unpack_from(data, at)
        size = word >> 16
        if size < _HEAD.size or (target, word & 0xFFFF) == (_DISPLAY, 0):  # its event "error"
            raise ValueError("no answer of a compositor")
        if len(data) - at < size:
            return None
        if target == _CALLBACK:
            return frozenset(names)
        if target == _REGISTRY and word & 0xFFFF == 0 and size >= 16:
            names.add(_name(data[at + 12 : at + size]))
        at += size
    return None


def _name(arguments: bytes) -> str:
    """A string: its length with the zero at its end, and its bytes."""
    (length,) = struct.unpack_from("=I", arguments)
    return arguments[4 : 3 + length].decode("utf-8", "replace")
