"""Scenes of real programs on a desktop: viewers, dialogs, terminals, wallpapers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from PIL import Image

from benchmarks.boxes import Box, remaining
from benchmarks.screens.desktop import Desktop, DesktopError, Window
from benchmarks.screens.labels import Placed
from benchmarks.screens.looks import MONOSPACED
from benchmarks.screens.words import Words

_ICONS = ("dialog-information", "dialog-warning", "dialog-error", "folder", "user-home", "computer",
          "network-workgroup", "printer", "edit-copy", "go-up", "text-x-generic")
_HEIGHT_OF_PANEL = 34


@dataclass(slots=True)
class Scene:
    """`windows` are in the order of the stack, the topmost last; `placed` is what is known of each.

    `behind` is a photograph that is the wallpaper.
    """

    desktop: Desktop
    rng: Random
    words: Words
    photographs: Iterator[Path]
    scale: float
    pictured: bool
    windows: list[tuple[Window, list[Placed]]] = field(default_factory=list)
    panel: Box | None = None
    behind: Path | None = None

    def place(self, least: float = 0.35, most: float = 0.9) -> Box:
        """Somewhere on the desktop, so much of its width and height."""
        whole = self.desktop.whole
        width = round(whole.width * self.rng.uniform(least, most))
        height = round(whole.height * self.rng.uniform(least, most))
        return Box(self.rng.randint(0, whole.width - width),
                   self.rng.randint(0, whole.height - height), width, height)

    def wallpaper(self, photographed: float) -> None:
        """A photograph behind everything with that probability, else one colour."""
        if self.rng.random() < photographed:
            self.behind = next(self.photographs)
            self.desktop.run(["feh", "--no-fehbg", "--bg-fill", str(self.behind)])
        else:
            self.desktop.paint(f"#{self.rng.randrange(1 << 24):06x}")

    def add(self, window: Window, placed: list[Placed] | None = None) -> Window:
        self.windows.append((window, placed or []))
        return window

    def finished(self) -> tuple[Image.Image, list[Placed]]:
        """The grab, of the whole screen or of the topmost window, and what is on it."""
        image = self.desktop.still()
        panels = [self.panel] if self.panel else []
        found = self._of_the_wallpaper(panels)
        for number, (_, placed) in enumerate(self.windows):
            covers = [above.frame for above, _ in self.windows[number + 1:]] + panels
            found += [Placed(each.kind, each.file, each.box, each.drawn,
                             (*each.covers, *covers)) for each in placed]
        if not self.windows or self.rng.random() < 0.5:
            return image, found
        region = self.windows[-1][0].inside.clipped(self.desktop.whole)
        return image.crop(region.edges()), [
            Placed(each.kind, each.file, each.box.moved(-region.left, -region.top), each.drawn,
                   tuple(cover.moved(-region.left, -region.top) for cover in each.covers))
            for each in self.windows[-1][1]]

    def _of_the_wallpaper(self, panels: list[Box]) -> list[Placed]:
        if self.behind is None:
            return []
        whole = self.desktop.whole
        with Image.open(self.behind) as picture:
            factor = max(whole.width / picture.width, whole.height / picture.height)
            drawn = Box(0, 0, round(picture.width * factor), round(picture.height * factor))
        name = self.behind.name
        if not self.windows:
            return [Placed("photograph", name, whole, drawn, tuple(panels))]
        frames = [window.frame for window, _ in self.windows]
        return [Placed("ignore", name, box, drawn) for box in remaining(whole, frames + panels)]


def viewer(scene: Scene) -> None:
    """An image viewer: in a window, or filling the screen."""
    if not scene.windows:
        scene.wallpaper(0.3)
    path = next(scene.photographs)
    back = scene.rng.choice(["black", "white", "checks", "#303030"])
    command = ["feh", "--auto-zoom", "--scale-down", "--image-bg", back]
    if scene.rng.random() < 0.25:
        window = scene.desktop.open([*command, "--fullscreen", str(path)])
    else:
        place = scene.place(0.3, 0.95)
        # its size from the start: feh fits a picture once, not again when it is resized
        geometry = f"{place.width}x{place.height}+{place.left}+{place.top}"
        window = scene.desktop.open([*command, "--geometry", geometry, str(path)])
    scene.add(window, [_fitted(path, window.inside)])


def windows(scene: Scene) -> None:
    """A viewer among other windows, which may lie over it."""
    terminal(scene)
    viewer(scene)
    if scene.rng.random() < 0.5:
        _xterm(scene, scene.place(0.2, 0.45))


def wallpaper(scene: Scene) -> None:
    """The bare desktop: a wallpaper with icons on it and a panel."""
    _desktop_with_icons(scene, next(scene.photographs))


def icons(scene: Scene) -> None:
    """The bare desktop in one colour, with icons and a panel."""
    _desktop_with_icons(scene, None)


def terminal(scene: Scene) -> None:
    """One terminal or two."""
    scene.wallpaper(0.25)
    for _ in range(scene.rng.choice([1, 1, 2])):
        _xterm(scene, scene.place(0.4, 0.95))


def dialog(scene: Scene) -> None:
    """A dialog of zenity's over an empty desktop or a terminal."""
    scene.wallpaper(0.25)
    if scene.rng.random() < 0.5:
        _xterm(scene, scene.place(0.5, 0.9))
    w = scene.words
    kind = scene.rng.choice([
        ["--question", "--text", w.sentence()], ["--info", "--text", w.paragraph()],
        ["--warning", "--text", w.sentence()], ["--error", "--text", w.sentence()],
        ["--entry", "--text", w.title(), "--entry-text", w.some(1, 4)], ["--calendar"],
        ["--scale", "--text", w.title()], ["--color-selection", "--show-palette"],
        ["--progress", "--text", w.title(), "--percentage", "40", "--no-cancel"],
        ["--password"], ["--file-selection", "--filename", str(scene.desktop.home) + "/"],
        ["--forms", "--text", w.title(), *(f"--add-entry={w.title(1, 2)}" for _ in range(5))],
        ["--list", "--column", w.title(1, 2), "--column", w.title(1, 2),
         *(w.title(1, 3) for _ in range(24))]])
    scene.add(scene.desktop.open(["zenity", "--title", w.title(), *kind], more=_toolkit(scene)))


