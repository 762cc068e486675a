"""Pages to work with: code, tables, settings, forms, slides, dashboards, maps."""

from __future__ import annotations

from benchmarks.screens import drawings
from benchmarks.screens.kit import Kit

_TOKENS = (  # dark, light
    ("#569cd6", "#0000d0"), ("#ce9178", "#a31515"), ("#6a9955", "#008000"),
    ("#dcdcaa", "#795e26"), ("#c586c0", "#af00db"), ("#9cdcfe", "#001080"),
)  # fmt: skip
_BETWEEN = (" ", "(", ") ", " = ", ".", ", ", ": ")


def code_editor(kit: Kit) -> str:
    """Files at the left, coloured code with line numbers, sometimes a map of it at the right."""
    w, dark = kit.words, kit.look.dark

    def line(number: int) -> str:
        indent = "&nbsp;" * 4 * kit.rng.randint(0, 4)
        parts = [f'<span style="color:{kit.rng.choice(_TOKENS)[not dark]}">{w.identifier()}</span>'
                 f"{kit.rng.choice(_BETWEEN)}" for _ in range(kit.rng.randint(0, 7))]
        return ('<div style="white-space:nowrap"><span class="muted" style="display:inline-block;'
                'width:3.5em;'
                f'text-align:right;padding-right:1em">{number}</span>{indent}{"".join(parts)}'
                '</div>')

    lines = "".join(line(number) for number in range(1, 64))
    tabs = kit.several(2, 6, lambda: '<span style="padding:.5em 1em;border-right:1px solid '
                                     f'var(--line)">{w.identifier()}.c</span>')
    shell = ""
    if kit.rng.random() < 0.4:
        output = kit.several(5, 9, lambda: f"$ {w.some(2, 9)}<br>")
        shell = ('<div class="code" style="height:200px;border-top:1px solid var(--line);'
                 f'padding:8px">{output}</div>')
    tree = kit.several(14, 30, lambda: f'<div style="padding-left:{kit.rng.choice([0, 16, 32])}px">'
                                       f'{kit.icon(14)} {w.identifier()}</div>')
    return ('<div style="display:grid;grid-template-columns:46px 230px 1fr;height:100vh;'
            'overflow:hidden"><div '
            'class="col" style="padding:12px;background:var(--accent);color:var(--paper)">'
            f'{kit.several(4, 7, kit.icon)}'
            f'</div><div style="background:var(--panel);padding:10px;font-size:.9em">{tree}</div>'
            '<div style="display:'
            'flex;flex-direction:column;min-width:0"><div class="row" '
            f'style="background:var(--panel);gap:0">{tabs}'
            f'</div><div class="code fill" style="overflow:hidden;padding-top:6px">{lines}</div>'
            f'{shell}</div></div>')


def spreadsheet(kit: Kit) -> str:
    """Cells, some coloured, sometimes a chart upon them."""
    w = kit.words
    columns, rows = kit.rng.randint(9, 20), kit.rng.randint(28, 44)
    head = "".join(f"<th>{chr(65 + n)}</th>" for n in range(columns))
    numeric = kit.rng.random()

    def cell() -> str:
        text = "" if kit.rng.random() < 0.2 else str(kit.rng.randint(0, 99999) / 10) \
            if kit.rng.random() < numeric else w.some(1, 2)
        tint = f' style="background:{kit.colour()};color:#fff"' if kit.rng.random() < 0.02 else ""
        return f"<td{tint}>{text}</td>"

    body = "".join(f"<tr><th>{row}</th>{''.join(cell() for _ in range(columns))}"
                   "</tr>" for row in range(1, rows))
    chart = ""
    if kit.rng.random() < 0.35:
        chart = kit.drawing(drawings.chart(kit), f"position:absolute;left:{kit.pixels(200, 500)}px;"
                                                 "top:"
                            f"{kit.pixels(160, 360)}px;width:520px;height:325px;"
                            "background:var(--paper);border:1px "
                            "solid var(--line)")
    return (f'<div class="bar row">{kit.several(14, 28, lambda: kit.icon(18))}</div><div '
            'class="bar row">fx <input '
            'class="fill" value="=SUM(A1:A9)"></div><div style="overflow:hidden"><table '
            'style="font-size:.85em;white-space:'
            f'nowrap"><tr><th></th>{head}</tr>{body}</table></div>{chart}')


