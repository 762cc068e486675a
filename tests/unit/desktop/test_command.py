"""How others start us: the right program, whatever its path is like."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.desktop import shortcuts
from describer_daemon.desktop.command import command, exec_value, systemd_value
from describer_daemon.hotkeys.usual import usual_key

ROOT = Path(__file__).parents[3]
PATHS = [
    "/usr/bin/describer",
    "/home/Ann Lee/bin/describer",
    '/a"b/c`d/$HOME/e\\f',
    "/50%/%F/it's",
    "/ünïcode/描述",
    "/a\\\\b/[x]*?",
]


def as_read(value: str) -> str:
    """What a desktop makes of a value: the string's escapes, then %%."""
    return value.replace("\\\\", "\\").replace("%%", "%")


@pytest.mark.parametrize("path", PATHS)
def test_an_exec_line_gives_the_arguments_back(path: str) -> None:
    value = exec_value([path, "describe", "--speak"], "%F")
    assert value.endswith(" describe --speak %F")
    # what is quoted is read as a shell reads it
    shell = ["sh", "-c", f"printf '%s\\n' {as_read(value)}"]
    words = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=True).stdout
    assert words.splitlines() == [path, "describe", "--speak", "%F"]


@pytest.mark.parametrize("path", ["/a\nb", "/a\tb", "/a\udcff"])
def test_a_path_that_no_desktop_takes_is_refused(path: str) -> None:
    for value in (exec_value, systemd_value):
        with pytest.raises(DescriberError, match="install it elsewhere"):
            value([path, "run"])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("path", PATHS)
def test_systemd_understands_its_line(tmp_path: Path, path: str) -> None:
    program = tmp_path.joinpath(*path.split("/"))
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    unit = tmp_path / "some.service"
    unit.write_text(f"[Service]\nExecStart={systemd_value([str(program)])}\n", encoding="utf-8")
    assert verified(unit) == ""
    program.unlink()  # that it is missed shows that it was read
    assert str(program) in verified(unit) or "/usr/bin/env" in unit.read_text(encoding="utf-8")


def verified(unit: Path) -> str:
    """What systemd says against a unit."""
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", "--man=no", "--generators=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_RUNTIME_DIR": str(unit.parent)},
        check=False,
    )
    return "\n".join(line for line in done.stderr.splitlines() if unit.name in line)


def test_the_command_starts_us_from_anywhere(tmp_path: Path) -> None:
    bare = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [*command(), "--help"],
        cwd=tmp_path,
        env=bare,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "describer setup" in done.stdout
    assert Path(command()[0]).is_absolute()


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of this checkout, installed as by `pip install --user --editable`."""
    site = tmp_path / "lib" / "python3" / "site-packages"
    about = site / "describer-9.dist-info"
    about.mkdir(parents=True)
    about.joinpath("METADATA").write_text("Name: describer\nVersion: 9\n", encoding="utf-8")
    about.joinpath("RECORD").write_text("../../../bin/describer,,\n", encoding="utf-8")
    about.joinpath("direct_url.json").write_text(
        json.dumps({"dir_info": {"editable": True}, "url": ROOT.as_uri()}), encoding="utf-8"
    )
    script = tmp_path / "bin" / "describer"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.syspath_prepend(site)
    return script


def test_the_script_that_an_installer_made_is_used(script: Path) -> None:
    assert command() == [str(script)]


def test_a_checkouts_own_record_does_not_hide_it(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "checkout" / "describer.egg-info"
    own.mkdir(parents=True)
    own.joinpath("PKG-INFO").write_text("Name: describer\nVersion: 9\n", encoding="utf-8")
    monkeypatch.syspath_prepend(own.parent)
    assert command() == [str(script)]


def test_another_installations_script_is_not_ours(script: Path) -> None:
    [about] = script.parents[1].rglob("direct_url.json")
    about.write_text('{"url": "file:///somewhere/else"}', encoding="utf-8")
    assert command()[0] != str(script)


def test_the_name_on_the_path_is_preferred(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "typed" / "describer"
    link.parent.mkdir()
    link.symlink_to(script)
    monkeypatch.setenv("PATH", str(link.parent))
    assert command() == [str(link)]
    link.unlink()
    link.write_text("#!/bin/sh\n", encoding="utf-8")  # somebody else's, of the same name
    link.chmod(0o755)
    assert command() == [str(script)]


@pytest.mark.parametrize("record", ["{", "[]", '{"url": 5}', '{"url": "http://[x"}', ""])
def test_a_damaged_record_of_another_package_is_no_failure(
    record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Package:
        files = None

        def locate_file(self, name: str) -> str:
            return f"/nowhere/{name}"

        def read_text(self, _name: str) -> str:
            return record

    monkeypatch.setattr(metadata, "distributions", lambda **_: [Package()])
    assert "describer_daemon.cli.main" in command()


def test_no_compositor_gets_a_line_that_is_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcuts, "command", lambda: ["/a\nbindsym q exec evil/describer"])
    for one in shortcuts.COMPOSITORS.values():
        with pytest.raises(DescriberError, match="install it elsewhere"):
            one.lines({Verb.SCREEN: usual_key(Verb.SCREEN)})
