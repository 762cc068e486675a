"""For which desktops the portals that are installed are meant.

Before version 1.17.1 xdg-desktop-portal takes any desktop's, if the one that runs has none: KDE's
then promises keys to GNOME, and no key ever comes. See ADR 0042.
"""

from __future__ import annotations

import configparser
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_FOLDER = "xdg-desktop-portal"


def only_of_strangers(interface: str) -> bool:
    """Whether portals with this interface are installed, and all of them for other desktops.

    `interface` as in "org.freedesktop.impl.portal.GlobalShortcuts". False, too, where files say
    which portals are to serve, or where nothing can be told.
    """
    here = {name.lower() for name in os.environ.get("XDG_CURRENT_DESKTOP", "").split(":") if name}
    if not here or _are_chosen():
        return False
    meant = [desktops for interfaces, desktops in _portals() if interface in interfaces]
    return bool(meant) and not any(here & desktops for desktops in meant)


def _are_chosen() -> bool:
    """Whether a file names the portals that serve: since 1.17.1, which takes no stranger."""
    homes = [_base("XDG_CONFIG_HOME", "~/.config"), _base("XDG_DATA_HOME", "~/.local/share")]
    folders = [*homes, *_bases("XDG_CONFIG_DIRS", "/etc/xdg"), Path("/etc"), *_data()]
    return any(list(one.joinpath(_FOLDER).glob("*portals.conf")) for one in folders)


def _portals() -> Iterator[tuple[set[str], set[str]]]:
    """(interfaces, desktops in small letters) of each that is installed."""
    own = os.environ.get("XDG_DESKTOP_PORTAL_DIR", "")
    folders = [Path(own)] if own else [one / _FOLDER / "portals" for one in _data()]
    for path in [path for folder in folders for path in sorted(folder.glob("*.portal"))]:
        file = configparser.ConfigParser(interpolation=None, strict=False)
        with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
            file.read(path, encoding="utf-8")
            yield (
                _words(file.get("portal", "Interfaces", fallback="")),
                _words(file.get("portal", "UseIn", fallback="").lower()),
            )


def _words(text: str) -> set[str]:
    return {word.strip() for word in text.split(";") if word.strip()}


def _data() -> list[Path]:
    usual = "/usr/local/share:/usr/share"
    folders = [_base("XDG_DATA_HOME", "~/.local/share"), *_bases("XDG_DATA_DIRS", usual)]
    return list(dict.fromkeys([*folders, Path("/usr/share")]))


def _bases(name: str, usual: str) -> list[Path]:
    return [Path(one) for one in (os.environ.get(name) or usual).split(":") if one.startswith("/")]


def _base(name: str, usual: str) -> Path:
    named = os.environ.get(name, "")
    return Path(named if named.startswith("/") else usual).expanduser()
