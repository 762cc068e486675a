"""The screen on Wayland compositors with the wlroots protocols (sway, Hyprland, river, …)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from describer_daemon import displays, processes
from describer_daemon.capture import geometry, meanwhile
from describer_daemon.capture.window_focus import InWindow, in_picture, size_of
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import Aim, DescriberError, Encoded, Picture, Rectangle, Region

_GRAB_SECONDS = 5.0
_ASK_SECONDS = 2.0
_TINY = Rectangle(0, 0, 1, 1)


class GrimScreen:
    """grim takes the picture; where it can, swaymsg gives the windows and monitors.

    Wayland keeps the pointer's place to itself: "pointer" means the focused monitor here. Nor
    do programs know where on the screen they are, so that `focus` is not asked, but where in its
    window the focused object is.
    """

    name = "grim"

    def __init__(
        self,
        region: Region,
        pointer_box: tuple[int, int] = (800, 600),
        focus: Callable[[], Rectangle | None] = lambda: None,
        told: geometry.Told | None = None,
        window_focus: Callable[[], InWindow | None] = lambda: None,
    ) -> None:
        """`told`: see `geometry.resolve`. `window_focus` is asked while a window is grabbed."""
        self._region, self._pointer_box, self._told = region, pointer_box, told
        self._window_focus = window_focus

    @classmethod
    def unavailable_reason(cls) -> str:
        if reason := displays.wayland_unavailable_reason():
            return reason
        if shutil.which("grim") is None:
            return _("the program grim is missing; install the package grim")
        try:
            probe = _grim(_TINY)
        except DescriberError as error:
            return error.spoken
        message = probe.errors.decode(errors="replace").strip()
        # No monitor need lie at 0,0: only these two mean that it can never work.
        if probe.code and ("support" in message or "connect" in message):
            return _("grim cannot see this desktop: {message}").format(message=message)
        return ""

    def grab(self) -> Picture:
        desktop = _desktop()
        area: Rectangle | None
        if desktop is not None:
            area = geometry.resolve(self._region, desktop, self._pointer_box, self._told)
        else:
            area = self._region if isinstance(self._region, Rectangle) else None
        of_window = self._region == "window" and desktop is not None and desktop.window is not None
        focus = meanwhile.asked(self._window_focus) if of_window else lambda: None
        shot = _grim(area)
        if shot.code and desktop is None and area is not None:
            whole = _grim(None)
            if not whole.code:  # so that it was the region
                geometry.tell_outside(shot.errors.decode(errors="replace").strip(), self._told)
                shot = whole
        if shot.code or not shot.output:
            raise DescriberError(
                _("I cannot take a picture of the screen."),
                detail=f"grim: {shot.errors.decode(errors='replace').strip()}",
            )
        focused = focus()
        size = size_of(shot.output) if focused else None
        return Encoded(
            shot.output, Aim(focus=in_picture(focused, size) if focused and size else None)
        )


def _grim(area: Rectangle | None) -> processes.Finished:
    # PPM costs grim no compression; "-" leaves nothing on the disk.
    command = ["grim", "-t", "ppm"]
    if area is not None:
        command += ["-g", f"{area.left},{area.top} {area.width}x{area.height}"]
    command.append("-")
    return processes.run(command, timeout=_GRAB_SECONDS, what="The screen")


def _desktop() -> geometry.Desktop | None:
    """What sway tells, None on another compositor; the focused monitor is the first."""
    outputs = _ask("get_outputs")
    tree = _ask("get_tree")
    if not isinstance(outputs, list) or not isinstance(tree, dict):
        return None
    active = [output for output in outputs if output.get("active")]
    active.sort(key=lambda output: not output.get("focused"))
    monitors = tuple(_rectangle(output["rect"]) for output in active)
    if not monitors:
        return None
    return geometry.Desktop(geometry.enclosing(monitors), monitors, window=_focused_window(tree))


def _ask(question: str) -> Any:
    if not os.environ.get("SWAYSOCK") or shutil.which("swaymsg") is None:
        return None
    try:
        answer = processes.run(
            ["swaymsg", "--raw", "--type", question], timeout=_ASK_SECONDS, what="The desktop"
        )
        return json.loads(answer.output) if answer.code == 0 else None
    except (DescriberError, ValueError):
        return None


def _focused_window(tree: Mapping[str, Any]) -> Rectangle | None:
    for node in _nodes(tree):
        if not node.get("focused") or node.get("type") not in ("con", "floating_con"):
            continue
        frame, inner = node["rect"], node.get("window_rect") or {}
        if inner.get("width") and inner.get("height"):
            return Rectangle(
                frame["x"] + inner["x"], frame["y"] + inner["y"], inner["width"], inner["height"]
            )
        return _rectangle(frame)
    return None


def _nodes(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield tree
    for node in (*tree.get("nodes", ()), *tree.get("floating_nodes", ())):
        yield from _nodes(node)


def _rectangle(box: Mapping[str, int]) -> Rectangle:
    return Rectangle(box["x"], box["y"], box["width"], box["height"])
