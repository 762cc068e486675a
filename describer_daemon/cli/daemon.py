"""`describer trigger` and `status`: tell the daemon that runs something, ask it."""

from __future__ import annotations

import json
from typing import Any

import click

from describer_daemon.cli.shared import speaks_plainly
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.service import control, instance

_STATUS_TIMEOUT = 5.0


@click.command()
@click.argument("verb", type=click.Choice([*(verb.value for verb in Verb), "quit"]))
@click.option(
    "--wait", is_flag=True, help="Wait for the sentence and print it; after quit, for the end."
)
@speaks_plainly
def trigger(verb: str, wait: bool) -> None:
    """Do what a key does, in the daemon that runs.

    For desktops that own their shortcuts (Wayland) and for scripts; in sway:

    \b
    bindsym Ctrl+Mod1+d exec describer trigger screen
    """
    if verb == "quit":
        _checked(instance.quit_and_wait() if wait else control.send(verb))
        return
    reply = _checked(control.send(verb, wait=wait))
    if not wait:
        return
    if reply.get("stale"):
        raise DescriberError("A newer request overtook this one.")
    click.echo(reply.get("sentence", ""), err=bool(reply.get("failed")))
    if reply.get("failed"):
        raise SystemExit(1)


def _checked(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply's fields. Raises DescriberError with its sentence when it is not ok."""
    if not reply.pop("ok", False):
        raise DescriberError(str(reply.get("sentence") or "The describer refused."))
    return reply


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@speaks_plainly
def status(as_json: bool) -> None:
    """Say whether the daemon runs, and with which parts."""
    try:
        reply = _checked(control.send("status", timeout=_STATUS_TIMEOUT))
    except DescriberError as error:
        if as_json:
            click.echo(json.dumps({"error": error.spoken}))
            raise SystemExit(1) from error
        raise
    if as_json:
        click.echo(json.dumps(reply, ensure_ascii=False))
        return
    for name, value in reply.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {item}" for key, item in value.items())
        click.echo(f"{name:18s}{value}")
