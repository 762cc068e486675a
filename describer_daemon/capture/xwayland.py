"""The XWayland of a Wayland session, whose clipboard is the session's own."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from describer_daemon import displays, x11
from describer_daemon.capture import compositor
from describer_daemon.core.ports import DescriberError

log = logging.getLogger(__name__)

# GNOME makes one anew with each session, and tells only what it starts itself of it.
_COOKIES = ".mutter-Xwaylandauth.*"


def is_preferred() -> bool:
    """Whether its clipboard is to be tried first: where others would have to take the focus."""
    possible = shutil.which("xclip") and os.environ.get("DISPLAY") and displays.on_wayland()
    return bool(possible) and not compositor.has_data_control()


def is_there() -> bool:
    """Whether DISPLAY names one that lets us in; another X server has another clipboard.

    GNOME's is started by this, if it does not run yet. Programs that we start reach it from then.
    """
    if not os.environ.get("DISPLAY"):
        return False
    _take_cookie()
    try:
        with x11.opened() as display:
            return x11.is_xwayland(display)
    except DescriberError as error:
        log.info("no XWayland: %s", error.detail)
        return False


def _take_cookie() -> None:
    named, runtime = os.environ.get("XAUTHORITY", ""), os.environ.get("XDG_RUNTIME_DIR", "")
    if (named and Path(named).exists()) or not runtime.startswith("/"):
        return
    found = sorted(Path(runtime).glob(_COOKIES), key=lambda path: path.lstat().st_mtime)
    if found:
        os.environ["XAUTHORITY"] = str(found[-1])
