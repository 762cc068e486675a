"""`describer trigger` and `status`: tell the daemon that runs something, ask it."""

from __future__ import annotations

from typing import Any

import click

from describer_daemon.cli import streams
from describer_daemon.core.escaping import json_line
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.service import control, elsewhere, instance

_STATUS_TIMEOUT = 5.0


@click.command()
@click.argument("verb", type=click.Choice([*(verb.value for verb in Verb), "quit"]))
@click.option(
    "--wait", is_flag=True, help="Wait for the sentence and print it; after quit, for the end."
)
def trigger(verb: str, wait: bool) -> None:
    """Do what a key does, in the daemon that runs.

    For desktops that own their shortcuts (Wayland) and for scripts; in sway:

    \b
    bindsym Mod4+Mod1+i exec describer trigger screen

    Of the picture that was described last "more" tells the next part: what is where, colours,
    sharpness, size, text. "next-thing" and "previous-thing" go through what is in it from left to
    right, and "where" says exactly where that one is.

    Stop silences `describer describe --speak` and "Describe picture", too, even where no
    daemon runs.
    """
    if verb == "quit":
        checked(instance.quit_and_wait() if wait else control.send(verb))
        return
    others = verb == Verb.STOP and elsewhere.silence()
    try:
        reply = checked(control.send(verb, wait=wait))
    except DescriberError:
        if others:  # what there was to stop is silent, though no describer runs
            return
        raise
    if not wait:
        return
    if reply.get("stale"):
        raise DescriberError("A newer request overtook this one.")
    sentence = str(reply.get("sentence", ""))
    if reply.get("failed"):
        raise DescriberError(sentence)
    streams.line(sentence)


def checked(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply's fields. Raises DescriberError with its sentence when it is not ok."""
    if not reply.pop("ok", False):
        raise DescriberError(str(reply.get("sentence") or "The describer refused."))
    return reply


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def status(as_json: bool) -> None:
    """Say whether the daemon runs, and with which parts."""
    try:
        reply = checked(control.send("status", timeout=_STATUS_TIMEOUT))
    except DescriberError as error:
        if as_json:
            streams.json(json_line({"error": error.spoken}))
            raise SystemExit(1) from error
        raise
    if as_json:
        streams.json(json_line(reply))
        return
    for name, value in reply.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {item}" for key, item in value.items())
        streams.line(f"{name:18s}{value}")
