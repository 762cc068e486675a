"""What page templates are made with: words, pictures, icons, a look, all from one random source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from random import Random

from benchmarks.screens.looks import Look
from benchmarks.screens.words import Words

EMOJI = "😀😂🥰😎🤔👍🙏🔥🎉❤️✨🚀🌍🍕⚽🐶🌧️📅✅⚠️"
# strokes on a field of 24 by 24
_ICONS = (
    "M4 12h16M12 4v16", "M5 12l5 5 9-11", "M4 6h16M4 12h16M4 18h16", "M6 6l12 12M18 6L6 18",
    "M4 11l8-7 8 7v9H4z", "M10 4a6 6 0 100 12 6 6 0 000-12zM15 15l6 6", "M4 5h16v14H4zM4 6l8 7 8-7",
    "M12 3l3 6 6 1-4 5 1 6-6-3-6 3 1-6-4-5 6-1z", "M8 4v16l12-8z", "M4 8h10l3-4v16l-3-4H4z",
    "M12 4a4 4 0 100 8 4 4 0 000-8zM4 21c1-9 15-9 16 0", "M5 4h10l4 4v12H5z", "M9 5l7 7-7 7",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kit:
    """`pictured`: whether photographs may be on this page. Sizes are CSS's."""

    rng: Random
    look: Look
    words: Words
    photographs: Iterator[Path]
    pictured: bool

    def photo(self, style: str = "", kind: str = "photograph") -> str:
        """A photograph, filling the box that `style` gives it."""
        path = next(self.photographs)
        return (f'<img data-kind="{kind}" data-file="{escape(path.name)}" src="{path.as_uri()}" '
                f'style="{style}">')

    def behind(self, inner: str, style: str) -> str:
        """A photograph as the background of a box with something on it."""
        path = next(self.photographs)
        return (f'<div data-kind="photograph" data-file="{escape(path.name)}" style="'
                f"background:url('{path.as_uri()}') center/cover;overflow:hidden;{style}\">"
                f"{inner}</div>")

    def drawing(self, inner: str, style: str = "") -> str:
        """Something drawn: a chart, a map, an illustration."""
        return f'<div data-kind="drawing" data-file="" style="{style}">{inner}</div>'

    def avatar(self, size: int = 40) -> str:
        """A person's round picture, or the first letter where none may be."""
        size = min(size, 60)
        if self.pictured and self.rng.random() < 0.7:
            return self.photo(f"width:{size}px;height:{size}px;border-radius:50%;flex:none")
        return (f'<div style="width:{size}px;height:{size}px;border-radius:50%;flex:none;'
                f"background:{self.colour()};color:#fff;display:flex;align-items:center;"
                f'justify-content:center;font-size:{size // 2}px">{self.words.name()[0]}</div>')

    def icon(self, size: int = 20) -> str:
        fill = self.rng.choice(["none", "none", "currentColor"])
        return (f'<svg width="{size}" height="{size}" viewBox="0 0 24 24" fill="{fill}" '
                f'stroke="currentColor" stroke-width="2" style="flex:none">'
                f'<path d="{self.rng.choice(_ICONS)}"/></svg>')

    def emoji(self, least: int = 1, most: int = 3) -> str:
        return "".join(self.rng.choices(EMOJI, k=self.rng.randint(least, most)))

    def colour(self) -> str:
        hue, saturation = self.rng.randint(0, 359), self.rng.randint(30, 90)
        return f"hsl({hue} {saturation}% {self.rng.randint(30, 65)}%)"

    def gradient(self) -> str:
        kind = self.rng.choice(["linear-gradient(135deg,", "linear-gradient(", "radial-gradient("])
        return f"{kind}{self.colour()},{self.colour()})"

    def several(self, least: int, most: int, make: Callable[[], str]) -> str:
        return "".join(make() for _ in range(self.rng.randint(least, most)))

    def buttons(self, least: int = 1, most: int = 3) -> str:
        def button() -> str:
            plain = self.rng.choice(["", "plain"])
            return f'<button class="{plain}">{self.words.title(1, 2)}</button>'

        return self.several(least, most, button)

    def menu(self, least: int = 4, most: int = 9, *, icons: bool = False) -> str:
        """Entries in a column."""
        def entry() -> str:
            icon = self.icon(18) if icons else ""
            return (f'<div class="row" style="padding:.35em 0">{icon}'
                    f"<span>{self.words.title(1, 3)}</span></div>")

        return self.several(least, most, entry)

    def bar(self) -> str:
        """A site's top bar, sometimes one that stays while the page scrolls."""
        stays = self.rng.random() < 0.4
        where = 'data-kind="cover" style="position:sticky;top:0;z-index:5;gap:1.4em"' if stays \
            else 'style="gap:1.4em"'
        entries = self.several(2, 6, lambda: f"<span>{self.words.title(1, 2)}</span>")
        search = f'<input placeholder="{self.words.some(1, 2)}">' if self.rng.random() < 0.5 else ""
        return (f'<div class="bar row" {where}>{self.icon(26)}<b style="font-size:1.3em">'
                f'{self.words.title(1, 2)}</b>{entries}<span class="fill"></span>{search}'
                f"{self.icon()}{self.icon()}{self.avatar(32)}</div>")

    def notice(self) -> str:
        """Now and then, a bar about cookies at the bottom."""
        if self.rng.random() > 0.2:
            return ""
        return ('<div data-kind="cover" class="bar row" style="position:fixed;bottom:0;left:0;'
                f'right:0;z-index:9"><span class="fill">{self.words.paragraph(1, 2)}</span>'
                f"{self.buttons(2, 2)}</div>")

    def pixels(self, least: int, most: int) -> int:
        return self.rng.randint(least, most)
