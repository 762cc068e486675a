"""`describer autostart`: whether the describer starts at login."""

from __future__ import annotations

import click

from describer_daemon.cli import streams
from describer_daemon.desktop import login


@click.group()
def autostart() -> None:
    """Have the describer start at login, or not.

    \b
    describer autostart on            the desktop starts it
    describer autostart on --systemd  systemd starts it, and again should it end by a fault
    describer autostart off           nobody does
    describer autostart status        how it is now
    """


@autostart.command()
@click.option(
    "--systemd",
    is_flag=True,
    help="By a unit of systemd, bound to the graphical session, instead of the desktop.",
)
def on(systemd: bool) -> None:
    """Start at login; one way replaces the other, so that it never starts twice."""
    by = login.turn_on(systemd=systemd)
    streams.line(f"The describer starts with your next login, by {by}.")


@autostart.command()
def off() -> None:
    """Start at login no more; a describer that runs goes on."""
    login.turn_off()
    streams.line("The describer no longer starts at login.")


@autostart.command()
def status() -> None:
    """Say whether it starts at login, and by what."""
    streams.line(login.status())
