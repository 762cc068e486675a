"""Completion of `describer`'s commands in shells, as click makes it from them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from shutil import which

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from describer_daemon.core.i18n import N_, _
from describer_daemon.desktop.files import OwnedFile
from describer_daemon.service.folders import desktop_folder

# below the data folder: where each looks by itself, or is told to by one line
_PLACES = {
    "bash": "bash-completion/completions/describer",
    "zsh": "zsh/site-functions/_describer",
    "fish": "fish/vendor_completions.d/describer.fish",
}
_NAMES = {
    # Translators: what a shell completes when the tab key is pressed
    "bash": N_("Completion in bash"),
    "zsh": N_("Completion in zsh"),
    "fish": N_("Completion in fish"),
}
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")


def completions(program: click.Command) -> list[OwnedFile]:
    """A step for each shell that is installed, or has been: see `describer setup`."""
    steps = [
        OwnedFile(
            _NAMES[shell],
            desktop_folder(),
            place,
            _script(shell, program),
            advice=_advice(shell, place),
        )
        for shell, place in _PLACES.items()
    ]
    return [
        step
        for shell, step in zip(_PLACES, steps, strict=True)
        if which(shell) or os.path.lexists(step.path)
    ]


def _script(shell: str, program: click.Command) -> Callable[[], str]:
    def made() -> str:
        kind = get_completion_class(shell)
        if kind is None:
            raise ValueError(f"click knows no shell {shell}")
        # not by the method of bash's class, which starts a bash to ask for its age
        return ShellComplete.source(kind(program, {}, "describer", "_DESCRIBER_COMPLETE"))

    return made


def _advice(shell: str, place: str) -> str:
    if shell == "zsh":
        folder = (desktop_folder() / place).parent
        return _(
            "For zsh to find it, have this line in .zshrc before compinit: fpath+=({folder})"
        ).format(folder=folder)
    if shell == "bash" and not BASH_COMPLETION.exists():
        return _("For bash to find it, install the package bash-completion")
    return ""


def files(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The `shell_complete` of an argument that is a file's name, or "-"."""
    return [CompletionItem(incomplete, type="file")]
