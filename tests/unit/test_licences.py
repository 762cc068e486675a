"""LICENSES.md tells of everything that ships, and the command that lists the rest works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "LICENSES.md").read_text(encoding="utf-8")
# names and expressions as SPDX has them: anything else in the metadata was written by hand
SPDX = re.compile(r"[A-Za-z0-9.+-]+-[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*|MIT")


def listed(*wanted: str) -> dict[str, str]:
    """What `scripts/licences.py` prints: the licences by the packages' names."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "licences.py", *wanted],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = (line.split("\t") for line in done.stdout.splitlines())
    return {name: licence for name, _, licence in lines}


def section(heading: str) -> dict[str, str]:
    """The table below a heading: package and licence."""
    text = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = (line.strip("| ").split(" | ") for line in text.splitlines() if line[:2] == "| ")
    return {row[0]: row[1] for row in rows if row[0] != "package"}


LIGHT = section("What `pip install describer` brings")
TEXT = section("What `describer[text]` adds")
EYES = section("What `describer[eyes]` adds")
FORMATS = section("What `describer[formats]` adds")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("describer", LIGHT),
        ("describer[text]", LIGHT | TEXT),
        ("describer[formats]", LIGHT | FORMATS),
        ("describer[eyes]", LIGHT | EYES),
    ],
)
def test_every_package_that_comes_along_is_told_of(wanted: str, told: dict[str, str]) -> None:
    installed = listed(wanted)
    assert installed.pop("describer") == "MIT"
    assert {"numpy", "onnxruntime"} < installed.keys()
    assert installed.keys() <= told.keys()
    named = {name: licence for name, licence in installed.items() if SPDX.fullmatch(licence)}
    assert named == {name: told[name] for name in named}
    assert "numpy" in named  # so some were really compared


def test_every_part_of_the_wheel_is_told_of() -> None:
    bundles = [
        f"`models/bundles/{path.name}/`"
        for path in (ROOT / "models/bundles").iterdir()
        if path.is_dir()
    ]
    assets = [*(ROOT / "models").rglob("*.tsv"), *(ROOT / "describer_daemon/assets").iterdir()]
    files = [
        f"`{path.relative_to(ROOT).as_posix()}`" for path in assets if path.name != "README.md"
    ]
    assert bundles
    assert files
    assert not [part for part in bundles + files if f"| {part} |" not in PAGE]


def test_the_terms_of_the_bundles_are_those_of_their_cards() -> None:
    for card in (ROOT / "models/bundles").glob("*/MODEL_CARD.md"):
        text = " ".join(card.read_text(encoding="utf-8").split())
        row = next(
            line
            for line in PAGE.splitlines()
            if line.startswith(f"| `models/bundles/{card.parent.name}/`")
        )
        assert "**non-commercial research and education**" in text
        assert "**non-commercial research and education**" in row
        assert ("Apache-2.0" in text) == ("Apache-2.0" in row)


def test_all_that_is_installed_is_listed_and_what_is_not_is_said() -> None:
    everything = listed()
    assert listed("describer[text]").items() <= everything.items()
    assert all(everything.values())
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "licences.py", "no-such-package"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "no-such-package is not installed. Please run this with the Python that has it.\n"
    )
