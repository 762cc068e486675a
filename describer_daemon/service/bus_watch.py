"""Telling at once that somebody came to the session bus or left it, without ever asking."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

log = logging.getLogger(__name__)

_RETRY_INTERVAL = 30.0  # seconds until a bus that was lost, or is not there yet, is tried again


class BusWatch:
    """Calls back, from its own thread, whenever one of some names comes or goes. Never raises."""

    def __init__(self, names: Sequence[str], on_change: Callable[[], None], what: str) -> None:
        """`on_change` is called at the beginning, too, if anybody is there by then.

        `what` is for the log, and names the thread.
        """
        self._names, self._on_change, self._what = names, on_change, what
        self._stopped = threading.Event()
        self._lock = threading.Lock()  # of the connection
        self._connection: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch; there may be a session bus only later."""
        if sys.platform == "linux" and self._thread is None:
            self._thread = threading.Thread(target=self._watch, name=self._what, daemon=True)
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
                log.debug("%s cannot be watched for: %r", self._what, error)
            self._stopped.wait(_RETRY_INTERVAL)

    def _listen(self) -> None:
        from jeepney import HeaderFields, message_bus
        from jeepney.io.blocking import open_dbus_connection
        from jeepney.wrappers import unwrap_msg

        with open_dbus_connection("SESSION") as connection:
            with self._lock:
                self._connection = connection
            try:
                for name in self._names:
                    rule = _owner_changed(name)
                    unwrap_msg(connection.send_and_get_reply(message_bus.AddMatch(rule)))
                if any(_is_owned(connection, name) for name in self._names):
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
