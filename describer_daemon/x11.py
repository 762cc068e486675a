"""The X server as the back-ends see it: whether there is one, its pointer, its active window."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from describer_daemon import displays
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError, Rectangle

T = TypeVar("T")

_PRIVATE = "_DESCRIBER_PRIVATE"  # a property of the root window
# Under XWayland a screen grab is silently black, and keys arrive only now and then.
_WAYLAND = N_("this is a Wayland session, where X11 programs see neither the screen nor all keys")


def unsupported_reason() -> str:
    """Why X11 cannot be used in this session, with the cure; "" when it should be usable."""
    if sys.platform in ("win32", "darwin"):
        return _("this is not an X11 desktop")
    if displays.on_wayland():
        return _(_WAYLAND)
    if not os.environ.get("DISPLAY"):
        return _("there is no display; start the describer inside a desktop session")
    return ""


def unavailable_reason() -> str:
    """Like `unsupported_reason`, but also connect, and ask whether it is XWayland."""
    if reason := unsupported_reason():
        return reason
    try:
        with opened() as display:
            return _(_WAYLAND) if is_xwayland(display) else ""
    except DescriberError as error:
        return error.spoken.rstrip(".")


def connect(name: str | None = None) -> Any:
    """An Xlib Display of the caller's own. Raises DescriberError when there is none."""
    try:
        from Xlib import display, error
    except ImportError as missing:
        raise DescriberError(
            _("The Python package python-xlib is missing. Please install it."), detail=str(missing)
        ) from missing
    with warnings.catch_warnings():
        # python-xlib forgets the sockets it tried in vain; they go with the exception, here.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            display._BaseDisplay.event_classes = _OwnEvents()
            return display.Display(name)
        except (error.DisplayError, error.ConnectionClosedError, OSError) as refused:
            reason = str(refused)
    raise DescriberError(
        _("I cannot reach the display. Start the describer inside a desktop session."),
        detail=reason,
    )


class _OwnEvents:
    """Gives each Display a table of events of its own.

    python-xlib has one for all of them, to which each adds the events of its server's extensions:
    with another server, which numbers them otherwise, it fails with a TypeError.
    """

    def __get__(self, display: Any, owner: type) -> dict[int, Any]:
        from Xlib.protocol import event

        own: dict[int, Any] = display.__dict__.setdefault("event_classes", dict(event.event_class))
        return own


def is_xwayland(display: Any) -> bool:
    """Whether this server serves a Wayland compositor, whatever the variables say.

    Since XWayland 23.1 it has an extension of that name; always its monitors are called so.
    """
    # not `has_extension`, which knows only what python-xlib has a module for
    if display.query_extension("XWAYLAND") is not None:
        return True
    if not display.has_extension("RANDR"):
        return False
    root = display.screen().root
    resources = root.xrandr_get_screen_resources()
    return any(
        display.xrandr_get_output_info(output, resources.config_timestamp).name.startswith(
            "XWAYLAND"
        )
        for output in resources.outputs
    )


def close(display: Any) -> None:
    """Close a Display, also one whose server is gone."""
    from Xlib import error

    with suppress(error.ConnectionClosedError, OSError):
        display.close()
    # python-xlib leaves the socket open when something could not be sent, and keeps the error,
    # whose frames keep everyone who called
    display.display.socket.close()
    display.display.socket_error = None


@contextmanager
def opened(name: str | None = None) -> Iterator[Any]:
    """`connect`, closed at the end."""
    display = connect(name)
    try:
        yield display
    finally:
        close(display)


class PersistentDisplay:
    """A connection that lasts, opened when first it is used, and again when it broke.

    To open one takes twenty times as long as what is asked over it, and leaves garbage.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._name: str | None = None
        self._display: Any = None

    def __del__(self) -> None:
        if not sys.is_finalizing():  # then nothing can be imported, and the socket closes anyway
            self._close()

    def query(self, question: Callable[[Any], T]) -> T:
        """Let `question` use the Display. Raises DescriberError when there is none.

        Nor is it asked of XWayland, which may have come in the place of another server.
        """
        with self._guard:
            if self._display is not None and self._name == os.environ.get("DISPLAY"):
                from Xlib import error

                # an error means that the server ended; another may be there by now
                with suppress(error.ConnectionClosedError, OSError):
                    self._discard_events()
                    return question(self._display)
            self._close()
            self._name = os.environ.get("DISPLAY")
            self._display = connect()
            if is_xwayland(self._display):
                self._close()
                raise DescriberError(_("I cannot see the screen here."), detail=_(_WAYLAND))
            return question(self._display)

    def _discard_events(self) -> None:
        """Some are sent to everyone, such as of another keyboard, and would heap up."""
        for __ in range(self._display.pending_events()):
            self._display.next_event()

    def _close(self) -> None:
        display, self._display = self._display, None
        if display is not None:
            close(display)


def is_there() -> bool:
    """Whether DISPLAY names a server that lets us in, and is neither private nor XWayland."""
    if unsupported_reason():
        return False
    try:
        with opened() as display:
            return not is_private(display) and not is_xwayland(display)
    except DescriberError:
        return False


def is_private(display: Any) -> bool:
    """Whether it is one of `virtual.display`, on which nobody waits for us."""
    return display.screen().root.get_full_property(display.intern_atom(_PRIVATE), 0) is not None


def mark_private(display: Any) -> None:
    """Have `is_private` say so from now on."""
    from Xlib import Xatom

    atom = display.intern_atom(_PRIVATE)
    display.screen().root.change_property(atom, Xatom.INTEGER, 32, [1])
    display.sync()


def pointer(display: Any) -> tuple[int, int]:
    """Where the pointer is, in pixels of the whole desktop."""
    reply = display.screen().root.query_pointer()
    return reply.root_x, reply.root_y


def active_window(display: Any) -> Rectangle | None:
    """The contents of the window that has the focus, without its frame.

    None when there is none, it vanished just now, or it is the desktop's background.
    """
    from Xlib import X, error

    root = display.screen().root
    atom = display.intern_atom
    try:
        active = root.get_full_property(atom("_NET_ACTIVE_WINDOW"), X.AnyPropertyType)
        if active is None or not active.value or not active.value[0]:
            return None
        window = display.create_resource_object("window", active.value[0])
        kind = window.get_full_property(atom("_NET_WM_WINDOW_TYPE"), X.AnyPropertyType)
        if kind is not None and atom("_NET_WM_WINDOW_TYPE_DESKTOP") in kind.value:
            return None
        size = window.get_geometry()
        # The window manager's frame is its parent: its own x and y would be within that frame.
        origin = root.translate_coords(window, 0, 0)
    except (error.BadWindow, error.BadDrawable):
        return None
    return Rectangle(origin.x, origin.y, size.width, size.height)
