"""Global keys on X11 by passive grabs: exact, swallowed, and a key already taken is told."""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from describer_daemon import x11
from describer_daemon.core.ports import DescriberError, Hotkey, Verb
from describer_daemon.hotkeys.names import keys_refused
from describer_daemon.hotkeys.x11_grabbed import GrabbedKeyboard
from describer_daemon.hotkeys.x11_keyboard import Keyboard

log = logging.getLogger(__name__)

T = TypeVar("T")

_MODIFIER_BITS = 0xFF
_JOIN_SECONDS = 0.9

Combination = tuple[int, int]  # keycode, modifier bits without the locks


class X11Hotkeys:
    """One thread with a connection of its own, which sleeps until X or `stop` wakes it."""

    name = "x11"

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._wake: int | None = None
        self._grabs: _Grabs | None = None

    @classmethod
    def unavailable_reason(cls) -> str:
        return x11.unavailable_reason()

    def start(
        self,
        keys: Mapping[Verb, Hotkey],
        on_verb: Callable[[Verb], None],
        on_lost: Callable[[DescriberError], None] = lambda _: None,
    ) -> None:
        self.stop()
        display = x11.connect()
        grabs = _Grabs(display, keys)
        taken, missing = grabs.update()
        if taken or missing:
            x11.close(display)
            raise keys_refused(taken, missing)
        wake_reader, wake = os.pipe()
        thread = threading.Thread(
            target=_listen,
            args=(display, grabs, on_verb, on_lost, wake_reader),
            name="hotkeys",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError:  # no thread is left; the keys must be free for the next try
            os.close(wake)
            os.close(wake_reader)
            x11.close(display)
            raise
        self._thread, self._wake, self._grabs = thread, wake, grabs

    def held(self) -> Mapping[Verb, str]:
        grabs = self._grabs
        return {} if grabs is None or not self.is_alive() else grabs.held()

    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        thread, self._thread = self._thread, None
        wake, self._wake = self._wake, None
        if wake is not None:
            os.close(wake)  # the other end becomes readable
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_SECONDS)


class _Grabs:
    """The keys that are grabbed, and the verb of each."""

    def __init__(self, display: Any, keys: Mapping[Verb, Hotkey]) -> None:
        self._display = display
        self._keys = keys
        self._locks = 0
        self._verbs: dict[Combination, Verb] = {}
        self.elsewhere = GrabbedKeyboard(display, Keyboard.read(display))
        self._grabbed: set[Combination] = set()
        self._lost: set[Verb] = set()

    def held(self) -> Mapping[Verb, str]:
        """The keys that are not lost."""
        lost = self._lost
        return {verb: str(key) for verb, key in self._keys.items() if verb not in lost}

    def adapt(self) -> DescriberError | None:
        """`update`; the error for the keys that are lost, if any was not lost before."""
        taken, missing = self.update()
        lost = {verb for verb, _ in (*taken, *missing)}
        news, self._lost = lost - self._lost, lost
        return keys_refused(taken, missing) if news else None

    def update(self) -> tuple[list[tuple[Verb, Hotkey]], list[tuple[Verb, Hotkey]]]:
        """Grab the keys where the keyboard has them now; return those taken and those missing."""
        keyboard = self.elsewhere.keyboard = Keyboard.read(self._display)
        self._locks = keyboard.locks()
        self._verbs = {}
        missing = []
        for verb, key in self._keys.items():
            codes = keyboard.keycodes(key.key)
            bits = sum(keyboard.mask(modifier) for modifier in key.modifiers)
            self._verbs.update({(code, bits): verb for code in codes})
            if not codes:
                missing.append((verb, key))
        to_grab = {
            (code, bits | locks): verb
            for (code, bits), verb in self._verbs.items()
            for locks in keyboard.lock_states()
        }
        refused = self._grab(to_grab)
        return [(verb, key) for verb, key in self._keys.items() if verb in refused], missing

    def verb(self, code: int, state: int) -> Verb | None:
        """What a key with these modifiers asks for."""
        return self._verbs.get((code, state & _MODIFIER_BITS & ~self._locks))

    def has(self, code: int) -> bool:
        """Whether the key asks for anything, with whatever modifiers."""
        return any(code == one for one, _ in self._verbs)

    def _grab(self, to_grab: Mapping[Combination, Verb]) -> set[Verb]:
        from Xlib import X, error

        root = self._display.screen().root
        for code, bits in self._grabbed - to_grab.keys():
            root.ungrab_key(code, bits)
        results = {}
        for code, bits in to_grab.keys() - self._grabbed:
            results[code, bits] = caught = error.CatchError()
            root.grab_key(code, bits, False, X.GrabModeAsync, X.GrabModeAsync, onerror=caught)
        self._display.sync()
        failed = {combination for combination, caught in results.items() if caught.get_error()}
        self._grabbed = set(to_grab) - failed
        return {to_grab[combination] for combination in failed}


