"""The start at login of macOS: an agent of launchd's, which is a file."""

from __future__ import annotations

import plistlib
from pathlib import Path

from describer_daemon import APP_ID
from describer_daemon.core.i18n import N_
from describer_daemon.desktop.command import command
from describer_daemon.desktop.files import XML, OwnedFile
from describer_daemon.service.folders import at_home


def agent() -> OwnedFile:
    """The file that launchd reads at login, in the person's own Library."""
    return OwnedFile(
        N_("Start at login"), _library(), f"LaunchAgents/{APP_ID}.plist", agent_text, XML
    )


def agent_text() -> str:
    """The text of `agent`."""
    wanted = {
        "Label": APP_ID,
        "ProgramArguments": [*command(), "run"],
        "RunAtLoad": True,
        "LimitLoadToSessionType": "Aqua",  # who logs in from afar has no screen to be described
        "ProcessType": "Interactive",
    }
    return plistlib.dumps(wanted).decode()


def _library() -> Path:
    return at_home("~/Library")
