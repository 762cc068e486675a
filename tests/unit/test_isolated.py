"""Our children run our own code, whatever lies in the folder we are in or on PYTHONPATH."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import describer_daemon

REPOSITORY = Path(__file__).parents[2]
STRANGERS = ("models", "PIL", "numpy", "onnxruntime", "pyttsx3", "platformdirs", "benchmarks")

CAPTIONER = """
from describer_daemon.captioner.client import ChildCaptioner
captioner = ChildCaptioner(timeout=250.0)
captioner.warm_up()
captioner.close()
"""
# where there is no espeak the child says so, but in its own words
VOICES = """
from describer_daemon.core.ports import DescriberError
from describer_daemon.speech import pyttsx3 as ours
try:
    ours._listed()
except DescriberError as error:
    assert "ended with" not in error.detail, error.detail
"""
COMMAND = """
from describer_daemon import processes
done = processes.run(
    [*processes.python("describer_daemon.cli.main"), "voices", "--help"], timeout=250, what="It"
)
assert done.code == 0, done.errors
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder of other people's packages that have the names of ours and our libraries'."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in STRANGERS:
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name} of somebody else')")
    for name in ("sitecustomize", "usercustomize"):
        (folder / f"{name}.py").write_text(
            "import sys; open(__file__ + '.seen', 'a').write(repr(sys.orig_argv) + '\\n')"
        )
    return folder


@pytest.mark.parametrize("named", [True, False], ids=["PYTHONPATH", "folder"])
@pytest.mark.parametrize("start", [CAPTIONER, VOICES, COMMAND], ids=["captioner", "voices", "run"])
def test_children_of_an_installed_describer_are_ours(
    hostile: Path, tmp_path: Path, start: str, named: bool
) -> None:
    """As from a wheel: our packages lie behind those of somebody else."""
    site = tmp_path / "site-packages"
    site.mkdir()
    for package in ("describer_daemon", "models"):
        (site / package).symlink_to(REPOSITORY / package)
    path = os.pathsep.join([str(hostile), str(site)] if named else [str(site)])
    done = subprocess.run(
        [sys.executable, "-c", start],
        cwd=tmp_path if named else hostile,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "somebody else" not in done.stderr
    seen = hostile / "sitecustomize.py.seen"
    if named:  # it was there to be found, and only the parent found it
        assert len(seen.read_text().splitlines()) == 1


def test_an_isolated_child_has_the_libraries_of_a_users_own_site(tmp_path: Path) -> None:
    """Which `python -I` leaves out, and `pip install --user` fills."""
    user = tmp_path / "user"
    user.mkdir()
    (user / "stranger_of_the_test.py").write_text("def main():\n    print('found')\n")
    code = (
        "import sys, subprocess; sys.path.append(sys.argv[1]);"
        "from describer_daemon import processes;"
        "subprocess.run(processes.python('stranger_of_the_test'), check=True)"
    )
    # what a .pth file adds is not on PYTHONPATH either
    done = subprocess.run(
        [sys.executable, "-c", code, str(user)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "found\n", done.stderr


def test_no_other_way_starts_python() -> None:
    root = Path(describer_daemon.__file__).parent
    files = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "sys.executable" in path.read_text(encoding="utf-8")
    ]
    # the other is no child of ours: it is what Windows starts at login
    assert sorted(files) == ["desktop/login_windows.py", "processes.py"]
