"""`describer setup`: what makes it a program of this person's desktop, and takes that away."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress

import click

from describer_daemon.capture.candidates import SCREENS
from describer_daemon.capture.screen_desktop import DesktopScreen
from describer_daemon.cli import help_texts, keys, streams
from describer_daemon.cli.completion import completions
from describer_daemon.cli.manual import manual_page
from describer_daemon.core import backends
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop import entries, login, permission_store, steps
from describer_daemon.desktop.files import ROFF, OwnedFile
from describer_daemon.desktop.log_files import LogFiles
from describer_daemon.desktop.screen_permission import ScreenPermission
from describer_daemon.desktop.steps import Leftover, Outcome, Step
from describer_daemon.service.folders import desktop_folder

_NEXT = (
    # Translators: what follows the colon is typed, and so it is below
    N_("To begin now: describer run"),
    N_("What works here, and what does not: describer doctor"),
    N_("To take all of this away again: describer setup --undo"),
)
_UNDONE = (
    N_("The settings stay where they are (describer settings --path)."),
    N_("To remove the program itself, if pipx has installed it: pipx uninstall describer"),
)


def all_steps(program: click.Group, desktops: Iterable[Step] = ()) -> list[Step]:
    """What is set up, in this order; `desktops` is what only some desktops need."""
    return [
        entries.icon(),
        entries.menu_entry(),
        entries.open_with(),
        login.step(),
        *desktops,
        *completions(program),
        manual(program),
    ]


def manual(program: click.Group) -> OwnedFile:
    """The manual page; man looks there wherever `~/.local/bin` is on the path."""
    place = "man/man1/describer.1"
    return OwnedFile(N_("Manual"), desktop_folder(), place, lambda: manual_page(program), ROFF)


def screen_steps(*, undo: bool) -> list[Step]:
    """The permission to see the screen, where the desktop's portal has to give it, or gave it."""
    step = ScreenPermission(streams.line)
    if undo:
        with suppress(DescriberError):  # without a store there is nothing to undo
            return [step] if permission_store.noted() else []
        return []
    # where sway's own program sees the screen, the portal is not asked
    asked = DesktopScreen.needs_permission() and backends.choose(SCREENS).backend is DesktopScreen
    return [step] if asked else []


@click.command(
    help=help_texts.page(
        _("Make the describer a program of your desktop."),
        # Translators: "Describe picture" is the entry in file managers' menus; describer keys is
        # typed; "Allow" is a button of the desktop's own
        _(
            'It gets an entry in the menu with an icon, "Describe picture" among what the file '
            "manager opens pictures with (choose several, and they are described one after the "
            "other), a start at login, completion in your shells, and a manual page; keys, too, "
            "where only the desktop itself has any (describer keys). Nothing is asked, save by "
            "desktops under Wayland that give pictures of the screen only to whom you allow it: "
            "choose Allow there, and after a refusal run this again. All of it is yours alone: no "
            "administrator is needed, and nobody else's file is touched. What is there already "
            "stays, so it may be run again at any time, and should be after the program was "
            "installed elsewhere. On Windows and macOS it is the start at login alone."
        ),
        help_texts.examples(
            # Translators: what a command does
            ("describer setup", _("do it, and tell what was done")),
            # Translators: what a command does
            ("describer setup --dry-run", _("tell what would be done")),
            # Translators: what a command does
            ("describer setup --undo", _("take all of it away; only your settings stay")),
            # Translators: what a command is for
            ("describer autostart off", _("afterwards, to do without the start at login")),
            width=34,
        ),
        _("Exit status 1 when any step failed; the others are done all the same."),
    )
)
@click.option("--undo", is_flag=True, help=_("Take away what it made, before uninstalling."))
@click.option("--dry-run", is_flag=True, help=_("Only tell what would be done; change nothing."))
@click.pass_context
def setup(context: click.Context, undo: bool, dry_run: bool) -> None:
    """Make the describer a program of this person's desktop, or undo that."""
    _check()
    wanted = _wanted(context.find_root().command, undo=undo)
    if undo:
        leftovers: list[Leftover] = [LogFiles(), *wanted]
        failed = _tell(steps.undo(leftovers, dry=dry_run))
    else:
        failed = _tell(steps.set_up(wanted, dry=dry_run))
    if not dry_run:
        for line in map(_, _UNDONE) if undo else (login.status(), *map(_, _NEXT)):
            streams.line(line)
    raise SystemExit(1 if failed else 0)


def _wanted(program: click.Command, *, undo: bool) -> list[Step]:
    if sys.platform != "linux":
        return [login.step()]
    if not isinstance(program, click.Group):
        raise TypeError("setup is a command of a program")
    return all_steps(program, [*screen_steps(undo=undo), *keys.steps_of_setup(undo=undo)])


def _check() -> None:
    if sys.platform == "linux" and os.geteuid() == 0 and "SUDO_USER" in os.environ:
        raise DescriberError(_("This sets up one person's desktop. Please run it without sudo."))


def _tell(outcomes: Iterable[Outcome]) -> bool:
    """Print each as it is done; → whether any failed.

    What cannot be printed stops no step: it is raised, as an OutputError, when all are done.
    """
    failed = False
    unprinted: streams.OutputError | None = None
    for outcome in outcomes:
        failed |= outcome.failed
        if outcome.failed:
            streams.complain(outcome.line)
            continue
        try:
            streams.line(outcome.line)
        except streams.OutputError as error:
            unprinted = error
    if unprinted is not None:
        raise unprinted
    return failed
