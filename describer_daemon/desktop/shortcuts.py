"""Keys where only the desktop itself has any: each starts `describer trigger` with its verb.

For desktops under Wayland without a portal that gives keys. GNOME and KDE are set up by a step;
compositors with a file of their own get the lines, which their person puts there.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from describer_daemon import APP_ID, displays
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import Hotkey, Verb
from describer_daemon.core.titles import TITLES
from describer_daemon.desktop.command import command, exec_value, in_all_languages, plain
from describer_daemon.desktop.files import KEY, Comment, OwnedFile
from describer_daemon.hotkeys.names import keysym_name
from describer_daemon.service.folders import config_folder, desktop_folder

NAME = N_("Keys")

Keys = Mapping[Verb, Hotkey]
_HASH = Comment()


@dataclass(frozen=True, slots=True)
class Compositor:
    """How a compositor's own file binds keys.

    `include` is the line that takes in another file, whose name stands for {path}; "" where
    there is none.
    """

    place: str
    lines: Callable[[Keys], list[str]]
    comment: Comment = _HASH
    include: str = ""

    @property
    def path(self) -> Path:
        """Where a file of ours can be."""
        return config_folder().parent / self.place

    def file(self, keys: Keys) -> OwnedFile:
        """The step that puts our file there."""
        return OwnedFile(
            NAME,
            config_folder().parent,
            self.place,
            lambda: "\n".join(self.lines(keys)),
            self.comment,
            advice=_(
                "For it to be read, add this line to the compositor's own file: {line}"
            ).format(line=self.line),
        )

    @property
    def line(self) -> str:
        """The line that takes our file in."""
        return self.include.format(path=self.path)


def desktop() -> str:
    """Which one runs, in small letters: "gnome", "kde", a compositor's name, or ""."""
    named = os.environ.get("XDG_CURRENT_DESKTOP", "").lower().split(":")
    for name in ("gnome", "kde", *COMPOSITORS):
        if name in named:
            return name
    socket = os.environ.get("SWAYSOCK", "")  # which may be of a session that has ended
    return "sway" if socket and displays.listens(socket) else ""


def trigger(verb: Verb) -> list[str]:
    """What a key starts. Raises DescriberError when no file can have that in a line."""
    return [*plain(command()), "trigger", verb.value]


def kde_entry(keys: Keys) -> OwnedFile:
    """KDE's kglobalaccel reads it at login; from 5.27 on its portal gives keys without it."""
    return OwnedFile(
        NAME,
        desktop_folder(),
        f"kglobalaccel/{APP_ID}.keys.desktop",
        lambda: _kde_text(keys),
        KEY,
        advice=_("The keys work from your next login"),
    )


def _kde_text(keys: Keys) -> str:
    names = "".join(f"{verb.value};" for verb in keys)
    lines = [
        "[Desktop Entry]",
        "Type=Application",
        "Name=Describer",
        f"Exec={exec_value([*command(), 'run'])}",
        f"Icon={APP_ID}",
        "NoDisplay=true",
        f"Actions={names}",
    ]
    for verb, key in keys.items():
        lines += [
            "",
            f"[Desktop Action {verb.value}]",
            in_all_languages("Name", TITLES[verb]),
            f"Exec={exec_value(trigger(verb))}",
            f"X-KDE-Shortcuts={_joined(key, _QT, key.key.upper())}",
        ]
    return "\n".join(lines) + "\n"


def _sway(keys: Keys) -> list[str]:
    return [
        f"bindsym {_joined(key, _SWAY)} exec {shlex.join(trigger(verb))}"
        for verb, key in keys.items()
    ]


def _hyprland(keys: Keys) -> list[str]:
    lines = []
    for verb, key in keys.items():
        modifiers = " ".join(_named(key, _HYPRLAND))
        # a comma ends an argument there, and a number sign begins a comment
        started = shlex.join(trigger(verb)).replace("#", "##")
        lines.append(f"bind = {modifiers}, {keysym_name(key.key)}, exec, {started}")
    return lines


def _niri(keys: Keys) -> list[str]:
    lines = ["binds {"]
    for verb, key in keys.items():
        words = " ".join(_kdl(word) for word in trigger(verb))
        lines.append(f"    {_joined(key, _NIRI)} {{ spawn {words}; }}")
    return [*lines, "}"]


def _labwc(keys: Keys) -> list[str]:
    from xml.sax.saxutils import quoteattr

    lines = []
    for verb, key in keys.items():
        bound = "-".join([*_named(key, _LABWC), keysym_name(key.key)])
        started = quoteattr(shlex.join(trigger(verb)))
        lines.append(f'<keybind key="{bound}"><action name="Execute" command={started}/></keybind>')
    return lines


def _kdl(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _joined(key: Hotkey, names: Mapping[str, str], last: str = "") -> str:
    return "+".join([*_named(key, names), last or keysym_name(key.key)])


def _named(key: Hotkey, names: Mapping[str, str]) -> list[str]:
    return [name for modifier, name in names.items() if modifier in key.modifiers]


_QT = {"super": "Meta", "ctrl": "Ctrl", "alt": "Alt", "shift": "Shift"}
_SWAY = {"super": "Mod4", "ctrl": "Ctrl", "alt": "Mod1", "shift": "Shift"}
_HYPRLAND = {"super": "SUPER", "ctrl": "CTRL", "alt": "ALT", "shift": "SHIFT"}
_NIRI = {"super": "Super", "ctrl": "Ctrl", "alt": "Alt", "shift": "Shift"}
_LABWC = {"super": "W", "ctrl": "C", "alt": "A", "shift": "S"}

COMPOSITORS = {
    "sway": Compositor("sway/describer", _sway, include="include {path}"),
    "hyprland": Compositor("hypr/describer.conf", _hyprland, include="source = {path}"),
    "niri": Compositor(
        "niri/describer.kdl", _niri, Comment("// X-Describer-Seal: "), 'include "{path}"'
    ),
    "labwc": Compositor("labwc/rc.xml", _labwc),
}
