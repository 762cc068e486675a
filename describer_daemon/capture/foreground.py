"""Where the pointer is and which window has the focus, on each operating system."""

from __future__ import annotations

import importlib
import sys

from describer_daemon import x11
from describer_daemon.core.ports import Rectangle

Look = tuple[tuple[int, int] | None, Rectangle | None]


def look(connection: x11.PersistentDisplay) -> Look:
    """(pointer, active window), each None when there is none; `connection` is for X11.

    In the units of mss: pixels, but points on macOS. Raises DescriberError without a display.
    """
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        return _macos()
    return connection.query(lambda display: (x11.pointer(display), x11.active_window(display)))


def may_see_screen() -> bool:
    """Whether macOS lets us see others' windows; without leave it gives the bare desktop."""
    try:
        quartz = importlib.import_module("Quartz")
    except ImportError:  # then the window cannot be known, but the screen is seen
        return True
    allowed = getattr(quartz, "CGPreflightScreenCaptureAccess", None)  # since macOS 10.15
    return allowed is None or bool(allowed())


if sys.platform == "win32":

    def _windows() -> Look:
        import ctypes
        from ctypes import wintypes

        user32 = ctypes.windll.user32
        user32.GetForegroundWindow.restype = wintypes.HWND
        position = wintypes.POINT()
        pointer = (position.x, position.y) if user32.GetCursorPos(ctypes.byref(position)) else None
        handle = user32.GetForegroundWindow()
        if not handle:
            return pointer, None
        box = wintypes.RECT()
        # DWMWA_EXTENDED_FRAME_BOUNDS: GetWindowRect would include an invisible border.
        failed = ctypes.windll.dwmapi.DwmGetWindowAttribute(
            wintypes.HWND(handle), 9, ctypes.byref(box), ctypes.sizeof(box)
        )
        if failed or box.right <= box.left or box.bottom <= box.top:
            return pointer, None
        return pointer, Rectangle(box.left, box.top, box.right - box.left, box.bottom - box.top)


if sys.platform == "darwin":

    def _macos() -> Look:
        import Quartz
        from AppKit import NSWorkspace

        position = Quartz.CGEventGetLocation(Quartz.CGEventCreate(None))
        pointer = int(position.x), int(position.y)
        application = NSWorkspace.sharedWorkspace().frontmostApplication()
        options = (
            Quartz.kCGWindowListOptionOnScreenOnly | Quartz.kCGWindowListExcludeDesktopElements
        )
        for window in Quartz.CGWindowListCopyWindowInfo(options, Quartz.kCGNullWindowID) or ():
            # Layer 0 has the ordinary windows, the foremost first.
            if (
                application is not None
                and window[Quartz.kCGWindowLayer] == 0
                and window[Quartz.kCGWindowOwnerPID] == application.processIdentifier()
            ):
                box = window[Quartz.kCGWindowBounds]
                sides = (int(box[side]) for side in ("X", "Y", "Width", "Height"))
                return pointer, Rectangle(*sides)
        return pointer, None
