"""`describer run`: what is saved while it starts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from describer_daemon.service import control
from describer_daemon.service.log import log_path

# Somebody saves the file as soon as it was read, long before anything watches it.
_SAVED_MEANWHILE = """
from describer_daemon.cli.main import main
from describer_daemon.settings import settings

load, saved = settings.load, []

def load_and_save(path):
    loaded = load(path)
    if not saved:
        text = path.read_text(encoding="utf-8")
        text = text.replace('level = "info"', 'level = "debug"')
        saved.append(path.write_text(text, encoding="utf-8"))
    return loaded

settings.load = load_and_save
main(["run"])
"""


def took_it_up() -> bool:
    path = log_path()
    return path.exists() and "settings reloaded" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("first_time", [True, False])
def test_a_save_while_it_starts_is_not_lost(sandbox: Path, first_time: bool) -> None:
    if not first_time:
        command = [sys.executable, "-m", "describer_daemon", "settings"]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    daemon = subprocess.Popen([sys.executable, "-c", _SAVED_MEANWHILE], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not took_it_up():
            assert daemon.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        control.send("quit")
        assert daemon.wait(60) == 0
    finally:
        daemon.kill()
        daemon.wait()
