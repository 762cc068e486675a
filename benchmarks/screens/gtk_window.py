"""A GTK window from a description; run by the system's Python, which has PyGObject.

    python3 gtk_window.py DESCRIPTION.json PLACES.json

Writes the places of its pictures, in pixels from the window's corner, once they are drawn.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import GLib, Gtk

    description = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    window = Gtk.Window(title=description["title"])
    window.set_default_size(*description["size"])
    pictures: list[tuple[str, Any]] = []
    rows = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8, border_width=10)
    for row in description["rows"]:
        line = Gtk.Box(spacing=8)
        for kind, text in row:
            made = _widget(Gtk, kind, text, pictures)
            line.pack_start(made, kind in ("entry", "text", "list"), True, 0)
        rows.pack_start(line, False, True, 0)
    scrolled = Gtk.ScrolledWindow()
    scrolled.add(rows)
    window.add(scrolled)
    window.show_all()

    def report() -> bool:
        places = []
        factor = window.get_scale_factor()
        for path, widget in pictures:
            x, y = widget.translate_coordinates(window, 0, 0)
            size = widget.get_allocation()
            places.append([path, x * factor, y * factor, size.width * factor, size.height * factor])
        part = Path(sys.argv[2] + ".part")
        part.write_text(json.dumps(places), encoding="utf-8")
        part.rename(sys.argv[2])
        return True  # the window may be resized yet

    GLib.timeout_add(50, report)
    Gtk.main()


def _widget(gtk: Any, kind: str, text: str, pictures: list[tuple[str, Any]]) -> Any:
    from gi.repository import GdkPixbuf

    if kind == "picture":
        path, wide, high = text.rsplit("|", 2)
        pixels = GdkPixbuf.Pixbuf.new_from_file_at_scale(path, int(wide), int(high), True)
        made = gtk.Image.new_from_pixbuf(pixels)
        made.set_halign(gtk.Align.START)
        made.set_valign(gtk.Align.START)
        pictures.append((path, made))
        return made
    if kind == "text":
        view = gtk.TextView(wrap_mode=gtk.WrapMode.WORD, can_focus=False)  # nor scrolled to
        view.get_buffer().set_text(text)
        return view
    if kind == "list":
        box = gtk.ListBox()
        for line in text.split(". "):
            box.add(gtk.Label(label=line, xalign=0))
        return box
    if kind == "icon":
        return gtk.Image.new_from_icon_name(text, gtk.IconSize.DIALOG)
    if kind == "progress":
        return gtk.ProgressBar(fraction=0.4, text=text, show_text=True)
    if kind == "scale":
        made = gtk.Scale.new_with_range(gtk.Orientation.HORIZONTAL, 0, 10, 1)
        made.set_size_request(200, -1)
        return made
    if kind == "label":
        return gtk.Label(label=text, wrap=True, xalign=0)
    return {"button": gtk.Button, "check": gtk.CheckButton, "radio": gtk.RadioButton}[kind](
        label=text) if kind != "entry" else gtk.Entry(text=text)


if __name__ == "__main__":
    main()
