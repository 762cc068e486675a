"""Every setting works as soon as its file is saved: each of them is tried on a daemon that runs."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from describer_daemon import processes
from describer_daemon.app import Daemon
from describer_daemon.captioner.standing_in import StandingIn
from describer_daemon.core.ports import DescriberError, Rectangle, Verb
from describer_daemon.hotkeys.names import parse_hotkey
from describer_daemon.hotkeys.x11 import X11Hotkeys
from describer_daemon.settings.file import entries
from describer_daemon.settings.settings import Settings, load
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_display import wait_until

Used = Callable[[Daemon], bool]
FIRST_SPEAKER: list[object] = []


def has_key(verb: Verb, key: str) -> Used:
    """Whether nobody else can have the key now."""

    def used(daemon: Daemon) -> bool:
        if str(daemon._settings.keys.get(verb)) != key:
            return False
        other = X11Hotkeys()
        try:
            other.start({verb: parse_hotkey(key)}, print)
        except DescriberError:
            return True
        other.stop()
        return False

    return used


def command_has(*options: str) -> Used:
    def used(daemon: Daemon) -> bool:
        captioner = daemon._captioner
        chosen = captioner._chosen if isinstance(captioner, StandingIn) else captioner
        return set(options) <= set(chosen._command)

    return used


def tray_is_alive(_daemon: Daemon | None = None) -> bool:
    return any(thread.name == "tray" for thread in threading.enumerate())


# The new value of each, as the file has it, and what shows that it is in use.
CHANGES: dict[tuple[str, str], tuple[str, Used]] = {
    **{
        ("keys", verb.setting): (f'"ctrl+shift+f{n}"', has_key(verb, f"ctrl+shift+f{n}"))
        for n, verb in enumerate(Verb, 2)
    },
    ("speech", "backend"): (
        '"espeak-ng"',
        lambda daemon: _speaker(daemon) is not FIRST_SPEAKER[0],
    ),
    ("speech", "voice"): ('"de"', lambda daemon: "de" in _speaker(daemon).voice.name),
    ("speech", "rate"): ("300", lambda daemon: _speaker(daemon).voice.rate == 300),
    ("speech", "volume"): ("50", lambda daemon: _speaker(daemon).voice.volume == 50),
    ("speech", "language"): ('"de"', lambda daemon: _speaker(daemon).voice.language == "de"),
    ("capture", "region"): (
        "[1, 2, 30, 40]",
        lambda daemon: _screen(daemon)._region == Rectangle(1, 2, 30, 40),
    ),
    ("capture", "pointer_box"): (
        "[70, 80]",
        lambda daemon: _screen(daemon)._pointer_box == (70, 80),
    ),
    ("capture", "find"): ("false", command_has("--whole")),
    ("captioner", "beam"): ("7", command_has("--beam", "7")),
    ("captioner", "timeout_seconds"): ("77", lambda daemon: daemon._captioner._timeout == 77),
    ("captioner", "text_timeout_seconds"): (
        "78",
        lambda daemon: daemon._captioner._reading_timeout == 78,
    ),
    ("captioner", "unload_after_minutes"): (
        "3",
        lambda daemon: daemon._captioner._unload_after == 180,
    ),
    ("captioner", "start"): ('"at start"', lambda daemon: daemon._captioner.is_loaded()),
    ("captioner", "words"): ("true", command_has("--words")),
    ("captioner", "bundle"): ('"/nowhere"', command_has("--bundle", "/nowhere")),
    ("sounds", "earcon"): ("false", lambda daemon: not daemon._earcons._wants_acknowledgement),
    ("sounds", "failure"): ("false", lambda daemon: not daemon._earcons._wants_failure),
    ("sounds", "place"): ("false", lambda daemon: not daemon._earcons._wants_place),
    ("clipboard", "watch"): ("true", lambda daemon: daemon._watching.name != "off"),
    ("history", "keep"): ("5", lambda daemon: daemon._history._keep == 5),
    ("history", "minutes"): ("7", lambda daemon: daemon._history._minutes == 7),
    ("history", "file"): ("true", lambda daemon: daemon._history._on_disk),
    ("tray", "show"): ("true", tray_is_alive),
    ("log", "level"): (
        '"error"',
        lambda _: logging.getLogger("describer_daemon").level == logging.ERROR,
    ),
}


def _speaker(daemon: Daemon) -> Any:
    return daemon._pipeline.speaker


def _screen(daemon: Daemon) -> Any:
    source: Any = daemon._pipeline.sources[Verb.SCREEN]
    return source._source


@pytest.fixture
def running(
    xserver: VirtualDisplay, sandbox: Path, catalogues: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Daemon]:
    monkeypatch.setenv("PYSTRAY_BACKEND", "xorg")
    monkeypatch.setattr(processes, "end_all", lambda: None)  # the X server is one of them here
    level = logging.getLogger("describer_daemon").level
    path = sandbox / "settings.toml"
    path.write_text("[tray]\nshow = false\n")
    daemon = Daemon(load(path), path)
    assert daemon._watcher is not None
    daemon._watcher._interval = 0.05
    FIRST_SPEAKER[:] = [daemon._pipeline.speaker]
    ready = threading.Event()
    thread = threading.Thread(target=daemon.run, args=(ready.set,))
    thread.start()
    assert ready.wait(60)
    yield daemon
    daemon.end()
    thread.join(30)
    logging.getLogger("describer_daemon").setLevel(level)
    assert not tray_is_alive()


def save(path: Path, changes: dict[tuple[str, str], str]) -> None:
    tables: dict[str, list[str]] = {}
    for (name, key), value in changes.items():
        tables.setdefault(name, [f"[{name}]"]).append(f"{key} = {value}")
    path.write_text("\n".join(line for lines in tables.values() for line in lines) + "\n")


def test_each_setting_is_in_use_once_it_is_saved(running: Daemon, sandbox: Path) -> None:
    of_serve = "serve"  # another program, which reads them when it starts
    assert CHANGES.keys() == {
        (name, key) for name, key, *_ in entries(Settings()) if name != of_serve
    }
    path = sandbox / "settings.toml"
    saved = {("tray", "show"): "false"}
    for setting, (value, used) in CHANGES.items():
        assert not used(running), setting
        saved[setting] = value
        save(path, saved)
        wait_until(functools.partial(used, running), f"{setting} has no effect")
    # and back again, which `tray.show` had not known either
    save(path, {("tray", "show"): "false"})
    fixed = {("speech", "backend")}  # it is another one than the first now
    undone = [used for setting, (_, used) in CHANGES.items() if setting not in fixed]
    wait_until(lambda: not any(used(running) for used in undone), "it is not undone")
