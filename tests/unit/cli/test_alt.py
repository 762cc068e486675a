"""`describer alt`: tells, writes only where an option says so, and proposes patches for pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from describer_daemon.alt_text import embedding
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.cli import alt, alt_page
from describer_daemon.core import phrasing
from describer_daemon.core.ports import DescriberError, Encoded
from tests.unit.alt_text import making
from tests.unit.cli.test_files import photo

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESCRIBER_CONFIG", str(tmp_path / "settings.toml"))
    for number, name in enumerate(("one.png", "two.png")):
        (tmp_path / name).write_bytes(photo(number))
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    for module in (alt, alt_page):
        monkeypatch.setattr(
            module, "captioner_factory", lambda *_, **__: lambda _: making.Quick(making.PLAIN)
        )
    return lambda *arguments: CliRunner().invoke(alt.alt, arguments)


def told(result: Result, status: int = 0) -> list[str]:
    assert result.exit_code == status, result.output
    return result.stdout.splitlines()


def test_it_tells_and_writes_nothing(run: Run, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert told(run("one.png")) == ["A dog runs."]
    assert told(run("one.png", "two.png", "one.png", "gone.png"), 1) == [
        "one.png: A dog runs.",
        "two.png: A dog runs.",
    ]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_json_has_exactly_its_fields(run: Run) -> None:
    lines = map(json.loads, told(run("--json", "--sidecar", "one.png", "gone.png"), 1))
    assert list(lines) == [
        {
            "file": "one.png",
            "alt_text": "A dog runs.",
            "source": "proposed",
            "confidence": 0.9123,
            "needs_review": False,
            "form": "plain",
            "language": "en",
            "written": ["one.png.xmp"],
        },
        {"file": "gone.png", "error": "There is no file gone.png."},
    ]
    [line] = map(json.loads, told(run("--json", "one.png")))
    assert line == {
        "file": "one.png",
        "alt_text": "A dog runs.",
        "source": "describer",
        "written": [],
    }


def test_a_table_gets_what_could_be_done(run: Run, folder: Path) -> None:
    for _ in range(2):
        run("--csv", "t.csv", "one.png", "gone.png", "two.png")
    rows = (folder / "t.csv").read_text(encoding="utf-8").splitlines()
    assert rows[1:] == [f"{name}.png,A dog runs.,0.9123,no,proposed" for name in ("one", "two")]


PAGE = (
    b'<img src=one.png>\n<p>\x1b[2J<img alt="" src=two.png>\n'
    b"<img src=http://x/a.png><img src=one.png>"
)


def test_a_page_gets_a_patch_and_stays_as_it_is(run: Run, folder: Path) -> None:
    (folder / "page.html").write_bytes(PAGE)
    result = run("--html", "page.html")
    assert told(result)[:2] == ["--- a/page.html", "+++ b/page.html"]
    assert result.stdout_bytes.count(b'+<img alt="A dog runs." src=one.png>') == 1
    saved = run("--html", "page.html", "--patch", "out.patch")
    assert (folder / "out.patch").read_bytes() == result.stdout_bytes
    assert told(saved) == [
        "line 1: one.png: A dog runs.",
        "line 3: http://x/a.png: no alt text proposed. "
        "It is on another machine, and I fetch nothing.",
        "line 3: one.png: A dog runs.",
    ]
    run("--html", "page.html", "--patch", "out.patch")  # written anew
    assert (folder / "out.patch").read_bytes() == result.stdout_bytes
    lines = [json.loads(line) for line in told(run("--html", "page.html", "--json"))]
    assert [(line["line"], line["alt_text"]) for line in lines] == [
        (1, "A dog runs."),
        (3, None),
        (3, "A dog runs."),
    ]
    assert (folder / "page.html").read_bytes() == PAGE


def test_a_page_without_any_says_so(run: Run, folder: Path) -> None:
    (folder / "page.html").write_bytes(b"<p>")
    result = run("--html", "page.html")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no picture without alt text" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--html", "page.html", "one.png"),
        ("--html", "page.html", "--sidecar"),
        ("--html", "page.html", "--csv", "t.csv"),
        ("--html", "page.html", "--patch", "one.png"),
        ("--patch", "a.patch", "one.png"),
        ("--root", ".", "one.png"),
        ("--sidecar", "-"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, folder: Path, arguments: Any) -> None:
    (folder / "page.html").write_bytes(b"<p>")
    before = sorted(folder.iterdir())
    assert run(*arguments).exit_code == 2
    assert sorted(folder.iterdir()) == before


def test_without_exiftool_nothing_is_begun(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding.shutil, "which", lambda _: None)
    error = run("--embed", "one.png").exception
    assert isinstance(error, DescriberError)
    assert error.spoken == embedding.MISSING


@pytest.fixture
def real(folder: Path, tiny_bundle: Path) -> Iterator[ChildCaptioner]:
    text = f"[captioner]\nbundle = {json.dumps(str(tiny_bundle))}\ntimeout_seconds = 90\n"
    (folder / "settings.toml").write_text(text, encoding="utf-8")
    captioner = ChildCaptioner(tiny_bundle, timeout=90)
    yield captioner
    captioner.close()


def test_the_real_captioner_is_asked(folder: Path, real: ChildCaptioner) -> None:
    runner = CliRunner()
    lines = told(runner.invoke(alt.alt, ["--json", "--sidecar", "one.png", "two.png"]))
    for line in map(json.loads, lines):
        data = (folder / line["file"]).read_bytes()
        expected = phrasing.alt_text(real.describe(Encoded(data)))
        assert (line["alt_text"] or "") == expected
        assert line["written"] == ([f"{line['file']}.xmp"] if expected else [])
