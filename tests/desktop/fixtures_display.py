"""Fixtures: a real X server, window manager, windows, keys and clipboard owners.

One X server serves all tests of a worker; one that breaks its display asks for `own_display`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from describer_daemon import processes, x11
from describer_daemon.capture import clipboard_owner as clipboard_owner_process
from describer_daemon.core.ports import Rectangle
from describer_daemon.service import session
from describer_daemon.virtual.display import VirtualDisplay

PATIENCE = 20.0  # seconds; a busy machine is slow, and only a failure waits so long

_SESSION = (
    "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "SWAYSOCK", "XDG_SESSION_TYPE",
    "XDG_CURRENT_DESKTOP", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
    "XDG_DATA_HOME", "XDG_STATE_HOME",
)  # fmt: skip


def wait_until(condition: Callable[[], object], what: str = "it did not happen") -> None:
    """Return as soon as `condition()` is true; fail when it never is."""
    latest = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < latest, what
        time.sleep(0.01)


def alone_at_home(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Make this the home, with a runtime folder in it, and leave no desktop at all."""
    home.joinpath("run").mkdir(mode=0o700)
    for name in _SESSION:
        patch.delenv(name, raising=False)
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_RUNTIME_DIR", str(home / "run"))


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home and a runtime folder of the test's own, and no desktop at all."""
    # Not tmp_path: a socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="dsc-", ignore_cleanup_errors=True) as folder:
        alone_at_home(monkeypatch, Path(folder))
        yield Path(folder)


_numbers = itertools.count(1000 + 50 * (os.getpid() % 1000))


def own_number() -> int:
    """A number for a display that ends or comes back: no other worker takes it meanwhile."""
    return next(_numbers)


@pytest.fixture(scope="session")
def shared_display() -> Iterator[VirtualDisplay]:
    with VirtualDisplay((1280, 800)) as display:
        yield display


