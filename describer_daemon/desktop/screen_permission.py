"""The step "Screen": the desktop asks the person, once, whether we may see the screen.

It is asked for by a command that the person starts, as a terminal's: GNOME shows the question for
the program that has the focus alone, and refuses a daemon. See ADR 0045.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from describer_daemon import APP_ID
from describer_daemon.capture import portal
from describer_daemon.capture.window_focus import size_of
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop import permission_store as store
from describer_daemon.desktop.steps import State

NAME = N_("Screen")
ASKS = N_(
    "Screen: your desktop asks now whether pictures of the screen may be taken. "
    "Please choose Allow: the right arrow or Tab goes there, and Enter takes it."
)
_PERSON_SECONDS = 120.0  # for an answer to what the desktop asks
_WHERE = N_("the permission to take pictures of the screen")
_KEPT = N_("The desktop allows pictures of it already.")
_REFUSED = N_(
    "You did not allow pictures of the screen, so the describer cannot describe it. "
    "To be asked again, run: describer setup."
)
_NOT_ASKED = N_(
    "The desktop refused pictures of the screen without asking you. "
    "Run this again in a terminal that has the focus: describer setup."
)
_NO_PICTURE = N_("The desktop allowed a picture of the screen, but gave none. Please try again.")

# As xdg-desktop-portal reads the name of a program out of that of its systemd unit.
_UNIT = re.compile(
    r"app-(?:[A-Za-z0-9]+-)?(.+?)(?:-[A-Za-z0-9]*\.(?:scope|slice)|(?:@\w*)?\.service)"
)


class ScreenPermission:
    """See `Step`. What the desktop remembers is changed for us and for who asked, nobody else."""

    name = NAME

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` is called with what the person has to do, before the desktop asks."""
        self._tell = tell

    @property
    def where(self) -> str:
        """See `Leftover`."""
        return _(_KEPT if self.state() is State.KEPT else _WHERE)

    def state(self) -> State:
        """See `Leftover`. A refusal is a reason to ask anew: the person has come for that."""
        answers, ours = store.answers(), store.noted()
        refused = any(answers.get(app) == store.NO for app in (APP_ID, own_name(), *ours))
        if refused or answers.get(APP_ID) != store.YES:
            return State.OUTDATED if ours else State.ABSENT
        return State.PRESENT if ours else State.KEPT

    def do(self) -> str:
        """See `Step`."""
        before = store.answers()
        for app in {APP_ID, own_name(), *store.noted()}:
            if before.get(app) == store.NO:
                store.forget(app)
        self._tell(_(ASKS))
        try:
            if size_of(portal.grab(seconds=_PERSON_SECONDS, asks=True)) is None:
                raise DescriberError(_(_NO_PICTURE))
        except portal.RefusedError as error:
            asked = store.NO in {store.answers().get(app) for app in (APP_ID, own_name())}
            raise DescriberError(
                _(_REFUSED if asked else _NOT_ASKED), detail=error.detail
            ) from error
        after = store.answers()
        allowed = {app for app, answer in after.items() if answer == store.YES != before.get(app)}
        if after.get(APP_ID) != store.YES:  # it was for this command; the daemon has another name
            store.allow(APP_ID)
            allowed.add(APP_ID)
        store.note(allowed)
        return ""

    def undo(self) -> str:
        """See `Leftover`."""
        for app in store.noted():
            store.forget(app)
        store.forget_notes()
        return ""


def own_name() -> str:
    """What portals call this process: the name of a .desktop file, "" for most terminals."""
    try:
        units = Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace").split("/")
    except OSError:
        return ""
    return name_by(units[-1].strip())


def name_by(unit: str) -> str:
    """What portals call a program by its systemd unit, "" where that is no program's."""
    found = _UNIT.fullmatch(unit)
    if found is None:
        return ""
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda code: chr(int(code[1], 16)), found[1])