def settings(kit: Kit) -> str:
    """Switches and choices under headings."""
    w = kit.words

    def option() -> str:
        control = kit.rng.choice([
            '<input type="checkbox" checked>', '<input '
                                               'type="range">', '<input type="color" '
                                                   'value="#3377aa">',
            f"<select><option>{w.title(1, 2)}</option>"
            "</select>", f"<button>{w.title(1, 1)}</button>",
            '<input type="radio">', '<progress value="0.4"></progress>'])
        return ('<div class="row" style="padding:.7em 0;border-bottom:1px solid var(--line)"><div '
                'class="fill"><div>'
                f'{w.title(2, 5)}</div><div class="muted">{w.sentence()}</div></div>{control}'
                '</div>')

    def section() -> str:
        return (f'<div class="card" style="margin-bottom:1.5em"><h3>{w.title(1, 3)}</h3>'
                f'{kit.several(2, 6, option)}</div>')

    return ('<div style="display:grid;grid-template-columns:260px 1fr;min-height:100vh"><div '
            'style="background:var('
            f'--panel);padding:1.5em">{kit.menu(8, 15, icons=True)}</div><div style="padding:2em;'
            'max-width:900px"><h1>'
            f"{w.title(1, 3)}</h1>{kit.several(2, 5, section)}</div></div>")


def form(kit: Kit) -> str:
    """Fields to fill in, on plain ground or on a gradient."""
    w = kit.words
    def field() -> str:
        return (f'<p><label>{w.title(1, 3)}<br>' + kit.rng.choice([
        f'<input style="width:100%" value="{w.some(0, 4)}">', '<textarea rows="3" '
            f'style="width:100%">{w.some(0, 20)}</textarea>',
        f'<select style="width:100%"><option>{w.title(1, 3)}</option></select>',
        f'<input type="radio"> {w.title(1, 1)} <input type="radio"> '
        f'{w.title(1, 1)}']) + "</label></p>")

    back = kit.gradient() if kit.rng.random() < 0.5 else "var(--paper)"
    return ('<div style="min-height:100vh;display:flex;align-items:center;justify-content:center;'
            f'background:{back}">'
            f'<div class="card" style="width:{kit.pixels(340, 700)}px;padding:2em">{kit.icon(48)}'
            f'<h2>{w.title(1, 4)}'
            f"</h2>{kit.several(2, 9, field)}{kit.buttons(1, 2)}</div></div>")


def calendar(kit: Kit) -> str:
    """A month with coloured entries."""
    w = kit.words

    def day(number: int) -> str:
        entries = kit.several(0, 3, lambda: f'<div style="background:{kit.colour()};color:#fff;'
                                            'border-radius:3px;'
                              f'padding:0 5px;margin-top:3px;font-size:.8em">{w.title(1, 3)}</div>')
        return ('<div style="border:1px solid var(--line);height:128px;padding:4px;'
                f'overflow:hidden">{number % 31 + 1}{entries}</div>')

    days = "".join(day(number) for number in range(35))
    return (f'<div class="bar row"><h2 style="margin:0">{w.title(1, 2)} 2025</h2>'
            f'{kit.buttons(2, 3)}</div><div style="'
            f'display:grid;grid-template-columns:repeat(7,1fr);padding:1em">{days}</div>')


def dashboard(kit: Kit) -> str:
    """Numbers and charts."""
    w = kit.words
    def number() -> str:
        return (f'<div class="card fill"><span class="muted">{w.title(1, 3)}</span><h1>'
                f'{kit.pixels(3, 99999)}</h1></div>')

    def chart() -> str:
        style = f"max-width:{kit.pixels(420, 900)}px;aspect-ratio:1.6"
        return (f'<div class="card"><h3>{w.title(1, 3)}</h3>'
             f"{kit.drawing(drawings.chart(kit), style)}</div>")

    rows = kit.several(5, 12, lambda: f"<tr><td>{w.title(1, 3)}</td><td>{w.money()}</td><td>"
                                      f"{w.date()}</td></tr>")
    return (f'{kit.bar()}<div class="col" style="padding:1.5em"><div class="row">'
            f'{kit.several(3, 5, number)}</div><div '
            f'class="grid" style="grid-template-columns:repeat({kit.rng.randint(1, 3)},1fr)">'
            f'{kit.several(1, 4, chart)}'
            f"</div><table>{rows}</table></div>")


def mapped(kit: Kit) -> str:
    """A map with a search field on it, beside a list of places."""
    w = kit.words
    search = ('<div style="position:absolute;top:16px;left:16px" class="card">'
              f'<input value="{w.some(1, 3)}"></div>')
    drawn = kit.drawing(drawings.street_map(kit) + search, "position:relative;height:100vh;"
        "overflow:hidden")
    return (f'<div style="display:grid;grid-template-columns:{kit.pixels(200, 420)}px 1fr">'
            f'<div style="padding:1em"><h2>{w.title(1, 3)}</h2>{kit.menu(8, 16, icons=True)}</div>'
            f"{drawn}</div>")