class _RepeatFilter:
    """Tells a press from the repeats of a key held down.

    A repeat is a release and a press with the same time stamp, given by the server: however
    late they are read, a held key is one press.
    """

    def __init__(self) -> None:
        self._released: dict[int, int | None] = {}
        self._first: int | None = None

    def press(self, code: int, time: int) -> bool:
        """Whether this press is a new one."""
        repeat = code in self._released and self._released[code] in (None, time)
        self._released[code] = None
        if self._first is None:
            self._first = code
        return not repeat

    def release(self, code: int, time: int) -> None:
        """Remember when; the grab ends here, if this key began it."""
        if code == self._first:
            # The releases of keys that joined it later will go to another program.
            self._released.clear()
            self._first = None
        self._released[code] = time


def _listen(
    display: Any,
    grabs: _Grabs,
    on_verb: Callable[[Verb], None],
    on_lost: Callable[[DescriberError], None],
    wake_reader: int,
) -> None:
    from Xlib import error

    try:
        events = _Events(display, grabs, on_verb)
        while True:
            if events.handle():
                _call(on_lost, grabs.adapt())
                continue  # its replies may have brought events along, which select cannot see
            if wake_reader in select.select([display, wake_reader], [], [])[0]:
                return
    except (error.ConnectionClosedError, OSError) as gone:
        log.warning("The display is gone, and the keys with it: %s", gone)
    finally:
        os.close(wake_reader)
        x11.close(display)


class _Events:
    """What each event of the connection asks for."""

    def __init__(self, display: Any, grabs: _Grabs, on_verb: Callable[[Verb], None]) -> None:
        self._display, self._grabs, self._on_verb = display, grabs, on_verb
        self._repeats = _RepeatFilter()
        # a key that came past our grab, until it is known that it did not come through it, too
        self._past: tuple[int, int, Verb] | None = None

    def handle(self) -> bool:
        """Handle all that has come. → whether the keyboard changed."""
        from Xlib import X

        changed = False
        while self._display.pending_events() or self._past is not None:
            if not self._display.pending_events():
                self._take_past()
                continue
            event = self._display.next_event()
            if event.type == X.MappingNotify:
                changed = True
            elif event.type == X.KeyRelease:
                self._repeats.release(event.detail, event.time)
            elif event.type == X.KeyPress:
                if self._past is not None and self._past[:2] == (event.detail, event.time):
                    self._past = None
                if self._repeats.press(event.detail, event.time):
                    _call(self._on_verb, self._grabs.verb(event.detail, event.state))
            else:
                self._notice(event)
        return changed

    def _notice(self, event: Any) -> None:
        elsewhere = self._grabs.elsewhere
        elsewhere.notice(event)
        raw = elsewhere.pressed(event)
        if raw is None or not self._grabs.has(raw[0]):
            return
        self._take_past()
        code, state, time = raw
        # Its reply comes after the same key's own event, had our grab got it.
        latched = elsewhere.state()
        verb = self._grabs.verb(code, state) or self._grabs.verb(code, latched)
        if verb is not None:
            self._past = code, time, verb

    def _take_past(self) -> None:
        past, self._past = self._past, None
        if past is None:
            return
        if self._grabs.elsewhere.is_locked():
            log.info("a key was pressed while the screen may be locked")
        else:
            _call(self._on_verb, past[2])


def _call(callback: Callable[[T], None], news: T | None) -> None:
    """Tell `news`, if there are any; whatever comes of it, the keys must go on."""
    if news is None:
        return
    try:
        callback(news)
    except Exception:
        log.exception("what the keys brought was not taken: %s", news)
