"""The icon in the tray: never the only control, so that its absence is one line in the log."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import Verb

log = logging.getLogger(__name__)

_TITLE = "Describer"
_ENTRIES = (
    # Translators: all these are in the menu of the icon in the tray
    (Verb.SCREEN, N_("Describe the screen")),
    (Verb.CLIPBOARD, N_("Describe the clipboard")),
    (Verb.MORE, N_("Tell me more")),
    (Verb.NEXT_THING, N_("Next thing in the picture")),
    (Verb.PREVIOUS_THING, N_("Thing before")),
    (Verb.WHERE, N_("Where it is exactly")),
    (Verb.TEXT, N_("Read the text on the screen")),
    (Verb.REPEAT, N_("Repeat")),
    (Verb.PREVIOUS, N_("The description before")),
    (Verb.NEXT, N_("The description after")),
    (Verb.COPY, N_("Copy caption")),
    (Verb.STOP, N_("Stop speaking")),
    (Verb.FORGET, N_("Stop remembering")),
)
_PATIENCE = 2.0  # seconds


class Tray:
    """Shows the icon from a thread of its own; the callbacks are called there.

    macOS shows icons from the main thread only: there `start` does nothing but log, and the
    main thread may call `run` instead. A display that goes away takes a GTK process with it;
    that is GTK's will. The plain X11 back-end of pystray has no menu: a click describes the
    screen.
    """

    def __init__(
        self,
        on_verb: Callable[[Verb], None],
        on_quit: Callable[[], None],
        on_settings: Callable[[], None],
    ) -> None:
        self._on_verb = on_verb
        self._on_quit = on_quit
        self._on_settings = on_settings
        self._ended = threading.Event()
        self._icon: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Return at once; the icon follows, or a warning in the log. Never raises."""
        if sys.platform == "darwin":
            log.warning("no tray icon: macOS wants it in the main thread")
            return
        # A daemon thread: pystray waits without end for a display that is gone.
        self._thread = threading.Thread(target=self.run, name="tray", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Show the icon until `stop`; for the main thread of macOS. Never raises."""
        cause = "the display was closed"
        try:
            # Its tracebacks about a missing tray are said here in one line.
            logging.getLogger("pystray").setLevel(logging.CRITICAL)
            pystray = _import_pystray()
            self._icon = icon = pystray.Icon("describer", _draw_icon(), _TITLE, self._menu(pystray))
            if _is_plain_x11(icon):
                self._dock(icon)
            if not self._ended.is_set():
                icon.run(self._show)
        # X11, GLib, D-Bus and Pillow each have errors of their own, and none may reach the daemon.
        except Exception as error:
            cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
        if _is_plain_x11(self._icon):
            _forget(self._icon)
        if not self._ended.is_set():
            log.warning("no tray icon: %s", cause)

    def stop(self) -> None:
        """Take the icon away; returns within some seconds whatever the display does."""
        self._ended.set()
        # GTK's part may wait for an answer from a thread that is dead.
        closing = threading.Thread(target=self._close, name="tray-stop", daemon=True)
        try:
            closing.start()
        except RuntimeError:  # no thread is left; the icon goes with this process
            log.warning("the tray icon is not taken away")
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)
            if self._thread.is_alive():
                log.warning("the tray icon did not end")

    def _close(self) -> None:
        icon = self._icon
        if icon is None:
            return
        with _harmless():
            if _is_plain_x11(icon):
                # Its own stop() now and then waits for ever: python-xlib loses wake-ups when two
                # threads use a connection. The window goes with the connection.
                icon._display.display.socket.shutdown(socket.SHUT_RDWR)
            else:
                icon.visible = False
                icon.stop()

    def _dock(self, icon: Any) -> None:
        """Do on this thread what pystray does from another (see `_close`)."""
        from Xlib import X

        icon._thread = threading.current_thread()
        # pystray 0.19.5 handles clicks, but its window never asks the display for them.
        icon._window.change_attributes(
            event_mask=X.ExposureMask | X.StructureNotifyMask | X.ButtonPressMask
        )
        _dock_later(icon)
        # Left to itself it asks the tray twice, upon which trayer at times throws the icon out.
        icon._icon_valid = True
        icon.visible = True
        if icon._systray_manager is None:
            log.warning("no tray icon: this desktop has no tray")

    def _show(self, icon: Any) -> None:
        with _harmless():
            icon.visible = True
        if self._ended.is_set():  # stop() came before there was anything to stop
            self._close()

    def _menu(self, pystray: Any) -> Any:
        item = pystray.MenuItem
        verbs = [
            item(_(text), self._safely(self._on_verb, verb), default=verb is Verb.SCREEN)
            for verb, text in _ENTRIES
        ]
        return pystray.Menu(
            *verbs,
            pystray.Menu.SEPARATOR,
            item(_("Settings"), self._safely(self._on_settings)),
            item(_("Quit"), self._safely(self._on_quit)),
        )

    def _safely(self, callback: Callable[..., None], *arguments: Verb) -> Callable[[], None]:
        def clicked() -> None:
            try:
                callback(*arguments)
            except Exception:  # it would end pystray's loop
                log.exception("a click on the tray icon failed")

        return clicked


def _import_pystray() -> Any:
    """pystray chooses its back-end at import, and gives up where GTK lacks the app indicator."""
    try:
        import pystray
    except ValueError:
        os.environ["PYSTRAY_BACKEND"] = "gtk"
        try:
            import pystray
        except (ValueError, ImportError):
            os.environ["PYSTRAY_BACKEND"] = "xorg"
            import pystray
    return pystray


def _is_plain_x11(icon: Any) -> bool:
    return bool(type(icon).__module__ == "pystray._xorg")


def _dock_later(icon: Any) -> None:
    """Dock again when a tray says that it is there: at login, panels often come last."""
    from Xlib import X

    icon._display.screen().root.change_attributes(event_mask=X.StructureNotifyMask)
    manager = icon._display.intern_atom("MANAGER")
    usual = icon._message_handlers[X.ClientMessage]

    def on_message(event: Any) -> None:
        if event.client_type != manager:
            usual(event)
        elif event.data[1][1] == icon._net_system_tray_sx:
            icon._dock_window()

    icon._message_handlers[X.ClientMessage] = on_message


def _forget(icon: Any) -> None:
    """Else its __del__ asks the display, which may be gone, and waits for the answer."""
    icon._running = False
    with _harmless():
        icon._display.close()
    icon._display = types.SimpleNamespace(close=lambda: None)


def _harmless() -> contextlib.AbstractContextManager[None]:
    """What goes wrong with an icon that is going away is of no use to anybody."""
    return contextlib.suppress(Exception)


def _draw_icon() -> Any:
    """A white eye in a dark speech bubble with a white edge: seen on any panel."""
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    dark, light = (16, 16, 48, 255), (255, 255, 255, 255)
    draw.polygon([(12, 44), (36, 44), (14, 63)], fill=dark, outline=light)
    draw.rounded_rectangle((1, 3, 62, 51), radius=14, fill=dark, outline=light, width=3)
    draw.ellipse((11, 14, 52, 40), fill=light)
    draw.ellipse((23, 18, 40, 36), fill=dark)
    draw.ellipse((27, 21, 33, 27), fill=light)
    return image
