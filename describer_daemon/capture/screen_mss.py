"""The screen on X11, Windows and macOS, through mss."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from describer_daemon import x11
from describer_daemon.capture import foreground, geometry
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Picture, Pixels, Rectangle, Region


class MssScreen:
    """Each grab has an mss of its own, which may be tied to a thread."""

    name = "mss"

    def __init__(
        self,
        region: Region,
        pointer_box: tuple[int, int] = (800, 600),
        focus: Callable[[], Rectangle | None] = lambda: None,
        told: geometry.Told | None = None,
        window_focus: object = None,
    ) -> None:
        """`focus` is asked with each grab where the object is that has the keyboard.

        `told`: see `geometry.resolve`. `window_focus` is not needed here.
        """
        self._region, self._pointer_box, self._focus = region, pointer_box, focus
        self._told = told
        self._connection = x11.PersistentDisplay()

    @classmethod
    def unavailable_reason(cls) -> str:
        try:
            if sys.platform not in ("win32", "darwin") and (reason := x11.unavailable_reason()):
                return reason
            if sys.platform == "darwin" and not foreground.may_see_screen():
                return _("macOS lets it see no windows: allow Screen Recording in the settings")
            with _opened():
                return ""
        except DescriberError as error:
            return error.detail or error.spoken

    def grab(self) -> Picture:
        with _opened() as screen:
            # Only now: mss makes the process DPI-aware, and Windows counts in pixels from then.
            pointer, window = foreground.look(self._connection)
            whole, *monitors = (_rectangle(monitor) for monitor in screen.monitors)
            desktop = geometry.Desktop(whole, tuple(monitors), pointer, window)
            area = geometry.resolve(self._region, desktop, self._pointer_box, self._told)
            shot = screen.grab(
                {"left": area.left, "top": area.top, "width": area.width, "height": area.height}
            )
        aim = geometry.aim(area, pointer, self._focus())
        return Pixels(shot.width, shot.height, shot.raw, "BGRX", aim)


@contextmanager
def _opened() -> Iterator[Any]:
    if sys.platform not in ("win32", "darwin") and (reason := x11.unsupported_reason()):
        raise DescriberError(_("I cannot take a picture of the screen here."), detail=reason)
    try:
        import mss

        with mss.MSS() as screen:
            yield screen
    except ImportError as error:
        raise _failed(error) from error
    except OSError as error:  # a shared library of X is missing
        raise _failed(error) from error
    except mss.ScreenShotError as error:
        raise _failed(error) from error


def _failed(error: Exception) -> DescriberError:
    return DescriberError(
        _("I cannot take a picture of the screen. Is the describer running on your desktop?"),
        detail=f"mss: {error}",
    )


def _rectangle(monitor: Mapping[str, Any]) -> Rectangle:
    return Rectangle(monitor["left"], monitor["top"], monitor["width"], monitor["height"])
