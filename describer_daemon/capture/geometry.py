"""Which rectangle of the desktop a region means. Pure arithmetic in physical pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import Aim, DescriberError, Rectangle, Region

Point = tuple[int, int]
Told = Callable[[DescriberError], None]

_LEAST = 16  # pixels a side of a window that anybody could look at


@dataclass(frozen=True, slots=True)
class Desktop:
    """What is known at the moment of the grab; `bounds` encloses every monitor.

    `pointer` or `window` is None where the desktop does not tell or there is none.
    """

    bounds: Rectangle
    monitors: tuple[Rectangle, ...]
    pointer: Point | None = None
    window: Rectangle | None = None


def clip(area: Rectangle, bounds: Rectangle) -> Rectangle | None:
    """The part of `area` inside `bounds`; None when there is none."""
    left, top = max(area.left, bounds.left), max(area.top, bounds.top)
    right = min(area.left + area.width, bounds.left + bounds.width)
    bottom = min(area.top + area.height, bounds.top + bounds.height)
    if left >= right or top >= bottom:
        return None
    return Rectangle(left, top, right - left, bottom - top)


def enclosing(areas: Sequence[Rectangle]) -> Rectangle:
    """The smallest rectangle around all of `areas`, of which there is at least one."""
    left, top = min(a.left for a in areas), min(a.top for a in areas)
    right = max(a.left + a.width for a in areas)
    bottom = max(a.top + a.height for a in areas)
    return Rectangle(left, top, right - left, bottom - top)


def monitor_at(monitors: Sequence[Rectangle], point: Point) -> Rectangle:
    """The monitor under `point`, or the nearest one; monitors may leave gaps."""
    return min(monitors, key=lambda monitor: distance(monitor, point))


def box_around(point: Point, size: tuple[int, int], bounds: Rectangle) -> Rectangle:
    """A box of (width, height) with `point` in its middle, clipped to `bounds`."""
    # A pointer in a gap between monitors still has a nearest place on one.
    x = min(max(point[0], bounds.left), bounds.left + bounds.width - 1)
    y = min(max(point[1], bounds.top), bounds.top + bounds.height - 1)
    width, height = max(1, size[0]), max(1, size[1])
    box = Rectangle(x - width // 2, y - height // 2, width, height)
    return clip(box, bounds) or bounds


def resolve(
    region: Region, desktop: Desktop, pointer_box: tuple[int, int], told: Told | None = None
) -> Rectangle:
    """The rectangle to take, never empty and always inside `desktop.bounds`.

    A fixed one that lies wholly outside the desktop, as on a monitor that was taken away, is
    `told`, and the window is taken. Raises DescriberError for it when nobody is told.
    """
    if isinstance(region, Rectangle):
        inside = clip(region, desktop.bounds)
        if inside is not None:
            return inside
        region = tell_outside(f"{region} is outside {desktop.bounds}", told)
    monitors = desktop.monitors or (desktop.bounds,)
    monitor = monitor_at(monitors, desktop.pointer) if desktop.pointer else monitors[0]
    if region == "window" and desktop.window is not None:
        seen = clip(desktop.window, desktop.bounds)
        # programs have windows that nobody sees, of one pixel, which may come to be the active one
        return seen if seen is not None and min(seen.width, seen.height) >= _LEAST else monitor
    if region == "pointer" and desktop.pointer is not None:
        return box_around(desktop.pointer, pointer_box, monitor)
    return monitor


def tell_outside(detail: str, told: Told | None) -> Region:
    """→ the region that serves instead of one outside. Raises DescriberError: see `resolve`."""
    if told is None:
        raise DescriberError(
            _("The region lies outside the screen. Change it in the settings."), detail=detail
        )
    told(
        DescriberError(
            _(
                "The region lies outside the screen, so I look at the window. "
                "Change it in the settings."
            ),
            detail=detail,
        )
    )
    return "window"


def aim(area: Rectangle, pointer: Point | None, focus: Rectangle | None) -> Aim:
    """What lies in `area`, in pixels from its corner; a pointer elsewhere says nothing of it."""
    inside = pointer is not None and distance(area, pointer) == 0
    return Aim(
        (pointer[0] - area.left, pointer[1] - area.top) if pointer and inside else None,
        Rectangle(focus.left - area.left, focus.top - area.top, focus.width, focus.height)
        if focus and clip(focus, area)
        else None,
    )


def distance(area: Rectangle, point: Point) -> int:
    """The square of how far `point` is from the nearest pixel of `area`, 0 inside."""
    dx = max(area.left - point[0], 0, point[0] - (area.left + area.width - 1))
    dy = max(area.top - point[1], 0, point[1] - (area.top + area.height - 1))
    return dx * dx + dy * dy


def shared(one: Rectangle, other: Rectangle) -> int:
    """How many pixels lie in both."""
    both = clip(one, other)
    return both.width * both.height if both else 0
