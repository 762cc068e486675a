"""Which object has the keyboard, as programs tell screen readers: over AT-SPI's own D-Bus.

A thread listens to programs telling that the focus moved, and remembers where to; its place on
the screen is asked for when a key is pressed. See ADR 0013.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from describer_daemon.capture.window_focus import InWindow
from describer_daemon.core.ports import Rectangle

log = logging.getLogger(__name__)

T = TypeVar("T")

_RETRY_INTERVAL = 5.0  # seconds between looks for a bus that is not there
_BUS_TIMEOUT = 2.0  # seconds for the bus itself, which nobody waits for
# Whoever presses a global key takes the keyboard from the window for a moment, and programs
# that notice tell that their object has lost the focus.
_LOST_FOCUS_GRACE = 1.0  # seconds
_SCREEN, _WINDOW = 0, 1  # what coordinates are counted from
_WINDOWS = frozenset({2, 16, 23, 69})  # roles: alert, dialog, frame, window
_DEEPEST = 100  # objects within one another, in a window
# Roles (atspi-constants.h) that say no more than which window it is: desktop frame, dialog,
# frame, internal frame, root pane, window, application, and kinds of documents.
_UNSPECIFIC = frozenset({14, 16, 23, 28, 46, 69, 75, 82, 92, 93, 94, 95, 96})


@dataclasses.dataclass(frozen=True, slots=True)
class _Focus:
    """An object of another program; `lost_at` is in time.monotonic(), None while it has it."""

    program: str
    path: str
    lost_at: float | None = None


class FocusWatcher:
    """Where the focused object is. Never raises, and never makes anyone wait for long."""

    def __init__(self) -> None:
        self._focus: _Focus | None = None  # written by the watching thread alone
        self._stopped = threading.Event()
        self._lock = threading.Lock()  # for the connections
        self._signals: Any = None
        self._calls: Any = None
        self._thread: threading.Thread | None = None

    @property
    def name(self) -> str:
        """The source: "at-spi" while there is an accessibility bus, else "none"."""
        return "at-spi" if self._calls is not None else "none"

    def start(self) -> None:
        """Begin to listen, from a thread, where that can serve; a bus may also come later."""
        if sys.platform == "linux":
            self._thread = threading.Thread(target=self._watch, name="focus", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Listen no more; safe to call twice."""
        self._stopped.set()
        with self._lock:
            if self._signals is not None:
                with contextlib.suppress(OSError):
                    self._signals.sock.shutdown(2)  # wakes whoever reads from it
        if self._thread is not None:
            self._thread.join(1.0)

    def box(self, within: float = 0.06) -> Rectangle | None:
        """The focused object on the screen, asked of its program for `within` seconds at most.

        None when there is none, it is no more specific than a window, or nobody knows. Under
        Wayland it is wrong: programs do not know where on the screen they are.
        """
        return self._ask(_box, within)

    def in_window(self, within: float = 1.0) -> InWindow | None:
        """The focused object in its window; otherwise as `box`, and right under Wayland, too.

        It asks some objects more than `box`, while a grab of another program's lasts.
        """
        return self._ask(_in_window, within)

    def _ask(self, question: Callable[[Any, _Focus, float], T | None], within: float) -> T | None:
        focus = self._focus
        if focus is None or (
            focus.lost_at is not None and time.monotonic() - focus.lost_at > _LOST_FOCUS_GRACE
        ):
            return None
        try:
            with self._lock:
                if self._calls is None:
                    return None
                return question(self._calls, focus, time.monotonic() + within)
        except Exception as error:  # it is only a hint: what another program does is no failure
            log.debug("the focused object does not tell where it is: %r", error)
            return None

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except Exception as error:  # no bus, or no longer: the same to us
                log.debug("no accessibility bus: %r", error)
            self._stopped.wait(_RETRY_INTERVAL)

    def _listen(self) -> None:
        from jeepney.io.blocking import open_dbus_connection

        address = _accessibility_bus()
        with open_dbus_connection(address) as signals, open_dbus_connection(address) as calls:
            _register(signals)
            with self._lock:
                self._signals, self._calls = signals, calls
            try:
                while not self._stopped.is_set():
                    self._on_signal(signals.receive())
            finally:
                with self._lock:
                    self._signals = self._calls = self._focus = None

    def _on_signal(self, message: Any) -> None:
        from jeepney import HeaderFields

        fields = message.header.fields
        if fields.get(HeaderFields.member) != "StateChanged" or message.body[0] != "focused":
            return
        focus = _Focus(fields[HeaderFields.sender], fields[HeaderFields.path])
        if message.body[1]:
            self._focus = focus
        elif self._focus == focus:
            self._focus = dataclasses.replace(focus, lost_at=time.monotonic())


