"""A connection to the session bus for one portal: calls, requests and their answers, signals."""

from __future__ import annotations

import contextlib
import logging
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

log = logging.getLogger(__name__)

PORTAL = _NAME = "org.freedesktop.portal.Desktop"
_PATH = "/org/freedesktop/portal/desktop"
_SHORTCUTS = "org.freedesktop.portal.GlobalShortcuts"
_REQUEST = "org.freedesktop.portal.Request"
_SESSION = "org.freedesktop.portal.Session"
_BEHIND = "org.freedesktop.impl.portal.desktop"  # desktops' own parts have names that begin so
_BEHIND_SHORTCUTS = "org.freedesktop.impl.portal.GlobalShortcuts"
_BUS = "org.freedesktop.DBus"
_CALL_SECONDS = 5.0  # the first call may have to start the portal
_BEHIND_SECONDS = 1.0

# its member, its path, its body
OnSignal = Callable[[str, str, tuple[Any, ...]], None]


def failures() -> tuple[type[Exception], ...]:
    """What goes wrong with a call while the bus itself lives on."""
    from jeepney.wrappers import DBusErrorResponse

    return DBusErrorResponse, TimeoutError, LookupError, TypeError, ValueError


def has_shortcuts() -> bool:
    """Whether there is a portal that gives keys."""
    from jeepney import DBusAddress, Properties
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    portal = Properties(DBusAddress(_PATH, _NAME, _SHORTCUTS))
    expected: tuple[type[Exception], ...] = (OSError, *failures())
    try:
        with open_dbus_connection("SESSION") as bus:
            answer = bus.send_and_get_reply(portal.get("version"), timeout=_CALL_SECONDS)
            return int(unwrap_msg(answer)[0][1]) > 0
    except expected as error:
        log.debug("no portal for keys: %r", error)
        return False


@contextlib.contextmanager
def opened(on_signal: OnSignal) -> Iterator[PortalBus]:
    """A connection that is closed, and with it the portal's sessions. Raises OSError, KeyError."""
    from jeepney.io.blocking import open_dbus_connection

    with open_dbus_connection("SESSION") as connection:
        yield PortalBus(connection, on_signal)


class PortalBus:
    """One connection. Signals are given to `on_signal` whenever it is waited for anything."""

    def __init__(self, connection: Any, on_signal: OnSignal) -> None:
        from jeepney import MatchRule, message_bus

        self._connection, self._on_signal = connection, on_signal
        self._answers: dict[str, tuple[int, Mapping[str, Any]]] = {}
        owner = MatchRule(type="signal", interface=_BUS, member="NameOwnerChanged")
        owner.add_arg_condition(0, _NAME)
        behind = MatchRule(type="signal", interface=_BUS, member="NameOwnerChanged")
        behind.add_arg_condition(0, _BEHIND, "namespace")
        portals = [
            MatchRule(type="signal", sender=_NAME, interface=interface)
            for interface in (_SHORTCUTS, _REQUEST, _SESSION)
        ]
        for rule in (owner, behind, *portals):
            self._reply(message_bus.AddMatch(rule), _CALL_SECONDS)

    def wake(self) -> None:
        """End whatever waits, from another thread: it gets an OSError."""
        with contextlib.suppress(OSError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)

    def register(self, app_id: str) -> None:
        """Tell the portal who we are, first of all; before 1.21 there is nothing to tell it to."""
        address = self._address("org.freedesktop.host.portal.Registry")
        with contextlib.suppress(*failures()):
            self._call(address, "Register", "sa{sv}", (app_id, {}))

    def request(
        self,
        member: str,
        signature: str,
        arguments: tuple[Any, ...],
        options: Mapping[str, tuple[str, Any]],
        seconds: float,
    ) -> tuple[int, Mapping[str, Any]]:
        """Ask, and wait for the answer. → response code, 0 for yes, and results.

        Raises what `failures` names, and OSError when the bus is gone.
        """
        token = f"describer_{secrets.token_hex(8)}"
        every = {**options, "handle_token": ("s", token)}
        body = (*arguments, every)
        path = self._call(self._address(_SHORTCUTS), member, f"{signature}a{{sv}}", body)[0]
        deadline = time.monotonic() + seconds
        while path not in self._answers:
            self.handle(deadline - time.monotonic())
        answer = self._answers[path]
        self._answers.clear()
        return answer

    def desktops(self) -> frozenset[str]:
        """The names of those behind the portal that give keys."""
        from jeepney import DBusAddress, Properties, message_bus

        found = set()
        for name in self._reply(message_bus.ListNames(), _CALL_SECONDS)[0]:
            if str(name).startswith(f"{_BEHIND}."):
                asked = Properties(DBusAddress(_PATH, name, _BEHIND_SHORTCUTS)).get("version")
                with contextlib.suppress(*failures()):
                    self._reply(asked, _BEHIND_SECONDS)
                    found.add(str(name))
        return frozenset(found)

    def close_session(self, path: str) -> None:
        """Give the keys of a session back."""
        from jeepney import DBusAddress

        with contextlib.suppress(*failures()):
            self._call(DBusAddress(path, _NAME, _SESSION), "Close", None, ())

    def handle(self, seconds: float | None = None) -> None:
        """Wait for one message, and see to it. Raises TimeoutError, and OSError at the end."""
        if seconds is not None and seconds <= 0:
            raise TimeoutError
        self._see_to(self._connection.receive(timeout=seconds))

    def _call(self, address: Any, member: str, signature: str | None, body: tuple[Any, ...]) -> Any:
        from jeepney import new_method_call

        return self._reply(new_method_call(address, member, signature, body), _CALL_SECONDS)

    def _reply(self, call: Any, seconds: float) -> Any:
        """Not the connection's own way: it would drop the signals that come before the reply."""
        from jeepney import HeaderFields
        from jeepney.wrappers import unwrap_msg

        serial = next(self._connection.outgoing_serial)
        self._connection.send(call, serial=serial)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self._connection.receive(timeout=left)
            if message.header.fields.get(HeaderFields.reply_serial) == serial:
                return unwrap_msg(message)
            self._see_to(message)
        raise TimeoutError

    def _see_to(self, message: Any) -> None:
        from jeepney import HeaderFields, MessageType

        if message.header.message_type is not MessageType.signal:
            return
        fields, body = message.header.fields, message.body
        member, path = str(fields[HeaderFields.member]), str(fields[HeaderFields.path])
        if member == "Response" and len(body) == 2:
            self._answers[path] = body
        else:
            self._on_signal(member, path, body)

    @staticmethod
    def _address(interface: str) -> Any:
        from jeepney import DBusAddress

        return DBusAddress(_PATH, _NAME, interface)
