"""`describer autostart`: whether the describer starts at login."""

from __future__ import annotations

import click

from describer_daemon.cli import help_texts, streams
from describer_daemon.core.i18n import _
from describer_daemon.desktop import login


@click.group(
    help=help_texts.page(
        _("Have the describer start at login, or not."),
        help_texts.examples(
            # Translators: what a command does: the describer is then started by the desktop
            ("describer autostart on", _("the desktop starts it")),
            (
                "describer autostart on --systemd",
                # Translators: what a command does: systemd then starts the describer
                _("systemd starts it, and again should it end by a fault"),
            ),
            # Translators: what a command does: nobody starts the describer then
            ("describer autostart off", _("nobody does")),
            # Translators: what a command tells: whether the describer starts at login
            ("describer autostart status", _("how it is now")),
            width=34,
        ),
    )
)
def autostart() -> None:
    """Gather the commands about the start at login."""


@autostart.command(
    help=_("Start at login; one way replaces the other, so that it never starts twice.")
)
@click.option(
    "--systemd",
    is_flag=True,
    help=_("By a unit of systemd, bound to the graphical session, instead of the desktop."),
)
def on(systemd: bool) -> None:
    """Start at login; one way replaces the other, so that it never starts twice."""
    by = login.turn_on(systemd=systemd)
    # Translators: {by} is "systemd, …" or the place of a file, by which it is started
    streams.line(_("The describer starts with your next login, by {by}.").format(by=by))


@autostart.command(help=_("Start at login no more; a describer that runs goes on."))
def off() -> None:
    """Start at login no more."""
    login.turn_off()
    streams.line(_("The describer no longer starts at login."))


@autostart.command(help=_("Say whether it starts at login, and by what."))
def status() -> None:
    """Say whether it starts at login, and by what."""
    streams.line(login.status())