def notepad(scene: Scene) -> None:
    """A text editor with text or something like a program."""
    scene.wallpaper(0.2)
    lines = [scene.words.paragraph(1, 3) if scene.rng.random() < 0.5 else
             f"{' ' * scene.rng.randint(0, 8)}{scene.words.identifier()} = {scene.words.some(0, 6)}"
             for _ in range(scene.rng.randint(5, 70))]
    file = scene.desktop.home / f"{scene.words.identifier()}.txt"
    file.write_text("\n".join(lines), encoding="utf-8")
    scene.add(scene.desktop.open(["mousepad", "--disable-server", str(file)], scene.place(0.4, 1),
                                 _toolkit(scene)))


def folder(scene: Scene) -> None:
    """A file manager showing files without pictures."""
    scene.wallpaper(0.25)
    place = scene.desktop.home / scene.words.identifier()
    _fill(scene, place, scene.rng.randint(3, 40))
    scene.add(scene.desktop.open(["pcmanfm", "--no-desktop", str(place)], scene.place(0.4, 0.9)))


def toolkit(scene: Scene) -> None:
    """A GTK window of buttons, lists and text, with or without pictures."""
    scene.wallpaper(0.2)
    home, w = scene.desktop.home, scene.words

    def widget() -> list[str]:
        kind = scene.rng.choice(["button", "button", "check", "radio", "entry", "label", "icon",
                                 "text", "list", "scale", "progress"])
        texts = {"icon": scene.rng.choice(_ICONS), "text": w.paragraph(), "list": w.paragraph()}
        return [kind, texts.get(kind, w.title(1, 3))]

    rows = [[widget() for _ in range(scene.rng.randint(1, 5))]
            for _ in range(scene.rng.randint(3, 9))]
    if scene.pictured:
        for _ in range(scene.rng.randint(1, 3)):
            side = scene.rng.randint(150, 420)
            scene.rng.choice(rows[:3]).insert(0, ["picture", f"{next(scene.photographs)}|{side}"
                f"|{side}"])
    place = scene.place(0.5, 1)
    description, places = home / "window.json", home / "places.json"
    size = [place.width // 2, place.height // 2]
    description.write_text(json.dumps({"title": w.title(), "rows": rows, "size": size}),
                           encoding="utf-8")
    program = ["/usr/bin/python3", str(Path(__file__).with_name("gtk_window.py"))]
    window = scene.desktop.open([*program, str(description), str(places)], place, _toolkit(scene))
    scene.add(window, _reported(places, window.inside))


PICTURED: dict[str, Callable[[Scene], None]] = {
    "viewer": viewer, "windows": windows, "wallpaper": wallpaper, "toolkit": toolkit,
}  # fmt: skip
WITHOUT: dict[str, Callable[[Scene], None]] = {
    "terminal": terminal, "dialog": dialog, "notepad": notepad, "folder": folder,
    "toolkit": toolkit, "icons": icons,
}  # fmt: skip


def _fitted(path: Path, inside: Box) -> Placed:
    """Where a viewer puts a picture that it fits into its window."""
    with Image.open(path) as picture:
        factor = min(inside.width / picture.width, inside.height / picture.height)
        wide, high = round(picture.width * factor), round(picture.height * factor)
    box = Box(inside.left + (inside.width - wide) // 2, inside.top + (inside.height - high) // 2,
              wide, high)
    return Placed("photograph", path.name, box, box)


def _xterm(scene: Scene, place: Box) -> None:
    """A terminal full of words, some coloured, with a prompt now and then."""
    rng, lines = scene.rng, []
    for _ in range(rng.randint(8, 70)):
        words = scene.words.some(0, 14).split()
        line = " ".join(f"\x1b[{rng.choice([0, 0, 0, 1, 4, 7, *range(31, 37)])}m{word}\x1b[0m"
                        for word in words)
        lines.append(f"{rng.choice(['', '', '$ ', '  '])}{line}")
    text = scene.desktop.home / "terminal.txt"
    text.write_text("\n".join(lines), encoding="utf-8")
    dark = rng.random() < 0.6
    colours = ["-bg", rng.choice(["black", "#1e1e2e", "#002b36", "#300a24"]), "-fg", "#dddddd"] \
        if dark else ["-bg", rng.choice(["white", "#fdf6e3"]), "-fg", "black"]
    command = ["xterm", "-fa", rng.choice(MONOSPACED).strip("'"), "-fs",
               str(round(rng.choice([9, 10, 12]) * scene.scale)), *colours, "-e", "sh", "-c",
               f"cat '{text}'; exec sleep 9999"]
    scene.add(scene.desktop.open(command, place))


def _desktop_with_icons(scene: Scene, picture: Path | None) -> None:
    desktop, rng = scene.desktop, scene.rng
    _fill(scene, desktop.home / "Desktop", rng.randint(2, 16))
    settings = desktop.home / ".config" / "pcmanfm" / "default"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "desktop-items-0.conf").write_text(
        f"[*]\nwallpaper_mode={'crop' if picture else 'color'}\nwallpaper={picture or ''}\n"
        f"desktop_bg=#{rng.randrange(1 << 24):06x}\ndesktop_fg=#ffffff\ndesktop_shadow=#000000\n"
        "show_wm_menu=0\nshow_documents=0\nshow_trash=0\nshow_mounts=0\n", encoding="utf-8")
    scene.behind = picture
    desktop.open(["pcmanfm", "--desktop", "--profile", "default"])
    scene.panel = desktop.open(["tint2", "-c", str(_panel(scene))]).frame


