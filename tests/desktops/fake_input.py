"""Keys for KWin: its protocol `org_kde_kwin_fake_input`, version 4, over the Wayland socket."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import Self

_DISPLAY, _REGISTRY = 1, 2  # objects; further ones are numbered in the order in which they are made
_AUTHENTICATE, _KEYBOARD_KEY = 0, 10  # requests of the protocol, as its XML numbers them
_SYNC, _GET_REGISTRY, _BIND = 0, 1, 0  # requests of wl_display and wl_registry
_NAME = "org_kde_kwin_fake_input"


class FakeInput:
    """A client that presses keys, by their numbers in linux/input-event-codes.h; a context."""

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(60)
        self._socket.connect(
            str(Path(os.environ["XDG_RUNTIME_DIR"], os.environ["WAYLAND_DISPLAY"]))
        )
        self._last = _REGISTRY
        self._globals: dict[str, int] = {}
        self._send(_DISPLAY, _GET_REGISTRY, struct.pack("=I", _REGISTRY))
        self._round_trip()
        assert _NAME in self._globals, sorted(self._globals)
        bound = struct.pack("=I", self._globals[_NAME]) + _string(_NAME)
        self._fake = self._new()
        self._send(_REGISTRY, _BIND, bound + struct.pack("=II", 4, self._fake))
        self._send(self._fake, _AUTHENTICATE, _string("describer") + _string("tests"))
        self._round_trip()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def key(self, code: int, down: bool) -> None:
        """Press or release it; returns once the compositor has it."""
        self._send(self._fake, _KEYBOARD_KEY, struct.pack("=II", code, down))
        self._round_trip()

    def _new(self) -> int:
        self._last += 1
        return self._last

    def _round_trip(self) -> None:
        callback = self._new()
        self._send(_DISPLAY, _SYNC, struct.pack("=I", callback))
        while True:
            sender, opcode, body = self._receive()
            if sender == _DISPLAY and opcode == 0:
                raise ConnectionError(f"KWin refuses: {body!r}")
            if sender == _REGISTRY and opcode == 0:
                number, length = struct.unpack_from("=II", body)
                self._globals[body[8 : 7 + length].decode()] = number
            if sender == callback:
                return

    def _send(self, target: int, opcode: int, body: bytes) -> None:
        self._socket.sendall(struct.pack("=II", target, (8 + len(body)) << 16 | opcode) + body)

    def _receive(self) -> tuple[int, int, bytes]:
        sender, rest = struct.unpack("=II", self._exactly(8))
        return sender, rest & 0xFFFF, self._exactly((rest >> 16) - 8)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            assert part, "KWin has closed the connection"
            data += part
        return data


def _string(text: str) -> bytes:
    raw = text.encode() + b"\0"
    return struct.pack("=I", len(raw)) + raw + b"\0" * (-len(raw) % 4)
