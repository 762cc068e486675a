"""A private desktop without a screen: Xvfb and openbox, real windows, real key events.

The demonstration, the benchmarks and the tests run on it. It touches neither the person's
desktop nor their files, and works for root and for ordinary users.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from describer_daemon import processes, x11
from describer_daemon.capture import x11_images
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError, Rectangle
from describer_daemon.hotkeys.names import parse_hotkey
from describer_daemon.hotkeys.x11_keyboard import Keyboard

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")

_START_SECONDS = 20.0
_POLITE_SECONDS = 3.0
_DRAWN_SECONDS = 10.0
_UNLIKE_SECONDS = 2.0  # for what may never look like its file
_ALIKE = 8.0  # of 255: a viewer may scale in its own way
_PACKAGES = {"Xvfb": "xvfb", "openbox": "openbox", "feh": "feh"}
_numbers = itertools.count(1)


class VirtualDisplay:
    """Use it in a `with` block: leaving it, also by an exception, ends every process.

    Without a `number` it takes the first display's that is free.
    `name` is the display's, such as ":99"; `env` is the environment for programs on it, with
    a home and a runtime folder of their own; `server` is the X server's process number; `width`
    and `height` are in pixels, `depth` in bits of a pixel.
    """

    def __init__(
        self, size: tuple[int, int] = (1280, 800), number: int | None = None, *, depth: int = 24
    ) -> None:
        self.width, self.height = size
        self._depth = depth
        self._number = number
        self.name = ""
        self.server = 0
        self.env: dict[str, str] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start_all()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a program on this display; it ends with the display at the latest."""
        return self._started(command, env=self.env)

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End a program that `start` or `show_picture` began, now."""
        processes.end(process)
        self._processes.remove(process)

    def show_picture(self, path: Path) -> tuple[subprocess.Popen[bytes], Rectangle]:
        """Show a picture file in a window of its own, focused, in front and drawn.

        Returns the viewer (see `end`) and the place of the window's contents; the picture is
        shown pixel for pixel unless it is larger than the display.
        """
        _require("feh")
        title = f"picture {next(_numbers)}"
        # The double dash: a file's name may begin with "-".
        viewer = self.start(["feh", "--scale-down", "--title", title, "--", str(path.resolve())])

        def focused() -> Rectangle | None:
            if viewer.poll() is not None:
                raise DescriberError(
                    _("The picture {name} cannot be shown.").format(name=path.name)
                )
            return x11.active_window(display) if _active_title(display) == title else None

        try:
            with self.opened() as display:
                place = _wait_for(focused, N_("The picture did not appear."))
                _wait_until_drawn(display, place, path)
                return viewer, place
        except BaseException:
            self.end(viewer)
            raise

    def press(self, combination: str, *, hold: float = 0.0) -> float:
        """Press and release a key with its modifiers, such as "alt+super+i", as a person does.

        `hold` is in seconds; the X server repeats a key held for long enough. Returns when it
        was pressed, on the clock of `time.monotonic`.
        """
        from Xlib import X
        from Xlib.ext import xtest

        hotkey = parse_hotkey(combination)
        with self.opened() as display:
            keyboard = Keyboard.read(display)
            codes = [keyboard.modifier_keycode(name) for name in sorted(hotkey.modifiers)]
            codes += keyboard.keycodes(hotkey.key)[:1]
            pressed = time.monotonic()
            try:
                for code in codes:
                    xtest.fake_input(display, X.KeyPress, code)
                display.sync()
                if hold:
                    time.sleep(hold)
            finally:
                for code in reversed(codes):
                    xtest.fake_input(display, X.KeyRelease, code)
                display.sync()
        return pressed

    def opened(self) -> contextlib.AbstractContextManager[Any]:
        """An Xlib connection to this display, as a context manager."""
        return x11.opened(self.name)

    def close(self) -> None:
        """End everything; safe to call twice."""
        # The last ones first: clients before their server.
        while self._processes:
            _end_politely(self._processes.pop())
        self._cleanup.close()

    def _start_all(self) -> None:
        _require("Xvfb")
        _require("openbox")
        home = self._cleanup.enter_context(
            tempfile.TemporaryDirectory(prefix="describer-", ignore_cleanup_errors=True)
        )
        inherited = {key: value for key, value in os.environ.items() if key not in _FOREIGN}
        runtime = Path(home, "run")
        runtime.mkdir(mode=0o700)
        self.env = {**inherited, "HOME": home, "XDG_RUNTIME_DIR": str(runtime)}
        self.name = self._start_server()
        self.env["DISPLAY"] = self.name
        with self.opened() as display:
            x11.mark_private(display)
        self.start(["openbox", "--sm-disable"])
        with self.opened() as display:
            _wait_until_managed(display)

    def _start_server(self) -> str:
        size = f"{self.width}x{self.height}x{self._depth}"
        # Xvfb finds a free number itself and writes it to descriptor 1 when it is ready.
        wanted = [] if self._number is None else [f":{self._number}"]
        command = [
            "Xvfb",
            *wanted,
            "-displayfd",
            "1",
            "-screen",
            "0",
            size,
            "-nolisten",
            "tcp",
            "-noreset",
        ]
        server = self._started(command, stdout=subprocess.PIPE, env=self.env)
        self.server = server.pid
        with processes.pipe(server.stdout) as answer:
            number = b""
            while not number.endswith(b"\n"):
                if not select.select([answer], [], [], _START_SECONDS)[0]:
                    raise DescriberError(_("The virtual display did not start."))
                part = os.read(answer.fileno(), 16)
                if not part:
                    raise DescriberError(_("The virtual display did not start."))
                number += part
        return f":{int(number)}"

    def _started(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        # Should this program be killed outright, its children still end.
        if shutil.which("setpriv"):
            command = ["setpriv", "--pdeathsig", "TERM", *command]
        process = processes.start(command, **options)
        self._processes.append(process)
        return process


# A session bus or another display of the person's must not leak into this one.
_FOREIGN = {
    "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "SWAYSOCK", "XDG_SESSION_TYPE",
    "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME",
    "DBUS_SESSION_BUS_ADDRESS", "SESSION_MANAGER",
}  # fmt: skip


def _require(tool: str) -> None:
    if shutil.which(tool) is None:
        raise DescriberError(
            _("The program {name} is missing. Please install the package {package}.").format(
                name=tool, package=_PACKAGES[tool]
            )
        )


def _end_politely(process: subprocess.Popen[bytes]) -> None:
    # Xvfb removes its lock file and socket only when asked to end.
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_POLITE_SECONDS)
    processes.end(process)


def _wait_for(look: Callable[[], T | None], failure: str) -> T:
    for result in _polled(look):
        if result is not None:
            return result
    raise DescriberError(_(failure))


def _wait_until_drawn(display: Any, place: Rectangle, path: Path) -> None:
    """A window has the focus before its picture is there: until then what was below is seen.

    What is transparent or moves may never look like its file, and is not waited for for long.
    """
    from PIL import Image, ImageChops, ImageOps, ImageStat
    from Xlib import error

    masks = x11_images.masks_of_screen(display)
    if masks is None:
        return
    try:
        with Image.open(path) as image:
            unlike = image.has_transparency_data or getattr(image, "is_animated", False)
            wanted = _small(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return  # the viewer shows what Pillow does not read

    def drawn() -> bool:
        pixels = x11_images.rgb(display, display.screen().root, place, masks)
        shown = Image.frombytes("RGB", (place.width, place.height), pixels)
        return max(ImageStat.Stat(ImageChops.difference(_small(shown), wanted)).mean) < _ALIKE

    with contextlib.suppress(error.XError):  # of a window that reaches over the edge
        for is_drawn in _polled(drawn, _UNLIKE_SECONDS if unlike else _DRAWN_SECONDS):
            if is_drawn:
                return


def _small(image: Image.Image) -> Image.Image:
    from PIL import Image

    return image.resize((16, 16), Image.Resampling.BOX)


def _polled(look: Callable[[], T | None], seconds: float = _START_SECONDS) -> Iterator[T | None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield look()
        time.sleep(0.01)


def _wait_until_managed(display: Any) -> None:
    """Wait until the window manager answers requests.

    It announces itself earlier, but a window that is shown before it has looked at those that
    were there before it is taken for one of them, and never gets the focus.
    """
    from Xlib import X
    from Xlib.protocol import event

    root, frame = display.screen().root, display.intern_atom("_NET_FRAME_EXTENTS")
    window = root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    request = event.ClientMessage(
        window=window,
        client_type=display.intern_atom("_NET_REQUEST_FRAME_EXTENTS"),
        data=(32, [0] * 5),
    )

    def answered() -> bool | None:
        # again and again: it may not have listened yet
        root.send_event(request, X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        return window.get_full_property(frame, X.AnyPropertyType) is not None or None

    _wait_for(answered, N_("The window manager did not start."))
    window.destroy()


def _active_title(display: Any) -> str:
    from Xlib import X, error

    atom = display.intern_atom("_NET_ACTIVE_WINDOW")
    active = display.screen().root.get_full_property(atom, X.AnyPropertyType)
    if active is None or not active.value or not active.value[0]:
        return ""
    try:
        window = display.create_resource_object("window", active.value[0])
        return str(window.get_wm_name() or "")
    except error.BadWindow:
        return ""
