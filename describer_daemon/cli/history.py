"""`describer history`: what was described before, where the settings want it remembered."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import click

from describer_daemon.cli import help_texts, streams
from describer_daemon.cli.daemon import checked
from describer_daemon.cli.shared import settings_for_command
from describer_daemon.core.escaping import json_line
from describer_daemon.core.i18n import N_, _, ngettext
from describer_daemon.core.remembering import Entry
from describer_daemon.service import control
from describer_daemon.service.history_file import HistoryFile

_NONE = N_("Nothing is remembered.")
# Translators: keep is the name of a setting, and [history] stands so in the settings file
_OFF = N_("Nothing is remembered. It is off: set keep in the part [history] of the settings.")


@click.command(
    help=help_texts.page(
        _("List what was described before: words, never pictures."),
        # Translators: [history] and what is in quotation marks stay, for they are typed
        _(
            "Only what the settings want remembered, in the part [history]: how many, for how "
            "long, and whether on the disk as well. Nothing is, unless you say so. In the "
            'describer itself "describer trigger previous" says the description before, "trigger '
            'next" the one after, and "trigger forget" forgets all and remembers no more.'
        ),
    )
)
@click.option("--json", "as_json", is_flag=True, help=_("As a JSON object a line."))
@click.option("--clear", is_flag=True, help=_("Forget all, on the disk too."))
def history(as_json: bool, clear: bool) -> None:
    """List what was described before, or forget it."""
    if clear:
        reply = _ask("clear-history")
        HistoryFile().clear()  # what another describer has left there
        if reply is not None:
            checked(reply)
        return
    entries = _entries()
    for entry in entries:
        at = datetime.fromtimestamp(entry.time).astimezone()
        if as_json:
            fields = {
                "time": at.isoformat(timespec="seconds"),
                "verb": entry.verb,
                "sentence": entry.sentence,
            }
            streams.json(json_line(fields))
        else:
            streams.line(f"{at:%Y-%m-%d %H:%M}  {entry.verb:9s}  {entry.sentence}")
    if not entries and not as_json:
        off = not settings_for_command().history.keep
        streams.complain(_(_OFF if off else _NONE))


def _entries() -> list[Entry]:
    """What the describer that runs remembers; without one, what is on the disk."""
    reply = _ask("history")
    if reply is None:
        minutes = settings_for_command().history.minutes
        since = time.time() - 60 * minutes if minutes else 0.0
        return [entry for entry in HistoryFile().read() if entry.time >= since]
    answer = checked(reply)
    if answer["left out"]:
        # Translators: descriptions that are remembered
        told = ngettext(
            "{number} older one is not shown.",
            "{number} older ones are not shown.",
            answer["left out"],
        )
        streams.complain(told.format(number=answer["left out"]))
    return [Entry(**fields) for fields in answer["entries"]]


def _ask(verb: str) -> dict[str, Any] | None:
    """The reply of the describer that runs; None without one."""
    try:
        return control.send(verb)
    except control.NotRunningError:
        return None
