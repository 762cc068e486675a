"""The private desktop: for root and for others, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageColor

from describer_daemon.capture import x11_images
from describer_daemon.core.ports import DescriberError
from describer_daemon.virtual import display as virtual_display
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_display import PATIENCE, wait_until

REPOSITORY = Path(__file__).parents[2]
SCRIPT = """
import sys, time
from describer_daemon.virtual.display import VirtualDisplay
with VirtualDisplay((640, 480)) as display:
    display.press("ctrl+alt+d")
    print(display.server, flush=True)
    if len(sys.argv) > 1:
        time.sleep(100)
"""
# It has the focus long before it draws.
SLOW_VIEWER = """
import sys, time
from Xlib import X, display
connection = display.Display()
screen = connection.screen()
window = screen.root.create_window(0, 0, 300, 200, 0, screen.root_depth, background_pixel=255)
window.set_wm_name(sys.argv[sys.argv.index("--title") + 1])
window.map()
connection.sync()
time.sleep(1)
window.change_attributes(background_pixel=255 << 16)
window.clear_area()
connection.sync()
time.sleep(100)
"""


def gone(process: int) -> bool:
    try:
        return "Z" in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_two_displays_have_their_own_numbers(sandbox: Path) -> None:
    with VirtualDisplay((320, 200)) as one, VirtualDisplay((400, 300)) as other:
        assert one.name != other.name
        with other.opened() as connection:
            assert connection.screen().width_in_pixels == 400
        servers = one.server, other.server
        home = Path(one.env["HOME"])
    assert all(gone(server) for server in servers)
    assert not home.exists()
    assert not Path(f"/tmp/.X11-unix/X{one.name[1:]}").exists()  # noqa: S108


def test_an_exception_ends_it_too(sandbox: Path) -> None:
    display = VirtualDisplay((320, 200))
    with pytest.raises(KeyboardInterrupt), display:
        raise KeyboardInterrupt
    assert gone(display.server)
    display.close()


def test_a_picture_that_is_none(xserver: VirtualDisplay, sandbox: Path) -> None:
    path = sandbox / "broken.png"
    path.write_bytes(b"no picture")
    with pytest.raises(DescriberError, match=r"The picture broken\.png cannot be shown"):
        xserver.show_picture(path)


def test_a_large_picture_is_shown_smaller(xserver: VirtualDisplay, sandbox: Path) -> None:
    path = sandbox / "-large.png"
    Image.new("RGB", (3000, 1000)).save(path)
    viewer, place = xserver.show_picture(path)
    assert place.width <= xserver.width
    assert place.height <= xserver.height
    xserver.end(viewer)


def test_a_picture_is_shown_when_it_is_drawn(xserver: VirtualDisplay, sandbox: Path) -> None:
    viewers = []
    for colour in ("red", "blue", "lime", "white") * 2:  # each over the one before
        path = sandbox / f"{colour}.png"
        Image.new("RGB", (300, 200), colour).save(path)
        viewer, place = xserver.show_picture(path)
        with xserver.opened() as display:
            masks = x11_images.masks_of_screen(display)
            assert masks is not None
            pixels = x11_images.rgb(display, display.screen().root, place, masks)
        assert Image.frombytes("RGB", (place.width, place.height), pixels).getpixel(
            (150, 100)
        ) == ImageColor.getrgb(colour)
        viewers.append(viewer)
    for viewer in viewers:
        xserver.end(viewer)


def test_what_is_shown_at_once_has_the_focus(sandbox: Path) -> None:
    path = sandbox / "red.png"
    Image.new("RGB", (300, 200), "red").save(path)
    for _ in range(12):  # a window manager that still starts gives it to none: one time in seven
        with VirtualDisplay((640, 480)) as display:
            display.show_picture(path)


def test_a_slow_viewer_is_waited_for(
    xserver: VirtualDisplay, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = sandbox / "bin" / "feh"
    viewer.parent.mkdir()
    viewer.write_text(f"#!{sys.executable}\n{SLOW_VIEWER}")
    viewer.chmod(0o755)
    monkeypatch.setitem(xserver.env, "PATH", f"{viewer.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PATH", xserver.env["PATH"])
    monkeypatch.setattr(virtual_display, "_UNLIKE_SECONDS", 0.1)
    path = sandbox / "red.png"
    Image.new("RGB", (300, 200), "red").save(path)
    process, place = xserver.show_picture(path)
    with xserver.opened() as connection:
        masks = x11_images.masks_of_screen(connection)
        assert masks is not None
        pixels = x11_images.rgb(connection, connection.screen().root, place, masks)
    assert pixels == bytes([255, 0, 0]) * 300 * 200
    xserver.end(process)


def test_without_xvfb(sandbox: Path, without: Callable[[str], None]) -> None:
    without("Xvfb")
    with pytest.raises(DescriberError, match="install the package xvfb"), VirtualDisplay():
        pass


@pytest.mark.parametrize(
    "shown",
    [("RGB", (1280, 800), "red"), ("RGB", (900, 2500), "red"), ("RGBA", (300, 200), (0, 0, 0, 0))],
)
def test_any_picture_is_shown(
    xserver: VirtualDisplay, sandbox: Path, shown: tuple[str, tuple[int, int], str]
) -> None:
    path = sandbox / "shown.png"
    Image.new(*shown).save(path)
    viewer, place = xserver.show_picture(path)
    assert place.width > 100
    xserver.end(viewer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_program_that_is_ended_takes_its_display_along(
    sandbox: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "wait"],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(sandbox)},  # nobody is left to tidy up
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as program:
        assert program.stdout is not None
        server = int(program.stdout.readline())
        assert not gone(server)
        program.send_signal(number)
        program.wait(PATIENCE)
        wait_until(lambda: gone(server))


def test_an_ordinary_user(sandbox: Path) -> None:
    if os.getuid() == 0:
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        sandbox.chmod(0o755)
    else:
        nobody = []
    # The checkout may be closed to others: the user gets the package through a copy.
    subprocess.run(
        ["cp", "-r", str(REPOSITORY / "describer_daemon"), str(sandbox)], check=True, timeout=20
    )
    finished = subprocess.run(
        [*nobody, sys.executable, "-c", SCRIPT],
        cwd=sandbox,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert gone(int(finished.stdout))
