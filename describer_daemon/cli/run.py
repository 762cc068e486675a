"""`describer run`: the daemon, in the foreground."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from describer_daemon.cli import help_texts, streams
from describer_daemon.cli.shared import settings_or_defaults
from describer_daemon.core.i18n import N_, _
from describer_daemon.service.shutdown import ShutdownEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from describer_daemon.core.ports import Verb

_NO_KEYS = N_("The describer runs, without keys for now.")
_KEYS_OF_THE_DESKTOP = N_("The describer runs. The desktop's own shortcuts describe.")
# Translators: "it" is the describer
_END = N_("Ctrl+C ends it.")


@click.command(
    help=help_texts.page(
        _("Run the daemon in the foreground until it is told to quit."),
        _("Starting it a second time makes the one that runs describe the screen."),
    )
)
@click.option("--verbose", "-v", is_flag=True, help=_("Show the log on the terminal too."))
def run(verbose: bool) -> None:
    """Run the daemon in the foreground until it is told to quit."""
    shutdown = ShutdownEvent()
    shutdown.on_signals()

    # nobody who presses Ctrl+C early should have to wait for these
    from describer_daemon.app import Daemon
    from describer_daemon.missing import have_desktops_keys
    from describer_daemon.service import instance, log

    loaded, path, error, stamp = settings_or_defaults(write=True)
    log.set_up(loaded.log.level, console=verbose)
    daemon = Daemon(loaded, path, shutdown, loaded_at=stamp)
    if error is not None:
        daemon.report_error(error)

    def tell_ready() -> None:
        held = daemon.held()
        desktops = not held and have_desktops_keys()
        begun = _(_KEYS_OF_THE_DESKTOP) if desktops else _listening_for(held)
        _tell(" ".join([begun, *daemon.missing(), _(_END)]))

    served = instance.serve_or_ask(daemon, tell_ready, shutdown)
    if not served:
        _tell(_("The describer runs already; it was asked to describe the screen."))


def _tell(line: str) -> None:
    """A line that cannot be written, as on a full disk, must not end the describer."""
    with contextlib.suppress(OSError):
        streams.line(line)


def _listening_for(held: Mapping[Verb, str]) -> str:
    keys = ", ".join(f"{key} {verb.value}" for verb, key in held.items())
    # Translators: {keys} is "alt+super+i screen, alt+super+c clipboard": what to press, and which
    # of the describer's commands that is
    return _("The describer runs. Keys: {keys}.").format(keys=keys) if keys else _(_NO_KEYS)
