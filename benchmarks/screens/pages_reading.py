"""Pages to read: news, articles, an encyclopedia, mail, a forum, documents."""

from __future__ import annotations

from benchmarks.screens import drawings
from benchmarks.screens.kit import Kit


def news(kit: Kit) -> str:
    """A front page: one large story, many small ones."""
    w = kit.words

    def story() -> str:
        picture = kit.photo(f"width:100%;height:{kit.pixels(110, 220)}px;margin-bottom:.6em") \
            if kit.pictured and kit.rng.random() < 0.8 else ""
        return (f'<div class="{kit.rng.choice(["", "card"])}">{picture}<h3>{w.title(4, 9)}</h3>'
                f'<p>{w.paragraph(1, 2)}</p><span class="muted">{w.date()} · {w.name()}</span>'
                '</div>')

    def line() -> str:
        return f"<h4>{w.title(5, 9)}</h4><p class=muted>{w.sentence()}</p>"

    lead = kit.photo(f"width:100%;height:{kit.pixels(260, 460)}px") if kit.pictured else ""
    columns = kit.rng.choice([2, 3, 4])
    return (f'{kit.bar()}<div style="max-width:{kit.pixels(1000, 1500)}px;margin:0 auto;'
            f'padding:var(--g)"><div class="grid" style="grid-template-columns:2fr 1fr">'
            f"<div>{lead}<h1>{w.title(5, 10)}</h1><p>{w.paragraph(2, 4)}</p></div>"
            "<div>"
            f"{kit.several(3, 6, line)}"
            f'</div></div><hr><div class="grid" style="grid-template-columns:repeat({columns}'
            ',1fr)">'
            f"{kit.several(4, 9, story)}</div></div>{kit.notice()}")


def article(kit: Kit) -> str:
    """One column of text with a figure and its caption."""
    w = kit.words
    figure = ""
    if kit.pictured:
        high = kit.pixels(220, 520)
        figure = (f'<figure style="margin:0 0 1em">{kit.photo(f"width:100%;height:{high}px")}'
                  f'<figcaption class="muted">{w.sentence()}</figcaption></figure>')
    return (f'{kit.bar()}<article style="max-width:{kit.pixels(560, 860)}px;margin:2em auto;'
            'padding:'
            f'0 1em"><h1>{w.title(4, 10)}</h1><div class="row muted">{kit.avatar(36)}{w.name()}, '
            f"{w.date()}</div><br>{w.paragraphs(kit.pixels(0, 3))}{figure}"
            f"<h2>{w.title(2, 5)}</h2>{w.paragraphs(kit.pixels(3, 7))}"
            f"<blockquote>{w.sentence()}</blockquote>{w.paragraphs(4)}</article>{kit.notice()}")


def encyclopedia(kit: Kit) -> str:
    """Long text with links, a table of contents, a box of facts at the right."""
    w = kit.words
    facts = kit.several(4, 10, lambda: f"<tr><th>{w.title(1, 2)}</th><td>{w.some(1, 4)}</td></tr>")
    top = kit.photo(f"width:100%;height:{kit.pixels(150, 320)}px;border-radius:0") \
        if kit.pictured else ""
    thumb = ""
    if kit.pictured and kit.rng.random() < 0.6:
        thumb = ('<div style="float:left;width:220px;margin:0 1em 1em 0;border:1px solid '
                 'var(--line);'
                 f'padding:4px">{kit.photo("width:100%;height:150px;border-radius:0")}'
                 f'<span class="muted">{w.sentence()}</span></div>')

    def text() -> str:
        linked = " ".join(f"<a href=#>{word}</a>" if kit.rng.random() < 0.12 else word
                          for word in w.paragraph(4, 8).split())
        return f"<p>{linked}</p>"

    return (f'<div style="display:grid;grid-template-columns:180px 1fr"><div style="padding:1em;'
            f'font-size:.85em">{kit.icon(60)}{kit.menu(8, 20)}</div><div style="padding:1em 2em">'
            f'<h1 style="border-bottom:1px solid var(--line)">{w.title(1, 4)}</h1>'
            '<table class="card" style="float:right;width:280px;margin:0 0 1em 1em;'
            'font-size:.85em">'
            f"<caption>{top}<b>{w.title(1, 3)}</b></caption>{facts}</table>"
            f'{text()}{text()}<div class="card" style="display:inline-block;clear:left">'
            f'{kit.menu(3, 7)}</div>'
            f"<h2>{w.title(1, 3)}</h2>{thumb}{kit.several(4, 8, text)}</div></div>")


