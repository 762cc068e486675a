"""How a page looks: fonts, colours, corners, density."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from random import Random

_FONTS = (
    "'Open Sans'", "Roboto", "'Liberation Sans'", "'DejaVu Sans'", "'Liberation Serif'",
    "'DejaVu Serif'", "'Liberation Sans Narrow'", "'Roboto Condensed'", "'Nimbus Sans'", "P052",
    "'URW Gothic'", "C059",
)  # fmt: skip
MONOSPACED = ("'DejaVu Sans Mono'", "'Liberation Mono'", "'Nimbus Mono PS'")


@dataclass(frozen=True, slots=True)
class Look:
    """Colours are CSS; `radius`, `gap` and `size` (of the text) are in pixels at 100 %."""

    dark: bool
    font: str
    headings: str
    code: str
    ink: str
    muted: str
    paper: str
    panel: str
    line: str
    accent: str
    radius: int
    gap: int
    size: int
    shadow: str

    def css(self) -> str:
        """The style sheet that all pages share."""
        return f"""
:root {{ --ink:{self.ink}; --muted:{self.muted}; --paper:{self.paper}; --panel:{self.panel};
  --line:{self.line}; --accent:{self.accent}; --r:{self.radius}px; --g:{self.gap}px;
  color-scheme:{'dark' if self.dark else 'light'}; }}
* {{ box-sizing:border-box; }}
body {{ margin:0; background:var(--paper); color:var(--ink); font:{self.size}px/1.45 {self.font},
  'Noto Color Emoji',sans-serif; min-height:100vh; }}
h1,h2,h3,h4 {{ font-family:{self.headings},sans-serif; line-height:1.15; margin:0 0 .5em; }}
p {{ margin:0 0 .8em; }} a {{ color:var(--accent); }}
img {{ display:block; object-fit:cover; border-radius:var(--r); }}
button,.button {{ background:var(--accent); color:var(--paper); border:0; padding:.45em 1em;
  border-radius:var(--r); font:inherit; }}
.plain {{ background:none; color:var(--accent); border:1px solid var(--accent); }}
input,select,textarea {{ font:inherit; padding:.4em .6em; border:1px solid var(--line);
  border-radius:var(--r); background:var(--paper); color:var(--ink); }}
.card {{ background:var(--panel); border:1px solid var(--line); border-radius:var(--r);
  box-shadow:{self.shadow}; padding:var(--g); }}
.row {{ display:flex; gap:var(--g); align-items:center; }}
.col {{ display:flex; flex-direction:column; gap:var(--g); }}
.grid {{ display:grid; gap:var(--g); }}
.muted {{ color:var(--muted); font-size:.85em; }}
.bar {{ background:var(--panel); border-bottom:1px solid var(--line); padding:.6em 1.2em; }}
.fill {{ flex:1; min-width:0; }}
pre,code,.code {{ font-family:{self.code},monospace; font-size:.92em; }}
table {{ border-collapse:collapse; }} td,th {{ border:1px solid var(--line); padding:.3em .6em;
  text-align:left; }}
"""


def pick(rng: Random) -> Look:
    """Any look; every third one is dark."""
    dark, hue = rng.random() < 0.35, rng.random()
    tint = rng.choice([0.0, 0.05, 0.15, 0.4])

    def colour(lightness: float, saturation: float, turn: float = 0.0) -> str:
        red, green, blue = colorsys.hls_to_rgb((hue + turn) % 1, lightness, saturation)
        return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"

    paper = rng.uniform(0.02, 0.16) if dark else rng.choice([1.0, 1.0, 0.97, 0.93])
    step = rng.uniform(0.02, 0.07) * (1 if dark else -1)
    panel = paper + step if dark or rng.random() < 0.5 else 1.0
    font = rng.choice(_FONTS)
    return Look(
        dark=dark,
        font=font,
        headings=rng.choice([font, font, rng.choice(_FONTS)]),
        code=rng.choice(MONOSPACED),
        ink=colour(0.9 if dark else rng.uniform(0.05, 0.2), tint / 2),
        muted=colour(0.6 if dark else 0.45, tint / 2),
        paper=colour(paper, tint),
        panel=colour(panel, tint),
        line=colour(paper + (0.14 if dark else -0.13), tint / 2),
        accent=colour(0.65 if dark else rng.uniform(0.3, 0.5), rng.uniform(0.5, 1), 0.3),
        radius=rng.choice([0, 0, 3, 6, 10, 18]),
        gap=rng.choice([6, 10, 14, 20, 28]),
        size=rng.choice([13, 14, 15, 16, 16, 18]),
        shadow=rng.choice(["none", "none", "0 1px 4px #0003", "0 6px 22px #0004"]),
    )
