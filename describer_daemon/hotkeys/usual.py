"""The keys that are usual, and those that serve where another program has them.

None is taken by default on Xfce, MATE, LXDE, LXQt, Cinnamon, GNOME or KDE, nor by Orca:
`tests/unit/hotkeys/desktop_keys.py` has what those take. See ADR 0041.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from describer_daemon.core.i18n import ngettext
from describer_daemon.core.ports import DescriberError, Hotkey, Verb
from describer_daemon.hotkeys.names import KeysRefusedError, keys_refused, listed

# image, clipboard, text, again, yank, quiet, more; the other verbs have no usual key
_LETTERS = {
    Verb.SCREEN: "i", Verb.CLIPBOARD: "c", Verb.TEXT: "t",
    Verb.REPEAT: "a", Verb.COPY: "y", Verb.STOP: "q", Verb.MORE: "m",
}  # fmt: skip
# There Super+Alt+Q is "quit", and pynput takes no key away from anybody.
_LETTERS_ELSEWHERE = {
    Verb.SCREEN: "d", Verb.CLIPBOARD: "c", Verb.TEXT: "w",
    Verb.REPEAT: "r", Verb.COPY: "x", Verb.STOP: "s", Verb.MORE: "m",
}  # fmt: skip
_HELD = frozenset(("super", "alt"))
# Tried in this order when the key is taken; Orca, which does not look at Super, has Alt+Shift.
_OTHERS = (frozenset(("ctrl", "super", "alt")), frozenset(("ctrl", "super", "shift")))


def usual_keys(platform: str = sys.platform) -> dict[Verb, Hotkey]:
    """The keys that verbs have without any setting."""
    elsewhere = platform in ("win32", "darwin")
    held = frozenset(("ctrl", "alt")) if elsewhere else _HELD
    letters = _LETTERS_ELSEWHERE if elsewhere else _LETTERS
    return {verb: Hotkey(held, letter) for verb, letter in letters.items()}


def usual_key(verb: Verb, platform: str = sys.platform) -> Hotkey | None:
    """The key that a verb has without any setting; None where it has none."""
    return usual_keys(platform).get(verb)


def other_keys(verb: Verb, platform: str = sys.platform) -> tuple[Hotkey, ...]:
    """What is tried in turn where the usual key of the verb is taken."""
    usual = usual_key(verb, platform)
    if usual is None or usual.modifiers != _HELD:
        return ()
    return tuple(Hotkey(modifiers, usual.key) for modifiers in _OTHERS)


class Taking:
    """Takes the keys that are wanted, or for usual ones that are taken the next.

    `refused` is for those that cannot be had, None if all can; `replaced` says which keys
    serve instead of usual ones, "" if none.
    """

    def __init__(self, wanted: Mapping[Verb, Hotkey]) -> None:
        self._wanted = wanted
        self._keys = dict(wanted)
        self._missing: set[Verb] = set()
        self._tried: set[tuple[Verb, Hotkey]] = set()

    def start(self, start: Callable[[Mapping[Verb, Hotkey]], None]) -> bool:
        """Call `start` with ever other keys until it takes them. → whether any is held.

        Raises what `start` raises, save KeysRefusedError.
        """
        while self._keys:
            try:
                start(self._keys)
            except KeysRefusedError as error:
                for verb in error.verbs:
                    self._go_on(verb, missing=verb in error.missing)
            else:
                return True
        return False

    @property
    def refused(self) -> DescriberError | None:
        gone = [(verb, key) for verb, key in self._wanted.items() if verb not in self._keys]
        if not gone:
            return None
        return keys_refused(
            [one for one in gone if one[0] not in self._missing],
            [one for one in gone if one[0] in self._missing],
        )

    @property
    def replaced(self) -> str:
        changes = [
            (self._wanted[verb], key)
            for verb, key in self._keys.items()
            if key != self._wanted[verb]
        ]
        if not changes:
            return ""
        taken = listed([str(wish) for wish, __ in changes], "and")
        serving = listed([str(key) for __, key in changes], "and")
        # Translators: both are keys, such as "alt+super+i" or "alt+super+i and f9"
        pattern = ngettext(
            "The key {taken} is already taken by another program, so {serving} serves.",
            "The keys {taken} are already taken by other programs, so {serving} serve.",
            len(changes),
        )
        return pattern.format(taken=taken, serving=serving)

    def _go_on(self, verb: Verb, *, missing: bool) -> None:
        key = self._keys.pop(verb)
        self._tried.add((verb, key))
        if missing:
            self._missing.add(verb)
        elif (other := self._other(verb)) is not None:
            keys = {**self._keys, verb: other}
            self._keys = {one: keys[one] for one in self._wanted if one in keys}

    def _other(self, verb: Verb) -> Hotkey | None:
        if self._wanted[verb] != usual_key(verb):
            return None  # a person's own key: to have another would surprise
        used = {*self._keys.values(), *self._wanted.values()}
        for other in other_keys(verb):
            if other not in used and (verb, other) not in self._tried:
                return other
        return None
