"""The plan, the pages and the labels, without a browser."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import nullcontext
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from benchmarks import report
from benchmarks.boxes import Box
from benchmarks.finder import measure, read
from benchmarks.matching import Find
from benchmarks.screens import generate, labels, pages, scenes
from benchmarks.screens.album import Album, open_album
from benchmarks.screens.labels import Label, Placed, Shown, sort_out
from benchmarks.screens.plan import plan

ALBUM = Album(tuple(Path(f"/pictures/{n:02}.jpg") for n in range(30)))
VOID = {"meta", "img", "input", "hr", "br", "path", "rect", "circle", "polygon", "polyline"}
EVERY = [(name, True) for name in pages.PICTURED] + [(name, False) for name in pages.WITHOUT]


class Reader(HTMLParser):
    """Collects the kinds of marked elements; `open` ends up empty when every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: Counter[str] = Counter()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind = dict(attrs).get("data-kind")
        self.kinds[kind or ""] += 1
        if tag not in {*VOID, "p", "li", "tr", "td", "th"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of SVG that closes itself."""

    def handle_endtag(self, tag: str) -> None:
        if tag not in {*VOID, "p", "li", "tr", "td", "th"}:
            assert self.open, f"</{tag}> without a start"
            assert self.open.pop() == tag


@pytest.mark.parametrize(("family", "pictured"), EVERY)
def test_every_page_is_whole_and_marks_its_pictures(family: str, pictured: bool) -> None:
    photographed = 0
    for seed in range(4):
        page = pages.page(family, Random(seed), ALBUM, pictured=pictured)
        reader = Reader()
        reader.feed(page)
        assert not reader.open
        assert set(reader.kinds) <= {"", "photograph", "drawing", "ignore", "cover"}
        assert page.count("file:///") == reader.kinds["photograph"] + reader.kinds["ignore"]
        photographed += reader.kinds["photograph"]
    assert bool(photographed) is pictured


def test_the_same_seed_gives_the_same_page() -> None:
    one, same, other = (
        pages.page("news", Random(seed), ALBUM, pictured=True) for seed in (3, 3, 4)
    )
    assert one == same != other


def test_a_drawn_page_labels_drawings_only() -> None:
    page = pages.page("map", Random(0), ALBUM, pictured=False)
    assert re.findall(r'data-kind="(\w+)"', page) == ["drawing"]


def test_half_of_the_plan_is_without_photographs_and_every_family_is_in_it() -> None:
    wishes = plan(450, 1)
    assert sum(not wish.pictured for wish in wishes) == 225
    for pictured, known in (
        (True, {*pages.PICTURED, *scenes.PICTURED}),
        (False, {*pages.WITHOUT, *scenes.WITHOUT}),
    ):
        assert {wish.family for wish in wishes if wish.pictured is pictured} == known
    assert {wish.shown_by for wish in wishes} == {"page", "window", "desktop"}
    assert {wish.scale for wish in wishes} == {1.0, 1.25, 1.5, 2.0}
    assert sum(wish.size == (1920, 1080) for wish in wishes) > 100  # their time is taken


def test_a_longer_plan_begins_like_a_shorter_one() -> None:
    assert plan(100, 5)[:40] == plan(40, 5) != plan(40, 6)


def test_an_album_deals_everything_before_anything_twice() -> None:
    dealt = ALBUM.deal(Random(1))
    assert set(ALBUM.paths) == {next(dealt) for _ in ALBUM.paths}


def test_an_album_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="either --data"):
        open_album(None, None)
    with pytest.raises(ValueError, match="0 pictures; at least 20"):
        open_album(None, tmp_path)


def test_small_hidden_and_distant_pictures_do_not_count() -> None:
    screen = Box(0, 0, 800, 600)
    placed = [
        Placed("photograph", "whole", Box(10, 10, 300, 200), Box(0, 0, 300, 200)),
        Placed("photograph", "cut", Box(700, 500, 300, 300), Box(0, 0, 300, 300)),
        Placed("photograph", "icon", Box(400, 10, 60, 60), Box(0, 0, 60, 60)),
        Placed(
            "photograph",
            "hidden",
            Box(100, 300, 200, 200),
            Box(0, 0, 200, 200),
            (Box(110, 310, 150, 150),),
        ),
        Placed("photograph", "below", Box(10, 900, 300, 200), Box(0, 0, 300, 200)),
    ]
    pictures, ignore = sort_out(placed, screen, 1.0)
    assert [(each.file, each.box) for each in pictures] == [
        ("whole", Box(10, 10, 300, 200)),
        ("cut", Box(700, 500, 100, 100)),
    ]
    assert ignore == (Box(400, 10, 60, 60), Box(100, 300, 200, 200))
    # magnified, 100 pixels are as small to a person as 50
    assert len(sort_out(placed, screen, 2.0)[0]) == 1


def screen(folder: Path, name: str, picture: Box | None) -> None:
    pictures = (Shown(picture, "a.jpg", "photograph", (90, 60)),) if picture else ()
    Label((1920, 1080), 1.0, "news", "page", pictures).save(folder / f"{name}.json")
    Image.new("RGB", (1920, 1080), "white").save(folder / f"{name}.png")


def test_a_label_survives_its_file(tmp_path: Path) -> None:
    label = Label(
        (640, 480),
        1.25,
        "chat",
        "window",
        (Shown(Box(1, 2, 300, 200), "a.jpg", "photograph", (300, 225)),),
        (Box(5, 6, 7, 8),),
    )
    label.save(tmp_path / "a.json")
    assert labels.read(tmp_path / "a.json") == label


@pytest.mark.parametrize("text", ["", "{}", '{"pictures": [{"box": [1]}]}'])
def test_a_damaged_label_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json is not the label of a screen"):
        labels.read(tmp_path / "a.json")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no screens"):
        read(tmp_path)


def test_the_benchmark_from_screens_to_report(tmp_path: Path) -> None:
    place = Box(100, 100, 600, 400)
    screen(tmp_path, "0", place)
    screen(tmp_path, "1", None)
    measured = measure(
        read(tmp_path),
        {"sees it": lambda _: [Find(place, "photograph", 1.0)], "blind": lambda _: []},
    )
    assert measured["sees it"].found(0.9).value == 1
    assert measured["sees it"].inventing().hits == 1  # also where there is none
    assert measured["blind"].found(0.5).value == 0
    assert measured["blind"].inventing().hits == 0
    assert len(measured["blind"].milliseconds) == 2
    results = report.Results(measured, [], None)
    report.save(results, tmp_path / "out")
    assert "100.0 %" in report.table(results)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "results.json",
        "table.txt",
        "finder.png",
        "failures.png",
    }


def test_screens_go_on_with_the_same_seed_and_photographs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[int] = []
    monkeypatch.setattr(generate, "_make", lambda *given: made.append(given[1].number))
    monkeypatch.setattr(generate, "_renderer", lambda *_: nullcontext())
    album = Album((tmp_path / "a.jpg",))
    album.paths[0].write_bytes(b"a")
    out = tmp_path / "screens"
    generate.generate(out, 2, 1, album)
    generate.generate(out, 3, 1, album)  # more of the same
    assert sorted(made) == [0, 0, 1, 1, 2]
    with pytest.raises(ValueError, match=r"other screens: seed was 1 and is 2\. Give another"):
        generate.generate(out, 3, 2, album)
    album.paths[0].write_bytes(b"b")
    with pytest.raises(ValueError, match="photographs: not the same"):
        generate.generate(out, 3, 1, album)
    assert len(made) == 5
    before = tmp_path / "before"
    before.mkdir()
    (before / "0000-x.json").write_text("{}")  # as they were left before it was noted
    generate.generate(before, 1, 1, album)
    assert "taken on trust" in capsys.readouterr().out
