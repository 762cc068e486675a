"""Windows for whole desktops: GTK's own, with pictures side by side, or with one to copy."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tests.desktops.keyboard import Keys, tap
from tests.desktops.session import Session, until

_numbers = itertools.count(1)
_SETTLES = 1.0  # seconds; what a desktop does with a window that has just come

_WINDOW = """
import sys
import gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gtk
window = Gtk.Window(title=sys.argv[1])
row = Gtk.Box(spacing=24, margin=24)
window.add(row)
for path in sys.argv[2:]:
    box = Gtk.EventBox(can_focus=True, valign=Gtk.Align.CENTER)
    box.add(Gtk.Image.new_from_file(path))
    row.add(box)
window.connect("notify::is-active", lambda *_: print("active", window.is_active(), flush=True))
window.connect("destroy", Gtk.main_quit)
window.show_all()
window.present()
Gtk.main()
"""

# Under Wayland only who has the focus may copy, and only because a key was pressed.
_OWNER = """
import sys
import gi
gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GdkPixbuf, Gtk
def copy(*_):
    clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
    clipboard.set_image(GdkPixbuf.Pixbuf.new_from_file(sys.argv[2]))
    print("copied", flush=True)
window = Gtk.Window(title=sys.argv[1])
window.add(Gtk.Label(label="Press a key, and a picture is copied."))
window.connect("key-press-event", copy)
window.connect("notify::is-active", lambda *_: print("active", window.is_active(), flush=True))
window.show_all()
window.present()
Gtk.main()
"""


@contextlib.contextmanager
def window(session: Session, *pictures: Image.Image) -> Iterator[str]:
    """Show them, one pixel a unit, until the end of the block; entered once it has the focus.

    Gives the window's title.
    """
    with _active(session, _WINDOW, *pictures) as (title, _):
        yield title


@contextlib.contextmanager
def copied(session: Session, keyboard: Keys, picture: Image.Image) -> Iterator[None]:
    """Have it on the clipboard until the end of the block: a GTK program copies it at a key."""
    with _active(session, _OWNER, picture) as (_, log):
        tap(keyboard, "c")
        until(lambda: "copied" in log.read_text(), "nothing was copied")
        yield


@contextlib.contextmanager
def _active(session: Session, program: str, *pictures: Image.Image) -> Iterator[tuple[str, Path]]:
    """Run a program of GTK's in the system's own Python. → its title, and what it prints."""
    title = f"picture {next(_numbers)}"
    paths = [session.home / f"{title}-{number}.png" for number in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        picture.save(path)
    process = session.start("/usr/bin/python3", "-u", "-c", program, title, *map(str, paths))
    log = session.log
    until(
        lambda: log.read_text().strip().endswith("active True"),
        lambda: f"{title} has no focus: {log.read_text()}",
    )
    time.sleep(_SETTLES)
    try:
        yield title, log
    finally:
        session.end(process)
