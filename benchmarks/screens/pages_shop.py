"""Pages that sell, travel or play: a shop, hotels, films, music."""

from __future__ import annotations

from benchmarks.screens.kit import Kit


def shop(kit: Kit) -> str:
    """Goods in a grid, filters at the left."""
    w = kit.words
    high = kit.pixels(150, 280)

    def item() -> str:
        badge = f'<span class="button" style="font-size:.8em">{w.title(1, 1)}</span>' \
            if kit.rng.random() < 0.3 else ""
        picture = kit.photo(f"width:100%;height:{high}px") if kit.pictured else ""
        return (f'<div class="card">{picture}<b>{w.title(2, 5)}</b><div class="muted">'
                f'{"★" * kit.pixels(1, 5)}'
                f'</div><div class="row"><b>{w.money()}</b>{badge}</div>{kit.buttons(1, 1)}</div>')

    boxes = kit.several(8, 16, lambda: f'<div><input type="checkbox"> {w.title(1, 2)}</div>')
    return (f'{kit.bar()}<div style="display:grid;grid-template-columns:220px 1fr;gap:2em;'
            'padding:1.5em 4%">'
            f'<div>{boxes}<input type="range"></div><div class="grid" '
            'style="grid-template-columns:repeat('
            f'{kit.rng.randint(2, 5)},1fr)">{kit.several(5, 12, item)}</div></div>{kit.notice()}')


def product(kit: Kit) -> str:
    """One large picture, a strip of small ones, what it costs."""
    w = kit.words
    strip = kit.several(3, 6, lambda: kit.photo("width:76px;height:76px"))
    large = kit.photo(f"width:{kit.pixels(380, 600)}px;height:{kit.pixels(340, 520)}px")
    rows = kit.several(4, 9, lambda: f"<tr><th>{w.title(1, 2)}</th><td>{w.some(1, 4)}</td></tr>")
    return (f'{kit.bar()}<div class="row" style="align-items:flex-start;padding:2em 8%"><div '
            f'class="col">{strip}'
            f'</div>{large}<div class="fill"><h1>{w.title(3, 7)}</h1><p>★★★★☆ {kit.pixels(3, 900)}'
            '</p><h2>'
            f"{w.money()}</h2><p>{w.paragraph()}</p>{kit.buttons(1, 2)}<br><br><table>{rows}"
            "</table></div></div>"
            f'<div style="padding:0 8%">{w.paragraphs(3)}</div>{kit.notice()}')


def hotels(kit: Kit) -> str:
    """Places to stay, a picture to the left of each."""
    w = kit.words
    wide, high = kit.pixels(200, 340), kit.pixels(150, 240)

    def place() -> str:
        return ('<div class="card row" style="padding:0;align-items:stretch;overflow:hidden;'
                'margin-bottom:var(--g)">'
                f'{kit.photo(f"width:{wide}px;height:{high}px;border-radius:0;flex:none")}<div '
                'class="fill" style="'
                f'padding:1em"><h3>{w.title(2, 5)}</h3><span class="muted">{w.some(2, 5)}</span><p>'
                f'{w.sentence()}'
                f'</p></div><div style="padding:1em;text-align:right"><b>{w.money()}</b><br><br>'
                f'{kit.buttons(1, 1)}'
                "</div></div>")

    return (f'{kit.bar()}<div class="row" style="padding:1em 6%;background:var(--panel)"><input '
            f'value="{w.title(1, 2)}">'
            f'<input value="{w.date()}"><input value="{w.date()}">{kit.buttons(1, 1)}</div><div '
            'style="padding:1.5em '
            f'6%">{kit.several(3, 7, place)}</div>{kit.notice()}')


def films(kit: Kit) -> str:
    """Rows of stills on a dark ground; some rows have no gaps, some stills have titles on them."""
    w = kit.words
    gap = kit.rng.choice([0, 4, 10])

    def still() -> str:
        if kit.rng.random() < 0.4:
            title = ('<b style="position:absolute;bottom:8px;left:10px;color:#fff">'
                     f"{w.title(1, 3)}</b>")
            return kit.behind(title, "position:relative;width:250px;height:140px;flex:none")
        return kit.photo("width:250px;height:140px;flex:none;border-radius:0")

    def shelf() -> str:
        stills = "".join(still() for _ in range(10))
        return (f'<h3 style="padding:0 40px">{w.title(1, 3)}</h3><div style="display:flex;gap:{gap}'
                'px;padding:0 '
                f'40px;overflow:hidden;margin-bottom:2em">{stills}</div>')

    words = (f'<div style="padding:90px 40px;color:#fff"><h1 style="font-size:52px">{w.title(1, 3)}'
             '</h1>'
             f'<p style="max-width:420px">{w.paragraph(1, 2)}</p>{kit.buttons(2, 2)}</div>')
    top = kit.behind(words, "margin-bottom:2em") if kit.rng.random() < 0.6 else "<br>"
    return (f'<div style="background:#131416;color:#eee">{kit.bar()}{top}'
            f"{kit.several(3, 4, shelf)}</div>")


def music(kit: Kit) -> str:
    """A player: the cover, the list of songs."""
    w = kit.words
    side = kit.pixels(180, 300)
    cover = kit.photo(f"width:{side}px;height:{side}px;flex:none") if kit.pictured else \
        f'<div style="width:{side}px;height:{side}px;background:{kit.gradient()};flex:none"></div>'
    songs = kit.several(8, 16, lambda: f"<tr><td>{kit.icon(16)}</td><td>{w.title(1, 4)}</td><td>"
                                       f"{w.name()}</td>"
                        f"<td>{w.clock()}</td></tr>")
    return ('<div style="display:grid;grid-template-columns:220px 1fr;min-height:100vh"><div '
            'style="background:'
            f'var(--panel);padding:1.2em">{kit.menu(8, 14, icons=True)}</div><div '
            'style="padding:2em"><div class="row">'
            f'{cover}<div><span class="muted">{w.title(1, 1)}</span><h1 style="font-size:44px">'
            f'{w.title(1, 4)}</h1>'
            f'{kit.buttons(1, 2)}</div></div><br><table style="width:100%">{songs}</table></div>'
            '</div>')


def checkout(kit: Kit) -> str:
    """Address, card, the sum."""
    w = kit.words
    def field() -> str:
        return (f'<label>{w.title(1, 2)}<br><input style="width:100%" value="{w.some(0, 3)}">'
                '</label><br><br>')

    rows = kit.several(2, 6, lambda: f'<div class="row"><span class="fill">{w.title(2, 4)}</span>'
                                     f'{w.money()}</div>')
    return (f'{kit.bar()}<div class="row" style="align-items:flex-start;max-width:1000px;'
            'margin:2em auto;gap:3em">'
            f'<div style="flex:2"><h2>{w.title(1, 3)}</h2>{kit.several(5, 9, field)}</div><div '
            'class="card fill">'
            f"{rows}<hr><b>{w.money()}</b><br><br>{kit.buttons(1, 1)}</div></div>{kit.notice()}")
