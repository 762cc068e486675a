"""The scripts, which may run as root: what they write, nobody else can have prepared."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [ROOT / "run", ROOT / "check", *sorted((ROOT / "scripts").glob("*.sh"))]
_GUESSED = re.compile(r"\$\$|/tmp\b|TMPDIR|/dev/shm|mktemp[^\n]*(-u|--dry-run)")

_INSTALL = """
set -euo pipefail
. scripts/setup.sh
find_python
ln -s "$VICTIM" "$TMPDIR/describer-apt.$$"
PATH=$TOOLS:$PATH
need_packages no-such-program:no-such-package
"""


def test_what_root_installs_goes_through_no_file_that_others_prepared(tmp_path: Path) -> None:
    tools, victim = tmp_path / "tools", tmp_path / "victim"
    tools.mkdir()
    victim.write_text("untouched", encoding="utf-8")
    for name, script in {"id": "echo 0", "apt-get": "echo no network >&2; exit 100"}.items():
        tools.joinpath(name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        tools.joinpath(name).chmod(0o755)
    places = {"TOOLS": tools, "VICTIM": victim, "TMPDIR": tmp_path}
    done = subprocess.run(
        ["env", *(f"{name}={place}" for name, place in places.items()), "bash", "-c", _INSTALL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert victim.read_text(encoding="utf-8") == "untouched"
    first, complaint, cure = done.stderr.splitlines()
    assert first.startswith("Installing no-such-package")
    assert complaint == "no network"
    assert cure.startswith("The packages could not be installed. Please run: apt-get install")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_no_script_makes_a_name_in_a_folder_for_all(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert not _GUESSED.findall(text)


def test_no_code_makes_a_name_in_a_folder_for_all() -> None:
    """But the socket's folder, whose owner is checked; the others only look or compare."""
    guessed = re.compile(r"""["']/tmp|["']/var/tmp|["']/dev/shm|gettempdir\(|tempfile\.mktemp\(""")
    found = {
        str(path.relative_to(ROOT))
        for package in ("describer_daemon", "models", "training", "benchmarks", "scripts")
        for path in (ROOT / package).rglob("*.py")
        if guessed.search(path.read_text(encoding="utf-8"))
    }
    assert found == {
        "benchmarks/fuzz/trial.py",
        "describer_daemon/capture/portal.py",
        "describer_daemon/displays.py",
        "describer_daemon/service/unix_socket.py",
    }


def test_a_display_is_one_that_answers(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else `./run` would install the tools of the other kind, or wait where nothing ever comes."""
    script = ". scripts/setup.sh; find_python; session_kind"

    def kind() -> str:
        done = subprocess.run(
            ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-1")
    monkeypatch.setenv("DISPLAY", "127.0.0.1:59000")
    assert kind() == ""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as compositor:
        compositor.bind(str(sandbox / "run" / "wayland-1"))
        compositor.listen()
        assert kind() == "wayland"
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("DISPLAY", f"127.0.0.1:{server.getsockname()[1] - 6000}")
        assert kind() == "x11"