def illustrated(kit: Kit) -> str:
    """A page with a flat illustration or a diagram beside few words."""
    w = kit.words
    draw = kit.rng.choice([drawings.illustration, drawings.diagram, drawings.illustration])
    wide = kit.pixels(360, 640)
    drawn = kit.drawing(draw(kit), f"width:{wide}px;height:{round(wide / 1.6)}px;overflow:hidden;"
                                   "border-radius:var(--r)")
    return (f'{kit.bar()}<div class="row" style="padding:5em 8%;gap:4em"><div class="fill"><h1>'
            f'{w.title(3, 7)}</h1><p>'
            f"{w.paragraph()}</p>{kit.buttons(1, 2)}</div>{drawn}</div><div style='padding:0 8%'>"
            f"{w.paragraphs(2)}</div>")


def slides(kit: Kit) -> str:
    """A slide on the whole screen: words, or words beside a photograph or a chart."""
    w = kit.words
    points = kit.several(3, 6, lambda: f"<li style='margin-bottom:.5em'>{w.title(3, 9)}</li>")
    back = kit.rng.choice(["var(--paper)", "var(--paper)", kit.gradient(), kit.colour()])
    right = ""
    if kit.pictured:
        right = kit.photo(f"width:{kit.pixels(34, 50)}vw;height:{kit.pixels(40, 70)}vh")
    elif kit.rng.random() < 0.35:
        right = kit.drawing(kit.rng.choice(drawings.ALL)(kit), "width:44vw;height:27.5vw;"
            "overflow:hidden")
    return (f'<div style="height:100vh;background:{back};padding:6vh 6vw;overflow:hidden"><h1 '
            'style="font-size:5vw">'
            f'{w.title(2, 5)}</h1><div class="row" style="gap:4vw"><ul class="fill" '
            f'style="font-size:{kit.pixels(18, 30)}'
            f'px">{points}</ul>{right}</div></div>')


def slide_editor(kit: Kit) -> str:
    """Small slides at the left, the one at work in the middle, tools above."""
    w = kit.words

    def small() -> str:
        return ('<div style="background:#fff;color:#222;border:1px solid #999;height:96px;'
                'padding:8px;font-size:7px;'
                f'overflow:hidden"><b>{w.title(1, 4)}</b><br>{w.paragraph(1, 2)}</div>')

    picture = kit.photo(f"width:{kit.pixels(300, 460)}px;height:{kit.pixels(220, 320)}px;"
                        "border-radius:0") \
        if kit.pictured else ""
    return (f'<div class="bar row">{kit.several(14, 26, lambda: kit.icon(18))}</div><div '
            'style="display:grid;grid-template-'
            f'columns:190px 1fr;height:90vh"><div class="col" style="padding:12px;overflow:hidden">'
            f'{"".join(small() for _ in range(8))}</div><div style="background:var(--panel);'
            'display:flex;align-items:center;'
            'justify-content:center"><div style="background:#fff;color:#222;width:880px;'
            'height:495px;padding:50px;box-'
            f'shadow:0 2px 8px #0006"><h1>{w.title(2, 5)}</h1><div class="row" '
            'style="align-items:flex-start"><ul class="fill">'
            f"{kit.several(3, 5, lambda: f'<li>{w.title(2, 7)}</li>')}</ul>{picture}</div></div>"
            "</div></div>")


def board(kit: Kit) -> str:
    """Columns of cards."""
    w = kit.words

    def card() -> str:
        tag = (f'<span style="background:{kit.colour()};color:#fff;border-radius:9px;'
               f'padding:0 8px;font-size:.75em">{w.some(1, 1)}</span>')
        return (f'<div class="card" style="margin-bottom:10px">{tag}<div>{w.title(2, 9)}</div>'
                f"{kit.avatar(26)}</div>")

    def column() -> str:
        return ('<div style="width:280px;flex:none;background:var(--panel);padding:10px"><h3>'
                f'{w.title(1, 2)}</h3>'
              f"{kit.several(2, 7, card)}</div>")

    back = kit.rng.choice(["var(--paper)", kit.gradient()])
    return (f'{kit.bar()}<div class="row" style="align-items:flex-start;padding:1em;'
            f'min-height:90vh;background:{back}">{kit.several(3, 6, column)}</div>')


