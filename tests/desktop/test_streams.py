"""No command shows a traceback, whatever its three streams are: a sentence and a status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from describer_daemon import displays, processes
from describer_daemon.cli import demo
from describer_daemon.service import unix_socket
from tests.desktop.fixtures_display import wait_until

SAMPLE = str(demo.SAMPLE)
MISSING = "gibt\nes\x1b[31m nicht ü.png"

# Each command and its options, and the status that it ends with where nothing is wrong with the
# streams. Nothing runs here, and there is neither a desktop nor a voice.
COMMANDS: dict[tuple[str, ...], int] = {
    ("--help",): 0,
    ("--version",): 0,
    ("none\x1b[31m",): 2,
    ("run", "--none"): 2,
    ("status",): 1,
    ("status", "--json"): 1,
    ("settings",): 0,
    ("settings", "--path"): 0,
    ("settings", "--edit"): 1,
    ("voices",): 1,
    ("voices", "--sample", "none"): 1,
    ("trigger", "screen", "--wait"): 1,
    ("trigger", "quit"): 1,
    ("describe",): 2,
    ("describe", MISSING): 1,
    ("describe", "--json", MISSING, MISSING): 1,
    ("describe", "--heatmap", "none.jpg", SAMPLE): 2,
    ("describe", "--speak", MISSING): 1,
    ("demo",): 1,
    ("demo", "--picture", MISSING): 2,
}
STREAMS = {
    "closed output": ">&-",
    "closed errors": "2>&-",
    "closed input": "<&-",
    "all closed": "<&- >&- 2>&-",
    "full output": ">/dev/full",
    "full errors": "2>/dev/full",
    "all full": ">/dev/full 2>/dev/full",
    "output only to be read": "1</dev/null",
    "input only to be written": "0>/dev/null",
    "nobody reads": "| true",
}
FULL = {"full output", "all full", "output only to be read"}


def shell(
    arguments: tuple[str, ...], streams: str, **env: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `describer` by a shell, which gives it its streams; nothing else is inherited."""
    command = [sys.executable, "-m", "describer_daemon", *arguments]
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" {streams}', "bash", *command],
        capture_output=True,
        timeout=300,
        check=False,
        env={**os.environ, "PATH": "/nowhere", "EDITOR": "/nowhere/editor", **env},
        executable="/bin/bash",
    )


def is_one_screen(shown: bytes) -> bool:
    """Whether no traceback is in there, and nothing that a terminal obeys."""
    return b"Traceback" not in shown and b"Exception" not in shown and b"\x1b" not in shown


@pytest.mark.parametrize("streams", STREAMS)
def test_every_command_with_every_kind_of_broken_stream(sandbox: Path, streams: str) -> None:
    for arguments, status in COMMANDS.items():
        done = shell(arguments, STREAMS[streams])
        shown = done.stdout + done.stderr
        assert is_one_screen(shown), (arguments, shown)
        wanted = {status}
        if streams in FULL or streams == "nobody reads":
            wanted.add(1)  # what was to be printed was not
        assert done.returncode in wanted, (arguments, done.returncode, shown)


@pytest.mark.parametrize("arguments", [("--help",), ("settings",), ("describe", SAMPLE)])
def test_output_that_cannot_be_written_is_told(sandbox: Path, arguments: tuple[str, ...]) -> None:
    done = shell(arguments, ">/dev/full")
    assert done.returncode == 1
    assert done.stderr == b"The output cannot be written: No space left on device.\n"


def test_errors_that_nobody_sees_cost_no_answer(sandbox: Path) -> None:
    for streams in ("2>/dev/full", "2>&-"):
        done = shell(("describe", MISSING, SAMPLE), streams)
        assert done.returncode == 1
        assert done.stdout.startswith(SAMPLE.encode())


def test_pictures_are_described_into_nowhere(sandbox: Path) -> None:
    done = shell(("describe", SAMPLE), ">&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1:strict"},
        {"PYTHONIOENCODING": "utf-16"},
        {"LANG": "none_NONE.none"},
    ],
    ids=str,
)
def test_json_is_utf8_and_lines_are_lines_in_every_locale(
    sandbox: Path, locale: dict[str, str]
) -> None:
    names = [MISSING, "caf\udce9.png", "\u202egpj.\u2028\x9b31m"]
    done = shell(("describe", "--json", *names), "", **locale)
    lines = done.stdout.decode("utf-8").splitlines()
    assert [json.loads(line)["file"] for line in lines] == names
    assert done.stderr == b""
    plain = shell(("describe", *names), "2>&1", **locale)
    encoding = locale.get("PYTHONIOENCODING", "utf-8").partition(":")[0]
    text = plain.stdout.decode(encoding)
    assert len(text.splitlines()) == 3
    assert is_one_screen(plain.stdout)


def test_a_slow_reader_whose_pipe_does_not_wait_gets_all(sandbox: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    names = [f"{number} {'x' * 120}" for number in range(1500)]
    command = [sys.executable, "-m", "describer_daemon", "describe", "--json", *names]
    process = processes.start(command, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    time.sleep(1.0)  # by now the pipe may well be full
    with os.fdopen(reader, "rb") as file:
        lines = file.read().splitlines()
    _, errors = process.communicate(timeout=300)
    assert [json.loads(line)["file"] for line in lines] == names
    assert (process.returncode, errors) == (1, b"")


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", ">/dev/full 2>/dev/full", "| true"])
def test_the_daemon_lives_with_broken_streams(sandbox: Path, streams: str) -> None:
    done: list[subprocess.CompletedProcess[bytes]] = []
    thread = threading.Thread(target=lambda: done.append(shell(("run", "--verbose"), streams)))
    thread.start()
    control = unix_socket.runtime_folder(create=True) / "control.sock"
    wait_until(lambda: done or displays.listens(control), "it did not listen")
    assert shell(("status",), "").returncode == 0
    assert shell(("run",), streams).returncode == 0  # it asks the one that runs
    assert shell(("trigger", "quit"), streams).returncode == 0
    thread.join(60)
    assert done[0].returncode == 0
    assert is_one_screen(done[0].stdout + done[0].stderr)