@pytest.fixture
def xserver(
    shared_display: VirtualDisplay, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[VirtualDisplay]:
    """The X server, with DISPLAY set; no key may be left down."""
    monkeypatch.setenv("DISPLAY", shared_display.name)
    yield shared_display
    assert not keys_down(shared_display)


@pytest.fixture
def alone(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the sockets of this test's X servers, which no other one uses."""
    folder = sandbox / "X11"
    folder.mkdir()
    monkeypatch.setattr(session, "_X_SOCKETS", folder)
    return folder


def socket_of(display: VirtualDisplay, folder: Path) -> None:
    """Show the daemon a server that is no private one, as if it had begun just now."""
    with display.opened() as connection:
        root = connection.screen().root
        root.delete_property(connection.intern_atom(x11._PRIVATE))
        connection.sync()
    name = f"X{display.name[1:]}"
    os.link(Path("/tmp/.X11-unix", name), folder / name)  # noqa: S108 - where X has them


@pytest.fixture
def own_display(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualDisplay]:
    """An X server for one test, which may change or kill it."""
    with VirtualDisplay((1280, 800), own_number()) as display:
        monkeypatch.setenv("DISPLAY", display.name)
        yield display


def keys_down(display: VirtualDisplay) -> bool:
    with display.opened() as connection:
        return any(connection.query_keymap())


@pytest.fixture
def press(sandbox: Path) -> Callable[[str], None]:
    """Press a key on $DISPLAY with xdotool, as any other program's key would come."""

    def pressed(combination: str) -> None:
        *modifiers, key = combination.split("+")
        named = "+".join([*modifiers, key if len(key) == 1 else key.capitalize()])
        subprocess.run(["xdotool", "key", named], check=True, timeout=PATIENCE)

    return pressed


@pytest.fixture
def picture_window(xserver: VirtualDisplay, sandbox: Path) -> Iterator[Callable[..., Rectangle]]:
    """Show a PIL image in a window of its own, and return its place."""
    viewers: list[subprocess.Popen[bytes]] = []

    def show(image: Image.Image) -> Rectangle:
        path = sandbox / f"picture{len(viewers)}.png"
        image.save(path)
        viewer, place = xserver.show_picture(path)
        viewers.append(viewer)
        return place

    yield show
    for viewer in viewers:
        xserver.end(viewer)
    # The window manager hears of it a little later.
    wait_until(lambda: _no_active_window(xserver), "the window did not close")


def _no_active_window(display: VirtualDisplay) -> bool:
    from describer_daemon import x11

    with display.opened() as connection:
        return x11.active_window(connection) is None


Owner = subprocess.Popen[bytes]


@pytest.fixture
def clip_data(sandbox: Path) -> Iterator[Callable[[str, bytes], Owner]]:
    """Own the clipboard of $DISPLAY with one type and its bytes; the owner is real xclip."""
    owners: list[Owner] = []

    def own(kind: str, data: bytes) -> Owner:
        path = sandbox / f"clip{len(owners)}"
        path.write_bytes(data)
        before = clipboard_owner()
        # -quiet keeps it in the foreground, so that it is ended by its own number.
        command = ["xclip", "-quiet", "-selection", "clipboard", "-t", kind, "-i", str(path)]
        owners.append(processes.start(command))
        wait_until(lambda: clipboard_owner() not in (0, before), "xclip did not own it")
        return owners[-1]

    yield own
    for owner in owners:
        processes.end(owner)


@pytest.fixture
def clip_types(sandbox: Path) -> Iterator[Callable[[dict[str, bytes]], Owner]]:
    """Own the clipboard of $DISPLAY with several types at once."""
    owners: list[Owner] = []

    def own(contents: dict[str, bytes]) -> Owner:
        command = processes.python("describer_daemon.capture.clipboard_owner")
        owner = processes.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        owners.append(owner)
        stream = processes.pipe(owner.stdin)
        stream.write(clipboard_owner_process.encode(contents))
        stream.close()
        assert processes.pipe(owner.stdout).readline() == clipboard_owner_process.READY
        return owner

    yield own
    for owner in owners:
        processes.end(owner)
        processes.pipe(owner.stdout).close()


@pytest.fixture
def clip_image(
    clip_data: Callable[[str, bytes], Owner], sandbox: Path
) -> Callable[..., tuple[Owner, bytes]]:
    """Copy a PIL image as PNG or another kind; returns the owner and the encoded bytes."""

    def copy(image: Image.Image, kind: str = "image/png") -> tuple[Owner, bytes]:
        path = sandbox / "copied"
        image.save(path, kind.removeprefix("image/").upper())
        data = path.read_bytes()
        return clip_data(kind, data), data

    return copy


def pasted(kind: str = "UTF8_STRING") -> bytes:
    """What the clipboard of the X server has in that kind; empty without it.

    Whatever copies by xclip may return before the server has heard of it.
    """
    command = ["xclip", "-selection", "clipboard", "-o", "-t", kind]
    return processes.run(command, timeout=30, what="xclip").output


@pytest.fixture
def clip_text(clip_data: Callable[[str, bytes], Owner]) -> Callable[[str], Owner]:
    """Copy text."""
    return lambda text: clip_data("UTF8_STRING", text.encode())


_GTK_OWNER = """
import sys, gi
gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GdkPixbuf, Gtk
clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
if sys.argv[1] == "text":
    clipboard.set_text(sys.argv[2], -1)
else:
    clipboard.set_image(GdkPixbuf.Pixbuf.new_from_file(sys.argv[2]))
Gtk.main()
"""


@pytest.fixture
def gtk_owner(sandbox: Path) -> Iterator[Callable[[str, str], Owner]]:
    """Own the clipboard as a GTK program does: ("text", words) or ("image", path)."""
    owners: list[Owner] = []

    def own(kind: str, value: str) -> Owner:
        before = clipboard_owner()
        command = ["/usr/bin/python3", "-c", _GTK_OWNER, kind, value]
        owners.append(processes.start(command))
        wait_until(lambda: clipboard_owner() not in (0, before), "GTK did not own it")
        return owners[-1]

    yield own
    for owner in owners:
        processes.end(owner)


def clipboard_owner() -> int:
    """The X window that owns the clipboard of $DISPLAY, 0 when it is empty."""
    from describer_daemon import x11

    with x11.opened() as display:
        owner = display.get_selection_owner(display.intern_atom("CLIPBOARD"))
        return owner if isinstance(owner, int) else int(owner.id)


@pytest.fixture
def without(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Take a program off PATH, and leave all others there."""

    def take(tool: str) -> None:
        folder = sandbox / f"without-{tool}"
        folder.mkdir()
        for place in os.environ["PATH"].split(os.pathsep):
            for program in Path(place).glob("*") if Path(place).is_dir() else ():
                if program.name != tool:
                    with contextlib.suppress(FileExistsError):
                        folder.joinpath(program.name).symlink_to(program)
        monkeypatch.setenv("PATH", str(folder))
        assert shutil.which(tool) is None

    return take