def hero(kit: Kit) -> str:
    """A landing page: a title over a wide picture, or over a gradient where none may be."""
    w = kit.words
    title = (f'<div style="padding:{kit.pixels(60, 160)}px 8%;color:#fff;text-shadow:0 1px 6px '
             '#000a">'
             f'<h1 style="font-size:{kit.pixels(30, 64)}px">{w.title(3, 7)}</h1><p>{w.sentence()}'
             '</p>'
             f"{kit.buttons(1, 2)}</div>")
    style = f"width:100%;min-height:{kit.pixels(320, 620)}px;display:flex;align-items:center;"
    top = kit.behind(title, style) if kit.pictured else \
        f'<div style="{style}background:{kit.gradient()}">{title}</div>'
    def card() -> str:
        return (f'<div class="card">{kit.icon(32)}<h3>{w.title(2, 4)}</h3>{w.paragraph(1, 2)}'
                '</div>')

    return (f'{kit.bar()}{top}<div class="grid" style="grid-template-columns:repeat(3,1fr);'
            f'padding:3em 8%">{kit.several(3, 6, card)}</div>{kit.notice()}')


def mail(kit: Kit) -> str:
    """Folders, a list of letters, the open letter."""
    w = kit.words

    def entry() -> str:
        return (f'<div style="padding:.5em;border-bottom:1px solid var(--line)" class="row">'
                f'{kit.avatar(34)}<div class="fill"><b>{w.name()}</b><div>{w.title(2, 6)}</div>'
                f'<div class="muted">{w.some(4, 8)}</div></div><span class="muted">{w.clock()}'
                '</span></div>')

    attached = kit.photo(f"width:{kit.pixels(240, 520)}px;height:{kit.pixels(180, 380)}px;"
                         "margin:1em 0") \
        if kit.pictured else ""
    return ('<div style="display:grid;grid-template-columns:200px 340px 1fr;height:100vh">'
            f'<div style="background:var(--panel);padding:1em"><button>{w.title(1, 2)}</button>'
            f'{kit.menu(6, 12, icons=True)}</div><div style="border:solid var(--line);'
            'border-width:0 1px;'
            f'overflow:hidden">{kit.several(9, 14, entry)}</div><div style="padding:1.4em;'
            'overflow:hidden">'
            f'<h2>{w.title(3, 8)}</h2><div class="row">{kit.avatar(44)}<div><b>{w.name()}</b>'
            f'<div class="muted">{w.date()} {w.clock()}</div></div></div><br>{w.paragraphs(2)}'
            f'{attached}'
            f"{w.paragraphs(kit.pixels(1, 4))}<p>{w.name()}</p>{kit.buttons(2, 3)}</div></div>")


def forum(kit: Kit) -> str:
    """A thread of answers."""
    w = kit.words

    def post() -> str:
        picture = kit.photo(f"width:{kit.pixels(260, 480)}px;height:{kit.pixels(180, 360)}px;"
                            "margin:.5em 0") \
            if kit.pictured and kit.rng.random() < 0.5 else ""
        return (f'<div class="card row" style="align-items:flex-start;margin-bottom:var(--g)">'
                f'<div style="width:110px">{kit.avatar(56)}<b>{w.name()}</b><div class="muted">'
                f'{kit.pixels(1, 4000)}</div></div><div class="fill">'
                f'{w.paragraphs(kit.pixels(1, 3))}'
                f'{picture}<span class="muted">{w.date()} {kit.emoji()}</span></div></div>')

    return (f'{kit.bar()}<div style="max-width:1000px;margin:1em auto;padding:0 1em"><h2>'
            f"{w.title(4, 9)}</h2>{kit.several(3, 6, post)}</div>{kit.notice()}")


