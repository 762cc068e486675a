"""Drawn things as SVG: charts, maps, diagrams, flat illustrations."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from benchmarks.screens.kit import Kit

_SIZE = (640, 400)
_GROUNDS = ("#cfe8c0", "#a9d3ee", "#e6dccb", "#55705a")  # parks, water, squares


def chart(kit: Kit) -> str:
    """Bars, lines or a pie, with axes and a legend."""
    kind = kit.rng.choice([_bars, _lines, _pie])
    return _svg(kind(kit) + _legend(kit))


def street_map(kit: Kit) -> str:
    """Streets, water, parks and names in flat colours."""
    width, height = _SIZE
    land, street = ("#2b3036", "#4a515a") if kit.look.dark else ("#f2efe6", "#ffffff")
    parts = [f'<rect width="{width}" height="{height}" fill="{land}"/>']
    parts += [f'<path d="{_blob(kit.rng)}" fill="{kit.rng.choice(_GROUNDS)}"/>'
              for _ in range(kit.rng.randint(3, 9))]
    for _ in range(kit.rng.randint(14, 40)):
        across = kit.rng.random() < 0.5
        a, b = kit.rng.uniform(0, height if across else width), kit.rng.uniform(-60, 60)
        line = f"M0 {a}L{width} {a + b}" if across else f"M{a} 0L{a + b} {height}"
        parts.append(f'<path d="{line}" stroke="{kit.rng.choice([street, street, "#f7d774"])}" '
                     f'stroke-width="{kit.rng.choice([2, 3, 5, 9])}"/>')
    parts += [_text(kit, kit.rng.uniform(0, width - 80), kit.rng.uniform(12, height), 11)
              for _ in range(kit.rng.randint(4, 12))]
    return _svg("".join(parts))


def diagram(kit: Kit) -> str:
    """Boxes with words in them, joined by arrows."""
    columns, rows = kit.rng.randint(2, 4), kit.rng.randint(2, 4)
    wide, high = _SIZE[0] / columns, _SIZE[1] / rows
    fill, parts = kit.colour(), []
    for column in range(columns):
        for row in range(rows):
            x, y = (column + 0.15) * wide, (row + 0.2) * high
            parts.append(f'<rect x="{x}" y="{y}" width="{wide * 0.7}" height="{high * 0.5}" rx="6" '
                         f'fill="{fill}" fill-opacity=".25" stroke="{fill}" stroke-width="2"/>')
            parts.append(_text(kit, x + 8, y + high * 0.3, 12))
            if column + 1 < columns and kit.rng.random() < 0.8:
                parts.append(f'<path d="M{x + wide * 0.7} {y + high * 0.25}h{wide * 0.3}" '
                             'stroke="currentColor" stroke-width="1.5"/>')
            if row + 1 < rows and kit.rng.random() < 0.6:
                parts.append(f'<path d="M{x + wide * 0.35} {y + high * 0.5}v{high * 0.5}" '
                             'stroke="currentColor" stroke-width="1.5"/>')
    return _svg("".join(parts))


def illustration(kit: Kit) -> str:
    """Flat hills, a sun, houses, people made of circles."""
    width, height = _SIZE
    parts = [f'<rect width="{width}" height="{height}" fill="{kit.colour()}" fill-opacity=".4"/>',
             f'<circle cx="{kit.pixels(60, 580)}" cy="{kit.pixels(50, 140)}" '
             f'r="{kit.pixels(25, 60)}" '
             f'fill="{kit.colour()}"/>']
    for level in range(kit.rng.randint(2, 4)):
        y = height * (0.45 + 0.14 * level)
        parts.append(f'<path d="M0 {y}Q{width * kit.rng.random()} {y - 120} {width / 2} {y}T{width}'
                     ' '
                     f'{y - 20}V{height}H0z" fill="{kit.colour()}"/>')
    for _ in range(kit.rng.randint(2, 6)):
        x, y, s = kit.pixels(20, 580), kit.pixels(220, 340), kit.pixels(20, 60)
        if kit.rng.random() < 0.5:
            parts.append(f'<path d="M{x} {y}h{s}v{s}h-{s}zM{x - 6} {y}l{s / 2 + 6} -{s * 0.6} '
                         f'{s / 2 + 6} {s * 0.6}z" fill="{kit.colour()}"/>')
        else:
            parts.append(f'<circle cx="{x}" cy="{y - s}" r="{s * 0.35}" fill="#e8b796"/>'
                         f'<rect x="{x - s * 0.4}" y="{y - s * 0.6}" width="{s * 0.8}" '
                         f'height="{s * 1.5}" rx="{s * 0.3}" fill="{kit.colour()}"/>')
    return _svg("".join(parts))


ALL: tuple[Callable[[Kit], str], ...] = (chart, street_map, diagram, illustration)


def _svg(inner: str) -> str:
    return (f'<svg viewBox="0 0 {_SIZE[0]} {_SIZE[1]}" preserveAspectRatio="xMidYMid slice" '
            f'style="display:block;width:100%;height:100%" fill="none">{inner}</svg>')


def _text(kit: Kit, x: float, y: float, size: int) -> str:
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="currentColor">'
            f"{kit.words.title(1, 2)}</text>")


def _axes() -> str:
    lines = "".join(f'<path d="M50 {y}H610" stroke="currentColor" stroke-opacity=".2"/>'
                    f'<text x="10" y="{y + 4}" font-size="12" fill="currentColor">{400 - y}</text>'
                    for y in range(60, 361, 60))
    return f'{lines}<path d="M50 30V360H610" stroke="currentColor"/>'


def _bars(kit: Kit) -> str:
    count, series = kit.rng.randint(4, 12), kit.rng.randint(1, 3)
    step = 550 / count
    bars = "".join(
        f'<rect x="{55 + n * step + s * step * 0.8 / series:.1f}" y="{360 - high}" height="{high}" '
        f'width="{step * 0.75 / series:.1f}" fill="{colour}"/>'
        for s, colour in enumerate(kit.colour() for _ in range(series))
        for n in range(count) for high in [kit.rng.randint(10, 310)])
    return _axes() + bars


def _lines(kit: Kit) -> str:
    parts = [_axes()]
    for _ in range(kit.rng.randint(1, 4)):
        level, points = kit.rng.uniform(100, 300), []
        for x in range(50, 611, kit.rng.choice([10, 28, 56])):
            level = min(350, max(40, level + kit.rng.uniform(-30, 30)))
            points.append(f"{x},{level:.0f}")
        colour = kit.colour()
        if kit.rng.random() < 0.3:
            parts.append(f'<polygon points="50,360 {" ".join(points)} 610,360" fill="{colour}" '
                         'fill-opacity=".25"/>')
        parts.append(f'<polyline points="{" ".join(points)}" stroke="{colour}" '
                     'stroke-width="2.5"/>')
    return "".join(parts)


def _pie(kit: Kit) -> str:
    shares = [kit.rng.uniform(0.3, 2) for _ in range(kit.rng.randint(3, 7))]
    angle, parts = 0.0, []
    for share in shares:
        turn = share / sum(shares) * 2 * math.pi
        x, y = 300 + 160 * math.cos(angle), 205 + 160 * math.sin(angle)
        angle += turn
        to_x, to_y = 300 + 160 * math.cos(angle), 205 + 160 * math.sin(angle)
        parts.append(f'<path d="M300 205L{x:.0f} {y:.0f}A160 160 0 {int(turn > math.pi)} 1 '
                     f'{to_x:.0f} {to_y:.0f}z" fill="{kit.colour()}"/>')
    if kit.rng.random() < 0.5:
        parts.append('<circle cx="300" cy="205" r="80" fill="var(--paper)"/>')
    return "".join(parts)


def _legend(kit: Kit) -> str:
    return "".join(f'<rect x="{480}" y="{20 + 18 * n}" width="10" height="10" fill="{kit.colour()}'
                   '"/>'
                   + _text(kit, 496, 30 + 18 * n, 12) for n in range(kit.rng.randint(0, 4)))


def _blob(rng: Random) -> str:
    x, y = rng.uniform(0, _SIZE[0]), rng.uniform(0, _SIZE[1])
    around = [(x + rng.uniform(30, 140) * math.cos(a), y + rng.uniform(30, 110) * math.sin(a))
              for a in (0, 1, 2, 3, 4, 5.2)]
    return "M" + "L".join(f"{px:.0f} {py:.0f}" for px, py in around) + "z"
