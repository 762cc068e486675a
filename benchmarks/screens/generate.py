"""Make the planned screens; what is there already stays as it is."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image
from tqdm import tqdm

from benchmarks.boxes import Box
from benchmarks.screens import pages, scenes
from benchmarks.screens.album import Album
from benchmarks.screens.browser import Browser, View
from benchmarks.screens.desktop import Desktop
from benchmarks.screens.labels import Label, Placed, sort_out
from benchmarks.screens.plan import Wish, plan
from benchmarks.screens.words import Words
from training import identity

_ATTEMPTS = 12  # a page may be scrolled past its pictures, a window may lie over them
_MARKER = (255, 0, 255)
_NOTE = "made_of.txt"  # its JSON is no label of a screen

Attempt = Callable[[Wish, Random], tuple[Image.Image, list[Placed]]]


def generate(out: Path, count: int, seed: int, album: Album) -> None:
    """Write NAME.png and NAME.json for each screen into `out`.

    Raises ValueError when it has screens of another seed, of other photographs, or by other code.
    """
    out.mkdir(parents=True, exist_ok=True)
    _only_the_same(out, seed, album)
    wishes = [wish for wish in plan(count, seed) if not (out / f"{wish.name}.json").exists()]
    # what can share a browser or a desktop is made one after the other
    wishes.sort(key=lambda wish: (*_shares(wish), wish.number))
    with tqdm(total=len(wishes), desc="screens", unit="screen") as progress:
        for (shown_by, size, scale), group in groupby(wishes, _shares):
            with _renderer(shown_by, size, scale, album) as attempt:
                for wish in group:
                    progress.set_postfix_str(wish.family)
                    _make(out, wish, seed, attempt)
                    progress.update()


def _only_the_same(out: Path, seed: int, album: Album) -> None:
    modules = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    wanted = {
        "seed": seed,
        "photographs": identity.of_contents(album.paths),
        "code": identity.of_code(*(f"benchmarks.screens.{name}" for name in modules)),
    }
    kept = identity.read(out / _NOTE)
    if kept:
        found = identity.differences(kept, wanted)
        if found:
            raise ValueError(f"{out} holds other screens: {identity.told(found)}. "
                             "Give another folder, or delete this one.")
    elif any(out.glob("*.json")):
        identity.trust(out)
    identity.write(out / _NOTE, wanted)


def _shares(wish: Wish) -> tuple[str, tuple[int, int], float]:
    return (wish.shown_by,
            (0, 0) if wish.shown_by == "page" else wish.size,
            wish.scale if wish.shown_by == "window" else 0.0)


def _make(out: Path, wish: Wish, seed: int, attempt: Attempt) -> None:
    for turn in range(_ATTEMPTS):
        image, placed = attempt(wish, Random(f"{seed} {wish.number} {turn}"))
        pictures, ignore = sort_out(placed, Box(0, 0, *image.size), wish.scale)
        label = Label(image.size, wish.scale, wish.family, wish.shown_by, pictures, ignore)
        if bool(label.of_kind("photograph")) == wish.pictured:
            break
    else:
        raise RuntimeError(f"The screen {wish.name} would not "
                           f"{'show' if wish.pictured else 'be without'} a photograph.")
    image.save(out / f"{wish.name}.png", compress_level=1)
    label.save(out / f"{wish.name}.json")  # last: a screen without it is made again


@contextmanager
def _renderer(
    shown_by: str, size: tuple[int, int], scale: float, album: Album
) -> Iterator[Attempt]:
    if shown_by == "page":
        with Browser() as browser:
            yield lambda wish, rng: _page(browser, album, wish, rng)
    elif shown_by == "desktop":
        with Desktop(size) as desktop:
            yield lambda wish, rng: _scene(desktop, album, wish, rng)
    else:
        with Desktop(size) as desktop, Browser(desktop.env, (desktop.whole, scale)) as browser:
            window = desktop.appeared([], "chromium")
            desktop.kept = set(desktop.windows())
            yield lambda wish, rng: _window(desktop, browser, window.handle, album, wish, rng)


def _page(
    browser: Browser, album: Album, wish: Wish, rng: Random
) -> tuple[Image.Image, list[Placed]]:
    """Nothing but the page, as with a browser that fills the screen."""
    width, height = wish.size
    view = View(round(width / wish.scale), round(height / wish.scale), wish.scale)
    html = pages.page(wish.family, rng, album, pictured=wish.pictured)
    placed = browser.show(html, _scrolled(rng), view)
    return Image.open(io.BytesIO(browser.grab())).convert("RGB"), placed


def _scene(
    desktop: Desktop, album: Album, wish: Wish, rng: Random
) -> tuple[Image.Image, list[Placed]]:
    known = scenes.PICTURED if wish.pictured else scenes.WITHOUT
    scene = _new_scene(desktop, album, wish, rng)
    try:
        known[wish.family](scene)
        return scene.finished()
    finally:
        desktop.clear()


def _window(
    desktop: Desktop, browser: Browser, handle: Any, album: Album, wish: Wish, rng: Random
) -> tuple[Image.Image, list[Placed]]:
    """A browser's whole window, on a desktop with more or less else on it."""
    scene = _new_scene(desktop, album, wish, rng)
    try:
        if rng.random() < 0.4:
            scenes.terminal(scene)
        else:
            scene.wallpaper(0.4)
        place = desktop.whole if rng.random() < 0.4 else scene.place(0.6, 0.95)
        scene.add(desktop.put(handle, place))
        desktop.lift(handle)
        browser.show("<body style='background:#f0f;overflow:hidden'>", 0)
        corner = _marked(desktop.still())
        html = pages.page(wish.family, rng, album, pictured=wish.pictured)
        placed = browser.show(html, _scrolled(rng))
        for each in placed:
            box = each.box.moved(corner.left, corner.top).clipped(corner)
            covers = tuple(cover.moved(corner.left, corner.top) for cover in each.covers)
            scene.windows[-1][1].append(Placed(each.kind, each.file, box, each.drawn, covers))
        return scene.finished()
    finally:
        desktop.clear()


def _new_scene(desktop: Desktop, album: Album, wish: Wish, rng: Random) -> scenes.Scene:
    return scenes.Scene(desktop, rng, Words(rng), album.deal(rng), wish.scale, wish.pictured)


def _scrolled(rng: Random) -> float:
    return rng.choice([0.0, 0.0, rng.uniform(0, 0.7)])


def _marked(screen: Image.Image) -> Box:
    """Where the browser shows its page: all of that is in the marker's colour now."""
    import numpy as np

    hit = (np.asarray(screen) == np.array(_MARKER, np.uint8)).all(axis=2)
    rows, columns = np.flatnonzero(hit.any(axis=1)), np.flatnonzero(hit.any(axis=0))
    if not len(rows):
        raise RuntimeError("The browser's window does not show its page.")
    return Box.from_edges(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
