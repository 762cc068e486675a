"""Whether the describer starts at login, by whatever starts programs on this system."""

from __future__ import annotations

import sys

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop import autostart
from describer_daemon.desktop.login_macos import agent
from describer_daemon.desktop.login_windows import RunEntry
from describer_daemon.desktop.steps import State, Step


def step() -> Step:
    """The step "Start at login"."""
    return _only_way() or autostart.Autostart()


def turn_on(*, systemd: bool) -> str:
    """Have the describer start at login; → what brings it about.

    Raises DescriberError where there is no systemd that is asked for, or somebody else's entry
    is in the way.
    """
    way = _only_way()
    if way is None:
        return str(autostart.turn_on(systemd=systemd))
    if systemd:
        raise DescriberError(_("There is no systemd here. Please try: describer autostart on."))
    if way.state() is State.KEPT:
        raise DescriberError(way.where)
    way.do()
    return way.where


def turn_off() -> None:
    """Have it start no more. Raises DescriberError if it is somebody else who starts it."""
    way = _only_way()
    if way is None:
        autostart.turn_off()
        return
    match way.state():
        case State.KEPT:
            raise DescriberError(way.where)
        case State.PRESENT | State.OUTDATED:
            way.undo()


def status() -> str:
    """A sentence that tells whether it starts, and by what."""
    way = _only_way()
    if way is None:
        return autostart.status()
    if way.state() is State.ABSENT:
        return _(autostart.OFF)
    if isinstance(way, RunEntry) and way.is_switched_off():
        return _("Off: it is switched off among the startup apps of Windows' settings.")
    return _("On: the describer starts at login by {way}.").format(way=way.where)


def _only_way() -> Step | None:
    """That of Windows or macOS; elsewhere there are several."""
    if sys.platform == "win32":
        return RunEntry()
    if sys.platform == "darwin":
        return agent()
    return None
