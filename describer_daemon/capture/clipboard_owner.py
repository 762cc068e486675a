"""Owning the clipboard of X11 with several types at once: a program of its own, which stays.

Whoever owns it has to hand it out, for as long as nobody copies something else: also after the
describer has ended. Python's part of ICCCM 2.0, section 2: TARGETS, TIMESTAMP, MULTIPLE, and INCR
for what is too long for one request.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from describer_daemon import x11

_CHUNK = 200_000  # bytes; a request may have 262,140
_MOST_TRANSFERS = 64  # at a time; who asks for more has forgotten them
READY = b"ready\n"  # is printed once the clipboard is ours

Contents = Mapping[str, bytes]  # by type, in the order in which they are offered


def encode(contents: Contents) -> bytes:
    """What the program is given on its standard input."""
    head = json.dumps([[kind, len(data)] for kind, data in contents.items()]).encode()
    return head + b"\n" + b"".join(contents.values())


def decode(stream: IO[bytes]) -> dict[str, bytes]:
    """Raises ValueError for what `encode` has not made."""
    found = {str(kind): stream.read(int(size)) for kind, size in json.loads(stream.readline())}
    if stream.read(1):
        raise ValueError("there is more than was announced")
    return found


@dataclass(slots=True)
class _Transfer:
    """What is handed out piece by piece, each when the one before was taken."""

    data: bytes
    kind: int
    sent: int = 0


class Owner:
    """Answers who pastes, until somebody else copies."""

    def __init__(self, display: Any, contents: Contents) -> None:
        from Xlib import X

        self._display = display
        self._atom = display.intern_atom
        self._contents = {self._atom(kind): data for kind, data in contents.items()}
        self._clipboard = self._atom("CLIPBOARD")
        self._transfers: dict[tuple[int, int], _Transfer] = {}
        display.set_error_handler(lambda *_: None)  # whoever pastes may have gone meanwhile
        self._window = display.screen().root.create_window(
            0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask
        )
        self._since = self._now()

    def take(self) -> bool:
        """Become the owner. → whether we are."""
        self._window.set_selection_owner(self._clipboard, self._since)
        owner = self._display.get_selection_owner(self._clipboard)
        return bool(owner) and int(owner.id) == int(self._window.id)

    def serve(self) -> None:
        """Answer until the clipboard is somebody else's, and all that was begun is handed out."""
        from Xlib import X

        is_ours = True
        while is_ours or self._transfers:
            event = self._display.next_event()
            if event.type == X.SelectionRequest:
                self._answer(event)
            elif event.type == X.SelectionClear:
                is_ours = False
            elif event.type == X.PropertyNotify and event.state == X.PropertyDelete:
                self._go_on(event.window, event.atom)
            elif event.type == X.DestroyNotify:
                self._forget(int(event.window.id))

    def _now(self) -> int:
        """The server's time: to own a selection since "now" is not allowed (ICCCM 2.1)."""
        from Xlib import X, Xatom

        self._window.change_property(Xatom.WM_NAME, Xatom.STRING, 8, b"describer")
        while (event := self._display.next_event()).type != X.PropertyNotify:
            pass
        return int(event.time)

    def _answer(self, request: Any) -> None:
        from Xlib.protocol import event

        target = request.target
        place = request.property or target  # clients from before ICCCM name none
        done = request.selection == self._clipboard and self._put(request.requestor, place, target)
        request.requestor.send_event(
            event.SelectionNotify(
                time=request.time,
                requestor=request.requestor,
                selection=request.selection,
                target=target,
                property=place if done else 0,
            )
        )
        self._display.flush()

    def _put(self, window: Any, place: int, target: int) -> bool:
        """Write what is asked for to a property of whoever asks. → whether there is such a thing"""
        from Xlib import Xatom

        if target == self._atom("TARGETS"):
            ours = [self._atom(name) for name in ("TARGETS", "TIMESTAMP", "MULTIPLE")]
            window.change_property(place, Xatom.ATOM, 32, [*ours, *self._contents])
        elif target == self._atom("TIMESTAMP"):
            window.change_property(place, Xatom.INTEGER, 32, [self._since])
        elif target == self._atom("MULTIPLE"):
            return self._put_all(window, place)
        elif target in self._contents:
            self._hand_out(window, place, target, self._contents[target])
        else:
            return False
        return True

    def _put_all(self, window: Any, place: int) -> bool:
        """MULTIPLE: the property has pairs of what is asked for, and where it is to go."""
        from Xlib import X

        asked = window.get_full_property(place, X.AnyPropertyType)
        if asked is None or asked.format != 32:
            return False
        numbers = list(asked.value)
        multiple = self._atom("MULTIPLE")
        for index in range(0, len(numbers) - 1, 2):
            target, where = numbers[index : index + 2]
            if target == multiple or not where or not self._put(window, where, target):
                numbers[index + 1] = 0
        window.change_property(place, self._atom("ATOM_PAIR"), 32, numbers)
        return True

    def _hand_out(self, window: Any, place: int, kind: int, data: bytes) -> None:
        from Xlib import X

        if len(data) <= _CHUNK:
            window.change_property(place, kind, 8, data)
            return
        while len(self._transfers) >= _MOST_TRANSFERS:
            del self._transfers[next(iter(self._transfers))]
        self._transfers[int(window.id), place] = _Transfer(data, kind)
        window.change_attributes(event_mask=X.PropertyChangeMask | X.StructureNotifyMask)
        window.change_property(place, self._atom("INCR"), 32, [len(data)])

    def _go_on(self, window: Any, place: int) -> None:
        """The piece before was taken; after the last one comes an empty one."""
        key = int(window.id), place
        transfer = self._transfers.get(key)
        if transfer is None:
            return
        piece = transfer.data[transfer.sent : transfer.sent + _CHUNK]
        transfer.sent += len(piece)
        window.change_property(place, transfer.kind, 8, piece)
        if not piece:
            del self._transfers[key]
            if not any(one == key[0] for one, _ in self._transfers):
                window.change_attributes(event_mask=0)
        self._display.flush()

    def _forget(self, window: int) -> None:
        for key in [key for key in self._transfers if key[0] == window]:
            del self._transfers[key]


def main() -> None:
    """Offer what is on standard input; print `READY`; end when somebody else copies."""
    from Xlib import error

    contents = decode(sys.stdin.buffer)
    display = x11.connect()
    try:
        owner = Owner(display, contents)
        if not owner.take():
            raise SystemExit(1)
        sys.stdout.buffer.write(READY)
        sys.stdout.close()
        owner.serve()
    except (error.ConnectionClosedError, OSError):  # the display has gone, and its clipboard
        raise SystemExit(0) from None
