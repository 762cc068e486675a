"""Fixtures: the real xdg-desktop-portal, and behind it a desktop of our own that gives keys."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from describer_daemon import processes
from describer_daemon.hotkeys import portal_bus
from tests.desktop.fixtures_display import wait_until

_FRONT, _BACK = "org.freedesktop.portal.Desktop", "org.freedesktop.impl.portal.desktop.keys"
_PORTAL = f"""[portal]
DBusName={_BACK}
Interfaces=org.freedesktop.impl.portal.Access;org.freedesktop.impl.portal.GlobalShortcuts;
UseIn=fake
"""
_PATH = "/org/freedesktop/portal/desktop"


class ShortcutsDesktop:
    """A desktop that gives every key that was asked for, save those in `taken`.

    `in_front` serves in the portal's place, as of 1.21: who did not say its name gets nothing.
    `response` is what Bind answers; `empty` answers with an empty list; `hold` with nothing.
    """

    def __init__(self, address: str, *, in_front: bool = False) -> None:
        self.taken: set[str] = set()
        self.response, self.empty, self.hold = 0, False, False
        self.called: list[str] = []
        self.app_ids: list[str] = []
        self.sessions: list[str] = []
        self._in_front, self._address = in_front, address
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._main()))
        self._thread.start()
        assert self._ready.wait(60)

    def end(self) -> None:
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(60)
        self._loop.close()

    def press(self, verb: str) -> None:
        """As if the person pressed the key that the last session has for it."""
        self._loop.call_soon_threadsafe(
            self._signal, "Activated", "osta{sv}", [self.sessions[-1], verb, 0, {}]
        )

    def change(self, **triggers: str) -> None:
        """As if the person chose these keys in the desktop's settings."""
        ours = [
            [name, {"trigger_description": Variant("s", one)}] for name, one in triggers.items()
        ]
        self._loop.call_soon_threadsafe(
            self._signal, "ShortcutsChanged", "oa(sa{sv})", [self.sessions[-1], ours]
        )

    async def _main(self) -> None:
        self._done = asyncio.Event()
        self._bus = await MessageBus(bus_address=self._address).connect()
        self._bus.add_message_handler(self._handle)
        await self._bus.request_name(_FRONT if self._in_front else _BACK)
        self._ready.set()
        await self._done.wait()
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    def _signal(self, member: str, signature: str, body: list[Any], path: str = _PATH) -> None:
        kind = "portal" if self._in_front else "impl.portal"
        name = "Request" if member == "Response" else "GlobalShortcuts"
        self._bus.send(
            Message(
                message_type=MessageType.SIGNAL,
                path=path,
                interface=f"org.freedesktop.{kind}.{name}",
                member=member,
                signature=signature,
                body=body,
            )
        )

    def _handle(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        member, body = str(message.member), message.body
        if member in ("GetAll", "Get"):
            one = Variant("u", 1)
            many = member == "GetAll"
            return Message.new_method_return(
                message, "a{sv}" if many else "v", [{"version": one} if many else one]
            )
        if member == "Close":
            self.called.append(member)
            return Message.new_method_return(message)
        if member == "Register":
            self.called.append(member)
            self.app_ids.append(body[0])
            return Message.new_method_return(message)
        if member not in ("CreateSession", "BindShortcuts"):
            return None
        self.called.append(member)
        return self._answer(message, *getattr(self, f"_{member.lower()}")(message, body))

    def _createsession(self, message: Message, body: list[Any]) -> tuple[int, dict[str, Any]]:
        if self._in_front:
            token = body[0]["session_handle_token"].value
            self.sessions.append(f"{_PATH}/session/{_ours(message)}/{token}")
            known = bool(self.app_ids)
            return 0 if known else 2, {"session_handle": Variant("s", self.sessions[-1])}
        self.sessions.append(body[1])
        return 0, {}

    def _bindshortcuts(self, message: Message, body: list[Any]) -> tuple[int, dict[str, Any]]:
        shortcuts = body[1 if self._in_front else 2]
        given = []
        for name, values in shortcuts:
            wish = values["preferred_trigger"].value
            trigger = "" if wish in self.taken else wish
            given.append([name, {"trigger_description": Variant("s", trigger)}])
        return self.response, {"shortcuts": Variant("a(sa{sv})", [] if self.empty else given)}

    def _answer(self, message: Message, code: int, results: dict[str, Any]) -> Message | bool:
        if not self._in_front:
            if self.hold and message.member == "BindShortcuts":
                self._held = Message.new_method_return(message, "ua{sv}", [code, results])
                return True
            return Message.new_method_return(message, "ua{sv}", [code, results])
        path = f"{_PATH}/request/{_ours(message)}/{message.body[-1]['handle_token'].value}"
        self._signal("Response", "ua{sv}", [code, results], path)  # before the reply: it may
        return Message.new_method_return(message, "o", [path])

    def let_go(self) -> None:
        """Give the answer that was held back."""
        self._loop.call_soon_threadsafe(self._bus.send, self._held)


def _ours(message: Message) -> str:
    return str(message.sender).removeprefix(":").replace(".", "_")


class Portal:
    """The real front-end, which may be ended and started again."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self._front = processes.start(["/usr/libexec/xdg-desktop-portal"])
        wait_until(portal_bus.has_shortcuts, "there is no portal")

    def end(self) -> None:
        processes.end(self._front)


@pytest.fixture
def compositor(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Wayland compositor that takes connections, and says nothing."""
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-keys")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(sandbox / "run" / "wayland-keys"))
        listener.listen()
        yield


@pytest.fixture
def desktop(session_bus: str) -> Iterator[ShortcutsDesktop]:
    made = ShortcutsDesktop(session_bus)
    yield made
    made.end()


@pytest.fixture
def portal(
    desktop: ShortcutsDesktop, sandbox: Path, monkeypatch: pytest.MonkeyPatch, compositor: None
) -> Iterator[Portal]:
    """The real portal, with `desktop` behind it, which a test may end."""
    folder = sandbox / "portals"
    folder.mkdir()
    folder.joinpath("keys.portal").write_text(_PORTAL)
    monkeypatch.setenv("XDG_DESKTOP_PORTAL_DIR", str(folder))
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "fake")
    made = Portal()
    yield made
    made.end()


@pytest.fixture
def front(session_bus: str, compositor: None) -> Iterator[ShortcutsDesktop]:
    """What stands in for a portal of 1.21 and later, which asks for an app id."""
    made = ShortcutsDesktop(session_bus, in_front=True)
    yield made
    made.end()
