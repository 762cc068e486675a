"""The menu entry, the icon and "Open with": what desktops read from the data folder."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from describer_daemon import APP_ID, processes
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop.command import exec_lines, in_all_languages
from describer_daemon.desktop.files import KEY, XML, OwnedFile
from describer_daemon.service.folders import desktop_folder

_ICON = Path(__file__).parents[1] / "assets" / f"{APP_ID}.svg"
_INDEXER = "update-desktop-database"
_ADVICE = N_(
    "For file managers to see it, install the package desktop-file-utils and run this again"
)
# Translators: what kind of program the describer is
_GENERIC_NAME = N_("Picture describer")
_COMMENT = N_("Press a key, hear what the picture in front of you shows")
# Translators: in a file manager's menu "Open with"
_OPEN_NAME = N_("Describe picture")
_OPEN_COMMENT = N_("Hear what the chosen pictures show")
# Translators: words that people may look for it by, each with a semicolon after it
_KEYWORDS = N_("accessibility;blind;caption;describe;image;picture;speech;")
_INDEXING_TIMEOUT = 20.0  # seconds
# what `captioner/image_files.py` opens, by all names in use; where an extra is missing, it says so
_TYPES = (
    "image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/x-bmp",
    "image/x-ms-bmp", "image/tiff", "image/x-portable-pixmap", "image/x-portable-graymap",
    "image/x-portable-bitmap", "image/x-portable-anymap", "image/vnd.microsoft.icon",
    "image/x-icon", "image/jp2", "image/avif", "image/heif", "image/heic", "image/jxl",
    "image/svg+xml", "image/vnd.adobe.photoshop", "image/qoi", "image/x-icns",
)  # fmt: skip


def icon() -> OwnedFile:
    """The icon of the others, as a drawing that every size is made from."""
    return OwnedFile(
        N_("Icon"),
        desktop_folder(),
        f"icons/hicolor/scalable/apps/{APP_ID}.svg",
        lambda: _ICON.read_text(encoding="utf-8"),
        XML,
        _touch_theme,
    )


def menu_entry() -> OwnedFile:
    """The describer in the desktop's menu; portals know the program by it, too."""
    return _entry(N_("Menu entry"), APP_ID, menu_text, "")


def open_with() -> OwnedFile:
    """ "Describe picture" among what file managers open pictures with."""
    advice = "" if shutil.which(_INDEXER) else _(_ADVICE)
    return _entry(N_("Open with, Describe picture"), f"{APP_ID}.Picture", open_with_text, advice)


def _entry(name: str, stem: str, text: Callable[[], str], advice: str) -> OwnedFile:
    place = f"applications/{stem}.desktop"
    return OwnedFile(name, desktop_folder(), place, text, KEY, _refresh_types, advice)


def menu_text() -> str:
    """The menu entry; started a second time, the describer describes the screen."""
    return f"""[Desktop Entry]
Type=Application
Version=1.0
Name=Describer
{in_all_languages("GenericName", _GENERIC_NAME)}
{in_all_languages("Comment", _COMMENT)}
{exec_lines("run")}
Icon={APP_ID}
Terminal=false
StartupNotify=false
Categories=Utility;Accessibility;
{in_all_languages("Keywords", _KEYWORDS)}
"""


def open_with_text() -> str:
    """The entry for pictures: several are described one after the other."""
    return f"""[Desktop Entry]
Type=Application
Version=1.0
{in_all_languages("Name", _OPEN_NAME)}
{in_all_languages("Comment", _OPEN_COMMENT)}
{exec_lines("describe", "--speak", field="%F")}
Icon={APP_ID}
Terminal=false
StartupNotify=false
Categories=Utility;Accessibility;
MimeType={"".join(f"{kind};" for kind in _TYPES)}
"""


def _refresh_types(entry: Path) -> None:
    """Have the index of what opens what made anew; file managers read it, not the entries."""
    folder = entry.parent
    if shutil.which(_INDEXER):
        with contextlib.suppress(DescriberError):  # an index that is old costs one entry in a list
            processes.run(
                [_INDEXER, str(folder)],
                timeout=_INDEXING_TIMEOUT,
                what=_INDEXER,
            )
    if not any(folder.glob("*.desktop")):  # an index of nothing is nobody's
        with contextlib.suppress(OSError):
            (folder / "mimeinfo.cache").unlink(missing_ok=True)


def _touch_theme(icon_file: Path) -> None:
    """Programs that run look for new icons when the theme's own folder has changed."""
    with contextlib.suppress(OSError):
        os.utime(icon_file.parents[2])
