"""The wheel, in an environment of its own as pipx makes one: what ships is all that it needs.

The environment has the packages that the wheel says it needs, and theirs, and no others: what only
development brings is missing there, as it will be with the person.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts.licences import closure
from tests.shared import made_once

ROOT = Path(__file__).parents[2]
SHIPPED = (
    "describer_daemon/assets/sample.jpg", "describer_daemon/assets/org.describer.Describer.svg",
    "describer_daemon/py.typed", "models/captioning/kinds.tsv",
    "models/captioning/imagenet_names.tsv", "models/bundles/everyday/MODEL_CARD.md",
    "models/bundles/finder/MODEL_CARD.md",
)  # fmt: skip
_BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


def run(*command: str | Path, folder: Path) -> str:
    """What a command prints, run in a folder with nothing of ours on the path."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that neither what was built before nor this test leaves anything."""
    return next(made_once(tmp_path_factory, "wheel", _build).glob("*.whl"))


def _build(folder: Path) -> None:
    source = folder / "source"
    source.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", ".*")
    for name in ("describer_daemon", "models", "training", "benchmarks", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE.Apache-2.0", "LICENSES.md"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-c", _BUILD, folder, folder=source)
    shutil.rmtree(source)


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment with the wheel in it."""

    def make(folder: Path) -> None:
        venv = folder / "venv"
        run(sys.executable, "-m", "venv", "--without-pip", venv, folder=folder)
        pip = (sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install")
        run(*pip, "--quiet", "--no-deps", "--no-index", wheel, folder=folder)
        site = Path(sysconfig.get_path("purelib", vars={"base": str(venv)}))
        [about] = site.glob("describer-*.dist-info")
        needed = map(Requirement, Distribution.at(about).requires or ())
        wanted = [one for one in needed if not one.marker or one.marker.evaluate({"extra": ""})]
        for package in closure(f"{one.name}{one.specifier}" for one in wanted).values():
            _lend(package, site)

    return made_once(tmp_path_factory, "wheels-environment", make) / "venv"


def _lend(package: Distribution, site: Path) -> None:
    """Have an installed package in another environment, without a copy."""
    inside = {file.parts[0] for file in package.files or () if file.parts[0] != ".."}
    for name in inside - {"__pycache__"}:
        if not (site / name).exists():
            (site / name).symlink_to(Path(str(package.locate_file(name))))


def test_it_has_all_that_is_needed_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    assert not set(SHIPPED) - names
    bundles = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "models/bundles").rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".py"}
    }
    assert bundles
    assert not bundles - names
    tops = {name.partition("/")[0] for name in names}
    [about] = [top for top in tops if top.endswith(".dist-info")]
    assert tops == {"describer_daemon", "models", about}
    for licence in ("LICENSE", "LICENSE.Apache-2.0", "LICENSES.md"):
        assert f"{about}/licenses/{licence}" in names


def test_it_describes_a_picture(
    environment: Path, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESCRIBER_CONFIG", str(settings))  # it has patience with a busy machine
    sample = ROOT / "describer_daemon/assets/sample.jpg"
    said = run(environment / "bin/describer", "describe", sample, folder=settings.parent)
    assert re.search(r"\b(man|person)\b", said)  # whichever captioner ships sees him


def test_it_does_the_main_job(environment: Path, sandbox: Path) -> None:
    told = run(environment / "bin/describer", "demo", folder=sandbox).splitlines()
    assert re.search(r"\b(man|person)\b", told[-2])
    assert Path(told[-1]) == (sandbox / "describer-demo.wav").resolve()


def test_what_it_sets_up_starts_it(environment: Path, sandbox: Path) -> None:
    describer = environment / "bin" / "describer"
    run(describer, "setup", folder=sandbox)
    entries = [
        sandbox / ".config/autostart/org.describer.Describer.desktop",
        *(sandbox / ".local/share/applications").glob("*.desktop"),
    ]
    assert len(entries) == 3
    for entry in entries:
        lines = entry.read_text(encoding="utf-8").splitlines()
        [command] = [line for line in lines if line.startswith("Exec=")]
        assert command.removeprefix("Exec=").split()[0] == str(describer)
    run(describer, "setup", "--undo", folder=sandbox)
    assert not [path for path in sandbox.rglob("*") if path.is_file()]


def test_by_the_name_on_the_path_it_survives_a_move(
    environment: Path, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked = sandbox / "bin" / "describer"  # as pipx links it
    linked.parent.mkdir()
    linked.symlink_to(environment / "bin" / "describer")
    monkeypatch.setenv("PATH", f"{linked.parent}:{os.environ['PATH']}")
    path = run(linked, "autostart", "on", folder=sandbox).rpartition(" by ")[2].strip().rstrip(".")
    assert f"Exec={linked} run\n" in Path(path).read_text(encoding="utf-8")
