"""Keys while another program has the keyboard, as for as long as one of its menus is open.

A passive grab does not come to pass then: the key would be lost without a sound. But X tells
whoever watches the focused window that its keyboard was taken (FocusOut with NotifyGrab), and
sends raw key events to whoever asks in spite of the grab (XInput 2.1 and later). They are asked
for until the keyboard is given back and no longer: who types in peace wakes nobody here, and
what is typed does not pass through this process. See ADR 0034.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from typing import Any

from describer_daemon.hotkeys.x11_keyboard import Keyboard

log = logging.getLogger(__name__)

# The head of an XIRawEvent behind the generic event's: device, time, detail, source.
_RAW = struct.Struct("<HIIH")
_GENERIC_EVENT = 35
_MASTERS = 1  # XIAllMasterDevices: each key once, whichever keyboard it is on


class GrabbedKeyboard:
    """The raw key events of one Display, asked for only while another program has the keyboard."""

    def __init__(self, display: Any, keyboard: Keyboard) -> None:
        """Watch from now on; without XInput 2.1 nothing is ever heard here."""
        self._display = display
        self._root = display.screen().root
        self.keyboard = keyboard
        self._watched = 0  # the window whose focus is watched
        self._raw = False
        self._down: set[int] = set()
        self._active_window = display.intern_atom("_NET_ACTIVE_WINDOW")
        self._extension = _extension(display)
        if self._extension:
            from Xlib import X

            self._root.change_attributes(event_mask=X.PropertyChangeMask | X.FocusChangeMask)
            self._watch_focus()

    def notice(self, event: Any) -> None:
        """Take note of an event that tells where the keyboard is; others are passed over."""
        from Xlib import X

        if not self._extension:
            return
        if event.type in (X.FocusIn, X.FocusOut):
            if event.mode == X.NotifyGrab:
                self._ask_for_raw(True)
            elif event.mode == X.NotifyUngrab:
                self._ask_for_raw(False)
            else:
                self._watch_focus()
        elif event.type == X.PropertyNotify and event.atom == self._active_window:
            self._watch_focus()

    def pressed(self, event: Any) -> tuple[int, int, int] | None:
        """(keycode, state, time) of a raw key that went down just now, None for all else.

        The state has the modifiers' bits as they were at that moment, as far as they are known.
        """
        from Xlib.ext import xinput

        if event.type != _GENERIC_EVENT or event.extension != self._extension:
            return None
        _, time, code, _ = _RAW.unpack_from(event.data)
        if event.evtype == xinput.RawKeyRelease:
            self._down.discard(code)
            return None
        if event.evtype != xinput.RawKeyPress or code in self._down or not self._raw:
            return None
        state = self.keyboard.state(self._down)
        self._down.add(code)
        return code, state, time

    def state(self) -> int:
        """The modifiers' bits now, with those that are latched. A request, with its reply."""
        return int(self._root.query_pointer().mask)

    def is_locked(self) -> bool:
        """Whether a window that no window manager owns covers a whole monitor.

        So do those of programs that lock the screen, which have the keyboard, too: whoever
        presses keys then may be anybody, and must not hear what is on the clipboard.
        """
        from Xlib import X, error

        whole = self._root.get_geometry()
        sizes = _monitors(self._display) or [(whole.width, whole.height)]
        for window in self._root.query_tree().children:
            try:
                shown = window.get_attributes()
                if not shown.override_redirect or shown.map_state != X.IsViewable:
                    continue
                box = window.get_geometry()
            except (error.BadWindow, error.BadDrawable):
                continue  # it closed just now
            if any(box.width >= width and box.height >= height for width, height in sizes):
                return True
        return False

    def _watch_focus(self) -> None:
        """Hear of the keyboard being taken from the window that has the focus now."""
        from Xlib import X, error

        focus = self._display.get_input_focus().focus
        window = 0 if isinstance(focus, int) else int(focus.id)
        if window in (0, self._watched, self._root.id):
            return
        ignored = error.CatchError(error.BadWindow, error.BadAccess)
        if self._watched:
            self._watch(self._watched, 0, ignored)
        self._watch(window, X.FocusChangeMask, ignored)
        self._display.sync()
        self._watched = window

    def _watch(self, window: int, mask: int, ignored: Callable[..., object]) -> None:
        resource = self._display.create_resource_object("window", window)
        resource.change_attributes(event_mask=mask, onerror=ignored)

    def _ask_for_raw(self, wanted: bool) -> None:
        from Xlib.ext import xinput

        if wanted == self._raw:
            return
        self._raw = wanted
        mask = xinput.RawKeyPressMask | xinput.RawKeyReleaseMask if wanted else 0
        xinput.select_events(self._root, [(_MASTERS, mask)])
        self._display.sync()  # python-xlib's flush alone may leave it lying
        self._down = _keys_down(self._display) if wanted else set()


def _extension(display: Any) -> int:
    """The major opcode of XInput 2.1 or later, 0 without it."""
    from Xlib.ext import xinput

    found = display.query_extension(xinput.extname)
    if found is None or not found.present:
        return 0
    # python-xlib's own query asks for 2.0, to which nothing is sent during grabs
    version = xinput.XIQueryVersion(
        display=display.display, opcode=found.major_opcode, major_version=2, minor_version=1
    )
    return (
        int(found.major_opcode) if (version.major_version, version.minor_version) >= (2, 1) else 0
    )


def _keys_down(display: Any) -> set[int]:
    return {
        8 * index + bit
        for index, byte in enumerate(display.query_keymap())
        for bit in range(8)
        if byte & 1 << bit
    }


def _monitors(display: Any) -> list[tuple[int, int]]:
    """(width, height) of each; [] where nobody can tell."""
    try:
        found = display.screen().root.xrandr_get_monitors().monitors
    except Exception:  # no RandR 1.5: python-xlib fails in many ways
        log.debug("no monitors are known")
        return []
    return [(one.width_in_pixels, one.height_in_pixels) for one in found]
