"""A virtual desktop with real programs on it, and where their windows are."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from PIL import Image

from benchmarks.boxes import Box
from describer_daemon.virtual.display import VirtualDisplay

T = TypeVar("T")

_PATIENCE = 30.0  # seconds; on a busy machine
_BLANK = 4.0  # seconds
_STILL = 0.12  # seconds between two grabs that must be the same


class DesktopError(RuntimeError):
    """A program did not show its window; the message says which."""


@dataclass(frozen=True, slots=True)
class Window:
    """`inside` is the program's own area, `frame` that with its title and borders."""

    handle: Any
    inside: Box
    frame: Box


class Desktop:
    """Use it in a `with` block; leaving it ends every program that it started."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._display = VirtualDisplay(size)
        self.whole = Box(0, 0, *size)
        self.kept: set[int] = set()  # windows that `clear` leaves
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        import mss

        self._display.__enter__()
        self._settle_home(Path(self._display.env["HOME"]))
        self._connection = self._display.opened()
        self._x = self._connection.__enter__()
        self._grabber = mss.MSS(display=self._display.name)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._grabber.close()
        self._connection.__exit__(kind, error, trace)
        self._display.__exit__(kind, error, trace)

    @property
    def env(self) -> dict[str, str]:
        return self._display.env

    @property
    def home(self) -> Path:
        return Path(self.env["HOME"])

    def run(self, command: Sequence[str], more: Mapping[str, str] | None = None) -> None:
        """Run a program without a window to its end."""
        subprocess.run(list(command), env={**self.env, **(more or {})}, check=True,
                       timeout=_PATIENCE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def open(self, command: Sequence[str], place: Box | None = None,
             more: Mapping[str, str] | None = None) -> Window:
        """Start a program, wait for its window, put it (with its frame) at `place`."""
        before = self.windows()
        self.env.update(more or {})
        process = self._display.start(command)
        for name in more or {}:
            del self.env[name]
        self._processes.append(process)
        return self.appeared(before, command[0], place, process)

    def windows(self) -> list[int]:
        """The numbers of all windows that the window manager knows."""
        from Xlib import X

        atom = self._x.intern_atom("_NET_CLIENT_LIST")
        found = self._x.screen().root.get_full_property(atom, X.AnyPropertyType)
        return [int(each) for each in found.value] if found is not None else []

    def appeared(self, before: Sequence[int], name: str, place: Box | None = None,
                 process: subprocess.Popen[bytes] | None = None) -> Window:
        """Wait for a window that was not there `before`."""
        def new() -> int | None:
            if process is not None and process.poll():  # 0: it left the work to another process
                raise DesktopError(f"The program {name} ended by itself.")
            return next((each for each in self.windows() if each not in before), None)

        found = self._until(new, f"The program {name} showed no window.")
        handle = self._x.create_resource_object("window", found)
        window = self._settled(handle)
        self._painted(window)
        return self.put(handle, place) if place is not None else window

    def put(self, handle: Any, place: Box) -> Window:
        """Move and resize a window, so that its frame fills `place`."""
        handle.configure(x=place.left, y=place.top)
        window = self._settled(handle)
        handle.configure(
            width=max(50, place.width - window.frame.width + window.inside.width),
            height=max(50, place.height - window.frame.height + window.inside.height))
        return self._settled(handle)

    def lift(self, handle: Any) -> None:
        """Put a window in front of the others."""
        from Xlib import X

        handle.configure(stack_mode=X.Above)
        self._x.sync()

    def clear(self) -> None:
        """End every program that was opened, and take the wallpaper away."""
        while self._processes:
            self._display.end(self._processes.pop())
        self._until(lambda: None if set(self.windows()) - self.kept else True,
                    "A window would not go.")
        self.paint("#000000")

    def paint(self, colour: str) -> None:
        """Give the desktop one colour."""
        root = self._x.screen().root
        pixel = int(colour[1:], 16)
        root.change_attributes(background_pixel=pixel)
        root.clear_area()
        self._x.sync()

    def still(self) -> Image.Image:
        """The whole screen as soon as it stands still."""
        latest, last = time.monotonic() + _PATIENCE, self._grab()
        while time.monotonic() < latest:
            time.sleep(_STILL)
            now = self._grab()
            if now.tobytes() == last.tobytes():
                break
            last = now
        return last

    def _grab(self) -> Image.Image:
        whole = {"left": 0, "top": 0, "width": self.whole.width, "height": self.whole.height}
        shot = self._grabber.grab(whole)
        return Image.frombytes("RGB", shot.size, shot.bgra, "raw", "BGRX")

    def _painted(self, window: Window) -> None:
        """Wait until something is in a new window; one that stays of one colour is given time."""
        latest = time.monotonic() + _BLANK
        part = window.inside.clipped(self.whole).edges()
        while time.monotonic() < latest and self.still().crop(part).getcolors(1):
            pass

    def _settled(self, handle: Any) -> Window:
        self._x.sync()
        self.still()
        root = self._x.screen().root
        outer = handle
        while (parent := outer.query_tree().parent) and parent.id != root.id:
            outer = parent
        return Window(handle, self._box(root, handle), self._box(root, outer))

    @staticmethod
    def _box(root: Any, window: Any) -> Box:
        size, place = window.get_geometry(), root.translate_coords(window, 0, 0)
        return Box(place.x, place.y, size.width, size.height)

    def _until(self, look: Callable[[], T | None], failure: str) -> T:
        latest = time.monotonic() + _PATIENCE
        while time.monotonic() < latest:
            if (found := look()) is not None:
                return found
            time.sleep(0.03)
        raise DesktopError(failure)

    def _settle_home(self, home: Path) -> None:
        """Cursors that do not blink, no settings daemon."""
        gtk = home / ".config" / "gtk-3.0"
        gtk.mkdir(parents=True)
        (gtk / "settings.ini").write_text("[Settings]\ngtk-cursor-blink=0\n"
                                          "gtk-enable-animations=0\n", encoding="utf-8")
        self.env.update({"GSETTINGS_BACKEND": "memory", "NO_AT_BRIDGE": "1",
                         "DBUS_SESSION_BUS_ADDRESS": "disabled:"})
