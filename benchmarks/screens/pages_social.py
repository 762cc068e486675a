"""Pages of people and pictures: feeds, chats, galleries, video."""

from __future__ import annotations

from benchmarks.screens import drawings
from benchmarks.screens.kit import Kit


def feed(kit: Kit) -> str:
    """Posts in a column between two side bars."""
    w = kit.words

    def post() -> str:
        picture = kit.photo(f"width:100%;height:{kit.pixels(240, 520)}px;margin:.5em 0") \
            if kit.pictured and kit.rng.random() < 0.75 else ""
        return ('<div class="card" style="margin-bottom:var(--g)"><div class="row">'
                f'{kit.avatar(44)}<div>'
                f'<b>{w.name()}</b><div class="muted">{w.clock()}</div></div></div><p>'
                f'{w.paragraph(1, 3)} '
                f'{kit.emoji()}</p>{picture}<div class="row muted">{kit.icon()}{kit.pixels(0, 900)}'
                f"{kit.icon()}{kit.pixels(0, 90)}{kit.icon()}</div></div>")

    people = kit.several(3, 7, lambda: f'<div class="row" style="margin:.5em 0">{kit.avatar(36)}'
                                       f'{w.name()}</div>')
    return (f'{kit.bar()}<div style="display:grid;grid-template-columns:1fr {kit.pixels(460, 640)}'
            'px 1fr;'
            f'gap:2em;padding:1em"><div style="justify-self:end">{kit.menu(5, 9, icons=True)}</div>'
            f"<div>{kit.several(3, 6, post)}</div><div>{people}</div></div>")


def chat(kit: Kit) -> str:
    """Conversations at the left, speech bubbles at the right, some with a picture."""
    w = kit.words

    def bubble() -> str:
        mine = kit.rng.random() < 0.5
        colours = "background:var(--accent);color:var(--paper)" if mine \
            else "background:var(--panel)"
        inner = f"{w.sentence()} {kit.emoji() if kit.rng.random() < 0.4 else ''}"
        if kit.pictured and kit.rng.random() < 0.45:
            inner = kit.photo(f"width:{kit.pixels(180, 380)}px;height:{kit.pixels(130, 320)}px") + \
                (w.some(2, 5) if kit.rng.random() < 0.4 else "")
        return (f'<div style="align-self:{"flex-end" if mine else "flex-start"};max-width:65%;'
                f'{colours};'
                f'padding:{kit.rng.choice([3, 8, 12])}px;border-radius:calc(var(--r) + 4px)">'
                f'{inner}'
                f'<div style="font-size:.7em;opacity:.7">{w.clock()}</div></div>')

    def talk() -> str:
        return (f'<div class="row" style="padding:.6em">{kit.avatar(46)}<div class="fill"><b>'
                f'{w.name()}</b>'
            f'<div class="muted">{w.some(2, 5)}</div></div></div>')

    wall = kit.rng.choice(["var(--paper)", "var(--paper)", kit.gradient()])
    return ('<div style="display:grid;grid-template-columns:300px 1fr;height:100vh"><div '
            'style="border-right:'
            f'1px solid var(--line);overflow:hidden"><div class="bar">{kit.icon()}</div>'
            f'{kit.several(8, 14, talk)}'
            '</div><div style="display:flex;flex-direction:column;min-height:0"><div class="bar '
            'row">'
            f'{kit.avatar(40)}<b>{w.name()}</b></div><div class="col fill" style="overflow:hidden;'
            'padding:1em 6%;'
            f'justify-content:flex-end;min-height:0;background:{wall}">{kit.several(5, 11, bubble)}'
            '</div>'
            f'<div class="bar row">{kit.icon()}<input class="fill"><button>{w.title(1, 1)}</button>'
            '</div></div></div>')


def gallery(kit: Kit) -> str:
    """Photographs in a grid; in half of them they touch each other."""
    gap = kit.rng.choice([0, 0, 0, 2, 4, 12, 24])
    columns, high = kit.rng.randint(2, 6), kit.pixels(150, 340)
    radius = "" if gap > 4 else "border-radius:0;"
    cells = kit.several(6, 20, lambda: kit.photo(f"width:100%;height:{high}px;{radius}"))
    top = kit.bar() if kit.rng.random() < 0.7 else ""
    return (f'{top}<div style="display:grid;grid-template-columns:repeat({columns},1fr);gap:{gap}'
            'px;padding:'
            f'{kit.rng.choice([0, gap, 24])}px">{cells}</div>{kit.notice()}')


def bricks(kit: Kit) -> str:
    """Photographs of different heights in columns, like bricks, with words below some."""
    columns, gap = kit.rng.randint(3, 6), kit.rng.choice([0, 6, 14, 20])

    def brick() -> str:
        words = f'<div style="padding:.4em">{kit.words.title(1, 4)}</div>' \
            if gap and kit.rng.random() < 0.5 else ""
        picture = kit.photo(f"width:100%;height:{kit.pixels(120, 380)}px")
        return f'<div style="margin-bottom:{gap}px">{picture}{words}</div>'

    cells = "".join(f'<div class="fill">{kit.several(3, 6, brick)}</div>' for _ in range(columns))
    return f'{kit.bar()}<div style="display:flex;gap:{gap}px;padding:{gap}px">{cells}</div>'


