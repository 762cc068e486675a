"""Every command has a sentence and a status where home, account, folders or disks are missing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from describer_daemon import processes
from describer_daemon.cli import demo

SAMPLE = str(demo.SAMPLE)
CHANGES = """
set -e
case $1 in
    no-proc) mount -t tmpfs none /proc ;;
    no-shm) mount -t tmpfs -o size=0k,mode=000 none /dev/shm ;;
    full) mount -t tmpfs -o size=4k none "$HOME"; head -c 4096 /dev/zero > "$HOME/full" || true ;;
    no-account) mount --bind /dev/null /etc/passwd ;;
    read-only) mount -t tmpfs -o ro none "$HOME" ;;
esac
shift
exec "$@"
"""
# What is changed in the environment, beside the usual one of the tests; None is taken away.
ENVIRONMENTS: dict[str, dict[str, str | None]] = {
    "no home": {"HOME": None},
    "home that is no full path": {"HOME": "none"},
    "home that is not there": {"HOME": "/none/at/all"},
    "home that cannot be written": {"HOME": "/proc/self"},
    "settings of nobody": {"DESCRIBER_CONFIG": "~nobody-at-all/settings.toml"},
    "settings at a place that cannot be": {"DESCRIBER_CONFIG": "/dev/null/settings.toml"},
    "relative folders": {"XDG_CONFIG_HOME": "a", "XDG_STATE_HOME": "b", "XDG_RUNTIME_DIR": "c"},
    "folders that are not there": {"XDG_RUNTIME_DIR": "/none", "TMPDIR": "/none"},
    "nothing at all": {"HOME": None, "XDG_RUNTIME_DIR": None, "TMPDIR": None, "LANG": None},
}
NEITHER_SAYS = (b"Traceback", b"Exception", b"Error:")


def command(*arguments: str) -> list[str]:
    return [*processes.python("describer_daemon.cli.main"), *arguments]


def changed(change: str) -> list[str]:
    """Run what follows with a part of the system changed, in a mount namespace of its own."""
    return ["unshare", "--mount", "bash", "-c", CHANGES, "bash", change]


def can_change() -> bool:
    try:
        return run([*changed("none"), "true"], Path("/")).returncode == 0
    except OSError:
        return False


def run(
    wrapped: list[str], folder: Path, **changes: str | None
) -> subprocess.CompletedProcess[bytes]:
    merged: dict[str, str | None] = {**os.environ, **changes}
    env = {name: value for name, value in merged.items() if value is not None}
    return subprocess.run(
        wrapped, capture_output=True, env=env, cwd=folder, timeout=300, check=False
    )


def check_all(
    prefix: list[str], folder: Path, *, described: bool = True, **changes: str | None
) -> None:
    """Each command says something and ends; a picture is described whatever is missing."""
    for arguments, statuses in (
        (["status"], {1}),
        (["status", "--json"], {1}),
        (["settings"], {0, 1}),
        (["settings", "--path"], {0, 1}),
        (["voices"], {0, 1}),
        (["trigger", "screen"], {1}),
        (["describe", SAMPLE], {0 if described else 1}),
    ):
        done = run([*prefix, *command(*arguments)], folder, **changes)
        shown = done.stdout + done.stderr
        assert done.returncode in statuses, (arguments, shown)
        assert shown, arguments
        assert not any(word in shown for word in NEITHER_SAYS), (arguments, shown)
    # other programs, such as the sound's, do use relative folders
    if folder != Path("/"):
        assert [*folder.rglob("describer*"), *folder.glob("~*")] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_command_in_every_environment(sandbox: Path, environment: str) -> None:
    folder = sandbox / "here"
    folder.mkdir()
    # so that the account has no entry that would tell of a home
    check_all(changed("no-account") if can_change() else [], folder, **ENVIRONMENTS[environment])


# where no folder of the person's can be written, all of them share one in /tmp
SHARED = pytest.mark.xdist_group("folder in /tmp")


@pytest.mark.quiet
@SHARED
@pytest.mark.parametrize("change", ["no-proc", "no-shm", "full", "read-only"])
def test_every_command_without_parts_of_the_system(sandbox: Path, change: str) -> None:
    if not can_change():
        pytest.skip("this kernel or container lets nobody make a mount namespace")
    home = str(sandbox / "disk")
    Path(home).mkdir(mode=0o700)
    described = change != "no-proc"  # ONNX Runtime opens no file without
    env = {"HOME": home, "XDG_RUNTIME_DIR": home, "TMPDIR": home}
    check_all(changed(change), Path("/"), described=described, **env)


@pytest.mark.quiet
@SHARED
def test_the_daemon_serves_where_it_has_no_folder_of_its_own(sandbox: Path) -> None:
    home = str(sandbox / "disk")
    Path(home).mkdir(mode=0o700)
    prefix = changed("read-only") if can_change() else []
    env = {"HOME": home, "XDG_RUNTIME_DIR": home, "TMPDIR": home}
    done = run([*prefix, "timeout", "--signal=TERM", "8", *command("run")], Path("/"), **env)
    shown = done.stdout + done.stderr
    assert b"Traceback" not in shown
    assert b"The describer runs" in done.stdout, shown