def _accessibility_bus() -> str:
    """Its address. Raises KeyError, OSError or DBusErrorResponse when there is none."""
    from jeepney import DBusAddress, MessageFlag, new_method_call
    from jeepney.io.blocking import open_dbus_connection

    bus = DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus")
    call = new_method_call(bus, "GetAddress")
    call.header.flags |= MessageFlag.no_auto_start  # who needs no such bus shall get none
    with open_dbus_connection("SESSION") as session:
        return str(_reply(session, call, _BUS_TIMEOUT)[0])


def _register(connection: Any) -> None:
    """Have programs tell of the focus; most of them are silent while nobody listens."""
    from jeepney import DBusAddress, MatchRule, message_bus, new_method_call

    rule = MatchRule(type="signal", interface="org.a11y.atspi.Event.Object", member="StateChanged")
    rule.add_arg_condition(0, "focused")
    _reply(connection, message_bus.AddMatch(rule), _BUS_TIMEOUT)
    registry = DBusAddress(
        "/org/a11y/atspi/registry", "org.a11y.atspi.Registry", "org.a11y.atspi.Registry"
    )
    event = new_method_call(registry, "RegisterEvent", "s", ("object:state-changed:focused",))
    _reply(connection, event, _BUS_TIMEOUT)


def _box(connection: Any, focus: _Focus, deadline: float) -> Rectangle | None:
    if _role(connection, focus, deadline) in _UNSPECIFIC:
        return None
    return _extents(connection, focus, _SCREEN, deadline)


def _in_window(connection: Any, focus: _Focus, deadline: float) -> InWindow | None:
    role, window = _role(connection, focus, deadline), focus
    if role in _UNSPECIFIC:
        return None
    for _ in range(_DEEPEST):
        if role in _WINDOWS:
            box = _extents(connection, focus, _WINDOW, deadline)
            frame = _extents(connection, window, _WINDOW, deadline)
            return InWindow(box, frame) if box and frame else None
        window = _parent(connection, window, deadline)
        role = _role(connection, window, deadline)
    return None


def _role(connection: Any, focus: _Focus, deadline: float) -> int:
    return int(_call(connection, focus, "Accessible", deadline, "GetRole")[0])


def _extents(
    connection: Any, focus: _Focus, counted_from: int, deadline: float
) -> Rectangle | None:
    left, top, width, height = _call(
        connection, focus, "Component", deadline, "GetExtents", "u", (counted_from,)
    )[0]
    return Rectangle(left, top, width, height) if width > 0 and height > 0 else None


def _parent(connection: Any, focus: _Focus, deadline: float) -> _Focus:
    from jeepney import DBusAddress, Properties

    here = DBusAddress(focus.path, focus.program, "org.a11y.atspi.Accessible")
    timeout = max(0.0, deadline - time.monotonic())
    [(_, (program, path))] = _reply(connection, Properties(here).get("Parent"), timeout)
    return _Focus(program, path)


def _call(
    connection: Any, focus: _Focus, interface: str, deadline: float, method: str, *arguments: Any
) -> Any:
    from jeepney import DBusAddress, new_method_call

    address = DBusAddress(focus.path, focus.program, f"org.a11y.atspi.{interface}")
    call = new_method_call(address, method, *arguments)
    return _reply(connection, call, max(0.0, deadline - time.monotonic()))


def _reply(connection: Any, call: Any, timeout: float) -> Any:
    from jeepney.wrappers import unwrap_msg

    return unwrap_msg(connection.send_and_get_reply(call, timeout=timeout))
