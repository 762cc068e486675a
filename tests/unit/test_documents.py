"""What the documents name exists: files, links, modules, tests, the words of the glossary."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("describer_daemon", "models", "training", "benchmarks", "tests")
# where there is nothing of ours: environments, what is built, caches
_FOLDERS = [
    path
    for path in ROOT.iterdir()
    if path.is_dir() and path.name[0] != "." and path.name != "build"
]
FILES = {
    path.relative_to(ROOT).as_posix()
    for path in chain(ROOT.iterdir(), *(folder.rglob("*") for folder in _FOLDERS))
    if path.is_file()
}
# a bundle's card stays as it was when the bundle was made, which vouches for every byte of it
DOCUMENTS = sorted(
    name for name in FILES if name.endswith(".md") and not name.endswith("MODEL_CARD.md")
)
DECISIONS = sorted(name for name in DOCUMENTS if re.match(r"docs/adr/\d{4}-", name))

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FILE = re.compile(r"[\w./-]+\.(?:md|py|sh|toml|tsv)")
FOLDER = re.compile(rf"(?:{'|'.join((*PACKAGES, 'docs', 'scripts', 'requirements'))})/[\w/-]*")
MODULE = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
TEST = re.compile(r"\b([du])/`([\w/]+)`")
STATUS = re.compile(
    r"^\*\*Status\.\*\* (Accepted|Superseded by \[\d{4}\]\(\d{4}-[\w-]+\.md\))"
    r"[^\n]*\. \*\*Date\.\*\* (\d{4}-\d\d-\d\d)\.$",
    re.MULTILINE,
)


def text(name: str) -> str:
    """A document as it stands."""
    return (ROOT / name).read_text(encoding="utf-8")


def quoted(page: str) -> list[str]:
    """All that stands in single backticks, but for blocks of code and names of tests."""
    prose = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", TEST.sub("", prose))


def files(name: str) -> list[str]:
    """The files whose path is `name`, or ends with it, as `speech/players.py` is an end."""
    return [path for path in sorted(FILES) if f"/{path}".endswith(f"/{name.removeprefix('./')}")]


def is_in_a_module(name: str) -> bool:
    """Whether "package.module", "package.module.Class" or "package" names what is there."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = "/".join(parts[:length])
        for file in (f"{path}.py", f"{path}/__init__.py"):
            if file in FILES:
                return all(re.search(rf"\b{part}\b", text(file)) for part in parts[length:])
    return False


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    links = [link for link in LINK.findall(text(name)) if "://" not in link]
    assert not [link for link in links if not ((ROOT / name).parent / link).exists()]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_is_named_exists(name: str) -> None:
    named = " ".join(quoted(text(name))).split()  # in commands, too
    assert not [each for each in named if FILE.fullmatch(each) and not files(each)]
    assert not [each for each in named if FOLDER.fullmatch(each) and not (ROOT / each).exists()]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_module_that_is_named_exists(name: str) -> None:
    named = chain.from_iterable(
        MODULE.findall(each) for each in quoted(text(name)) if not FILE.fullmatch(each)
    )
    assert not [each for each in named if not is_in_a_module(each)]


def test_the_tests_that_security_rests_on_exist() -> None:
    tests = TEST.findall(text("SECURITY.md"))
    assert len(tests) > 10
    folders = {"d": "tests/desktop", "u": "tests/unit"}
    assert not [test for where, test in tests if f"{folders[where]}/{test}.py" not in FILES]


def test_every_decision_has_a_status_and_a_date_and_is_in_the_index() -> None:
    rows = set(text("docs/adr/README.md").splitlines())
    assert len(DECISIONS) > 20
    for name in DECISIONS:
        page = text(name)
        number, title = page.splitlines()[0].removeprefix("# ").split(" ", 1)
        found = STATUS.search(page)
        assert found, name
        status, date = found.groups()
        file = Path(name).name
        assert file.startswith(f"{number}-")
        assert f"| [{number}]({file}) | {title} | {status.lower()} | {date} |" in rows


def terms() -> list[tuple[str, str, str]]:
    """The rows of the glossary's tables that begin with "term": term, meaning, where."""
    rows = []
    for table in text("docs/glossary.md").split("| term | meaning | where |\n|---|---|---|\n")[1:]:
        for line in table.partition("\n\n")[0].splitlines():
            term, meaning, where = line.removeprefix("| ").removesuffix(" |").split(" | ")
            rows.append((term, meaning, where))
    return rows


def test_the_words_of_the_glossary_stand_where_it_says() -> None:
    assert len(terms()) > 50
    for term, _, where in terms():
        pages: list[str] = []
        for name in quoted(where):
            if FILE.fullmatch(name):
                pages = [text(path) for path in files(name)]
            else:  # what stands in the file before it
                assert any(re.search(rf"\b{re.escape(name)}\b", page) for page in pages), (
                    f"{term}: {name}"
                )
        assert pages, term


def test_the_newest_release_is_the_version() -> None:
    from describer_daemon import __version__

    releases = re.findall(r"^## \[([^\]]+)\]", text("CHANGELOG.md"), re.MULTILINE)
    assert releases[:2] == ["Unreleased", __version__]
