"""One value of the settings file is changed, and every other letter of it stays."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from describer_daemon.settings import editing
from describer_daemon.settings.file import SettingsError
from describer_daemon.settings.settings import load, write_default

LINE = 'bundle = "mine"'
TEXTS = {
    "an empty file": ("", '[captioner]\nbundle = "mine"\n'),
    "without the part": (
        "# my own\n[speech]\nrate = 200",
        '# my own\n[speech]\nrate = 200\n\n[captioner]\nbundle = "mine"\n',
    ),
    "without the key": (
        "[captioner] # who sees\nbeam = 2\n[log]\n",
        '[captioner] # who sees\nbundle = "mine"\nbeam = 2\n[log]\n',
    ),
    "a heading and nothing more": ("[captioner]", '[captioner]\nbundle = "mine"\n'),
    "with a comment behind it": (
        "[captioner]\n# bundle = 1\n  bundle  =  'x'  # 'why' so\nbeam = 2\n",
        "[captioner]\n# bundle = 1\n  bundle = \"mine\"  # 'why' so\nbeam = 2\n",
    ),
    "one of that name elsewhere": (
        '[other]\nbundle = "a"\n[captioner]\nbundle = "b\\"]"\n',
        '[other]\nbundle = "a"\n[captioner]\nbundle = "mine"\n',
    ),
    "lines as Windows ends them": (
        "\ufeff[captioner]\r\nbundle = ''\r\nbeam = 1\r\n",
        '\ufeff[captioner]\r\nbundle = "mine"\r\nbeam = 1\r\n',
    ),
    "what is right already": ('[captioner]\nbundle="mine"\n', '[captioner]\nbundle = "mine"\n'),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_value_is_put_where_it_belongs(case: str) -> None:
    old, new = TEXTS[case]
    assert editing.changed(old, "captioner", "bundle", LINE) == new


@pytest.mark.parametrize(
    "text",
    [
        "captioner.bundle = 'x'\n",
        "captioner = {bundle = 'x'}\n",
        "[captioner]\nbundle = '''\nx'''\n",
        "[captioner]\n'bundle' = 'x'\n",
        "x = '''\n[captioner]\nbundle = 1\n'''\n",
        "not toml",
    ],
)
def test_what_cannot_be_changed_safely_is_left_to_its_owner(text: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r'write bundle = "mine" into the part \[captioner\]'):
        editing.put(path, "captioner", "bundle", "mine")
    assert path.read_text(encoding="utf-8") == text
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_the_file_that_we_write_ourselves_is_changed_in_one_line(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles"
    write_default(real)
    real.chmod(0o640)
    path = tmp_path / "settings.toml"
    path.symlink_to(real)
    before = real.read_text(encoding="utf-8").splitlines()
    editing.put(path, "captioner", "bundle", "mine")
    after = real.read_text(encoding="utf-8").splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [LINE]
    assert load(path).captioner.bundle == Path("mine")
    assert path.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
