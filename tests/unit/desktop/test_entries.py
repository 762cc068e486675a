"""Menu entry, icon, "Open with": what desktops read is what their own tools accept."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from describer_daemon import APP_ID
from describer_daemon.core import i18n
from describer_daemon.desktop import autostart, entries

FILES = (entries.menu_entry, entries.open_with, autostart.entry)


def value_of(file: Path, key: str) -> str:
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys have capitals
    parser.read(file, encoding="utf-8")
    return parser["Desktop Entry"][key]


@pytest.mark.skipif(
    not shutil.which("desktop-file-validate"), reason="desktop-file-utils is not installed"
)
@pytest.mark.parametrize("make", FILES)
def test_desktops_accept_it(sandbox: Path, make) -> None:  # type: ignore[no-untyped-def]  # one of FILES
    file = make()
    file.do()
    done = subprocess.run(
        ["desktop-file-validate", str(file.path)], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@pytest.mark.parametrize("make", FILES)
def test_each_entry_has_the_icon_that_is_there(sandbox: Path, make) -> None:  # type: ignore[no-untyped-def]  # one of FILES
    file = make()
    file.do()
    icon = entries.icon()
    icon.do()
    assert value_of(file.path, "Icon") == icon.path.stem == APP_ID
    assert ElementTree.parse(icon.path).getroot().tag.endswith("svg")  # noqa: S314 - our own file


def test_the_menu_entry_has_the_name_that_portals_know(sandbox: Path) -> None:
    assert entries.menu_entry().path.name == f"{APP_ID}.desktop"


@pytest.mark.skipif(
    not shutil.which("update-desktop-database"), reason="desktop-file-utils is not installed"
)
@pytest.mark.parametrize(
    ("text", "key"),
    [
        (entries.menu_text, "Comment"),
        (entries.menu_text, "GenericName"),
        (entries.menu_text, "Keywords"),
        (entries.open_with_text, "Name"),
        (autostart.entry_text, "Comment"),
    ],
)
def test_it_has_its_words_in_each_language_whichever_is_in_use(
    pseudo_locale: None, text: Callable[[], str], key: str
) -> None:
    lines = dict(line.partition("=")[::2] for line in text().splitlines())
    assert lines[f"{key}[de]"] == f"«{lines[key]}»"


def test_without_catalogues_it_has_the_english_ones(catalogues: Path) -> None:
    i18n.use("de")
    assert "[de]" not in entries.menu_text()


def test_file_managers_find_it_by_the_kind_of_picture_and_then_no_more(sandbox: Path) -> None:
    file = entries.open_with()
    file.do()
    index = file.path.with_name("mimeinfo.cache")
    for kind in ("image/png", "image/jpeg", "image/webp", "image/avif"):
        assert f"{kind}={file.path.name};" in index.read_text(encoding="utf-8")
    file.undo()
    assert not index.exists()
    assert not file.path.parent.exists()


def test_an_index_of_others_stays(sandbox: Path) -> None:
    file = entries.open_with()
    file.do()
    other = file.path.with_name("other.desktop")
    other.write_text("[Desktop Entry]\nType=Application\nName=Other\nExec=true\n", encoding="utf-8")
    index = file.path.with_name("mimeinfo.cache")
    index.touch()
    file.undo()
    assert {path.name for path in file.path.parent.iterdir()} == {other.name, index.name}
