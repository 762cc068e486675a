"""Pictures of a real X screen, pixel by pixel."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from describer_daemon import x11
from describer_daemon.capture.candidates import SCREENS
from describer_daemon.capture.screen_grim import GrimScreen
from describer_daemon.capture.screen_mss import MssScreen
from describer_daemon.capture.screen_x11 import X11Screen
from describer_daemon.core import backends
from describer_daemon.core.ports import Aim, DescriberError, Pixels, Rectangle, Region
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_display import own_number, wait_until

WHOLE = (1280, 800)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """Every pixel differs from its neighbours, so that a shift by one is seen."""
    image = Image.new("RGB", (300, 200))
    image.putdata([(x % 256, y, (x * 7 + y * 13) % 256) for y in range(200) for x in range(300)])
    return image


def grab(region: Region, pointer_box: tuple[int, int] = (800, 600)) -> Image.Image:
    pixels = MssScreen(region, pointer_box).grab()
    assert isinstance(pixels, Pixels)
    assert pixels.layout == "BGRX"
    size = (pixels.width, pixels.height)
    assert len(pixels.data) == size[0] * size[1] * 4
    return Image.frombuffer("RGB", size, bytes(pixels.data), "raw", "BGRX")


def point(display: VirtualDisplay, x: int, y: int) -> None:
    with display.opened() as connection:
        connection.screen().root.warp_pointer(x, y)
        connection.sync()
        assert x11.pointer(connection) == (x, y)


@pytest.fixture
def two_monitors(own_display: VirtualDisplay) -> VirtualDisplay:
    """A left monitor of 640x800 and a right one of 640x800."""
    for arguments in (
        ("L", "640/169x800/212+0+0", "screen"),
        ("R", "640/169x800/212+640+0", "none"),
    ):
        command = ["xrandr", "--setmonitor", *arguments]
        subprocess.run(command, check=True, env=own_display.env, timeout=20)
    return own_display


def test_the_active_window_is_exact(
    picture_window: Callable[..., Rectangle], picture: Image.Image
) -> None:
    picture_window(picture)
    wait_until(lambda: grab("window").tobytes() == picture.tobytes())


def test_the_newest_window_is_taken(
    picture_window: Callable[..., Rectangle], picture: Image.Image
) -> None:
    picture_window(picture)
    picture_window(Image.new("RGB", (120, 90), (200, 30, 30)))
    wait_until(lambda: grab("window").getcolors() == [(120 * 90, (200, 30, 30))])


def test_no_window_means_the_monitor(xserver: VirtualDisplay) -> None:
    assert grab("window").size == WHOLE


def test_a_fixed_rectangle(picture_window: Callable[..., Rectangle], picture: Image.Image) -> None:
    place = picture_window(picture)
    part = Rectangle(place.left + 10, place.top + 20, 50, 40)
    wait_until(lambda: grab(part).tobytes() == picture.crop((10, 20, 60, 60)).tobytes())


def test_a_rectangle_is_clipped_to_the_desktop(xserver: VirtualDisplay) -> None:
    assert grab(Rectangle(-100, -50, 300, 200)).size == (200, 150)
    assert grab(Rectangle(1200, 700, 300, 200)).size == (80, 100)
    assert grab(Rectangle(-10, -10, 30000, 30000)).size == WHOLE


def test_a_rectangle_outside_is_told(xserver: VirtualDisplay) -> None:
    with pytest.raises(DescriberError, match="outside the screen"):
        grab(Rectangle(1280, 0, 10, 10))


def test_a_window_that_hangs_over_the_edge(
    picture_window: Callable[..., Rectangle], xserver: VirtualDisplay, picture: Image.Image
) -> None:
    picture_window(picture)
    command = ["xdotool", "getactivewindow", "windowmove", "1180", "100"]
    subprocess.run(command, check=True, env=xserver.env, timeout=20)
    wait_until(lambda: grab("window").width < 300)
    wait_until(
        lambda: (
            grab("window").tobytes() == picture.crop((0, 0, grab("window").width, 200)).tobytes()
        )
    )


def test_one_connection_serves_all_grabs(
    xserver: VirtualDisplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    connect = x11.connect
    monkeypatch.setattr(x11, "connect", lambda name=None: opened.append(1) or connect(name))
    screen = MssScreen("pointer", (60, 40))
    for x in (100, 200, 300):
        point(xserver, x, 100)
        pixels = screen.grab()
        assert isinstance(pixels, Pixels)
        assert pixels.aim.pointer == (30, 20)
    assert len(opened) == 3 + 1  # `point` opens one each time


def test_a_display_that_went_away_and_came_back_is_grabbed(
    own_display: VirtualDisplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = MssScreen("pointer", (60, 40))
    screen.grab()
    own_display.close()
    with pytest.raises(DescriberError):
        screen.grab()
    with VirtualDisplay((640, 480)) as other:
        monkeypatch.setenv("DISPLAY", other.name)
        point(other, 320, 240)
        pixels = screen.grab()
        assert isinstance(pixels, Pixels)
        assert (pixels.width, pixels.height) == (60, 40)


def test_a_broken_connection_is_opened_again(xserver: VirtualDisplay) -> None:
    kept = x11.PersistentDisplay()
    point(xserver, 11, 22)
    assert kept.query(x11.pointer) == (11, 22)
    kept._display.display.socket.shutdown(socket.SHUT_RDWR)  # as when the server ends
    assert kept.query(x11.pointer) == (11, 22)


def test_a_connection_that_outlives_the_modules_ends_without_a_word(
    xserver: VirtualDisplay,
) -> None:
    """As when whatever holds it is in a cycle, or in the frame of an error."""
    code = (
        "import sys; from describer_daemon import x11; kept = x11.PersistentDisplay();"
        "kept.query(x11.pointer); sys.modules['builtins'].kept = kept"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, env=xserver.env, timeout=60
    )
    assert (done.stdout, done.stderr) == (b"", b"")


def test_what_is_sent_to_everyone_does_not_heap_up(xserver: VirtualDisplay) -> None:
    kept = x11.PersistentDisplay()
    kept.query(x11.pointer)
    for layout in ("de", "us"):
        subprocess.run(["setxkbmap", layout], check=True, env=xserver.env, timeout=20)
        wait_until(lambda: kept._display.pending_events() > 0)
        kept.query(x11.pointer)
        assert kept._display.pending_events() == 0


def test_the_box_around_the_pointer(xserver: VirtualDisplay) -> None:
    point(xserver, 640, 400)
    assert grab("pointer").size == (800, 600)
    assert grab("pointer", (60, 40)).size == (60, 40)
    point(xserver, 0, 0)
    assert grab("pointer", (60, 40)).size == (30, 20)


def test_the_box_shows_what_is_around_the_pointer(
    picture_window: Callable[..., Rectangle], xserver: VirtualDisplay, picture: Image.Image
) -> None:
    picture_window(picture)
    expected = picture.crop((80, 90, 120, 110)).tobytes()

    def shown() -> bool:
        with xserver.opened() as display:  # a window manager may still move it
            place = x11.active_window(display)
        assert place is not None
        point(xserver, place.left + 100, place.top + 100)
        return grab("pointer", (40, 20)).tobytes() == expected

    wait_until(shown)


def test_several_monitors(two_monitors: VirtualDisplay) -> None:
    point(two_monitors, 700, 10)
    assert grab("screen").size == (640, 800)
    assert grab("window").size == (640, 800)
    # Clipped to the right monitor on its left side.
    assert grab("pointer", (200, 100)).size == (160, 60)
    point(two_monitors, 630, 400)
    assert grab("pointer", (200, 100)).size == (110, 100)
    assert grab(Rectangle(600, 0, 80, 80)).size == (80, 80)


def test_the_right_monitor_is_the_right_one(
    two_monitors: VirtualDisplay, sandbox: object, picture: Image.Image
) -> None:
    with two_monitors.opened() as display:
        root = display.screen().root
        root.change_attributes(background_pixel=0)
        window = root.create_window(
            640, 0, 640, 800, 0, display.screen().root_depth,
            background_pixel=0x2040C0, override_redirect=True,
        )  # fmt: skip
        window.map()
        display.sync()
        point(two_monitors, 1000, 400)
        wait_until(lambda: grab("screen").getcolors() == [(640 * 800, (0x20, 0x40, 0xC0))])
        point(two_monitors, 100, 400)
        assert (0x20, 0x40, 0xC0) not in {color for _, color in grab("screen").getcolors() or ()}


def test_grabs_from_several_threads(xserver: VirtualDisplay) -> None:
    sizes: list[tuple[int, int]] = []
    threads = [threading.Thread(target=lambda: sizes.append(grab("screen").size)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sizes == [WHOLE] * 4


def test_many_grabs_leave_nothing_open(xserver: VirtualDisplay) -> None:
    descriptors = Path("/proc/self/fd")
    gc.collect()  # python-xlib's errors hold whoever met with them
    first = len(list(descriptors.iterdir()))
    for _ in range(300):  # an X server has 256 places
        MssScreen(Rectangle(0, 0, 4, 4)).grab()
    gc.collect()
    assert len(list(descriptors.iterdir())) == first


def test_no_display(sandbox: object) -> None:
    assert "no display" in MssScreen.unavailable_reason()
    with pytest.raises(DescriberError, match="cannot take a picture of the screen"):
        MssScreen("screen").grab()


def test_the_display_is_gone(own_display: VirtualDisplay) -> None:
    own_display.close()
    assert MssScreen.unavailable_reason()
    with pytest.raises(DescriberError, match="Is the describer running on your desktop"):
        MssScreen("screen").grab()


def test_grim_is_not_for_x11(xserver: VirtualDisplay) -> None:
    assert GrimScreen.unavailable_reason() == "this is not a Wayland session"
    assert MssScreen.unavailable_reason() == ""


# What is drawn, and how much a screen of that depth may round it.
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (200, 30, 90)]


@pytest.mark.parametrize(("depth", "rounding"), [(15, 5), (16, 5), (30, 1)])
def test_a_screen_of_another_depth(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch, depth: int, rounding: int
) -> None:
    with VirtualDisplay((333, 120), own_number(), depth=depth) as display:
        monkeypatch.setenv("DISPLAY", display.name)
        assert "depth" in MssScreen.unavailable_reason()
        assert backends.require(SCREENS, "see the screen") is X11Screen
        with display.opened() as connection:
            _draw_stripes(connection)
            pixels = X11Screen(Rectangle(3, 10, 47, 20)).grab()
            assert isinstance(pixels, Pixels)
            assert (pixels.width, pixels.height, pixels.layout) == (47, 20, "RGB")
            image = Image.frombytes("RGB", (47, 20), bytes(pixels.data))
            for number, colour in enumerate(COLOURS):
                seen = image.getpixel((10 * number + 1, 19))
                assert isinstance(seen, tuple)
                assert all(abs(a - b) <= rounding for a, b in zip(seen, colour, strict=True))
            point(display, 20, 30)
        whole = X11Screen("screen").grab()
        assert isinstance(whole, Pixels)
        assert (whole.width, whole.height) == (333, 120)
        assert whole.aim == Aim((20, 30), None)
        around = X11Screen("pointer", (10, 6)).grab()
        assert isinstance(around, Pixels)
        assert (around.width, around.height) == (10, 6)


def _draw_stripes(connection: Any) -> None:
    """Ten pixels of each colour beside the other, all over the screen."""
    screen = connection.screen()
    window = screen.root.create_window(0, 0, 333, 120, 0, screen.root_depth, override_redirect=True)
    window.map()
    for number, colour in enumerate(COLOURS):
        wide = (257 * part for part in colour)
        pixel = screen.default_colormap.alloc_color(*wide).pixel
        context = window.create_gc(foreground=pixel)
        window.fill_rectangle(context, 3 + 10 * number, 0, 10, 120)
    connection.sync()


def test_a_screen_of_few_colours_is_refused_in_plain_words(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VirtualDisplay((320, 200), own_number(), depth=8) as display:
        monkeypatch.setenv("DISPLAY", display.name)
        with pytest.raises(DescriberError) as caught:
            X11Screen("screen").grab()
        assert caught.value.spoken == (
            "I cannot see the screen: this display shows too few colours; "
            "set its colour depth to 24."
        )
        assert X11Screen.unavailable_reason() in caught.value.spoken
