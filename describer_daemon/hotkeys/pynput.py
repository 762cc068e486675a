"""Global keys on Windows and macOS, and on X11 when a person asks for it, through pynput."""

from __future__ import annotations

import importlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from describer_daemon import x11
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Hotkey, Verb

log = logging.getLogger(__name__)

_READY_SECONDS = 5.0
_JOIN_SECONDS = 0.4
# A locked screen keeps releases to itself (Win+L); a key held down repeats far more often.
_STALE_SECONDS = 5.0

_MODIFIERS = {"ctrl": "ctrl", "alt": "alt", "shift": "shift", "cmd": "super"}
_NAMES = {
    "enter": "return", "esc": "escape", "page_up": "pageup", "page_down": "pagedown",
    "print_screen": "print", "scroll_lock": "scrolllock",
}  # fmt: skip
# kVK_ANSI_A and so on: the letter at index i has the virtual key i, whatever the layout.
_MAC_KEYS = "asdfhgzxcv bqweryt123465 97 80 ou ip lj k    nm"


class PynputHotkeys:
    """pynput sees every key and swallows none; which of them are ours is decided here.

    On X11 it tells characters rather than keys, so that digits with Shift, and letters under a
    layout without them, are not heard there: X11Hotkeys hears them.
    """

    name = "pynput"

    def __init__(self) -> None:
        self._listener: Any = None
        self._tracker: _Tracker | None = None

    @classmethod
    def unavailable_reason(cls) -> str:
        if sys.platform not in ("win32", "darwin") and (reason := x11.unavailable_reason()):
            return reason
        try:
            importlib.import_module("pynput.keyboard")
        except ImportError as error:
            return _("pynput cannot be used: {reason}").format(
                reason=str(error).partition(chr(10))[0]
            )
        return ""

    def start(
        self,
        keys: Mapping[Verb, Hotkey],
        on_verb: Callable[[Verb], None],
        on_lost: Callable[[DescriberError], None] = lambda __: None,
    ) -> None:
        """pynput cannot tell whether another program has a key: none is ever refused.

        What macOS has to be asked for is told to `on_lost`.
        """
        self.stop()
        if reason := self.unavailable_reason():
            raise DescriberError(_("I cannot listen for keys here."), detail=reason)
        tracker = self._tracker = _Tracker(keys, on_verb)
        listener = self._listener = _listener(
            on_press=lambda key: tracker.press(key_name(key)),
            on_release=lambda key: tracker.release(key_name(key)),
        )
        listener.start()
        ready = _in_thread(listener.wait)
        ready.join(_READY_SECONDS)
        if ready.is_alive() or not listener.hears(_READY_SECONDS):
            self.stop()
            raise DescriberError(_("I cannot listen for keys here."), detail="pynput is not ready")
        # not refused: who may monitor input, which is another permission, hears them all the same
        if sys.platform == "darwin" and not listener.IS_TRUSTED:
            on_lost(_untrusted())

    def held(self) -> Mapping[Verb, str]:
        tracker = self._tracker
        return {} if tracker is None or not self.is_alive() else tracker.keys

    def is_alive(self) -> bool:
        return self._listener is not None and self._listener.is_alive()

    def stop(self) -> None:
        listener, self._listener = self._listener, None
        tracker, self._tracker = self._tracker, None
        if tracker is not None:
            tracker.silent = True  # on X11 pynput may end only with the next key
        if listener is not None and listener is not threading.current_thread():
            _in_thread(listener.stop).join(_JOIN_SECONDS)
            threading.Thread.join(listener, _JOIN_SECONDS)


def _untrusted() -> DescriberError:
    return DescriberError(
        _(
            "macOS may keep all keys from the describer. "
            "Please allow it in the settings, under Privacy and Security, Accessibility."
        )
    )


class _Tracker:
    """Which keys are down, and so which presses are new and have the exact modifiers."""

    def __init__(
        self,
        keys: Mapping[Verb, Hotkey],
        on_verb: Callable[[Verb], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.silent = False
        self.keys = {verb: str(key) for verb, key in keys.items()}
        self._verbs = {(key.modifiers, key.key): verb for verb, key in keys.items()}
        self._on_verb = on_verb
        self._clock = clock
        self._modifiers: set[str] = set()
        self._down: set[str] = set()
        self._last = clock()

    def press(self, name: str) -> None:
        """A key went down, or repeats; `name` as in Hotkey.key, or "+ctrl" for a modifier."""
        self._reset_if_stale()
        if name.startswith("+"):
            self._modifiers.add(name[1:])
            return
        verb = self._verbs.get((frozenset(self._modifiers), name))
        new = name not in self._down
        self._down.add(name)
        if new and verb is not None and not self.silent:
            try:
                self._on_verb(verb)
            except Exception:
                log.exception("The key for %s failed", verb)

    def release(self, name: str) -> None:
        """A key went up."""
        self._reset_if_stale()
        self._modifiers.discard(name[1:])
        self._down.discard(name)

    def _reset_if_stale(self) -> None:
        now = self._clock()
        if now - self._last > _STALE_SECONDS:
            self._modifiers.clear()
            self._down.clear()
        self._last = now


def key_name(key: Any) -> str:
    """The name of a pynput Key or KeyCode as in Hotkey.key, "+ctrl" for a modifier, or ""."""
    if key is None:
        return ""
    special = getattr(key, "name", None)
    if special is not None:
        stem = special.removesuffix("_l").removesuffix("_r")
        if stem in _MODIFIERS:
            return f"+{_MODIFIERS[stem]}"
        return "+altgr" if special == "alt_gr" else _NAMES.get(special, special)
    code = key.vk
    # With Ctrl held down `char` is a control character there, and it depends on the layout.
    if sys.platform == "win32" and code is not None and chr(code).isalnum() and code < 0x5B:
        return chr(code).lower()
    if sys.platform == "darwin" and code is not None and code < len(_MAC_KEYS):
        return _MAC_KEYS[code].strip()
    return (key.char or "").lower()


def _listener(**callbacks: Callable[[Any], None]) -> Any:
    from pynput import keyboard

    class Listener(keyboard.Listener):  # type: ignore[misc]  # pynput has no types
        def __init__(self, **callbacks: Callable[[Any], None]) -> None:
            super().__init__(**callbacks)
            self._recording = threading.Event()

        def hears(self, seconds: float) -> bool:
            """Wait until keys are heard. On X11 pynput is "ready" before the server records."""
            return sys.platform in ("win32", "darwin") or self._recording.wait(seconds)

        def _handler(self, *event: Any) -> Any:
            self._recording.set()  # the X server answers the request to record, before any key
            return super()._handler(*event)

        def run(self) -> None:
            try:
                super().run()
            except Exception as error:  # the display is gone, in many guises
                log.warning("The keys are gone: %r", error)

    return Listener(**callbacks)


def _in_thread(work: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except Exception as error:  # whatever a dead display raises
            log.debug("pynput ended with %r", error)

    thread = threading.Thread(target=run, name="pynput", daemon=True)
    thread.start()
    return thread
