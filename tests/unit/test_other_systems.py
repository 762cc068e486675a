"""Parts that only Windows or macOS has, with what they call replaced."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from describer_daemon import aside, missing, processes
from describer_daemon.capture import foreground
from describer_daemon.capture.screen_mss import MssScreen
from describer_daemon.core.ports import DescriberError
from describer_daemon.hotkeys import pynput
from describer_daemon.hotkeys.pynput import PynputHotkeys
from describer_daemon.service import notification
from describer_daemon.service.shutdown import ShutdownEvent
from describer_daemon.settings.settings import Settings
from describer_daemon.speech import players
from describer_daemon.speech.earcons import Earcons

LONG = 20.0  # seconds until a test gives up


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.fixture
def macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Listener(threading.Thread):
    """pynput's, as far as it is used."""

    IS_TRUSTED = False

    def __init__(self, **_: object) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()

    def run(self) -> None:
        self._over.wait(LONG)

    def wait(self) -> None: ...

    def hears(self, seconds: float) -> bool:
        return True

    def stop(self) -> None:
        self._over.set()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_mac_that_may_keep_the_keys_is_told_of_and_listened_to(
    macos: None, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    monkeypatch.setattr(Listener, "IS_TRUSTED", trusted)
    monkeypatch.setattr(pynput, "_listener", Listener)
    monkeypatch.setattr(PynputHotkeys, "unavailable_reason", lambda _: "")
    told: list[DescriberError] = []
    hotkeys = PynputHotkeys()
    hotkeys.start(Settings().keys, lambda _: None, told.append)
    assert hotkeys.is_alive()
    assert [error.spoken.split(".")[0] for error in told] == [
        "macOS may keep all keys from the describer"
    ] * (not trusted)
    hotkeys.stop()


@pytest.mark.parametrize(
    ("quartz", "reason"),
    [
        (types.SimpleNamespace(CGPreflightScreenCaptureAccess=lambda: False), "macOS lets it see"),
        (types.SimpleNamespace(CGPreflightScreenCaptureAccess=lambda: True), ""),
        (types.SimpleNamespace(), ""),  # before macOS 10.15
        (None, ""),
    ],
)
def test_a_mac_that_shows_the_bare_desktop_is_not_described(
    macos: None, monkeypatch: pytest.MonkeyPatch, quartz: Any, reason: str
) -> None:
    monkeypatch.setitem(sys.modules, "Quartz", quartz)
    assert foreground.may_see_screen() is not bool(reason)
    monkeypatch.setattr("mss.MSS", lambda: open("/dev/null"))  # noqa: PTH123, SIM115 - it is closed
    assert MssScreen.unavailable_reason().startswith(reason)
    assert bool(MssScreen.unavailable_reason()) is bool(reason)


def test_without_a_voice_macos_shows_it(
    macos: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "osascript"
    tool.write_text(
        '#!/bin/sh\nfor one; do echo "<$one>"; done > "$0.new"; mv "$0.new" "$0.told"\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert missing.no_voice() == "I have no voice. Please install a voice in the system's settings."
    aside.notify(DescriberError('He said "hi".'))
    until(tmp_path.joinpath("osascript.told").exists)
    told = tmp_path.joinpath("osascript.told").read_text()
    assert told.startswith("<-e>\n<on run argv\n")
    assert told.endswith('<The describer could not speak>\n<He said "hi".>\n')


def test_without_a_voice_windows_shows_a_box(
    windows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, str]] = []
    monkeypatch.setattr(notification, "show_box", lambda *words: shown.append(words), raising=False)
    aside.notify(DescriberError("I have no voice."))
    until(lambda: shown == [("The describer could not speak", "I have no voice.")])


def test_a_tone_that_windows_cannot_play_is_only_logged(
    windows: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    winsound = types.ModuleType("winsound")
    winsound.SND_MEMORY = 4  # type: ignore[attr-defined]  # as Windows has it

    def fail(sound: bytes, flags: int) -> None:
        raise RuntimeError("Failed to play sound")

    winsound.PlaySound = fail  # type: ignore[attr-defined]  # as Windows has it
    monkeypatch.setitem(sys.modules, "winsound", winsound)
    caplog.set_level(logging.INFO)
    earcons = Earcons()
    earcons.failed()
    until(lambda: "the earcon was not heard: Failed to play sound" in caplog.messages)
    until(lambda: earcons.make_way(lambda: None))
    earcons.close()


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_no_cure_of_linux_is_named_elsewhere(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert "install" not in players.unavailable_reason()


def test_windows_opens_no_console_for_our_programs_and_ends_them_itself(
    windows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags: list[int] = []
    start = subprocess.Popen

    class Popen(start):  # type: ignore[misc, valid-type]  # a class in a variable
        def __init__(self, *arguments: Any, creationflags: int, **options: Any) -> None:
            flags.append(creationflags)
            with monkeypatch.context() as real:
                real.setattr(sys, "platform", "linux")
                super().__init__(*arguments, **options)

    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x08000000, raising=False)
    monkeypatch.setattr(subprocess, "Popen", Popen)
    process = processes.start(["sleep", "60"])
    processes.end(process)
    assert flags == [0x08000000]
    assert process.returncode == -signal.SIGKILL


def test_the_other_key_that_ends_programs_on_windows_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal, "SIGBREAK", signal.SIGUSR2, raising=False)
    kept = {number: signal.getsignal(number) for number in (2, 1, 15, signal.SIGUSR2)}
    wakeup = signal.set_wakeup_fd(-1)
    shutdown = ShutdownEvent()
    try:
        shutdown.on_signals()
        signal.raise_signal(signal.SIGUSR2)
        assert shutdown.wait(LONG)
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in kept.items():
            signal.signal(number, handler)