def results(kit: Kit) -> str:
    """What a search found, with small pictures beside some entries."""
    w = kit.words

    def hit() -> str:
        small = kit.photo("width:120px;height:90px;flex:none") \
            if kit.pictured and kit.rng.random() < 0.4 else ""
        return (f'<div class="row" style="margin-bottom:1.4em;max-width:760px"><div class="fill">'
                f'<span class="muted">{w.identifier()}.example / {w.some(1, 2)}</span><div style="'
                f'font-size:1.25em"><a href=#>{w.title(4, 8)}</a></div>{w.sentence()}</div>{small}'
                '</div>')

    aside = kit.photo(f"width:320px;height:{kit.pixels(160, 300)}px") if kit.pictured else ""
    return (f'<div class="bar row">{kit.icon(30)}<input style="width:480px" value="{w.some(2, 4)}">'
            f'{kit.icon()}</div><div class="row" style="padding:1.5em 10%;align-items:flex-start">'
            f'<div class="fill">{kit.several(6, 10, hit)}</div><div class="card" '
            'style="width:360px">'
            f"{aside}<h3>{w.title(1, 3)}</h3>{w.paragraph()}{kit.menu(2, 5)}</div></div>")


def manual(kit: Kit) -> str:
    """Documentation: a tree at the left, code between the paragraphs."""
    w = kit.words

    def line() -> str:
        return f"{w.identifier()} = {w.identifier()}({kit.pixels(0, 99)})<br>"

    def block() -> str:
        return (f"<h3>{w.title(1, 3)}</h3><p>{w.paragraph()}</p><pre class=card>"
             f"{kit.several(2, 7, line)}</pre>")

    return (f'{kit.bar()}<div style="display:grid;grid-template-columns:250px 1fr 200px">'
            f'<div style="padding:1em;background:var(--panel)">{kit.menu(14, 26)}</div>'
            f'<div style="padding:1.5em 3em"><h1>{w.title(1, 4)}</h1>{kit.several(3, 6, block)}'
            '</div>'
            f'<div class="muted" style="padding:2em 1em">{kit.menu(4, 9)}</div></div>')


def document(kit: Kit) -> str:
    """A word processor: tools, a sheet of paper, sometimes with a picture or a chart on it."""
    w = kit.words
    tools = kit.several(16, 30, lambda: kit.icon(18))
    inset = ""
    if kit.pictured:
        inset = kit.photo(f"width:{kit.pixels(220, 560)}px;height:{kit.pixels(160, 360)}px;"
                          "border-radius:0;margin:1em auto")
    elif kit.rng.random() < 0.4:
        inset = kit.drawing(drawings.chart(kit), "width:520px;height:325px;margin:1em auto;"
                                                 "color:#222")
    return ('<div class="bar"><div class="row">'
            f'{kit.several(5, 9, lambda: f"<span>{w.title(1, 1)}</span>")}'
            f'</div><div class="row" style="padding-top:.5em">{tools}</div></div><div '
            'style="background:'
            f'{"#3a3a3a" if kit.look.dark else "#d8dade"};padding:24px 0"><div '
            f'style="width:{kit.pixels(640, 800)}px;'
            f'margin:0 auto;background:#fff;color:#111;padding:70px;min-height:1100px">'
            f"<h1>{w.title(2, 6)}</h1>{w.paragraphs(kit.pixels(1, 2))}{inset}{w.paragraphs(5)}"
            "</div></div>")


def recipe(kit: Kit) -> str:
    """A recipe: picture, ingredients, steps."""
    w = kit.words
    picture = kit.photo(f"width:100%;height:{kit.pixels(260, 420)}px") if kit.pictured else ""
    items = kit.several(6, 12, lambda: f"<li>{kit.pixels(1, 500)} g {w.some(1, 3)}</li>")
    steps = kit.several(4, 8, lambda: f"<li>{w.paragraph(1, 2)}</li>")
    return (f'{kit.bar()}<div style="max-width:1080px;margin:1.5em auto" class="grid"><div '
            'class="row" '
            f'style="align-items:flex-start"><div style="flex:1.2">{picture}</div><div '
            'class="fill"><h1>'
            f"{w.title(2, 5)}</h1><p>{w.paragraph(1, 2)}</p>{kit.buttons()}</div></div><div "
            "class=row "
            f'style="align-items:flex-start"><ul class="card fill">{items}</ul><ol style="flex:2">'
            f'{steps}</ol>'
            f"</div></div>{kit.notice()}")
