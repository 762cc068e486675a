"""Telling at once that Orca came or went, without ever asking."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from describer_daemon.speech.orca_bus import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_RETRY_INTERVAL = 30.0  # seconds until a bus that was lost is tried again


class OrcaWatch:
    """Calls back, from its own thread, whenever Orca's service comes or goes. Never raises."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        """`on_change` is called at the beginning, too, if Orca is there by then."""
        self._on_change = on_change
        self._stopped = threading.Event()
        self._lock = threading.Lock()  # of the connection
        self._connection: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch, where there is a session bus."""
        if sys.platform == "linux" and os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
            self._thread = threading.Thread(target=self._watch, name="orca", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Watch no more; safe to call twice."""
        self._stopped.set()
        with self._lock:
            if self._connection is not None:
                with contextlib.suppress(OSError):
                    self._connection.sock.shutdown(2)  # wakes whoever reads from it
        if self._thread is not None:
            self._thread.join(1.0)

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except Exception as error:  # no bus, or no longer: the same to us
                log.debug("Orca cannot be watched for: %r", error)
            self._stopped.wait(_RETRY_INTERVAL)

    def _listen(self) -> None:
        from jeepney import HeaderFields, message_bus
        from jeepney.io.blocking import open_dbus_connection
        from jeepney.wrappers import unwrap_msg

        with open_dbus_connection("SESSION") as connection:
            with self._lock:
                self._connection = connection
            try:
                for name in NAMES:
                    rule = _owner_changed(name)
                    unwrap_msg(connection.send_and_get_reply(message_bus.AddMatch(rule)))
                if any(_is_owned(connection, name) for name in NAMES):
                    self._on_change()
                while not self._stopped.is_set():
                    fields = connection.receive().header.fields
                    if fields.get(HeaderFields.member) == "NameOwnerChanged":
                        self._on_change()
            finally:
                with self._lock:
                    self._connection = None


def _owner_changed(name: str) -> Any:
    from jeepney import MatchRule

    rule = MatchRule(
        type="signal",
        sender="org.freedesktop.DBus",
        interface="org.freedesktop.DBus",
        member="NameOwnerChanged",
    )
    rule.add_arg_condition(0, name)
    return rule


def _is_owned(connection: Any, name: str) -> bool:
    from jeepney import message_bus
    from jeepney.wrappers import unwrap_msg

    call = message_bus.NameHasOwner(name)
    return bool(unwrap_msg(connection.send_and_get_reply(call))[0])