def profile(kit: Kit) -> str:
    """A wide cover, a large round portrait, a grid."""
    w = kit.words
    side = kit.pixels(120, 190)
    portrait = kit.photo(f"width:{side}px;height:{side}px;border-radius:50%;flex:none")
    cover = kit.photo(f"width:100%;height:{kit.pixels(160, 320)}px;border-radius:0") \
        if kit.rng.random() < 0.5 else \
        f'<div style="height:160px;background:{kit.gradient()}"></div>'
    cells = kit.several(3, 9, lambda: kit.photo("width:100%;height:280px;border-radius:0"))
    return (f'{kit.bar()}<div style="max-width:980px;margin:0 auto">{cover}<div class="row" '
            'style="padding:1.5em">'
            f'{portrait}<div><h1>{w.name()}</h1><p>{w.sentence()} {kit.emoji()}</p>{kit.buttons()}'
            '</div></div>'
            '<div style="display:grid;grid-template-columns:repeat(3,1fr);'
            f'gap:{kit.rng.choice([2, 4, 16])}px">'
            f"{cells}</div></div>")


def video(kit: Kit) -> str:
    """A player with its controls over the frame, and what to watch next."""
    w = kit.words
    wide = kit.pixels(640, 1000)
    controls = ('<div style="position:absolute;left:0;right:0;bottom:0;padding:10px;color:#fff;'
                'background:'
                'linear-gradient(transparent,#000b)"><div style="height:4px;background:#fff6">'
                '<div style="height:'
                f'4px;width:{kit.pixels(5, 95)}%;background:#e33"></div></div><div class="row" '
                'style="padding-top:'
                f'8px">{kit.icon(24)}{kit.icon(24)}<span>{w.clock()} / {w.clock()}</span><span '
                'class="fill"></span>'
                f"{kit.icon(24)}{kit.icon(24)}</div></div>")
    if kit.rng.random() < 0.3:
        controls += ('<div style="position:absolute;bottom:60px;width:100%;text-align:center">'
                     '<span style="'
                     f'background:#000b;color:#fff;padding:.2em .5em">{w.some(4, 9)}</span></div>')
    frame = kit.behind(controls, f"position:relative;width:{wide}px;height:{round(wide * 9 / 16)}"
                                 "px;margin:0 auto")
    bars = kit.rng.choice([0, 0, kit.pixels(20, 80)])
    player = f'<div style="background:#000;padding:0 {bars}px">{frame}</div>'

    def more() -> str:
        return (f'<div class="row" style="align-items:flex-start;margin-bottom:8px">'
                f'{kit.photo("width:168px;height:94px;flex:none")}<div><b>{w.title(3, 8)}</b>'
                f'<div class="muted">{w.name()}<br>{kit.pixels(1, 900)}</div></div></div>')

    aside = kit.several(4, 9, more) if kit.rng.random() < 0.7 else kit.menu(6, 12)
    return (f'{kit.bar()}<div class="row" style="align-items:flex-start;padding:1.2em"><div>'
            f'{player}<h2 style="'
            f'margin-top:.6em">{w.title(4, 10)}</h2><div class="row">{kit.avatar(40)}<b>{w.name()}'
            '</b>'
            f'{kit.buttons()}</div><p>{w.paragraph()}</p></div><div class="fill">{aside}</div>'
            '</div>')


def lightbox(kit: Kit) -> str:
    """One large photograph over the darkened page it came from."""
    w = kit.words
    under = "".join(kit.photo("width:100%;height:220px", kind="ignore") for _ in range(8)) \
        if kit.rng.random() < 0.5 else w.paragraphs(8)
    veil = kit.rng.choice(["#000c", "#000e", "#fffd", "#111"])
    wide = kit.pixels(460, 900)
    picture = kit.photo(f"width:{wide}px;height:{round(wide * kit.rng.uniform(0.55, 0.78))}px")
    return (f'{kit.bar()}<div style="display:grid;grid-template-columns:repeat(4,1fr);gap:8px;'
            'padding:1em;height:'
            f'80vh;overflow:hidden">{under}</div><div style="position:fixed;inset:0;'
            f'background:{veil};z-index:8;'
            f'display:flex;flex-direction:column;align-items:center;justify-content:center;color:'
            f'{"#222" if veil == "#fffd" else "#eee"}">{picture}<p style="padding-top:.6em">'
            f'{w.sentence()}</p>'
            f'<div style="position:absolute;top:16px;right:16px">{kit.icon(28)}</div></div>')


