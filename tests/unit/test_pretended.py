"""Our own code where Python is not that of Linux: nothing asks for what is not there.

No Windows and no macOS is at hand: `pretended` takes from this Python what theirs has not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit import pretended

SAMPLE = Path(pretended._ROOT, "describer_daemon", "assets", "sample.jpg")
SETTINGS = {
    "win32": "AppData/describer/settings.toml",
    "darwin": "Library/Application Support/describer/settings.toml",
}
# what is typed; exit status; how standard output, or else standard error, begins
COMMANDS = [
    (["--help"], 0, "Usage:"),
    (["settings"], 0, "The settings file is "),
    (["status"], 1, "The describer is not running. Start it with: describer run."),
    (["trigger", "quit", "--wait"], 1, "The describer is not running."),
    (["describe", "--json", str(SAMPLE)], 0, '{"file": '),
    (["describe", str(SAMPLE.with_name("none.png"))], 1, "There is no file "),
    (["demo"], 1, "The demonstration needs Linux. Please use: describer run."),
    (["voices"], 1, "I have no way to speak here."),
    (["keys", "show"], 0, "The desktop has no shortcuts of the describer's."),
    (["doctor"], 1, "ok   settings "),
]


def run(platform: str, home: Path) -> dict[str, Any]:
    own = {"HOME": str(home), "LOCALAPPDATA": str(home / "AppData"), "PATH": "/nowhere"}
    kept = {name: value for name, value in os.environ.items() if name.startswith(("OMP", "OPENBL"))}
    done = subprocess.run(
        [sys.executable, pretended.__file__, platform],
        env={**kept, **own},
        input=json.dumps([command for command, _, _ in COMMANDS]),
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.timeout(900)  # a process that loads torch, and two that load the captioner
@pytest.mark.parametrize(
    ("platform", "missing"),
    [("win32", "service.unix_socket"), ("darwin", "service.windows")],
)
def test_commands_work_or_say_why_not_and_all_modules_can_be_imported(
    platform: str, missing: str, tmp_path: Path
) -> None:
    settings = tmp_path / SETTINGS[platform]
    settings.parent.mkdir(parents=True)
    settings.write_text("[captioner]\ntimeout_seconds = 300\n", encoding="utf-8")
    found = run(platform, tmp_path)
    assert list(found["missing"]) == [f"describer_daemon.{missing}"]
    for (command, code, told), (status, output, errors) in zip(
        COMMANDS, found["commands"], strict=True
    ):
        assert (status, (output or errors)[: len(told)]) == (code, told), (command, output, errors)
        assert "Traceback" not in errors
    outputs = {command[0]: output for (command, _, _), (_, output, _) in zip(
        COMMANDS, found["commands"], strict=True
    )}  # fmt: skip
    assert str(settings) in outputs["settings"]
    assert 'keys.screen = "ctrl+alt+d"' in outputs["settings"]
    checks = {line[5:17].strip(): line[:5].strip() for line in outputs["doctor"].splitlines()}
    # this machine has neither their screen nor their keys, clipboard and voices
    works = {name for name, result in checks.items() if result == "ok"}
    assert works == {"settings", "captioner", "text"}
    assert "its process is not confined on this system" in outputs["doctor"]
    assert "pulseaudio" not in outputs["doctor"]
