"""Many files, killed in the middle and resumed: none is written twice, none is damaged.

A captioner that is quick stands in for the real one; the command is the real one. ALT_FILES=5000
has it do so many (`ALT_FILES=5000 pytest tests/unit/alt_text/test_resume.py -s`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from describer_daemon.alt_text import metadata, sidecars, tables
from describer_daemon.alt_text.xmp import Found
from tests.unit.alt_text import making

FILES = int(os.environ.get("ALT_FILES", "240"))
KILLS = 3
COMMAND = """
import sys, threading
from describer_daemon.alt_text import embedding, xmp
from describer_daemon.cli import alt
from tests.unit.alt_text import making
alt.captioner_factory = lambda *_, **__: lambda threads: making.Quick()
embedding.is_there = lambda: True
embedding.embedded = lambda data, proposal: (
    data[:2] + making.xmp_segment(xmp.new(proposal)) + data[2:])
alt.alt.main(sys.argv[1:], prog_name="alt")
"""
Done = Callable[[Path], object]


def state(path: Path) -> tuple[int, int, bytes]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, path.read_bytes()


def embedded(path: Path) -> object:
    return state(path) if metadata.found(path.read_bytes()).is_ours else None


def beside(path: Path) -> object:
    there = sidecars.sidecar(path)
    return state(there) if there.exists() else None


def begun(folder: Path, options: list[str], files: list[Path]) -> subprocess.Popen[bytes]:
    names = [path.name for path in files]
    root = Path(__file__).parents[3]
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *options, "--jobs", "2", *names],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def killed_and_resumed(
    folder: Path, options: list[str], files: list[Path], done: Done
) -> list[dict[Path, object]]:
    """→ what was done after each kill, and at the end."""
    seen: list[dict[Path, object]] = []
    for turn in range(1, KILLS + 1):
        process = begun(folder, options, files)
        wanted = files[turn * len(files) // (KILLS + 1)]
        while done(wanted) is None and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        seen.append({path: found for path in files if (found := done(path)) is not None})
    _, errors = begun(folder, options, files).communicate(timeout=900)
    assert errors == b""
    return [*seen, {path: found for path in files if (found := done(path)) is not None}]


@pytest.mark.timeout(3000)
@pytest.mark.parametrize(
    ("options", "done"),
    [(["--sidecar"], beside), (["--embed"], embedded)],
    ids=["sidecar", "embed"],
)
def test_killed_and_resumed(tmp_path: Path, options: list[str], done: Done) -> None:
    pictures = {tmp_path / f"{number:05}.jpg": number for number in range(FILES)}
    for path, number in pictures.items():
        path.write_bytes(making.picture("JPEG", number))
    names = {path: making.word(path.read_bytes()) for path in pictures}
    seen = killed_and_resumed(tmp_path, options, list(pictures), done)
    counts = ", ".join(str(len(each)) for each in seen)
    sys.stdout.write(f"{options[0]}: done after each of {KILLS} kills, and at the end: {counts}\n")
    assert 0 < len(seen[0]) < len(seen[-1]) == FILES
    for earlier, later in pairwise(seen):
        assert not [path for path in earlier if earlier[path] != later[path]]  # none twice
    for path, number in pictures.items():
        place = sidecars.found(path) if done is beside else metadata.found(path.read_bytes())
        assert place == Found(f"Picture {names[path]}.", is_ours=True)
        whole = making.picture("JPEG", number)
        assert metadata.image_data(path.read_bytes()) == metadata.image_data(whole)
    extra = {sidecars.sidecar(path) for path in pictures} if done is beside else set()
    assert set(tmp_path.iterdir()) == {*pictures, *extra}


def test_a_table_is_killed_and_resumed(tmp_path: Path) -> None:
    files = [tmp_path / f"{number:05}.jpg" for number in range(FILES // 4)]
    for number, path in enumerate(files):
        path.write_bytes(making.picture("JPEG", number))
    table = tmp_path / "t.csv"

    def done(path: Path) -> object:
        text = table.read_bytes().decode() if table.exists() else ""
        return [
            line for line in text.split("\r\n")[:-1] if line.startswith(f"{path.name},")
        ] or None

    seen = killed_and_resumed(tmp_path, ["--csv", "t.csv"], files, done)
    assert len(seen[-1]) == len(files)
    for path in files:
        word = making.word(path.read_bytes())
        assert seen[-1][path] == [f"{path.name},Picture {word}.,0.9,no,proposed"]
    lines = table.read_text(encoding="utf-8").splitlines()
    assert (lines[0], len(lines)) == (",".join(tables.COLUMNS), len(files) + 1)
