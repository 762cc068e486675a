"""Which desktops there are, and how the describer comes to them: by `describer setup`, at login."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from describer_daemon.virtual.sound import VirtualSound
from tests.desktops import gnome, kde, x11
from tests.desktops.daemon import Describer, describer, settle
from tests.desktops.keyboard import Keys
from tests.desktops.session import Session, ran, session, until

GENERATOR = "systemd's generator"
_PROGRAM = "/usr/lib/systemd/user-generators/systemd-xdg-autostart-generator"


@dataclass
class Desktop:
    """One that runs, with a describer.

    `login` has started the describer, by what `autostart` tells; `keys_by` is what `status` calls
    its keys, and `keys` and `screen` are by what means they work.
    """

    session: Session
    keyboard: Keys
    describer: Describer
    login: subprocess.Popen[bytes]
    autostart: str
    keys_by: str
    keys: str
    screen: str


@contextlib.contextmanager
def _gnome(sound: VirtualSound) -> Iterator[Desktop]:
    with session(sound) as one, gnome.shell(one) as keyboard:
        _set_up(one)
        gnome.allow_screenshots()
        login = one.start(*_by_systemd(one))
        yield Desktop(one, keyboard, Describer(one), login, GENERATOR, "desktop",
                      "GNOME's own shortcut", "gnome-screenshot")  # fmt: skip


@contextlib.contextmanager
def _kde(sound: VirtualSound) -> Iterator[Desktop]:
    with session(sound) as one, kde.kwin(one) as keyboard:
        _set_up(one)
        login = one.start(*_by_systemd(one))
        yield Desktop(one, keyboard, Describer(one), login, GENERATOR, "portal",
                      "GlobalShortcuts portal", "spectacle")  # fmt: skip


@contextlib.contextmanager
def _x11(name: str, sound: VirtualSound) -> Iterator[Desktop]:
    with session(sound) as one:
        x11.server(one)
        _set_up(one)
        with x11.begun(one, name) as login:
            yield Desktop(one, x11.XTest(), Describer(one), login, x11.SESSIONS[name][1], "x11",
                          "X11", "X11")  # fmt: skip


@contextlib.contextmanager
def _orca(sound: VirtualSound) -> Iterator[Desktop]:
    """Xfce with the screen reader, which speaks and has keys of its own."""
    with _x11("xfce", sound) as desktop:
        ran("gsettings", "set", "org.gnome.desktop.interface", "toolkit-accessibility", "true")
        # on a busy machine it would take its own start for a fault, and kill itself
        own = desktop.session.home / ".local/share/orca/orca-customizations.py"
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text("import orca.settings\norca.settings.timeoutTime = 0\n", encoding="utf-8")
        heard = desktop.session.home / "orca.log"
        desktop.session.start("orca", "--debug-file", str(heard))
        until(lambda: heard.exists() and "SPEECH OUTPUT" in heard.read_text(), "Orca is silent")
        yield replace(desktop, keys="X11, beside Orca's")


DESKTOPS: dict[str, Callable[[VirtualSound], AbstractContextManager[Desktop]]] = {
    "kde": _kde,
    "gnome": _gnome,
    **{name: partial(_x11, name) for name in x11.SESSIONS},
    "orca": _orca,
}


def _set_up(one: Session) -> None:
    """As a person does."""
    settle(one)
    describer("setup")


def _by_systemd(one: Session) -> list[str]:
    """What GNOME and Plasma have systemd make of files for the start at login; its generator."""
    with tempfile.TemporaryDirectory(dir=one.home) as folder:
        folders = [str(Path(folder, name)) for name in ("normal", "early", "late")]
        for each in folders:
            Path(each).mkdir()
        ran(_PROGRAM, *folders)
        [unit] = list(Path(folder).glob("*/app-*escriber*.service"))
        text = unit.read_text(encoding="utf-8")
    [line] = [one for one in text.splitlines() if one.startswith("ExecStart=")]
    return shlex.split(line.removeprefix("ExecStart=").lstrip(":").replace("%%", "%"))
