"""The tray icon: shown by real trays, clicked, and never a reason to hang or to fail.

The icon lives in a process of its own here, as GTK ends the process whose display goes away.
"""

from __future__ import annotations

import asyncio
import queue
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from describer_daemon import processes
from describer_daemon.tray import Tray
from describer_daemon.virtual.display import VirtualDisplay
from tests import threads
from tests.desktop.fixtures_faults import world_on

PROGRAM = """
import logging, sys
from describer_daemon.core.ports import Verb
from describer_daemon.tray import Tray

def say(text):
    print(text, flush=True)

def verb(wanted):
    assert isinstance(wanted, Verb)
    say(wanted.value)
    if wanted is Verb.REPEAT:
        raise KeyError("a defect in a callback")

logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s")
tray = Tray(verb, lambda: say("quit"), lambda: say("settings"))
say("started")
tray.start()
sys.stdin.readline()
tray.stop()
tray.stop()
say("stopped")
"""
TITLES = [
    "Describe the screen",
    "Describe the clipboard",
    "Tell me more",
    "Next thing in the picture",
    "Thing before",
    "Where it is exactly",
    "Read the text on the screen",
    "Repeat",
    "The description before",
    "The description after",
    "Copy caption",
    "Stop speaking",
    "Stop remembering",
    "",
    "Settings",
    "Quit",
]


