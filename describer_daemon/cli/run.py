"""`describer run`: the daemon, in the foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from describer_daemon.cli.shared import settings_or_defaults, speaks_plainly
from describer_daemon.service.shutdown import ShutdownEvent

if TYPE_CHECKING:
    from describer_daemon.settings.settings import Settings


@click.command()
@click.option("--verbose", "-v", is_flag=True, help="Show the log on the terminal too.")
@speaks_plainly
def run(verbose: bool) -> None:
    """Run the daemon in the foreground until it is told to quit.

    Starting it a second time makes the one that runs describe the screen.
    """
    shutdown = ShutdownEvent()
    shutdown.on_signals()

    # nobody who presses Ctrl+C early should have to wait for these
    from describer_daemon.app import Daemon
    from describer_daemon.service import instance, log
    from describer_daemon.settings import settings

    path = settings.settings_path()
    loaded, error, stamp = settings_or_defaults(path, write=True)
    log.set_up(loaded.log.level, console=verbose)
    daemon = Daemon(loaded, path, shutdown, loaded_at=stamp)
    if error is not None:
        daemon.report_error(error)
    served = instance.serve_or_ask(
        daemon, lambda: instance.print_line(_listening_for(loaded)), shutdown
    )
    if not served:
        instance.print_line("The describer runs already; it was asked to describe the screen.")
    instance.discard_unwritten()


def _listening_for(settings: Settings) -> str:
    keys = ", ".join(f"{key} {verb.value}" for verb, key in settings.keys.items())
    return f"The describer runs. Keys: {keys or 'none'}. Ctrl+C ends it."
