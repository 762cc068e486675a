"""The keys, for as long as the describer runs: lost with a display, and taken when one comes."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping

from describer_daemon import displays, x11
from describer_daemon.core import backends
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError, Hotkey, HotkeyListener, Verb
from describer_daemon.hotkeys.candidates import HOTKEYS
from describer_daemon.hotkeys.portal_bus import PORTAL
from describer_daemon.hotkeys.usual import Taking
from describer_daemon.service.bus_watch import BusWatch
from describer_daemon.service.session import DesktopFinder

log = logging.getLogger(__name__)

NO_DESKTOP = N_("There is no desktop yet. The keys will work as soon as it is there.")
DESKTOP_CAME = N_("The desktop is there, and the keys work.")
KEYS_CAME = N_("The desktop gives me the keys now, and they work.")
_REFUSED = N_("I cannot listen for keys here. The log says more.")
_GONE = N_("The desktop is gone, and the keys with it. They will work as soon as it is back.")
_NONE_NOW = N_("The desktop does not give me all keys just now.")
_PATIENCE = 5.0  # seconds without a desktop until the person is told


class Listening:
    """The listener in use, if any. Not safe for threads: whoever calls holds a lock."""

    def __init__(
        self,
        on_verb: Callable[[Verb], None],
        report: Callable[[DescriberError], None],
        say: Callable[[str], None],
    ) -> None:
        """`report` is told of keys that cannot be had, `say` speaks of a desktop that is late."""
        self._on_verb, self._report, self._say = on_verb, report, say
        self._listener: HotkeyListener | None = None
        self._keys: Mapping[Verb, Hotkey] = {}
        self._started = False
        self._desktops = DesktopFinder()
        self._missed_since = time.monotonic()
        self._had_desktop = False
        self._announced = False
        self._portal_came = threading.Event()
        self._portals = BusWatch((PORTAL,), self._portal_came.set, "portal")
        self._replaced = ""  # what was said of keys that serve instead of the usual ones
        self.lost = False  # whether `check` waits for a display
        self._problem = ""  # the last that was found or told of the keys

    @property
    def name(self) -> str:
        """The back-end's, or "none"."""
        return str(getattr(self._listener, "name", "none"))

    def is_alive(self) -> bool:
        """Whether there are keys that are listened for now."""
        return self._started and self._listener is not None and self._listener.is_alive()

    def held(self) -> Mapping[Verb, str]:
        """The keys that are really held, as people read them."""
        return self._listener.held() if self._listener is not None and self._started else {}

    @property
    def problem(self) -> str:
        """Why not all keys that are wanted are held, with the cure; "" when they are."""
        if self._keys.keys() <= self.held().keys():
            return ""
        return self._problem or _(_NONE_NOW)

    @property
    def is_possible(self) -> bool:
        """Whether there is anybody here who gives keys, though perhaps not these."""
        return self._listener is not None

    def listen(self, keys: Mapping[Verb, Hotkey]) -> None:
        """Listen for these; those that are not available are reported, the others used."""
        self._keys = keys
        self._give_back()
        try:
            self._listen(keys)
        except Exception:  # a display that goes just now; all else must go on
            log.exception("the keys cannot be listened for")
            self._started, self.lost = False, True
            self._problem = _(_REFUSED)
        self._had_desktop |= not self.lost
        if not self._started and displays.on_wayland():
            self._portals.start()  # one may come that gives keys

    def stop(self) -> None:
        """Give the keys back, for good."""
        self._portals.stop()
        self._give_back()

    def _give_back(self) -> None:
        if self._listener is not None:
            self._listener.stop()
        self._started = False

    def check(self) -> bool:
        """Take the keys as soon as a display comes, or comes back. → did that happen just now?"""
        if self._started and self._listener is not None and not self._listener.is_alive():
            log.warning("the hotkeys were lost; grabbing them when the display is back")
            self._started, self.lost, self._problem = False, True, _(_GONE)
        if not self.lost:
            self._ask_the_portal()
            return False
        if not self._find_desktop():
            self._announce_absence()
            return False
        self.listen(self._keys)
        if not self.lost and self._announced:
            self._announced = False
            if self.is_alive():
                self._say(_(DESKTOP_CAME))
        return not self.lost

    def _ask_the_portal(self) -> None:
        """Take the keys from a portal that has come since none were to be had."""
        if not self._portal_came.is_set():
            return
        self._portal_came.clear()
        if self._started or not displays.on_wayland():
            return  # who holds keys sees to it itself
        if backends.choose(HOTKEYS).backend is None:
            return
        self.listen(self._keys)
        if self.is_alive() and self.held():
            self._say(_(KEYS_CAME))

    def _listen(self, keys: Mapping[Verb, Hotkey]) -> None:
        choice = backends.choose(HOTKEYS)
        told_already, self.lost = self.lost, False
        self._problem = ""
        if choice.backend is None:
            self._listener = None
            # a display that should be there may still come, and so may one that nobody named
            self.lost = not x11.unsupported_reason() or not displays.answers()
            self._problem = why_none() if displays.answers() else _(NO_DESKTOP)
            log.warning("no hotkeys here, use describer trigger: %s", choice.skipped)
            return
        listener: HotkeyListener = choice.backend()
        self._listener = listener
        taking = Taking(keys)
        try:
            # the other keys shall work all the same when some are refused
            self._started = taking.start(
                lambda ones: listener.start(ones, self._on_verb, self._tell)
            )
        except DescriberError as error:
            self._problem = error.spoken
            if not told_already:
                self._report(error)
            self.lost = told_already
            return
        if taking.refused is not None:
            self._tell(taking.refused)
        if taking.replaced and taking.replaced != self._replaced:
            log.info("%s", taking.replaced)
            self._say(taking.replaced)
        self._replaced = taking.replaced

    def _tell(self, error: DescriberError) -> None:
        self._problem = error.spoken
        self._report(error)

    def _find_desktop(self) -> bool:
        """Whether the display can be reached, or another one that came meanwhile, now ours."""
        if displays.answers() and backends.choose(HOTKEYS).backend is not None:
            return True
        # where a desktop was there, or is named and late, another one is no substitute for it
        waits = displays.are_named() and time.monotonic() - self._missed_since < _PATIENCE
        for variables in self._desktops.look(guess=not self._had_desktop and not waits):
            before = {name: os.environ.get(name) for name in variables}
            os.environ.update(variables)
            if displays.on_wayland() or x11.is_there():
                log.info("a desktop came: %s", variables)
                return True
            for name, value in before.items():
                del os.environ[name]
                if value is not None:
                    os.environ[name] = value
        return False

    def _announce_absence(self) -> None:
        """Once, and not at a login that is only a little slow."""
        late = time.monotonic() - self._missed_since >= _PATIENCE
        if self._announced or self._had_desktop or not late or not self.problem:
            return
        self._announced = True
        log.warning("%s", self.problem)
        self._say(self.problem)


def why_none() -> str:
    """Why nobody gives keys on this desktop, with the cure: the reason that holds for it."""
    meant = "portal" if displays.on_wayland() else "x11"
    meant = "pynput" if sys.platform in ("win32", "darwin") else meant
    reason = backends.why_not(HOTKEYS, meant) or _("nobody gives them")
    # Translators: {reason} is half a sentence, such as "nobody gives them"
    return _("I have no keys here: {reason}.").format(reason=reason)