class TrayProcess:
    """A program with nothing but the icon, and the lines that it prints."""

    def __init__(self, env: dict[str, str]) -> None:
        command = [sys.executable, "-c", PROGRAM]
        pipe = subprocess.PIPE
        self.process = processes.start(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, env=env
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def expect(self, wanted: str) -> None:
        """Wait for a line that contains this; other output is a failure."""
        line = self.lines.get(timeout=30)
        assert wanted in line

    def stop(self) -> None:
        """Ask the icon to go, and see that the program ends in peace."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"stop\n")
        self.process.stdin.flush()
        self.expect("stopped")
        assert self.process.wait(30) == 0

    def close(self) -> None:
        processes.end(self.process)
        self._reader.join(10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.decode().strip())


@pytest.fixture
def display(own_display: VirtualDisplay) -> VirtualDisplay:
    return own_display


StartTray = Callable[..., TrayProcess]


@pytest.fixture
def start_tray(display: VirtualDisplay) -> Iterator[StartTray]:
    started: list[TrayProcess] = []

    def start(**changes: str) -> TrayProcess:
        env = {**display.env, "PYSTRAY_BACKEND": "xorg", "PYTHONPATH": str(Path.cwd()), **changes}
        started.append(TrayProcess(env))
        started[-1].expect("started")
        return started[-1]

    yield start
    for tray in started:
        tray.close()


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (result := found()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return result


def start_trayer(display: VirtualDisplay) -> subprocess.Popen[bytes]:
    trayer = display.start(["trayer", "--widthtype", "pixel", "--width", "200", "--height", "48"])

    def has_tray() -> bool:
        with display.opened() as x:
            return bool(x.get_selection_owner(x.intern_atom("_NET_SYSTEM_TRAY_S0")))

    until(has_tray)
    return trayer


def icon_place(display: VirtualDisplay) -> tuple[int, int] | None:
    """The middle of the icon once the tray shows it."""
    from Xlib import X
    from Xlib.error import XError

    def search(window: Any) -> Any:
        for child in window.query_tree().children:
            if child.get_wm_name() == "Describer":
                return child
            if (deeper := search(child)) is not None:
                return deeper
        return None

    with display.opened() as x:
        root = x.screen().root
        try:
            icon = search(root)
            if icon is None or icon.get_attributes().map_state != X.IsViewable:
                return None
            size, place = icon.get_geometry(), root.translate_coords(icon, 0, 0)
        except XError:  # it went while we looked
            return None
        return place.x + size.width // 2, place.y + size.height // 2


def click(display: VirtualDisplay, place: tuple[int, int]) -> None:
    from Xlib import X
    from Xlib.ext import xtest

    with display.opened() as x:
        xtest.fake_input(x, X.MotionNotify, x=place[0], y=place[1])
        xtest.fake_input(x, X.ButtonPress, 1)
        xtest.fake_input(x, X.ButtonRelease, 1)
        x.sync()


def test_a_click_on_the_plain_icon_describes_the_screen(
    display: VirtualDisplay, start_tray: StartTray
) -> None:
    start_trayer(display)
    tray = start_tray()
    place = until(lambda: icon_place(display))
    for _ in range(2):
        click(display, place)
        tray.expect("screen")
    tray.stop()
    until(lambda: icon_place(display) is None)


def test_no_tray_is_one_line_in_the_log(start_tray: StartTray) -> None:
    tray = start_tray()
    tray.expect("WARNING no tray icon: this desktop has no tray")
    tray.stop()


def test_a_tray_may_come_late_and_come_again(
    display: VirtualDisplay, start_tray: StartTray
) -> None:
    tray = start_tray()
    tray.expect("WARNING no tray icon: this desktop has no tray")
    for _ in range(2):
        trayer = start_trayer(display)
        click(display, until(lambda: icon_place(display)))
        tray.expect("screen")
        display.end(trayer)
        until(lambda: icon_place(display) is None)
    tray.stop()


def test_no_display_is_one_line_in_the_log(start_tray: StartTray) -> None:
    tray = start_tray(DISPLAY="")
    tray.expect("WARNING no tray icon: DisplayNameError")
    tray.stop()


def test_a_back_end_that_is_not_there_is_one_line_in_the_log(start_tray: StartTray) -> None:
    tray = start_tray(PYSTRAY_BACKEND="none")
    tray.expect("WARNING no tray icon: ImportError")
    tray.stop()


def test_stop_before_the_icon_is_there(display: VirtualDisplay, start_tray: StartTray) -> None:
    start_trayer(display)
    start_tray().stop()


def test_a_display_that_dies_does_not_hold_the_program(
    display: VirtualDisplay, start_tray: StartTray
) -> None:
    start_trayer(display)
    tray = start_tray()
    until(lambda: icon_place(display))
    display.close()
    tray.expect("WARNING no tray icon: the display was closed")
    tray.stop()


@pytest.fixture
def bus(display: VirtualDisplay) -> Iterator[str]:
    """The address of a D-Bus session of its own."""
    address = f"unix:path={display.env['XDG_RUNTIME_DIR']}/bus"
    process = processes.start(
        ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1",
         f"--address={address}"],
        stdout=subprocess.PIPE,
        env=display.env,
    )  # fmt: skip
    assert process.stdout is not None
    yield process.stdout.readline().decode().strip()
    processes.end(process)
    process.stdout.close()


@pytest.fixture
def gtk(tmp_path: Path, bus: str) -> dict[str, str]:
    """The environment in which this interpreter finds the system's GTK, and only that."""
    system = Path("/usr/lib/python3/dist-packages/gi")
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    if not (system / f"_gi{suffix}").exists():
        pytest.skip("the system's python3-gi is for another Python than this one")
    (tmp_path / "gi").symlink_to(system)
    (tmp_path / "tmp").mkdir()
    return {
        "PYSTRAY_BACKEND": "appindicator",
        "PYTHONPATH": f"{Path.cwd()}:{tmp_path}",
        "DBUS_SESSION_BUS_ADDRESS": bus,
        "TMPDIR": str(tmp_path / "tmp"),
        "NO_AT_BRIDGE": "1",
    }


class TrayHost:
    """As much of a desktop's tray as an app indicator asks for."""

    NAME = "org.kde.StatusNotifierWatcher"

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._item: asyncio.Future[tuple[str, str]] = asyncio.Future()

    async def serve(self) -> None:
        self._bus.add_message_handler(self._handle)
        await self._bus.request_name(self.NAME)

    async def item(self) -> tuple[str, str]:
        """The connection and path of the first icon that came."""
        return await asyncio.wait_for(self._item, 30)

    async def call(self, path: str, interface: str, member: str, signature: str, *body: Any) -> Any:
        name, _ = await self.item()
        message = Message(name, path, interface, member, signature=signature, body=list(body))
        reply = await asyncio.wait_for(self._bus.call(message), 30)
        assert reply is not None
        if reply.message_type is not MessageType.METHOD_RETURN:
            raise LookupError(reply.body)
        return reply.body

    async def get(self, name: str) -> Any:
        _, path = await self.item()
        interface = "org.freedesktop.DBus.Properties"
        body = await self.call(path, interface, "Get", "ss", "org.kde.StatusNotifierItem", name)
        return body[0].value

    async def menu(self) -> list[tuple[int, str]]:
        """(id, label) of each entry; separators have no label."""
        layout = await self.call(
            await self.get("Menu"), "com.canonical.dbusmenu", "GetLayout", "iias", 0, -1, []
        )
        entries = [child.value for child in layout[1][2]]
        empty = Variant("s", "")
        return [(number, values.get("label", empty).value) for number, values, _ in entries]

    async def click(self, label: str) -> None:
        menu = await self.get("Menu")
        while True:
            number = next(number for number, found in await self.menu() if found == label)
            body = [number, "clicked", Variant("s", ""), 0]
            try:
                await self.call(menu, "com.canonical.dbusmenu", "Event", "isvu", *body)
            except LookupError:  # pystray makes the menu anew after each click
                await asyncio.sleep(0.05)
            else:
                return

    def _handle(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if message.member == "GetAll":
            host = {"IsStatusNotifierHostRegistered": Variant("b", True)}
            return Message.new_method_return(message, "a{sv}", [host])
        if message.member == "RegisterStatusNotifierItem":
            if not self._item.done():
                self._item.set_result((message.sender, message.body[0]))
            return Message.new_method_return(message)
        return None


def test_the_menu_of_an_app_indicator(start_tray: StartTray, gtk: dict[str, str], bus: str) -> None:
    async def use_menu() -> None:
        connection = await MessageBus(bus).connect()
        try:
            host = TrayHost(connection)
            await host.serve()
            tray = await asyncio.to_thread(start_tray, **gtk)
            await host.item()
            while [label for _, label in await host.menu()] != TITLES:
                await asyncio.sleep(0.05)  # GTK builds it a moment later
            while await host.get("Title") != "Describer":
                await asyncio.sleep(0.05)
            assert Path(await host.get("IconName")).is_file()
            said = [
                "screen", "clipboard", "more", "next-thing", "previous-thing", "where", "text",
                "repeat", "previous", "next", "copy", "stop", "forget", "settings", "quit",
            ]  # fmt: skip
            for label, word in zip(filter(None, TITLES), said, strict=True):
                await host.click(label)
                await asyncio.to_thread(tray.expect, word)
                if word == "repeat":
                    await asyncio.to_thread(expect_traceback, tray)
            await asyncio.to_thread(tray.stop)
        finally:
            connection.disconnect()
            await connection.wait_for_disconnect()

    asyncio.run(asyncio.wait_for(use_menu(), 100))
    assert not list(Path(gtk["TMPDIR"]).iterdir())


def expect_traceback(tray: TrayProcess) -> None:
    """A click that fails is logged, and the icon lives on."""
    tray.expect("ERROR a click on the tray icon failed")
    while "KeyError" not in tray.lines.get(timeout=30):
        pass


def test_gtk_without_a_session_bus(start_tray: StartTray, gtk: dict[str, str]) -> None:
    tray = start_tray(**{**gtk, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tempfile.gettempdir()}/-"})
    tray.expect("no tray icon: ")
    tray.stop()


def test_a_daemon_that_gtk_ends_with_its_display_says_so_and_leaves_nothing(
    display: VirtualDisplay, gtk: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A supervisor sees by the exit status that it is to be started again; then it serves."""
    with world_on(display) as world:
        for name, value in gtk.items():
            monkeypatch.setenv(name, value)
        world.save(show="true")
        world.start()
        until(lambda: any(Path(gtk["TMPDIR"]).iterdir()))  # the icon is there
        daemon = world.daemon
        assert daemon is not None
        display.close()
        assert daemon.wait(20) == 1
        until(lambda: not world.family())
        with VirtualDisplay((640, 480)) as other:
            monkeypatch.setenv("DISPLAY", other.name)
            world.start()
            assert world.end() == 0
        until(lambda: not world.family())


def test_without_a_thread_its_end_holds_up_no_others(caplog: pytest.LogCaptureFixture) -> None:
    tray = Tray(lambda _: None, lambda: None, lambda: None)
    with threads.none_left():
        tray.stop()
    assert "the tray icon is not taken away" in caplog.text
