"""`describer keys`: the desktop's own shortcuts, added to those of the person and taken away."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from describer_daemon.cli.main import main
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.core.titles import TITLES
from describer_daemon.desktop.files import OwnedFile
from describer_daemon.desktop.shortcuts_present import start_us
from describer_daemon.hotkeys.usual import usual_keys

SCHEMA = "org.gnome.settings-daemon.plugins.media-keys"
FOLDER = f"/{SCHEMA.replace('.', '/')}/custom-keybindings/"
# The part of gnome-settings-daemon's schema that is used; the real one comes with all of GNOME.
SCHEMAS = f"""<schemalist>
<schema id="{SCHEMA}" path="/{SCHEMA.replace(".", "/")}/">
<key name="custom-keybindings" type="as"><default>[]</default></key></schema>
<schema id="{SCHEMA}.custom-keybinding">
<key name="name" type="s"><default>''</default></key>
<key name="command" type="s"><default>''</default></key>
<key name="binding" type="s"><default>''</default></key></schema>
</schemalist>"""

Gsettings = Callable[..., str]


def describer(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def on(monkeypatch: pytest.MonkeyPatch, desktop: str) -> None:
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", desktop)


@pytest.fixture
def gnome(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Gsettings:
    """The real gsettings, with a file in the place of dconf; → it, for what is in there."""
    folder = sandbox / "schemas"
    folder.mkdir()
    folder.joinpath("keys.gschema.xml").write_text(SCHEMAS, encoding="utf-8")
    subprocess.run(["glib-compile-schemas", str(folder)], check=True, timeout=60)
    monkeypatch.setenv("GSETTINGS_SCHEMA_DIR", str(folder))
    monkeypatch.setenv("GSETTINGS_BACKEND", "keyfile")
    on(monkeypatch, "ubuntu:GNOME")

    def gsettings(*arguments: str) -> str:
        done = subprocess.run(
            ["gsettings", *arguments], check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout.strip()

    return gsettings


def paths(gsettings: Gsettings) -> list[str]:
    text = gsettings("get", SCHEMA, "custom-keybindings").removeprefix("@as ")
    return [str(path) for path in ast.literal_eval(text)]


def binding(gsettings: Gsettings, name: str, key: str = "binding") -> str:
    return str(
        ast.literal_eval(gsettings("get", f"{SCHEMA}.custom-keybinding:{FOLDER}{name}/", key))
    )


def add(gsettings: Gsettings, name: str, keys: str) -> None:
    """A shortcut that the person has already."""
    at = f"{SCHEMA}.custom-keybinding:{FOLDER}{name}/"
    gsettings("set", at, "binding", keys)
    gsettings("set", at, "command", "true")
    gsettings("set", SCHEMA, "custom-keybindings", str([*paths(gsettings), f"{FOLDER}{name}/"]))


def test_gnome_gets_the_keys_beside_the_persons_own_and_loses_only_them(gnome: Gsettings) -> None:
    add(gnome, "custom0", "<Super>t")
    first = describer("keys", "install")
    assert first.exit_code == 0, first.output
    assert first.output.startswith("Keys: added, GNOME's shortcuts: <Alt><Super>i screen, ")
    ours = [f"{FOLDER}describer-{verb}/" for verb in usual_keys()]
    assert paths(gnome) == [f"{FOLDER}custom0/", *ours]
    assert binding(gnome, "describer-screen") == "<Alt><Super>i"
    assert binding(gnome, "describer-screen", "command").endswith("trigger screen")
    assert describer("keys", "install").output.startswith("Keys: there already, ")
    assert describer("keys", "show").output.startswith("Keys: GNOME's shortcuts: <Alt><Super>i")
    add(gnome, "custom1", "<Super>y")
    assert describer("keys", "remove").output.startswith("Keys: removed, ")
    assert paths(gnome) == [f"{FOLDER}custom0/", f"{FOLDER}custom1/"]
    assert binding(gnome, "custom0") == "<Super>t"
    assert binding(gnome, "describer-screen", "command") == ""
    assert describer("keys", "remove").output == "Keys: nothing to remove\n"


def test_a_key_that_the_persons_own_shortcut_has_is_replaced(gnome: Gsettings) -> None:
    add(gnome, "custom0", "<super><Mod1>I")
    assert describer("keys", "install").exit_code == 0
    assert binding(gnome, "describer-screen") == "<Control><Alt><Super>i"
    assert binding(gnome, "describer-stop") == "<Alt><Super>q"
    assert describer("keys", "install").output.startswith("Keys: there already, ")


def test_a_key_of_the_settings_that_is_taken_is_told_and_left_out(
    gnome: Gsettings, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = sandbox / "own.toml"
    file.write_text('[keys]\nscreen = "f9"\n', encoding="utf-8")
    monkeypatch.setenv("DESCRIBER_CONFIG", str(file))
    add(gnome, "custom0", "F9")
    result = describer("keys", "install")
    assert result.output.endswith("Other shortcuts have f9\n")
    assert f"{FOLDER}describer-screen/" not in paths(gnome)


def test_changed_settings_are_taken_up(
    gnome: Gsettings, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describer("keys", "install")
    file = sandbox / "own.toml"
    file.write_text('[keys]\nscreen = "super+f9"\nstop = ""\n', encoding="utf-8")
    monkeypatch.setenv("DESCRIBER_CONFIG", str(file))
    assert "of another version or with other keys" in describer("keys", "show").output
    assert describer("keys", "install").output.startswith("Keys: renewed, ")
    assert binding(gnome, "describer-screen") == "<Super>F9"
    assert f"{FOLDER}describer-stop/" not in paths(gnome)
    assert binding(gnome, "describer-stop", "command") == ""


def test_it_is_known_whether_the_desktops_own_shortcuts_start_us(
    gnome: Gsettings, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(gnome, "custom0", "<Super>t")
    assert not start_us()
    describer("keys", "install")
    assert start_us()
    describer("keys", "remove")
    assert not start_us()
    at = f"{SCHEMA}.custom-keybinding:{FOLDER}custom0/"
    gnome("set", at, "command", "/opt/bin/describer trigger screen")
    assert start_us()
    for desktop, place, text, there in (
        ("sway", ".config/sway/config", "# bindsym Mod4+i exec describer trigger screen", False),
        ("sway", ".config/sway/config.d/own", "bindsym x exec ~/describer trigger screen", True),
        ("KDE", ".local/share/applications/net.local.d.desktop", "Exec=true", False),
        ("KDE", ".config/khotkeysrc", "CommandURL=describer trigger text", True),
        ("Enlightenment", ".config/e/e.cfg", "describer trigger text", False),
    ):
        on(monkeypatch, desktop)
        file = sandbox / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
        assert start_us() is there, place


def test_a_dry_run_changes_nothing(gnome: Gsettings) -> None:
    assert describer("keys", "install", "--dry-run").output.startswith("Keys: would be added, ")
    assert paths(gnome) == []
    describer("keys", "install")
    assert describer("keys", "remove", "--dry-run").output.startswith("Keys: would be removed, ")
    assert len(paths(gnome)) == len(usual_keys())


def test_without_gnomes_schema_it_is_told(
    gnome: Gsettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GSETTINGS_SCHEMA_DIR")
    monkeypatch.setenv("XDG_DATA_DIRS", "/nowhere")  # GNOME may be installed here
    result = describer("keys", "install")
    assert result.exit_code == 1
    assert "GNOME's shortcuts cannot be set." in result.output


@pytest.mark.parametrize("desktop", ["GNOME", "KDE", "sway"])
def test_whatever_can_be_asked_for_can_have_a_key(
    gnome: Gsettings, sandbox: Path, monkeypatch: pytest.MonkeyPatch, desktop: str
) -> None:
    on(monkeypatch, desktop)
    lines = [f'{verb.setting} = "ctrl+shift+f{n}"' for n, verb in enumerate(Verb, 1)]
    file = sandbox / "all.toml"
    file.write_text("\n".join(["[keys]", *lines]), encoding="utf-8")
    monkeypatch.setenv("DESCRIBER_CONFIG", str(file))
    result = describer("keys", "install")
    assert result.exit_code == 0, result.output
    said = everything(sandbox) + result.output
    assert [verb for verb in Verb if f"trigger {verb.value}" not in said] == []
    assert TITLES.keys() == set(Verb)


def everything(folder: Path) -> str:
    """All that was written below `folder`."""
    return "".join(path.read_text("latin-1") for path in folder.rglob("*") if path.is_file())


def test_kde_gets_an_entry_of_ours(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, "KDE")
    result = describer("keys", "install")
    assert result.exit_code == 0, result.output
    assert "The keys work from your next login" in result.output
    [entry] = sandbox.glob(".local/share/kglobalaccel/*.desktop")
    _, _, action = entry.read_text(encoding="utf-8").partition("[Desktop Action screen]\n")
    lines = action.partition("\n[")[0].splitlines()
    assert "X-KDE-Shortcuts=Meta+Alt+I" in lines
    assert any(line.startswith("Exec=") and line.endswith("trigger screen") for line in lines)
    assert describer("keys", "remove").output.startswith("Keys: removed, ")
    assert not entry.parent.exists()


@pytest.mark.parametrize(
    ("name", "place", "line", "include"),
    [
        ("sway", "sway/describer", "bindsym Mod4+Mod1+i exec ", "include "),
        ("Hyprland", "hypr/describer.conf", "bind = SUPER ALT, i, exec, ", "source = "),
        ("niri", "niri/describer.kdl", "    Super+Alt+i { spawn ", 'include "'),
    ],
)
def test_a_compositor_gets_lines_or_a_file_with_them(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str, line: str, include: str
) -> None:
    on(monkeypatch, name)
    file = sandbox / ".config" / place
    printed = describer("keys", "install").output.splitlines()
    assert not file.exists()
    [ours] = [one for one in printed if one.startswith(line)]
    written = describer("keys", "install", "--write")
    assert written.exit_code == 0, written.output
    assert f"add this line to the compositor's own file: {include}{file}" in written.output
    assert ours in file.read_text(encoding="utf-8").splitlines()
    assert str(file) in describer("keys", "show").output
    assert describer("keys", "remove").output == f"Keys: removed, {file}\n"
    assert not file.exists()


def test_labwc_gets_lines_alone(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, "labwc:wlroots")
    assert '<keybind key="W-A-i"><action name="Execute" command="' in (
        describer("keys", "install").output
    )
    assert describer("keys", "install", "--write").exit_code == 1


def test_a_file_that_somebody_changed_stays(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, "sway")
    file = sandbox / ".config/sway/describer"
    file.parent.mkdir(parents=True)
    file.write_text("bindsym Mod4+x exec true\n", encoding="utf-8")
    assert "left as it is" in describer("keys", "install", "--write").output
    assert "left as it is" in describer("keys", "remove").output
    assert file.read_text(encoding="utf-8") == "bindsym Mod4+x exec true\n"


def test_a_desktop_that_nobody_knows_is_told(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, "Enlightenment")
    result = describer("keys", "install")
    assert result.exit_code == 1
    assert "describer trigger screen" in result.output
    assert describer("keys", "show").output == "The desktop has no shortcuts of the describer's.\n"


def test_where_the_describer_takes_the_keys_itself_nothing_is_installed(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("describer_daemon.cli.keys.are_needed", lambda: False)
    on(monkeypatch, "KDE")
    assert "takes the keys itself" in describer("keys", "install").output
    assert not (sandbox / ".local/share/kglobalaccel").exists()


def test_setup_installs_them_where_they_are_needed_and_undoes_them(
    gnome: Gsettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Keys: added, GNOME's shortcuts: " in describer("setup").output
    assert len(paths(gnome)) == len(usual_keys())
    monkeypatch.setattr("describer_daemon.cli.keys.are_needed", lambda: False)
    assert "Keys: " not in describer("setup").output
    assert "Keys: removed, " in describer("setup", "--undo").output
    assert paths(gnome) == []


def test_a_file_that_cannot_be_read_is_told_in_its_turn(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, "sway")

    def refused(self: OwnedFile) -> bytes | None:
        raise DescriberError(f"{self.path} cannot be read: Permission denied.")

    monkeypatch.setattr(OwnedFile, "_read", refused)
    result = describer("keys", "remove")
    assert result.exit_code == 1
    assert "Keys: failed." in result.output
    assert f"{sandbox}/.config/sway/describer cannot be read" in result.output
