"""GNOME's own shortcuts, by gsettings: ours are added to those of the person and taken away again.

Schema org.gnome.settings-daemon.plugins.media-keys; each shortcut has a path below it.
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Callable

from describer_daemon import processes
from describer_daemon.core import phrasing
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Hotkey, Verb
from describer_daemon.core.titles import TITLES
from describer_daemon.desktop.shortcuts import NAME, Keys, trigger
from describer_daemon.desktop.steps import State
from describer_daemon.hotkeys.names import keysym_name
from describer_daemon.hotkeys.usual import other_keys, usual_key

_SCHEMA = "org.gnome.settings-daemon.plugins.media-keys"
_LIST = "custom-keybindings"
_OURS = f"/{_SCHEMA.replace('.', '/')}/{_LIST}/describer-"
_MODIFIERS = {"ctrl": "<Control>", "alt": "<Alt>", "shift": "<Shift>", "super": "<Super>"}
_ALIASES = {"<Primary>": "<Control>", "<Ctrl>": "<Control>", "<Mod1>": "<Alt>", "<Mod4>": "<Super>"}
_TIMEOUT = 10.0  # seconds


class GnomeShortcuts:
    """The step "Keys" on GNOME."""

    name = NAME

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    @property
    def where(self) -> str:
        """See `Leftover`; which keys they are, for it may not be those that were wished."""
        shown = [f"{_accelerator(key)} {verb.value}" for verb, key in self._free().items()]
        return _("GNOME's shortcuts: {keys}").format(keys=", ".join(shown))

    def state(self) -> State:
        """See `Leftover`."""
        ours = {path for path in _paths() if path.startswith(_OURS)}
        if not ours:
            return State.ABSENT
        wanted = {_path(verb): self._values(verb, key) for verb, key in self._free().items()}
        now = {path: {name: _get(path, name) for name in ("name", "command", "binding")}
               for path in ours}  # fmt: skip
        return State.PRESENT if now == wanted else State.OUTDATED

    def do(self) -> str:
        """See `Step`. The list comes last, for GNOME reads what is in it at once."""
        wanted = self._free()
        for verb, key in wanted.items():
            for name, value in self._values(verb, key).items():
                _gsettings(
                    "set", f"{_SCHEMA}.custom-keybinding:{_path(verb)}", name, _quoted(value)
                )
        paths = [_path(verb) for verb in wanted]
        before = _paths()
        gone = [path for path in before if path.startswith(_OURS) and path not in paths]
        _set_paths([path for path in before if path not in gone]
                   + [path for path in paths if path not in before])  # fmt: skip
        _reset(gone)
        lacking = [str(key) for verb, key in self._keys.items() if verb not in wanted]
        if not lacking:
            return ""
        # Translators: {keys} is "alt+super+i" or "alt+super+i and f9"
        return _("Other shortcuts have {keys}").format(keys=phrasing.enumerated(lacking))

    def undo(self) -> str:
        """See `Leftover`."""
        before = _paths()
        gone = [path for path in before if path.startswith(_OURS)]
        _set_paths([path for path in before if path not in gone])
        _reset(gone)
        return ""

    def _values(self, verb: Verb, key: Hotkey) -> dict[str, str]:
        return {
            "name": _(TITLES[verb]),
            "command": shlex.join(trigger(verb)),
            "binding": _accelerator(key),
        }

    def _free(self) -> dict[Verb, Hotkey]:
        """The keys, without those that the person's own shortcuts have; usual ones are replaced."""
        taken = {_normal(_get(path, "binding")) for path in _paths() if not path.startswith(_OURS)}
        free: dict[Verb, Hotkey] = {}
        for verb, key in self._keys.items():
            others = other_keys(verb) if key == usual_key(verb) else ()
            for one in (key, *others):
                if _normal(_accelerator(one)) not in taken and one not in free.values():
                    free[verb] = one
                    break
        return free


def starts(is_meant: Callable[[str], bool]) -> bool:
    """Whether any shortcut is ours, or has a command that is meant. Raises DescriberError."""
    paths = _paths()
    return any(path.startswith(_OURS) for path in paths) or any(
        is_meant(_get(path, "command")) for path in paths
    )


def _path(verb: Verb) -> str:
    return f"{_OURS}{verb.value}/"


def _at(path: str) -> str:
    """The schema of a shortcut at its path, as gsettings wants both."""
    return f"{_SCHEMA}.custom-keybinding:{path}"


def _accelerator(key: Hotkey) -> str:
    """A key as GTK writes it: "<Alt><Super>i"."""
    modifiers = [name for modifier, name in _MODIFIERS.items() if modifier in key.modifiers]
    return "".join([*modifiers, keysym_name(key.key)])


def _normal(accelerator: str) -> frozenset[str]:
    """The same for every order and name of modifiers."""
    *modifiers, key = accelerator.replace(">", ">\0").split("\0")
    names = (modifier.title() for modifier in modifiers)
    return frozenset({*(_ALIASES.get(name, name) for name in names), key.lower()})


def _paths() -> list[str]:
    text = _gsettings("get", _SCHEMA, _LIST).strip().removeprefix("@as ")
    try:
        return [str(path) for path in ast.literal_eval(text)]
    except (ValueError, SyntaxError, TypeError) as error:
        raise _refused(f"{_LIST} is {text[:200]}") from error


def _set_paths(paths: list[str]) -> None:
    _gsettings("set", _SCHEMA, _LIST, f"[{', '.join(map(_quoted, paths))}]")


def _get(path: str, name: str) -> str:
    text = _gsettings("get", _at(path), name).strip()
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


def _reset(paths: list[str]) -> None:
    for path in paths:
        _gsettings("reset-recursively", _at(path))


def _quoted(text: str) -> str:
    """A string as GVariant writes it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _gsettings(*arguments: str) -> str:
    done = processes.run(["gsettings", *arguments], timeout=_TIMEOUT, what="gsettings")
    if done.code != 0:
        raise _refused(done.errors.decode(errors="replace")[:500])
    return done.output.decode(errors="replace")


def _refused(detail: str) -> DescriberError:
    return DescriberError(
        _("GNOME's shortcuts cannot be set. Please add them in its settings, under Keyboard."),
        detail=detail,
    )