def table(kit: Kit) -> str:
    """A long table with states and small icons."""
    w = kit.words
    def row() -> str:
        return (f'<tr><td><input type="checkbox"></td><td>{w.name()}</td><td>{w.identifier()}</td>'
                f'<td>{w.date()}</td><td>'
           f'<span style="background:{kit.colour()};color:#fff;padding:1px 8px;border-radius:8px">'
           f'{w.title(1, 1)}</span>'
           f"</td><td>{w.money()}</td><td>{kit.icon(16)} {kit.icon(16)}</td></tr>")

    return (f'{kit.bar()}<div style="padding:1.5em"><h2>{w.title(1, 4)}</h2>{kit.buttons(1, 3)}<br>'
            '<br><table style="width:100%">'
            f"{kit.several(14, 30, row)}</table></div>")


def review(kit: Kit) -> str:
    """Changed lines of code, red and green."""
    w = kit.words
    green, red = ("#12361f", "#401a1d") if kit.look.dark else ("#e2ffe8", "#ffe6e8")

    def line() -> str:
        fill = kit.rng.choice(["none", "none", "none", green, red])
        return (f'<div class="code" style="background:{fill};padding:0 1em;white-space:pre">'
                f"{' ' * kit.pixels(0, 12)}{w.identifier()} = {w.some(1, 8)};</div>")

    def block() -> str:
        return ('<div class="card" style="padding:0;margin-bottom:1.5em"><div class="bar">'
                f'{w.identifier()}.py</div>'
             f"{kit.several(8, 22, line)}</div>")

    return (f'{kit.bar()}<div style="max-width:1100px;margin:1em auto"><h2>{w.title(3, 8)}</h2>'
            f"{kit.several(2, 4, block)}</div>")


def file_manager(kit: Kit) -> str:
    """Icons of folders and files; photographs show as themselves."""
    w = kit.words

    def entry() -> str:
        if kit.pictured and kit.rng.random() < 0.5:
            icon = kit.photo("width:112px;height:84px;border-radius:2px;margin:0 auto")
        else:
            hue = kit.rng.choice(["#e8b04a", "#5b9bd5", "#9aa0a6", kit.colour()])
            icon = ('<svg width="72" height="72" viewBox="0 0 24 24" style="margin:6px 20px">'
                    f'<path fill="{hue}" d="'
                    f'{kit.rng.choice(["M2 6h7l2 3h11v11H2z", "M5 2h10l4 4v16H5z"])}"/></svg>')
        return ('<div style="width:124px;text-align:center;font-size:.85em;overflow:hidden">'
                f"{icon}<div>{w.identifier()}</div></div>")

    return (f'<div class="bar row">{kit.icon()}{kit.icon()}<input class="fill" '
            f'value="/{w.identifier()}/{w.identifier()}">'
            '</div><div style="display:grid;grid-template-columns:190px 1fr;min-height:90vh"><div '
            'style="background:var('
            f'--panel);padding:1em">{kit.menu(7, 13, icons=True)}</div><div style="display:flex;'
            'flex-wrap:wrap;gap:18px;'
            f'padding:1em;align-content:flex-start">{kit.several(8, 40, entry)}</div></div>')


def colours(kit: Kit) -> str:
    """Swatches and gradients: colourful, and no picture."""
    def swatch() -> str:
        return ('<div class="card" style="padding:0;overflow:hidden"><div '
                f'style="height:{kit.pixels(60, 160)}px;'
              f'background:{kit.rng.choice([kit.gradient(), kit.colour()])}"></div><div '
              f'style="padding:.5em">{kit.words.title(1, 2)}</div></div>')

    return (f'{kit.bar()}<div class="grid" style="grid-template-columns:repeat('
            f'{kit.rng.randint(3, 7)},1fr);padding:1.5em">{kit.several(8, 24, swatch)}</div>')


def empty(kit: Kit) -> str:
    """Hardly anything: an error, a spinner, a blank page."""
    w = kit.words
    inner = kit.rng.choice(["", kit.icon(64), f'<h1 style="font-size:90px">{kit.pixels(400, 510)}'
                                              '</h1>', kit.emoji(1, 1)])
    back = kit.rng.choice(["var(--paper)", kit.gradient()])
    text = f"<h2>{w.title(2, 5)}</h2><p>{w.sentence()}</p>{kit.buttons(0, 2)}" \
        if kit.rng.random() < 0.8 else ""
    return ('<div style="min-height:100vh;display:flex;flex-direction:column;align-items:center;'
            f'justify-content:center;background:{back}">{inner}{text}</div>')
