"""Keys as people write them, "alt+super+i", and what is said when some cannot be had."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Literal

from describer_daemon.core import phrasing
from describer_daemon.core.i18n import _, ngettext
from describer_daemon.core.ports import DescriberError, Hotkey, Verb

MODIFIERS = ("ctrl", "alt", "shift", "super")
FUNCTION_KEYS = tuple(f"f{number}" for number in range(1, 25))
NAMED_KEYS = (
    "space", "tab", "return", "escape", "backspace", "insert", "delete", "home", "end",
    "pageup", "pagedown", "left", "right", "up", "down", "print", "pause", "menu", "scrolllock",
)  # fmt: skip
KEYS = frozenset((*string.ascii_lowercase, *string.digits, *FUNCTION_KEYS, *NAMED_KEYS))

# The keys that nobody types with: they may be taken without a modifier.
_ALONE = frozenset((*FUNCTION_KEYS, "insert", "print", "pause", "menu", "scrolllock"))

_ALIASES = {
    "control": "ctrl", "ctl": "ctrl", "strg": "ctrl",
    "option": "alt", "opt": "alt",
    "win": "super", "windows": "super", "cmd": "super", "command": "super",
    "enter": "return", "esc": "escape", "ins": "insert", "del": "delete", "spacebar": "space",
    "pgup": "pageup", "prior": "pageup", "pgdn": "pagedown", "pgdown": "pagedown",
    "next": "pagedown", "printscreen": "print", "prtsc": "print", "prtscr": "print",
    "sysrq": "print", "break": "pause", "apps": "menu", "scroll": "scrolllock",
}  # fmt: skip


# Keysyms have other names than people use; the rest is the name with a capital.
_KEYSYM_NAMES = {
    "space": "space", "return": "Return", "backspace": "BackSpace", "pageup": "Prior",
    "pagedown": "Next", "scrolllock": "Scroll_Lock",
}  # fmt: skip


class KeysRefusedError(DescriberError):
    """Some keys cannot be had; `verbs` are theirs, so that the others can be started alone.

    `missing` are those of them whose keys the keyboard lacks.
    """

    def __init__(
        self, spoken: str, verbs: Sequence[Verb], missing: Sequence[Verb] = (), *, detail: str = ""
    ) -> None:
        super().__init__(spoken, detail=detail)
        self.verbs = tuple(verbs)
        self.missing = tuple(missing)


def parse_hotkey(text: str) -> Hotkey:
    """Read modifiers and one key, joined by "+", in any case and order of modifiers.

    Raises ValueError with a sentence that names what is allowed.
    """
    parts = [_canonical(part) for part in text.split("+")]
    *modifiers, key = parts
    if not any(parts):
        raise ValueError(_("Write a key, such as alt+super+i."))
    for modifier in modifiers:
        if modifier not in MODIFIERS:
            raise ValueError(
                _("I know no modifier {name}. Use {modifiers}.").format(
                    name=_shown(modifier), modifiers=listed(MODIFIERS)
                )
            )
    if key in MODIFIERS or not key:
        raise ValueError(_("A key is missing after the modifiers. Write it as in alt+super+i."))
    if key not in KEYS:
        raise ValueError(
            # Translators: {names} is "space, tab … or scrolllock", which are not translated
            _("I know no key {name}. Use a letter, a digit, f1 to f24, {names}.").format(
                name=_shown(key), names=listed(NAMED_KEYS)
            )
        )
    hotkey = Hotkey(frozenset(modifiers), key)
    if key not in _ALONE and not hotkey.modifiers & {"ctrl", "alt", "super"}:
        raise ValueError(
            _("The key {key} is needed for typing. Add ctrl, alt or super.").format(key=hotkey)
        )
    return hotkey


def keysym_name(key: str) -> str:
    """The name that X and XKB have for a key."""
    return _KEYSYM_NAMES.get(key, key if len(key) == 1 else key.capitalize())


def keys_refused(
    taken: Sequence[tuple[Verb, Hotkey]], missing: Sequence[tuple[Verb, Hotkey]]
) -> KeysRefusedError:
    """The error for keys that another program has, and for keys that the keyboard lacks."""
    sentences = []
    if taken:
        # Translators: {keys} is "alt+super+i" or "alt+super+i and f9"
        pattern = ngettext(
            "The key {keys} is already taken by another program.",
            "The keys {keys} are already taken by another program.",
            len(taken),
        )
        sentences.append(pattern.format(keys=listed([str(key) for __, key in taken], "and")))
    if missing:
        # Translators: {keys} is "alt+super+i" or "alt+super+i and f9"
        pattern = ngettext(
            "The key {keys} is not on this keyboard.",
            "The keys {keys} are not on this keyboard.",
            len(missing),
        )
        sentences.append(pattern.format(keys=listed([str(key) for __, key in missing], "and")))
    refused = [*taken, *missing]
    sentences.append(
        # Translators: other keys than those that cannot be had
        ngettext("Choose another in the settings.", "Choose others in the settings.", len(refused))
    )
    return KeysRefusedError(
        " ".join(sentences), [verb for verb, __ in refused], [verb for verb, __ in missing]
    )


def listed(names: Sequence[str], last: Literal["and", "or"] = "or") -> str:
    """Names as people list them: "one, two or three"."""
    return phrasing.enumerated(names) if last == "and" else phrasing.alternatives(names)


def _canonical(part: str) -> str:
    name = part.strip().lower().replace("_", "").replace(" ", "")
    return _ALIASES.get(name, name)


def _shown(name: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in name[:20])
    return f'"{plain}"'
