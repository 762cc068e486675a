"""Completion in the shells themselves, by the files that `describer setup` makes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from describer_daemon.cli.completion import completions
from describer_daemon.cli.main import main

ROOT = Path(__file__).parents[3]
LAST = {
    "bash": '. "$FILE"; COMP_WORDS=(describer set); COMP_CWORD=1; '
    '_describer_completion describer; printf "%s\\n" "${COMPREPLY[@]}"',
    "fish": 'source "$FILE"; complete -C "describer set"',
}


@pytest.fixture
def environment(sandbox: Path) -> dict[str, str]:
    """One in which `describer` is this tree's."""
    tools = sandbox / "tools"
    tools.mkdir()
    script = tools / "describer"
    script.write_text(
        f"#!{sys.executable}\nfrom describer_daemon.cli.main import main\nmain()\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    return {"HOME": str(sandbox), "PATH": path, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_shell_completes_commands(environment: dict[str, str], shell: str) -> None:
    assert answered(shell, LAST[shell], environment) == {"settings", "setup"}


@pytest.mark.parametrize(("shell", "answer"), [("bash", "-o default"), ("fish", "photo.jpg")])
def test_a_shell_completes_names_of_files(
    environment: dict[str, str], shell: str, answer: str
) -> None:
    Path(environment["HOME"], "photo.jpg").touch()
    script = LAST[shell].replace("describer set", "describer describe pho")
    script = script.replace("COMP_CWORD=1", "COMP_CWORD=2")
    if shell == "bash":  # it leaves the names to its own completion, which only a terminal has
        script = f"compopt() {{ echo $*; }}; {script}"
    assert answered(shell, script, environment) - {""} == {answer}


def answered(shell: str, script: str, environment: dict[str, str]) -> set[str]:
    """The first words of the lines that a shell prints."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    [step] = [one for one in completions(main) if one.name.endswith(shell)]
    step.do()
    done = subprocess.run(
        [program, "-c", script],
        env={**environment, "FILE": str(step.path)},
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    return {line.partition("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_takes_the_file_from_the_folder_that_is_told(environment: dict[str, str]) -> None:
    [step] = [one for one in completions(main) if one.name.endswith("zsh")]
    advice = step.do()
    line = advice.rpartition(": ")[2]
    assert str(step.path.parent) in line
    script = f"{line}; autoload -U compinit; compinit -u -d $HOME/dump; print $_comps[describer]"
    done = subprocess.run(
        ["zsh", "-f", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("_describer\n", "")


def test_only_shells_that_are_there_are_set_up(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(sandbox))
    assert completions(main) == []
