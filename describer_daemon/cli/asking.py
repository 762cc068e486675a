"""Asking a person before something is done that they may not want."""

from __future__ import annotations

import sys

import click

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError


def confirm(told: str, *, yes: bool) -> None:
    """Ask whether to go on, after `told`, a sentence; `yes` answers that.

    Raises Abort when they do not want it, DescriberError when nobody is there.
    """
    if yes:
        return
    if not can_ask():
        raise DescriberError(told + " " + _("Please say that it may, with --yes."))
    if not click.confirm(f"{told} {_('Go on?')}", err=True):
        raise click.Abort


def can_ask() -> bool:
    """Whether a person is there who can answer."""
    return sys.stdin is not None and sys.stdin.isatty()
