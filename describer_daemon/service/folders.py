"""Where a person's files are kept, and folders that only their owner may enter."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError


def make_private(folder: Path) -> None:
    """Make it, and its parents that are missing, with mode 0700; one that exists is left alone.

    Raises OSError. `Path.mkdir(parents=True)` would give the parents whatever the umask lets
    through, which may be the right to write for everybody.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)


def config_folder() -> Path:
    """Where the settings are kept. Raises DescriberError where there is no home."""
    import platformdirs

    _require_home("XDG_CONFIG_HOME", N_("I find no home folder for the settings. Please set HOME."))
    return Path(platformdirs.user_config_dir("describer", appauthor=False))


def log_folder() -> Path:
    """Where the log is kept. Raises DescriberError where there is no home."""
    import platformdirs

    _require_home("XDG_STATE_HOME", N_("I find no home folder for the log. Please set HOME."))
    return Path(platformdirs.user_log_dir("describer", appauthor=False))


def history_folder() -> Path:
    """Where the history is kept, if it is. Raises DescriberError where there is no home."""
    import platformdirs

    _require_home("XDG_STATE_HOME", N_("I find no home folder for the history. Please set HOME."))
    return Path(platformdirs.user_state_dir("describer", appauthor=False)) / "history"


def desktop_folder() -> Path:
    """Where desktops look for menu entries and icons. Raises DescriberError without a home."""
    import platformdirs

    _require_home(
        "XDG_DATA_HOME", N_("I find no home folder for the desktop's files. Please set HOME.")
    )
    return platformdirs.user_data_path()


def captioners_folder() -> Path:
    """Where captioners are that were added. Raises DescriberError where there is no home."""
    import platformdirs

    _require_home("XDG_DATA_HOME", "captioners")
    return Path(platformdirs.user_data_dir("describer", appauthor=False)) / "captioners"


def at_home(text: str) -> Path:
    """A path that may begin with "~" or "~name". Raises DescriberError where that is nobody."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise DescriberError(
            # Translators: {folder} is "~name"
            _("There is no home folder {folder}. Please write the full path.").format(
                folder=Path(text).parts[0]
            ),
            detail=str(error),
        ) from error


def _require_home(variable: str, sentence: str) -> None:
    """Raises DescriberError where platformdirs would name a folder "~" below the current one.

    A relative folder in `variable` is taken as if it were not there, as the XDG base directory
    specification wants it: it would be another one for each folder that a program starts in.
    """
    if sys.platform in ("win32", "darwin"):
        return
    named = os.environ.get(variable, "").strip()
    if named and not named.startswith("/"):
        del os.environ[variable]
        named = ""
    if not named and not _has_home():
        raise DescriberError(_(sentence))


def _has_home() -> bool:
    try:
        return Path("~").expanduser().is_absolute()
    except RuntimeError:  # neither HOME nor an account
        return False
