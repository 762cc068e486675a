"""Whether the describer starts at login: by the desktop, or by systemd for those who want that."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from describer_daemon import APP_ID, processes
from describer_daemon.core import phrasing
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop.command import command, exec_lines, in_all_languages, systemd_value
from describer_daemon.desktop.files import KEY, OwnedFile, prune
from describer_daemon.desktop.steps import State
from describer_daemon.service.folders import config_folder

UNIT = "describer.service"
_TARGET = "graphical-session.target"
_TIMEOUT = 20.0  # seconds
OFF = N_("Off: the describer does not start at login. To change that: describer autostart on.")
_COMMENT = N_("Waits for the keys that describe pictures")
_NAME = N_("Start at login")


def login_folder() -> Path:
    """What desktops and systemd read at login is below it: `$XDG_CONFIG_HOME`."""
    return config_folder().parent


def entry() -> OwnedFile:
    """The file that desktops start at login."""
    return OwnedFile(_NAME, login_folder(), f"autostart/{APP_ID}.desktop", entry_text, KEY)


def unit() -> OwnedFile:
    """The unit that systemd starts with the graphical session."""
    return OwnedFile(_NAME, login_folder(), f"systemd/user/{UNIT}", unit_text)


def entry_text() -> str:
    """The text of `entry`."""
    return f"""[Desktop Entry]
Type=Application
Version=1.0
Name=Describer
{in_all_languages("Comment", _COMMENT)}
{exec_lines("run")}
Icon={APP_ID}
Terminal=false
StartupNotify=false
"""


def unit_text() -> str:
    """The text of `unit`."""
    return f"""[Unit]
Description=Describer: press a key, hear the picture
PartOf={_TARGET}
After={_TARGET}

[Service]
ExecStart={systemd_value([*command(), "run"])}
Restart=on-failure

[Install]
WantedBy={_TARGET}
"""


class Autostart:
    """The step "Start at login": one way or the other, never both."""

    name = _NAME

    @property
    def where(self) -> str:
        """See `Leftover`; it says so when somebody has switched it off by other means."""
        chosen = self._chosen()
        if chosen.state() in {State.PRESENT, State.OUTDATED} and not _is_on(chosen):
            return _("{path}, but switched off; on again with: describer autostart on").format(
                path=chosen.path
            )
        return chosen.where

    def state(self) -> State:
        """See `Leftover`."""
        return self._chosen().state()

    def do(self) -> str:
        """See `Step`."""
        chosen = self._chosen()
        if chosen.path == unit().path:
            chosen.do()
            _systemctl("daemon-reload")
        elif chosen.state() is State.OUTDATED and not _is_on(chosen):
            chosen.do(b"Hidden=true\n")  # renewed it would be on again, and nobody asked for that
        else:
            chosen.do()
        return ""

    def undo(self) -> str:
        """See `Leftover`."""
        return turn_off()

    def _chosen(self) -> OwnedFile:
        by_systemd = unit()
        return entry() if by_systemd.state() is State.ABSENT else by_systemd


def turn_on(*, systemd: bool) -> Path:
    """Have the describer start at login, by that way alone; → the file that brings it about.

    Raises DescriberError where there is no systemd, or somebody else's file is in the way.
    """
    wanted, other = (unit(), entry()) if systemd else (entry(), unit())
    for file in (wanted, other):
        if file.state() is State.KEPT:
            raise DescriberError(file.where)
    if systemd and not has_systemd():
        raise DescriberError(
            _("There is no systemd for this person here. Please try: describer autostart on.")
        )
    wanted.do()
    if systemd:
        try:
            _systemctl("daemon-reload")
            _systemctl("enable", UNIT)
        except DescriberError:
            _remove(wanted)
            raise
    if other.state() is not State.ABSENT:  # last, for nobody shall be left with neither
        _remove(other)
    return wanted.path


def turn_off() -> str:
    """Have it start no more. Raises DescriberError if it is somebody else who starts it."""
    for file in (unit(), entry()):
        if file.state() is State.KEPT:
            raise DescriberError(file.where)
        if file.state() is not State.ABSENT:
            _remove(file)
    return ""


def status() -> str:
    """A sentence that tells whether it starts, and by which file."""
    files = [file for file in (unit(), entry()) if file.state() is not State.ABSENT]
    on = [str(file.path) for file in files if _is_on(file)]
    if on:
        # Translators: {way} is a file, or two
        pattern = _("On: the describer starts at login by {way}.")
        return pattern.format(way=phrasing.enumerated(on))
    if files:
        return _("Off: somebody has switched off {path}.").format(path=files[0].path)
    return _(OFF)


def _is_on(file: OwnedFile) -> bool:
    """Whether it is obeyed: desktops' settings can switch off an entry, systemctl a unit."""
    if file.path == unit().path:
        return os.path.lexists(_link())
    try:
        text = file.path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    lines = {line.replace(" ", "").lower() for line in text.splitlines()}
    return not lines & {"hidden=true", "x-gnome-autostart-enabled=false"}


def _link() -> Path:
    """What `systemctl enable` makes."""
    return login_folder() / "systemd/user" / f"{_TARGET}.wants" / UNIT


def has_systemd() -> bool:
    """Whether a systemd of this person's answers."""
    try:
        _systemctl("show", "--property=Version")
    except DescriberError:
        return False
    return True


def _remove(file: OwnedFile) -> None:
    if file.path != unit().path:
        file.undo()
        return
    with contextlib.suppress(DescriberError):  # there may be no systemd now
        _systemctl("disable", UNIT)
    with contextlib.suppress(OSError):
        _link().unlink(missing_ok=True)
    prune(_link().parent, login_folder())
    file.undo()
    with contextlib.suppress(DescriberError):
        _systemctl("daemon-reload")


def _systemctl(*arguments: str) -> None:
    done = processes.run(["systemctl", "--user", *arguments], timeout=_TIMEOUT, what="Systemd")
    if done.code != 0:
        raise DescriberError(
            _(
                "Systemd refused to start the describer at login. "
                "Please try: describer autostart on."
            ),
            detail=done.errors.decode(errors="replace"),
        )
