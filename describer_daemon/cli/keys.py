"""`describer keys`: keys by the desktop's own shortcuts, where programs cannot have any."""

from __future__ import annotations

from collections.abc import Iterable

import click

from describer_daemon.cli import help_texts, streams
from describer_daemon.cli.shared import settings_or_defaults
from describer_daemon.core import backends
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop import shortcuts, steps
from describer_daemon.desktop.shortcuts import Compositor, Keys
from describer_daemon.desktop.shortcuts_gnome import GnomeShortcuts
from describer_daemon.desktop.steps import Outcome, State, Step
from describer_daemon.hotkeys.candidates import HOTKEYS

_NOT_NEEDED = N_("Here the describer takes the keys itself. There is nothing to install.")
_NO_SHORTCUTS = N_("The desktop has no shortcuts of the describer's.")
_DRY_RUN = _("Only tell what would be done; change nothing.")
_NO_DESKTOP = N_(
    "I do not know this desktop's shortcuts. "
    "Please bind keys to commands such as: describer trigger screen."
)


@click.group(
    help=help_texts.page(
        # Translators: a portal is the part of a desktop that programs ask for what they need
        _("Keys by the desktop's own shortcuts, for Wayland without a portal that gives them."),
        help_texts.examples(
            (
                "describer keys install",
                # Translators: what a command does: in GNOME and KDE all; for others it prints lines
                _("GNOME, KDE: done; others: the lines for their own file"),
            ),
            (
                "describer keys install --write",
                # Translators: what a command does: it writes the lines
                _("sway, Hyprland, niri: the lines in a file of their own"),
            ),
            # Translators: what a command does: it tells which shortcuts there are
            ("describer keys show", _("which there are")),
            # Translators: what a command does: it takes these shortcuts away
            ("describer keys remove", _("take exactly these away again")),
            width=34,
        ),
    )
)
def keys() -> None:
    """Gather the commands about the desktop's own shortcuts."""


@keys.command(help=_("Have the desktop start the describer's verbs by the keys of the settings."))
@click.option("--dry-run", is_flag=True, help=_DRY_RUN)
@click.option("--write", is_flag=True, help=_("Write a compositor's lines into a file of ours."))
def install(dry_run: bool, write: bool) -> None:
    """Have the desktop start the describer's verbs by the keys of the settings."""
    if not are_needed():
        streams.line(_(_NOT_NEEDED))
        return
    wanted = _wanted()
    compositor = shortcuts.COMPOSITORS.get(shortcuts.desktop())
    if compositor is None or write:
        _tell(steps.set_up([_require(wanted, compositor)], dry=dry_run))
        return
    told = _("Please add these lines to {folder}:")
    streams.line(told.format(folder=compositor.path.parent))
    for line in compositor.lines(wanted):
        streams.line(line)
    if compositor.include:
        streams.line(_("Or have them in a file of their own: describer keys install --write"))


@keys.command(help=_("Say which of the desktop's shortcuts are the describer's."))
def show() -> None:
    """Say which of the desktop's shortcuts are the describer's."""
    present = [
        one for one in all_steps(_wanted()) if one.state() in (State.PRESENT, State.OUTDATED)
    ]
    for one in present:
        # Translators: {name} is "Keys", {where} the place of a file or some shortcuts
        told = _("{name}: {where}")
        if one.state() is State.OUTDATED:
            # Translators: {name} is "Keys", {where} the place of a file or some shortcuts
            told = _("{name}: {where}, of another version or with other keys")
        streams.line(told.format(name=_(one.name), where=one.where))
    if not present:
        streams.line(_(_NO_SHORTCUTS))


@keys.command(help=_("Take away what `describer keys install` made, and nothing else."))
@click.option("--dry-run", is_flag=True, help=_DRY_RUN)
def remove(dry_run: bool) -> None:
    """Take away what `describer keys install` made, and nothing else."""
    _tell(steps.undo(all_steps(_wanted()), dry=dry_run))


def are_needed() -> bool:
    """Whether only the desktop itself has keys here."""
    return backends.choose(HOTKEYS).backend is None


def steps_of_setup(*, undo: bool) -> list[Step]:
    """What `describer setup` has to do about keys, or to undo, here."""
    wanted = _wanted()
    if undo:
        return all_steps(wanted)
    step = desktop_step(wanted)
    return [step] if step is not None and are_needed() else []


def all_steps(wanted: Keys) -> list[Step]:
    """What may have been installed here: of this desktop, and files wherever they are."""
    files: list[Step] = [
        shortcuts.kde_entry(wanted),
        *(one.file(wanted) for one in shortcuts.COMPOSITORS.values() if one.include),
    ]
    left = [one for one in files if _may_be_there(one)]
    return [GnomeShortcuts(wanted), *left] if shortcuts.desktop() == "gnome" else left


def _may_be_there(step: Step) -> bool:
    try:
        return step.state() is not State.ABSENT
    except DescriberError:  # when its turn comes it says why
        return True


def _require(wanted: Keys, compositor: Compositor | None) -> Step:
    """The step of this desktop. Raises DescriberError when it has none."""
    if compositor is not None:
        if not compositor.include:
            raise DescriberError(
                _(
                    "This compositor takes in no other file. "
                    "Please add the lines of describer keys install to its own."
                )
            )
        return compositor.file(wanted)
    step = desktop_step(wanted)
    if step is None:
        raise DescriberError(_(_NO_DESKTOP))
    return step


def desktop_step(wanted: Keys) -> Step | None:
    """The step that sets up this desktop by itself; None where its person has to."""
    match shortcuts.desktop():
        case "gnome":
            return GnomeShortcuts(wanted)
        case "kde":
            return shortcuts.kde_entry(wanted)
    return None


def _wanted() -> Keys:
    settings, _, error, _ = settings_or_defaults()
    if error is not None:
        streams.complain(error.spoken)
    return settings.keys


def _tell(outcomes: Iterable[Outcome]) -> None:
    """Print each. Exit status 1 if any failed."""
    told = list(outcomes)
    for outcome in told:
        (streams.complain if outcome.failed else streams.line)(outcome.line)
    if not told:
        streams.line(_(_NO_SHORTCUTS))
    raise SystemExit(1 if any(outcome.failed for outcome in told) else 0)
