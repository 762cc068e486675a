"""Fixtures: a session bus of a test's own, and a stand-in for Orca's service in both dialects.

The stand-in follows `dbus_service.py` and REMOTE-CONTROLLER-COMMANDS.md of Orca 49, 50 and 51.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from describer_daemon import processes

# version, bus name, and the module that speaks
DIALECTS = {
    "49": ("49.2", "org.gnome.Orca.Service", "SpeechAndVerbosityManager"),
    "50": ("50.1", "org.gnome.Orca.Service", "SpeechManager"),
    "51": ("51.0", "org.gnome.Orca1.Service", "SpeechManager"),
}


class Orca:
    """Answers as Orca does, from a thread of its own; a context.

    `events` has what it was told to do, in order: ("present", text) and ("interrupt", "").
    """

    def __init__(self, dialect: str, *, rate: int = 50) -> None:
        self.version, self.name, module = DIALECTS[dialect]
        self.path = "/" + self.name.replace(".", "/")
        self.module = f"{self.path}/{module}"
        self.settings: dict[str, Variant] = {
            "Rate": Variant("u", rate),
            "SpeechIsMuted": Variant("b", False),
            "SpeechIsEnabled": Variant("b", True),
        }
        self.events: list[tuple[str, str]] = []
        self.times: list[float] = []  # time.monotonic() of each event
        self.refuses = self.hangs = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._bus: MessageBus | None = None

    @property
    def said(self) -> list[str]:
        """The messages that it was given."""
        return [text for what, text in self.events if what == "present"]

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(60)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    async def _serve(self) -> None:
        self._bus = await MessageBus().connect()
        self._bus.add_message_handler(self._handle)
        await self._bus.request_name(self.name)

    async def _leave(self) -> None:
        assert self._bus is not None
        self._bus.disconnect()
        with contextlib.suppress(Exception):
            await self._bus.wait_for_disconnect()

    def _handle(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if self.hangs:
            return True  # handled, and never answered
        signature, body = self._answer(message)
        if not signature:
            error = "org.freedesktop.DBus.Error.UnknownMethod"
            return Message.new_error(message, error, f"{message.path} {message.member}")
        return Message.new_method_return(message, signature, body)

    def _answer(self, message: Message) -> tuple[str, list[Any]]:
        call = (message.path, message.interface, message.member, message.signature)
        old = self.name == "org.gnome.Orca.Service"
        speech = self.name.removesuffix("Service") + "SpeechManager"
        if call == (self.path, self.name, "GetVersion", ""):
            return "s", [self.version]
        if call == (self.path, self.name, "PresentMessage", "s"):
            return "b", [not self.refuses and self._note("present", message.body[0])]
        if old and call == (self.module, "org.gnome.Orca.Module", "ExecuteCommand", "sb"):
            assert message.body == ["InterruptSpeech", False]
            return "b", [self._note("interrupt", "")]
        if not old and call == (self.module, speech, "InterruptSpeech", "b"):
            return "b", [self._note("interrupt", "")]
        if old and call == (self.module, "org.gnome.Orca.Module", "ExecuteRuntimeGetter", "s"):
            return "v", [self.settings[message.body[0]]]
        properties = "org.freedesktop.DBus.Properties"
        if not old and call == (self.module, properties, "Get", "ss"):
            assert message.body[0] == speech
            return "v", [self.settings[message.body[1]]]
        return "", []

    def _note(self, what: str, text: str) -> bool:
        self.times.append(time.monotonic())
        self.events.append((what, text))
        return True


@contextlib.contextmanager
def session_bus(folder: Path) -> Iterator[str]:
    """A session bus; gives its address."""
    address = f"unix:path={folder}/bus"
    bus = processes.start(
        ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1",
         f"--address={address}"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    with processes.pipe(bus.stdout) as ready:
        try:
            assert ready.readline(), "there is no bus"
            yield address
        finally:
            processes.end(bus)


@pytest.fixture
def own_bus(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a session bus of the test's own, which is set."""
    with session_bus(sandbox) as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield address


RunOrca = Callable[..., Orca]


@pytest.fixture
def run_orca(own_bus: str) -> Iterator[RunOrca]:
    """Start an Orca of a dialect; all of them end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda dialect, **options: stack.enter_context(Orca(dialect, **options))
