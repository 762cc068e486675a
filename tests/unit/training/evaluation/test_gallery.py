"""The gallery page: whole, safe, and readable by ear."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from models.runtime.bundle import SHIPPED
from tests.bundles import draw_data_set
from training.__main__ import main
from training.evaluation import gallery
from training.evaluation.evaluate import Result

VOID = {"meta", "img"}


class Page(HTMLParser):
    """What a reader finds; every element must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.headings: list[tuple[int, str]] = []
        self.tags: set[str] = set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        assert not any(name.startswith("on") for name in given)
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag == "img":
            self.images.append(given)
        if "id" in given:
            self.ids.append(given["id"] or "")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and re.fullmatch("h[1-6]", self.open[-1]):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)

    def under(self, section: str) -> list[str]:
        """The captions of one section, in order."""
        found, inside = [], False
        for level, text in self.headings:
            if level == 2:
                inside = text.startswith(section)
            elif level == 3 and inside:
                found.append(text)
        return found


def result(count: int, **captions: str) -> Result:
    """So many captions: the first is the best."""
    names = [f"{n:03}.png" for n in range(count)]
    said = {name: captions.get(f"c{n}", f"caption {n}") for n, name in enumerate(names)}
    return Result(
        {"BLEU-4": 12.345, "CIDEr": 55.5, "distinct words": 76.0, "loss": 2.6891},
        said,
        {},
        {name: 100.0 - n for n, name in enumerate(names)},
        {"BLEU-4": dict.fromkeys(names, 1.25), "loss": dict.fromkeys(names, 2.5)},
        {name: [f"a person wrote {name}", 'x < y & "z"'] for name in names},
        dict.fromkeys(names, 0.75),
        ("SPICE is left out: <why>.",),
    )


def written(folder: Path, seen: Result, most: int = gallery.PICTURES) -> Page:
    paths = {}
    for n, name in enumerate(seen.captions):
        paths[name] = folder / name
        Image.new("RGB", (60, 40), (n, 0, 0)).save(paths[name])
    out = folder / "page.html"
    gallery.write(seen, paths, out, "Captions <of> a & b", most)
    return Page(out.read_text(encoding="utf-8"))


def test_best_and_worst_come_first_and_nothing_twice(tmp_path: Path) -> None:
    page = written(tmp_path, result(40), most=9)
    assert page.under("Best") == ["caption 0", "caption 1", "caption 2"]
    assert page.under("Worst") == ["caption 39", "caption 38", "caption 37"]
    between = page.under("Between")
    assert between == ["caption 8", "caption 20", "caption 31"]
    assert [text for level, text in page.headings if level == 2] == [
        "Best 3",
        "Worst 3",
        "Between 3",
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10])
def test_a_few_pictures_are_all_shown_once(tmp_path: Path, count: int) -> None:
    page = written(tmp_path, result(count))
    assert sorted(text for level, text in page.headings if level == 3) == sorted(
        f"caption {n}" for n in range(count)
    )
    assert page.under("Best")[0] == "caption 0"
    if count > 1:
        assert page.under("Worst")[0] == f"caption {count - 1}"


def test_it_can_be_read_by_ear_and_by_keyboard(tmp_path: Path) -> None:
    page = written(tmp_path, result(7))
    assert [text for level, text in page.headings if level == 1] == ["Captions <of> a & b"]
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.images) == 7
    assert sorted(image["alt"] or "" for image in page.images) == [
        f"a person wrote {n:03}.png" for n in range(7)
    ]
    assert page.links == ["#best", "#worst", "#between"]
    assert set(page.ids) == {"best", "worst", "between"}
    assert {"main", "header", "nav", "table", "caption"} <= page.tags
    assert (
        (tmp_path / "page.html")
        .read_text(encoding="utf-8")
        .startswith('<!DOCTYPE html>\n<html lang="en">')
    )


def test_it_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = written(tmp_path, result(3))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not {"script", "link", "iframe", "object"} & page.tags
    assert "http" not in text.replace("http-equiv", "")
    for number, image in enumerate(sorted(page.images, key=lambda each: each["alt"] or "")):
        kind, _, data = (image["src"] or "").partition(",")
        assert kind == "data:image/jpeg;base64"
        with Image.open(io.BytesIO(base64.b64decode(data)), formats=["JPEG"]) as small:
            assert small.size == (60, 40) == (int(image["width"] or 0), int(image["height"] or 0))
            assert abs(small.getpixel((30, 20))[0] - number) < 3


def test_large_pictures_are_made_small_and_stand_upright(tmp_path: Path) -> None:
    path = tmp_path / "000.png"
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by a quarter
    Image.effect_noise((2000, 1000), 90).save(path, exif=turned)
    gallery.write(result(1), {path.name: path}, tmp_path / "page.html", "one")
    (image,) = Page((tmp_path / "page.html").read_text(encoding="utf-8")).images
    assert (image["width"], image["height"]) == ("180", "360")
    assert len(image["src"] or "") < 60_000


def test_text_is_escaped(tmp_path: Path) -> None:
    page = written(tmp_path, result(1, c0="<script>alert('a dog')</script> & \"co\""))
    assert "script" not in page.tags
    assert page.under("Best") == ["<script>alert('a dog')</script> & \"co\""]
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "x &lt; y &amp; &quot;z&quot;" in text
    assert "SPICE is left out: &lt;why&gt;." in text


def test_scores_are_there_for_all_and_for_each(tmp_path: Path) -> None:
    written(tmp_path, result(2))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<th scope="row">BLEU-4</th><td>12.3</td>' in text
    assert '<th scope="row">distinct words</th><td>76</td>' in text
    assert '<th scope="row">loss</th><td>2.689</td>' in text
    assert "CIDEr 100, BLEU-4 1.2, loss 2.500, confidence 0.75" in text


def test_evaluating_a_bundle_writes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # METEOR takes ten seconds
    data, out = draw_data_set(tmp_path / "data"), tmp_path / "gallery.html"
    done = CliRunner().invoke(
        main, ["evaluate", str(SHIPPED), "--data", str(data), "--gallery", str(out)]
    )
    assert done.exit_code == 0, done.output
    page = Page(out.read_text(encoding="utf-8"))
    assert page.headings[0] == (1, "What everyday says of 2 pictures")
    assert {image["alt"] for image in page.images} == {
        "a blue circle on the left",
        "a red circle on the left",
    }