def _panel(scene: Scene) -> Path:
    file = scene.desktop.home / "tint2rc"
    shade = f"{scene.rng.randrange(64):02x}" * 3
    file.write_text(
        f"rounded = 0\nborder_width = 0\nbackground_color = #{shade} 100\n"
        f"panel_items = LT\npanel_position = {scene.rng.choice(['bottom', 'top'])} center "
        "horizontal\n"
        f"panel_size = 100% {round(_HEIGHT_OF_PANEL * scene.scale)}\npanel_background_id = 1\n"
        "panel_layer = top\ntaskbar_name = 1\ntaskbar_name_font_color = #ffffff 100\n"
        "wm_menu = 1\nlauncher_icon_size = 24\n"
        "launcher_item_app = /usr/share/applications/pcmanfm.desktop\n"
        "launcher_item_app = /usr/share/applications/org.xfce.mousepad.desktop\n", encoding="utf-8")
    return file


def _fill(scene: Scene, place: Path, count: int) -> None:
    place.mkdir(exist_ok=True)
    for old in place.iterdir():
        old.rmdir() if old.is_dir() else old.unlink()
    for number in range(count):
        name = f"{scene.words.identifier()}{number}"
        ending = scene.rng.choice(["", ".txt", ".odt", ".pdf", ".mp3", ".zip", ".py", ".xls"])
        if ending:
            (place / (name + ending)).write_text("x", encoding="utf-8")
        else:
            (place / name).mkdir()


def _toolkit(scene: Scene) -> dict[str, str]:
    """GTK's scale and theme, by its variables."""
    whole = scene.scale >= 2
    return {"GDK_SCALE": "2" if whole else "1",
            "GDK_DPI_SCALE": "1" if whole else str(scene.scale),
            "GTK_THEME": scene.rng.choice(["Adwaita", "Adwaita", "Adwaita:dark", "HighContrast"])}


def _reported(places: Path, inside: Box) -> list[Placed]:
    """What a GTK window says about its pictures, once it has its final size."""
    places.unlink(missing_ok=True)
    latest = time.monotonic() + 30
    while not places.exists():
        if time.monotonic() > latest:
            raise DesktopError("The GTK window did not say where its pictures are.")
        time.sleep(0.03)
    found = []
    for path, x, y, width, height in json.loads(places.read_text(encoding="utf-8")):
        drawn = Box(inside.left + x, inside.top + y, width, height)
        found.append(Placed("photograph", Path(path).name, drawn.clipped(inside), drawn))
    return found
