"""The describer's log, which goes when it is uninstalled; its settings stay."""

from __future__ import annotations

import sys
from pathlib import Path

from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.core.reasons import reason
from describer_daemon.desktop.files import prune
from describer_daemon.desktop.steps import State
from describer_daemon.service import control
from describer_daemon.service.log import log_path

_TIMEOUT = 5.0  # seconds


class LogFiles:
    """The `Leftover` of a describer that has run."""

    name = N_("Log")

    @property
    def where(self) -> str:
        """See `Leftover`."""
        if self.state() is State.KEPT:
            return _("The describer still runs and writes it; end it with: describer trigger quit")
        return str(log_path())

    def state(self) -> State:
        """See `Leftover`."""
        if not self._files():
            return State.ABSENT
        return State.KEPT if _runs() else State.PRESENT

    def undo(self) -> str:
        """See `Leftover`."""
        try:
            for file in self._files():
                file.unlink(missing_ok=True)
        except OSError as error:
            raise DescriberError(
                _("The log cannot be removed: {reason}.").format(reason=reason(error)),
                detail=str(error),
            ) from error
        folder = log_path().parent
        # …/describer/log, but Library/Logs/describer
        prune(folder, folder.parents[sys.platform != "darwin"])
        return ""

    def _files(self) -> list[Path]:
        path = log_path()
        return [path, *path.parent.glob(f"{path.name}.[0-9]")] if path.exists() else []


def _runs() -> bool:
    try:
        control.send("status", timeout=_TIMEOUT)
    except DescriberError as error:  # one that is busy or does not answer runs, too
        return not isinstance(error.__cause__, FileNotFoundError | ConnectionRefusedError)
    return True
