"""Global keys under Wayland: the desktop's portal org.freedesktop.portal.GlobalShortcuts.

The desktop decides which keys they are: what it answers is held, not what was asked for. See
ADR 0042.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from describer_daemon import APP_ID, displays
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError, Hotkey, Verb
from describer_daemon.core.titles import TITLES
from describer_daemon.hotkeys import portal_bus, portal_files
from describer_daemon.hotkeys.names import keys_refused, keysym_name

log = logging.getLogger(__name__)

_INTERFACE = "org.freedesktop.impl.portal.GlobalShortcuts"
_ANSWER_SECONDS = 5.0  # until then `start` waits; a person may be asked, and take their time
_PERSON_SECONDS = 300.0
_JOIN_SECONDS = 0.9
_SESSION_TOKEN = "describer"  # noqa: S105 - KDE keeps a person's keys under this name
_MODIFIERS = {"ctrl": "CTRL", "alt": "ALT", "shift": "SHIFT", "super": "LOGO"}
_REFUSED = N_("The desktop did not give me the keys. Please allow them in its settings.")
_NONE_GIVEN = N_(
    "The desktop gave me no keys. Please set them among the shortcuts in its settings."
)
_GONE = N_("The desktop has taken the keys back. Please allow them in its settings.")


class PortalHotkeys:
    """One thread with a connection of its own, whose end gives the keys back."""

    name = "portal"

    def __init__(self) -> None:
        self._shortcuts: _Shortcuts | None = None

    @classmethod
    def unavailable_reason(cls) -> str:
        if reason := displays.wayland_unavailable_reason():
            return reason
        if portal_files.only_of_strangers(_INTERFACE) or not portal_bus.has_shortcuts():
            return _("the desktop's portal has no global shortcuts; run: describer keys install")
        return ""

    def start(
        self,
        keys: Mapping[Verb, Hotkey],
        on_verb: Callable[[Verb], None],
        on_lost: Callable[[DescriberError], None] = lambda _: None,
    ) -> None:
        """A desktop that asks the person first answers later: until then nothing is held."""
        self.stop()
        shortcuts = _Shortcuts(keys, on_verb, on_lost)
        shortcuts.start()
        self._shortcuts = shortcuts
        if (error := shortcuts.first_answer(_ANSWER_SECONDS)) is not None:
            self.stop()
            raise error

    def held(self) -> Mapping[Verb, str]:
        shortcuts = self._shortcuts
        return dict(shortcuts.held) if shortcuts is not None and shortcuts.is_alive() else {}

    def is_alive(self) -> bool:
        return self._shortcuts is not None and self._shortcuts.is_alive()

    def stop(self) -> None:
        shortcuts, self._shortcuts = self._shortcuts, None
        if shortcuts is not None:
            shortcuts.stop()


def trigger(hotkey: Hotkey) -> str:
    """The key as the XDG shortcuts specification writes it: "LOGO+ALT+i"."""
    modifiers = [_MODIFIERS[name] for name in _MODIFIERS if name in hotkey.modifiers]
    return "+".join([*modifiers, keysym_name(hotkey.key)])


class _Shortcuts(threading.Thread):
    """A session with the portal, made again whenever another portal takes over."""

    def __init__(
        self,
        keys: Mapping[Verb, Hotkey],
        on_verb: Callable[[Verb], None],
        on_lost: Callable[[DescriberError], None],
    ) -> None:
        super().__init__(name="hotkeys", daemon=True)
        self.held: Mapping[Verb, str] = {}
        self._keys, self._on_verb, self._on_lost = keys, on_verb, on_lost
        self._stopped = False
        self._lock = threading.Lock()  # of the connection and of who is told of the first error
        self._bus: portal_bus.PortalBus | None = None
        self._session = ""
        self._listed = False  # whether the desktop has our shortcuts, with keys or without
        self._portal_changed = False
        self._desktops: frozenset[str] = frozenset()  # who gives keys behind the portal
        self._desktop_gone = False
        self._waits = True  # whether `first_answer` still waits
        self._answered = threading.Event()
        self._error: DescriberError | None = None

    def first_answer(self, seconds: float) -> DescriberError | None:
        """Wait so long for it; → what went wrong. What goes wrong later `on_lost` is told."""
        self._answered.wait(seconds)
        with self._lock:
            self._waits = False
            return self._error

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._bus is not None:
                self._bus.wake()
        if self is not threading.current_thread():
            self.join(_JOIN_SECONDS)

    def run(self) -> None:
        try:
            with portal_bus.opened(self._on_signal) as bus:
                with self._lock:
                    self._bus = bus
                self._bind_and_tell(bus)
                while not self._stopped:
                    bus.handle()
                    if self._portal_changed:
                        self._portal_changed = False
                        self._bind_and_tell(bus)
        except Exception as error:  # a bus that goes, in many guises
            if not self._stopped:
                log.warning("The keys are gone with the bus: %r", error)
                self._tell(DescriberError(_(_REFUSED), detail=repr(error)), only_first=True)
        finally:
            self.held, self._bus = {}, None
            self._answered.set()

    def _bind_and_tell(self, bus: portal_bus.PortalBus) -> None:
        try:
            bus.register(APP_ID)
            self._close_session(bus)  # of a desktop that has ended
            self.held = self._bind(bus)
            if "KDE" in os.environ.get("XDG_CURRENT_DESKTOP", ""):
                self._close_session(bus)  # the first time it calls a taken key bound
                self.held = self._bind(bus)
        except DescriberError as error:
            self._tell(error)
        except portal_bus.failures() as error:
            self._tell(DescriberError(_(_REFUSED), detail=repr(error)))
        else:
            self._tell_of_lacking()
            self._answered.set()
            with contextlib.suppress(*portal_bus.failures()):
                self._desktops = bus.desktops()

    def _close_session(self, bus: portal_bus.PortalBus) -> None:
        session, self._session = self._session, ""  # its end is no news
        if session:
            bus.close_session(session)

    def _tell_of_lacking(self) -> None:
        """Of keys that the desktop did not give, whatever it calls them."""
        lacking = [(verb, key) for verb, key in self._keys.items() if verb not in self.held]
        if not lacking:
            return
        if self.held:
            self._tell(keys_refused(lacking, []))
        elif not self._listed:
            self._tell(DescriberError(_(_NONE_GIVEN)))
        else:  # they wait for a person to set them, as Hyprland's do
            self._on_lost(DescriberError(_(_NONE_GIVEN)))

    def _bind(self, bus: portal_bus.PortalBus) -> dict[Verb, str]:
        """A session of its own: it takes its keys once. → the verbs that got a key, and which."""
        wanted = [
            (
                verb.value,
                {"description": ("s", _(TITLES[verb])), "preferred_trigger": ("s", trigger(key))},
            )
            for verb, key in self._keys.items()
        ]
        self._session, self.held = "", {}
        # KDE 5.27 binds only what it is given here
        options = {
            "session_handle_token": ("s", _SESSION_TOKEN),
            "shortcuts": ("a(sa{sv})", wanted),
        }
        code, results = bus.request("CreateSession", "", (), options, _ANSWER_SECONDS)
        if code:
            raise DescriberError(_(_REFUSED), detail=f"CreateSession: response {code}")
        self._session = str(results["session_handle"][1])
        arguments = (self._session, wanted, "")
        code, results = bus.request("BindShortcuts", "oa(sa{sv})s", arguments, {}, _PERSON_SECONDS)
        if code:
            raise DescriberError(_(_REFUSED), detail=f"BindShortcuts: response {code}")
        self._listed = bool(results.get("shortcuts", ("", []))[1])
        return _held(results, self._keys)

    def _on_signal(self, member: str, path: str, body: tuple[Any, ...]) -> None:
        if member == "Activated" and body[0] == self._session:
            with contextlib.suppress(ValueError):
                self._call(Verb(body[1]))
        elif member == "ShortcutsChanged" and body[0] == self._session:
            self.held = _held({"shortcuts": ("", body[1])}, self._keys)
        elif member == "Closed" and path == self._session:
            self._session, self.held = "", {}
            self._tell(DescriberError(_(_GONE)))
        elif member == "NameOwnerChanged" and body[0] == portal_bus.PORTAL:
            self._session, self.held = "", {}
            self._portal_changed = bool(body[2])
        elif member == "NameOwnerChanged":
            self._desktop_changed(*body)

    def _desktop_changed(self, name: str, _before: str, owner: str) -> None:
        """The desktop's own part behind the portal ended, or began: the portal does not tell."""
        ours = name in self._desktops
        if ours:
            self.held = {}
        if owner and (ours or self._desktop_gone):
            self._portal_changed = True  # it, or another one in its place
        self._desktop_gone = not owner and (ours or self._desktop_gone)

    def _call(self, verb: Verb) -> None:
        try:
            self._on_verb(verb)
        except Exception:
            log.exception("The key for %s failed", verb)

    def _tell(self, error: DescriberError, *, only_first: bool = False) -> None:
        with self._lock:
            if self._waits:
                self._error = self._error or error
                self._answered.set()
                return
        if not only_first:
            self._on_lost(error)


def _held(results: Mapping[str, Any], keys: Mapping[Verb, Hotkey]) -> dict[Verb, str]:
    given = {
        name: str(values.get("trigger_description", ("s", ""))[1])
        for name, values in results.get("shortcuts", ("", []))[1]
    }
    return {verb: given[verb.value] for verb in keys if given.get(verb.value)}
