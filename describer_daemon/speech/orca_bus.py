"""Orca's service on the session bus, which Orca has since its version 49, in both its dialects.

Orca 49 and 50 own the name org.gnome.Orca.Service, later ones org.gnome.Orca1.Service; see
README-REMOTE-CONTROLLER.md in Orca's sources. Neither is ever started by a call.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

NAMES = ("org.gnome.Orca1.Service", "org.gnome.Orca.Service")  # the newer one first

_PRESENT_TIMEOUT = 2.0  # seconds: Orca is busy at times, and then speaks a little later
_ASK_TIMEOUT = 1.0  # seconds for what is asked for beside that
_BUS_TIMEOUT = 1.0  # seconds for the bus itself
_PROPERTIES = "org.freedesktop.DBus.Properties"
_MODULE = "org.gnome.Orca.Module"
# Orca 50, and 49
_OLD_SPEECH_MODULES = ("SpeechManager", "SpeechAndVerbosityManager")


class OrcaAbsentError(DescriberError):
    """Orca does not run, or is too old to be spoken through."""


@contextlib.contextmanager
def connected() -> Iterator[Orca]:
    """A connection to the Orca that runs. Raises OrcaAbsentError when there is none."""
    if sys.platform != "linux":
        raise _absent(_("Orca is for Linux"))
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        raise _absent(_("there is no session bus, through which to find Orca"))
    try:
        from jeepney.io.blocking import open_dbus_connection

        connection = open_dbus_connection("SESSION", auth_timeout=_BUS_TIMEOUT)
    except Exception as error:  # no address, a wrong one, a bus that refuses: no bus to us
        raise _absent(f"the session bus, through which to find Orca, fails: {error!r}") from error
    with connection:
        yield Orca(connection, _present_name(connection))


@dataclass(frozen=True, slots=True)
class Orca:
    """The Orca that owns `name`.

    Every method may raise DescriberError; `detail` tells why Orca cannot serve.
    """

    connection: Any
    name: str

    def present(self, text: str) -> None:
        """Have it said, and shown in braille, as one of Orca's own messages.

        Returns once Orca has it, and raises when Orca does not take it. It waits behind what
        Orca says already, and is silently dropped while Orca's speech is switched off.
        """
        if not self._ask(_PRESENT_TIMEOUT, "", self.name, "PresentMessage", "s", text):
            raise _failed("Orca refused the message")

    def interrupt(self) -> None:
        """Have all speech of Orca end; returns at once, without waiting for it."""
        if self.name == NAMES[0]:
            self._tell("SpeechManager", self._speech, "InterruptSpeech", "b", False)
            return
        for module in _OLD_SPEECH_MODULES:  # the one that is not there answers nobody
            self._tell(module, _MODULE, "ExecuteCommand", "sb", "InterruptSpeech", False)

    def version(self) -> str:
        """Such as "50.1"."""
        return str(self._ask(_ASK_TIMEOUT, "", self.name, "GetVersion"))

    def setting(self, name: str) -> Any:
        """One of Orca's speech settings by its name on the bus: "Rate", "SpeechIsMuted", …"""
        if self.name == NAMES[0]:
            where = (_PROPERTIES, "Get", "ss", self._speech)
            return _inside(self._ask(_ASK_TIMEOUT, "SpeechManager", *where, name))
        for module in _OLD_SPEECH_MODULES:
            with contextlib.suppress(DescriberError):
                asked = self._ask(_ASK_TIMEOUT, module, _MODULE, "ExecuteRuntimeGetter", "s", name)
                return _inside(asked)
        raise _failed(f"Orca does not tell {name}")

    @property
    def _speech(self) -> str:
        return self.name.removesuffix("Service") + "SpeechManager"

    def _call(self, module: str, interface: str, method: str, signature: str, body: Any) -> Any:
        """A message to the service itself, or to one of its modules."""
        from jeepney import DBusAddress, MessageFlag, new_method_call

        path = "/" + self.name.replace(".", "/") + (f"/{module}" if module else "")
        address = DBusAddress(path, self.name, interface)
        call = new_method_call(address, method, signature or None, body)
        call.header.flags |= MessageFlag.no_auto_start
        return call

    def _tell(
        self, module: str, interface: str, method: str, signature: str = "", *body: Any
    ) -> None:
        from jeepney import MessageFlag

        call = self._call(module, interface, method, signature, body)
        call.header.flags |= MessageFlag.no_reply_expected
        try:
            self.connection.send(call)
        except OSError as error:
            raise _failed(repr(error)) from error

    def _ask(
        self,
        timeout: float,
        module: str,
        interface: str,
        method: str,
        signature: str = "",
        *body: Any,
    ) -> Any:
        call = self._call(module, interface, method, signature, body)
        return _reply(self.connection, call, timeout)[0]


def _present_name(connection: Any) -> str:
    """The name that Orca owns now. Raises OrcaAbsentError when it owns none."""
    from jeepney import message_bus

    for name in NAMES:
        if _reply(connection, message_bus.NameHasOwner(name), _BUS_TIMEOUT)[0]:
            return name
    raise _absent(_("Orca does not run, or is older than 49"))


def _reply(connection: Any, call: Any, timeout: float) -> Any:
    """The values of a reply, of which there is at least one."""
    from jeepney.wrappers import unwrap_msg

    try:
        values = unwrap_msg(connection.send_and_get_reply(call, timeout=timeout))
    except Exception as error:  # gone, hung, or an answer that is none: the same to us
        raise _failed(repr(error)) from error
    if not values:
        raise _failed("an empty answer")
    return values


def _inside(variant: Any) -> Any:
    """The value of a variant, which jeepney gives with its signature."""
    if not isinstance(variant, tuple) or len(variant) != 2:
        raise _failed(f"a setting as {type(variant).__name__}")
    return variant[1]


def _absent(detail: str) -> OrcaAbsentError:
    return OrcaAbsentError(_("Orca does not run here. Please start it."), detail=detail)


def _failed(detail: str) -> DescriberError:
    return DescriberError(_("Orca does not answer. Please start it again."), detail=detail)
