"""Fixtures: a session bus, the real xdg-desktop-portal, and a desktop behind it of our own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from PIL import Image

from describer_daemon import displays, processes
from tests.desktop.fixtures_display import wait_until

# Nothing is started by this bus: what shall be there, the tests start.
_BUS = """<busconfig><type>session</type><listen>unix:path={path}</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""
_FRONT, _BACK = "org.freedesktop.portal.Desktop", "org.freedesktop.impl.portal.desktop.fake"
SCREEN = (640, 480)
_PORTAL = """[portal]
DBusName=org.freedesktop.impl.portal.desktop.fake
Interfaces=org.freedesktop.impl.portal.Access;org.freedesktop.impl.portal.Screenshot;
UseIn=fake
"""


def writes(path: Path, size: tuple[int, int] = SCREEN) -> Callable[[], str]:
    """A desktop that writes its picture there."""

    def give() -> str:
        Image.new("RGB", size, (20, 60, 200)).save(path, "PNG")
        return path.as_uri()

    return give


class FakeDesktop:
    """The desktop behind the portal, or with `targets` in its place, as of version 3.

    `give` returns the address of the picture, or the response with which it is refused; None:
    no answer ever. `allowed` answers the dialog that asks for permission.
    """

    def __init__(self, address: str, *, targets: int | None = None) -> None:
        self.give: Callable[[], str | int | None] = lambda: 2
        self.allowed = True
        self.asked: list[dict[str, Any]] = []  # the options of each call
        self.app_ids: list[str] = []  # who said its name first
        self.closed = 0
        self.shown: list[str] = []  # the notifications
        self._address, self._targets = address, targets
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        assert self._ready.wait(60)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(60)
        self._loop.close()

    def _serve(self) -> None:
        self._loop.run_until_complete(self._main())

    async def _main(self) -> None:
        self._done = asyncio.Event()
        self._bus = await MessageBus(bus_address=self._address).connect()
        self._bus.add_message_handler(self._handle)
        await self._bus.request_name(_BACK if self._targets is None else _FRONT)
        await self._bus.request_name("org.freedesktop.Notifications")
        self._ready.set()
        await self._done.wait()
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    def _property(self, message: Message) -> Message:
        if message.member == "GetAll":
            return Message.new_method_return(message, "a{sv}", [{"version": Variant("u", 2)}])
        value = 3 if message.body[1] == "version" else self._targets
        return Message.new_method_return(message, "v", [Variant("u", value)])

    def _handle(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if message.member in ("Get", "GetAll"):
            return self._property(message)
        if message.member == "Register":
            self.app_ids.append(message.body[0])
            return Message.new_method_return(message)
        if message.member == "AccessDialog":
            return Message.new_method_return(message, "ua{sv}", [0 if self.allowed else 1, {}])
        if message.member == "Close":
            self.closed += 1
            return Message.new_method_return(message)
        if message.member == "Notify":
            self.shown.append(message.body[4])
            return Message.new_method_return(message, "u", [1])
        if message.member != "Screenshot":
            return None
        self.asked.append({name: one.value for name, one in message.body[-1].items()})
        given = self.give()
        results = {"uri": Variant("s", given)} if isinstance(given, str) else {}
        answer = [given if isinstance(given, int) else 0, results]
        if self._targets is None:
            return True if given is None else Message.new_method_return(message, "ua{sv}", answer)
        sender = str(message.sender).removeprefix(":").replace(".", "_")
        path = f"/org/freedesktop/portal/desktop/request/{sender}/{self.asked[-1]['handle_token']}"
        if given is not None:  # before the reply, as fast desktops may
            self._bus.send(
                Message(
                    message_type=MessageType.SIGNAL,
                    destination=message.sender,
                    path=path,
                    interface="org.freedesktop.portal.Request",
                    member="Response",
                    signature="ua{sv}",
                    body=answer,
                )
            )
        return Message.new_method_return(message, "o", [path])


@pytest.fixture
def session_bus(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a session bus that starts nothing of its own accord."""
    config = sandbox / "bus.conf"
    config.write_text(_BUS.format(path=sandbox / "bus"))
    bus = processes.start(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"])
    wait_until(lambda: displays.listens(sandbox / "bus"), "there is no bus")
    address = f"unix:path={sandbox}/bus"
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    yield address
    processes.end(bus)


@pytest.fixture
def portal_desktop(
    session_bus: str, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeDesktop]:
    """The real portal, and what a desktop does behind it."""
    from describer_daemon.capture import portal

    folder = sandbox / "portals"
    folder.mkdir()
    folder.joinpath("fake.portal").write_text(_PORTAL)
    monkeypatch.setenv("XDG_DESKTOP_PORTAL_DIR", str(folder))
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "fake")
    desktop = FakeDesktop(session_bus)
    store = processes.start(["/usr/libexec/xdg-permission-store"])
    front = processes.start(["/usr/libexec/xdg-desktop-portal"])
    try:
        wait_until(lambda: portal.targets() is not None, "there is no portal")
        yield desktop
    finally:
        processes.end(front)
        processes.end(store)
        desktop.end()