def story(kit: Kit) -> str:
    """A tall picture with words and a progress bar over it."""
    w = kit.words
    inner = ('<div style="padding:10px;color:#fff;text-shadow:0 0 4px #000"><div style="height:3px;'
             'background:'
             f'#fffa;margin-bottom:10px"></div><div class="row">{w.name()}</div></div><div '
             'style="position:'
             f"absolute;bottom:{kit.pixels(30, 160)}px;width:100%;text-align:center;color:#fff;"
             "font-size:"
             f'{kit.pixels(20, 36)}px;text-shadow:0 0 6px #000">{w.title(2, 6)} {kit.emoji()}'
             '</div>')
    high = kit.pixels(480, 680)
    picture = kit.behind(inner, f"position:relative;width:{round(high * 0.5625)}px;height:{high}px;"
                                "border-radius:12px")
    back = kit.rng.choice(["#111", "var(--paper)", kit.gradient()])
    return ('<div style="display:flex;height:100vh;align-items:center;justify-content:center;'
            'gap:40px;background:'
            f'{back}">{kit.icon(32)}{picture}{kit.icon(32)}</div>')


def microblog(kit: Kit) -> str:
    """Short posts with one to four photographs side by side."""
    w = kit.words

    def post() -> str:
        pictures = ""
        if kit.pictured and kit.rng.random() < 0.6:
            count, gap = kit.rng.randint(1, 4), kit.rng.choice([0, 2, 4])
            cells = "".join(kit.photo(f"width:100%;height:{kit.pixels(160, 190)}px;border-radius:0")
                            for _ in range(count))
            pictures = (f'<div style="display:grid;grid-template-columns:repeat({min(count, 2)}'
                        f',1fr);gap:{gap}px;'
                        f'border-radius:var(--r);overflow:hidden;margin:.5em 0">{cells}</div>')
        return ('<div class="row" style="align-items:flex-start;border-bottom:1px solid '
                'var(--line);padding:1em">'
                f'{kit.avatar(48)}<div class="fill"><b>{w.name()}</b> <span class="muted">'
                f'@{w.identifier()} · '
                f'{w.clock()}</span><div>{w.sentence()} {kit.emoji()}</div>{pictures}<div '
                'class="row muted" '
                f'style="gap:4em">{kit.icon(16)}{kit.icon(16)}{kit.icon(16)}</div></div></div>')

    return ('<div style="display:grid;grid-template-columns:1fr 600px 1fr"><div style="padding:1em;'
            'justify-self:'
            f'end">{kit.menu(6, 9, icons=True)}{kit.buttons(1, 1)}</div><div style="border:solid '
            'var(--line);'
            f'border-width:0 1px">{kit.several(4, 8, post)}</div><div style="padding:1em"><div '
            'class="card">'
            f"<h3>{w.title(1, 2)}</h3>{kit.menu(4, 7)}</div></div></div>")


def meeting(kit: Kit) -> str:
    """A video call: tiles on a dark ground, with or without cameras on."""
    w = kit.words
    count = kit.rng.choice([1, 2, 4, 6, 9])
    columns = {1: 1, 2: 2, 4: 2, 6: 3, 9: 3}[count]

    def tile() -> str:
        tag = ('<span style="position:absolute;left:8px;bottom:8px;background:#0009;color:#fff;'
               'padding:2px 8px;'
               f'border-radius:4px">{w.name()}</span>')
        place = "position:relative;border-radius:var(--r);min-height:0;"
        if kit.pictured and kit.rng.random() < 0.75:
            return kit.behind(tag, place)
        return (f'<div style="{place}background:#3c4043;display:flex;align-items:center;'
                'justify-content:center">'
                f"{kit.avatar(56)}{tag}</div>")

    cells = "".join(tile() for _ in range(count))
    return ('<div style="background:#1d1f22;color:#eee;height:100vh;display:flex;'
            'flex-direction:column"><div '
            f'class="fill" style="display:grid;grid-template-columns:repeat({columns},1fr);'
            'grid-auto-rows:1fr;'
            f'gap:{kit.rng.choice([0, 4, 10])}px;padding:12px;min-height:0">{cells}</div><div '
            'class="row" style="'
            'justify-content:center;padding:14px;gap:24px">'
            f'{kit.several(5, 8, lambda: kit.icon(28))}</div></div>')


def stickers(kit: Kit) -> str:
    """A chat with a large flat drawing, and a panel full of emoji: nothing photographed."""
    w = kit.words
    panel = "".join(f"<span>{kit.emoji(1, 1)}</span>" for _ in range(kit.pixels(40, 120)))
    sent = kit.drawing(drawings.illustration(kit), "width:320px;height:200px;border-radius:10px;"
        "overflow:hidden") \
        if kit.rng.random() < 0.6 else f'<div style="font-size:60px">{kit.emoji(1, 3)}</div>'
    return ('<div style="height:100vh;display:flex;flex-direction:column"><div class="bar row">'
            f'{kit.avatar(40)}'
            f'<b>{w.name()}</b></div><div class="col fill" style="padding:1em 8%;overflow:hidden">'
            f'<div class="card">{w.sentence()}</div>{sent}<div class="card">{w.sentence()}</div>'
            '</div>'
            '<div style="background:var(--panel);padding:1em;font-size:26px;display:flex;'
            'flex-wrap:wrap;gap:8px">'
            f"{panel}</div></div>")
