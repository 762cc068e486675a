"""The keys, for as long as the describer runs: lost with a display, and taken when one comes."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping

from describer_daemon import x11
from describer_daemon.core import backends
from describer_daemon.core.ports import DescriberError, Hotkey, HotkeyListener, Verb
from describer_daemon.hotkeys.candidates import HOTKEYS
from describer_daemon.hotkeys.usual import Taking
from describer_daemon.service.session import DesktopFinder, has_desktop

log = logging.getLogger(__name__)

NO_DESKTOP = "There is no desktop yet. The keys will work as soon as it is there."
DESKTOP_CAME = "The desktop is there, and the keys work."
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
        self._announced = False
        self._replaced = ""  # what was said of keys that serve instead of the usual ones
        self.lost = False  # whether `check` waits for a display

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

    def listen(self, keys: Mapping[Verb, Hotkey]) -> None:
        """Listen for these; those that are not available are reported, the others used."""
        self._keys = keys
        self.stop()
        try:
            self._listen(keys)
        except Exception:  # a display that goes just now; all else must go on
            log.exception("the keys cannot be listened for")
            self._started, self.lost = False, True

    def stop(self) -> None:
        """Give the keys back."""
        if self._listener is not None:
            self._listener.stop()
        self._started = False

    def check(self) -> bool:
        """Take the keys as soon as a display comes, or comes back. → did that happen just now?"""
        if self._started and self._listener is not None and not self._listener.is_alive():
            log.warning("the hotkeys were lost; grabbing them when the display is back")
            self._started, self.lost = False, True
        if not self.lost:
            return False
        if not self._find_desktop():
            self._announce_absence()
            return False
        self.listen(self._keys)
        if not self.lost and self._announced:
            self._announced = False
            self._say(DESKTOP_CAME)
        return not self.lost

    def _listen(self, keys: Mapping[Verb, Hotkey]) -> None:
        choice = backends.choose(HOTKEYS)
        told_already, self.lost = self.lost, False
        if choice.backend is None:
            self._listener = None
            # a display that should be there may still come, and so may one that nobody named
            self.lost = not x11.unsupported_reason() or not has_desktop()
            log.warning("no hotkeys here, use describer trigger: %s", choice.skipped)
            return
        listener: HotkeyListener = choice.backend()
        self._listener = listener
        taking = Taking(keys)
        try:
            # the other keys shall work all the same when some are refused
            self._started = taking.start(
                lambda ones: listener.start(ones, self._on_verb, self._report)
            )
        except DescriberError as error:
            if not told_already:
                self._report(error)
            self.lost = told_already
            return
        if taking.refused is not None:
            self._report(taking.refused)
        if taking.replaced and taking.replaced != self._replaced:
            log.info("%s", taking.replaced)
            self._say(taking.replaced)
        self._replaced = taking.replaced

    def _find_desktop(self) -> bool:
        """Whether the display can be reached, or another one that came meanwhile, now ours."""
        if has_desktop() and backends.choose(HOTKEYS).backend is not None:
            return True
        for variables in self._desktops.look():
            before = {name: os.environ.get(name) for name in variables}
            os.environ.update(variables)
            if os.environ.get("WAYLAND_DISPLAY") or x11.is_there():
                log.info("a desktop came: %s", variables)
                return True
            for name, value in before.items():
                del os.environ[name]
                if value is not None:
                    os.environ[name] = value
        return False

    def _announce_absence(self) -> None:
        """Once, and not at a login that is only a little slow."""
        if self._announced or has_desktop() or time.monotonic() - self._missed_since < _PATIENCE:
            return
        self._announced = True
        log.warning(NO_DESKTOP)
        self._say(NO_DESKTOP)
