"""One page of pictures with what was said of them: the best, the worst, and some between.

It is one file, without scripts and without anything from elsewhere, and can be read by ear.
"""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from models.captioning.preprocess import upright_rgb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training.evaluation.evaluate import Result

PICTURES = 120
_SIDE, _QUALITY = 360, 72  # pixels of the longer side; a picture takes about 25 kB

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark;
  --ink: #1b1b1b; --paper: #fff; --line: #767676; --link: #0b4fb3 }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #f0f0f0; --paper: #161616; --line: #8c8c8c; --link: #a8c7fa }}
}}
body {{ font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 80rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere }}
a {{ color: var(--link) }}
a:focus-visible {{ outline: 3px solid; outline-offset: 2px }}
nav ul {{ display: flex; flex-wrap: wrap; gap: 0 1.5rem; padding: 0; list-style: none }}
table {{ border-collapse: collapse }}
caption {{ text-align: left; padding-bottom: .25rem }}
th, td {{ border-bottom: 1px solid var(--line); padding: .15rem 1rem .15rem 0 }}
th {{ text-align: left; font-weight: inherit }}
td {{ text-align: right; font-variant-numeric: tabular-nums }}
.pictures {{ display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)) }}
article {{ border: 1px solid var(--line); border-radius: .5rem; padding: 1rem }}
article h3 {{ margin: .5rem 0 }}
img {{ max-width: 100%; height: auto }}
.scores {{ margin: .5rem 0 }}
article ul {{ padding-left: 1.2rem; margin: .25rem 0 0 }}
</style>
</head>
<body>
<header>
<h1>{title}</h1>
{top}
</header>
<main>
{sections}
</main>
</body>
</html>
"""


def write(
    result: Result, paths: Mapping[str, Path], path: Path, title: str, most: int = PICTURES
) -> None:
    """Write the page of a `result` whose pictures lie at `paths`, keyed by file name.

    Of more than `most` pictures a third are the best by CIDEr, a third the worst, and the
    others come from between, evenly spaced.
    """
    parts = _parts(result.ciders, most)
    sections = "\n".join(_section(name, names, result, paths) for name, names in parts.items())
    top = _top(result, {name: len(names) for name, names in parts.items()})
    page = _PAGE.format(title=escape(title), top=top, sections=sections)
    path.write_text(page, encoding="utf-8")


def _parts(ciders: Mapping[str, float], most: int) -> dict[str, list[str]]:
    """Names for each section: the best one first, the worst one first, and downwards between."""
    ranked = sorted(ciders, key=lambda name: (-ciders[name], name))
    third = max(1, min(most, len(ranked)) // 3)
    best, rest = ranked[:third], ranked[third:]
    worst, between = rest[::-1][:third], rest[: max(0, len(rest) - third)]
    room = max(1, most - len(best) - len(worst))
    if len(between) > room:
        between = [between[(2 * place + 1) * len(between) // (2 * room)] for place in range(room)]
    parts = {"Best": best, "Worst": worst, "Between": between}
    return {name: names for name, names in parts.items() if names}


def _top(result: Result, parts: Mapping[str, int]) -> str:
    links = "\n".join(
        f'<li><a href="#{name.lower()}">{name} {count}</a></li>' for name, count in parts.items()
    )
    rows = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{_figure(name, value)}</td></tr>'
        for name, value in result.scores.items()
    )
    missing = "\n".join(f"<p>{escape(sentence)}</p>" for sentence in result.left_out)
    return f"""\
<p>{len(result.captions)} pictures were captioned and scored against what people wrote. Here are
{sum(parts.values())} of them, ranked by CIDEr. BLEU, ROUGE-L, METEOR, SPICE and CIDEr are in
percent, where CIDEr can exceed 100; loss is in nats a word.</p>
<nav aria-label="Sections">
<ul>
{links}
</ul>
</nav>
<table>
<caption>All {len(result.captions)} pictures together</caption>
<tbody>
{rows}
</tbody>
</table>
{missing}"""


def _section(name: str, names: Sequence[str], result: Result, paths: Mapping[str, Path]) -> str:
    articles = "\n".join(_article(each, result, paths[each]) for each in names)
    mark = name.lower()
    return f"""\
<section aria-labelledby="{mark}">
<h2 id="{mark}">{name} {len(names)}</h2>
<div class="pictures">
{articles}
</div>
</section>"""


def _article(name: str, result: Result, path: Path) -> str:
    references = result.references[name]
    scores = {
        score: value
        for score, value in result.of(name).items()
        if score not in {"BLEU-1", "BLEU-2", "BLEU-3"}
    }
    shown = [f"{escape(score)} {_figure(score, value)}" for score, value in scores.items()]
    if name in result.confidences:
        shown.append(f"confidence {result.confidences[name]:.2f}")
    items = "\n".join(f"<li>{escape(text)}</li>" for text in references)
    # who cannot see the picture needs to know what is really there, not what was guessed
    return f"""\
<article>
{_image(path, references[0])}
<h3>{escape(result.captions[name])}</h3>
<p class="scores">{", ".join(shown)}</p>
<p>People wrote:</p>
<ul>
{items}
</ul>
<p>{escape(name)}</p>
</article>"""


def _image(path: Path, alt: str) -> str:
    with Image.open(path) as image:
        small = upright_rgb(image)
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    data = base64.b64encode(stream.getvalue()).decode()
    return (
        f'<img src="data:image/jpeg;base64,{data}" alt="{escape(alt)}" '
        f'width="{small.width}" height="{small.height}">'
    )


def _figure(name: str, value: float) -> str:
    if value.is_integer():
        return f"{value:.0f}"  # a count
    return f"{value:.3f}" if name == "loss" else f"{value:.1f}"
