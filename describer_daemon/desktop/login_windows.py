"""The start at login of Windows: a value of the registry's, in the key named Run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Protocol

from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop.steps import State

RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
# where Windows' settings and the task manager note what a person has switched off
APPROVED = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
VALUE = "Describer"
_LONGEST = 260  # characters that Windows takes there
_OURS = "-m describer_daemon run"


class Registry(Protocol):
    """The part of the registry that belongs to this person; each call may raise OSError."""

    def read(self, key: str, value: str) -> str | bytes | None:
        """What is there; None when nothing is."""

    def write(self, key: str, value: str, text: str) -> None:
        """Set it."""

    def delete(self, key: str, value: str) -> None:
        """Take it away."""


class RunEntry:
    """The step "Start at login"."""

    name = N_("Start at login")

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = registry or _registry()

    @property
    def where(self) -> str:
        """See `Leftover`."""
        key = rf"HKEY_CURRENT_USER\{RUN}"
        # Translators: a place in Windows' registry
        place = _("{key}, value {value}").format(key=key, value=VALUE)
        if self.state() is State.KEPT:
            return _("Somebody else made or changed {place}; to have ours, delete that.").format(
                place=place
            )
        return place

    def state(self) -> State:
        """See `Leftover`."""
        found = self._registry.read(RUN, VALUE)
        if found is None:
            return State.ABSENT
        if found == line():
            return State.PRESENT
        return State.OUTDATED if str(found).endswith(_OURS) else State.KEPT

    def do(self) -> str:
        """See `Step`."""
        wanted = line()
        if len(wanted) > _LONGEST:
            raise DescriberError(
                _(
                    "Windows takes no program at login whose path is as long as this one's. "
                    "Please install it elsewhere."
                ),
                detail=wanted,
            )
        try:
            self._registry.write(RUN, VALUE, wanted)
        except OSError as error:
            raise _refused(error) from error
        return ""

    def undo(self) -> str:
        """See `Leftover`."""
        try:
            self._registry.delete(RUN, VALUE)
        except OSError as error:
            raise _refused(error) from error
        return ""

    def is_switched_off(self) -> bool:
        """Whether the person has done so by Windows' own means."""
        noted = self._registry.read(APPROVED, VALUE)
        return isinstance(noted, bytes) and bool(noted[:1]) and noted[0] % 2 == 1


def line() -> str:
    """The command line; without a console's window, if this Python has an interpreter for that.

    -P: what lies in the folder that Windows starts it in is not taken for ours.
    """
    python = Path(sys.executable)
    silent = python.with_name("pythonw.exe")
    program = silent if silent.is_file() else python
    return f"{subprocess.list2cmdline([str(program)])} -P {_OURS}"


def _refused(error: OSError) -> DescriberError:
    return DescriberError(
        _("Windows refused to change what starts at login. Please look at its settings."),
        detail=str(error),
    )


def _registry() -> Registry:
    if sys.platform == "win32":
        return _WindowsRegistry()
    raise DescriberError(_("Only Windows has a registry."))


if sys.platform == "win32":
    import winreg

    class _WindowsRegistry:
        def read(self, key: str, value: str) -> str | bytes | None:
            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                    found: str | bytes = winreg.QueryValueEx(opened, value)[0]
                    return found
            except FileNotFoundError:
                return None

        def write(self, key: str, value: str, text: str) -> None:
            with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key) as opened:
                winreg.SetValueEx(opened, value, 0, winreg.REG_SZ, text)

        def delete(self, key: str, value: str) -> None:
            with winreg.OpenKey(
                winreg.HKEY_CURRENT_USER, key, access=winreg.KEY_SET_VALUE
            ) as opened:
                winreg.DeleteValue(opened, value)
