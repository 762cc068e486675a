"""`describer trigger` and `status`: tell the daemon that runs something, ask it."""

from __future__ import annotations

from typing import Any

import click

from describer_daemon.cli import help_texts, streams
from describer_daemon.core.escaping import json_line
from describer_daemon.core.i18n import _, pgettext
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.service import control, elsewhere, instance

_STATUS_TIMEOUT = 5.0


@click.command(
    help=help_texts.page(
        _("Do what a key does, in the daemon that runs."),
        # Translators: sway is a program; an example of a line in its own file follows
        _("For desktops that own their shortcuts (Wayland) and for scripts; in sway:"),
        help_texts.examples("bindsym Mod4+Mod1+i exec describer trigger screen"),
        # Translators: the words in quotation marks are typed, and stay
        _(
            'Of the picture that was described last "more" tells the next part: what is where, '
            'colours, sharpness, size, text. "next-thing" and "previous-thing" go through what is '
            'in it from left to right, and "where" says exactly where that one is.'
        ),
        # Translators: "Describe picture" is the entry in file managers' menus
        _(
            'Stop silences `describer describe --speak` and "Describe picture", too, even where no '
            "daemon runs."
        ),
    )
)
@click.argument("verb", type=click.Choice([*(verb.value for verb in Verb), "quit"]))
@click.option(
    "--wait",
    is_flag=True,
    help=_("Wait for the sentence and print it; after quit, for the end."),
)
def trigger(verb: str, wait: bool) -> None:
    """Do what a key does, in the daemon that runs."""
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
        raise DescriberError(_("A newer request overtook this one."))
    sentence = str(reply.get("sentence", ""))
    if reply.get("failed"):
        raise DescriberError(sentence)
    streams.line(sentence)


def checked(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply's fields. Raises DescriberError with its sentence when it is not ok."""
    if not reply.pop("ok", False):
        raise DescriberError(str(reply.get("sentence") or _("The describer refused.")))
    return reply


@click.command(help=_("Say whether the daemon runs, and with which parts."))
@click.option("--json", "as_json", is_flag=True, help=_("As one JSON object."))
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
        streams.line(f"{_label(name):17s} {_shown(value)}")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    words = {
        # Translators: in `describer status`: it is so
        "True": pgettext("status", "True"),
        # Translators: in `describer status`: it is not so
        "False": pgettext("status", "False"),
        # Translators: in `describer status`: there is no such part or file
        "none": pgettext("status", "none"),
    }
    return words.get(str(value), str(value))


def _label(name: str) -> str:
    """A field's name, for people."""
    labels = {
        # Translators: the names of lines in `describer status`; this is a process's number
        "pid": pgettext("status", "pid"),
        # Translators: whether keys are listened for
        "listening": pgettext("status", "listening"),
        "keys": pgettext("status", "keys"),
        # Translators: by which program keys are had
        "hotkeys by": pgettext("status", "hotkeys by"),
        # Translators: what does not work for now
        "missing": pgettext("status", "missing"),
        # Translators: by which program the screen is seen
        "screen by": pgettext("status", "screen by"),
        # Translators: by which program it is known where the keyboard's focus is
        "focus by": pgettext("status", "focus by"),
        # Translators: by which program the clipboard is read
        "clipboard by": pgettext("status", "clipboard by"),
        "clipboard watched by": pgettext("status", "clipboard watched by"),
        # Translators: by which program is spoken
        "speech by": pgettext("status", "speech by"),
        "language": pgettext("status", "language"),
        # Translators: whether the captioner is loaded
        "captioner loaded": pgettext("status", "captioner loaded"),
        # Translators: whether something is being said
        "speaking": pgettext("status", "speaking"),
        # Translators: how many requests were answered
        "answered": pgettext("status", "answered"),
        # Translators: how many requests were overtaken by newer ones
        "stale": pgettext("status", "stale"),
        # Translators: how many requests failed
        "failures": pgettext("status", "failures"),
        # Translators: what was said last
        "last": pgettext("status", "last"),
        # Translators: where the settings file is
        "settings": pgettext("status", "settings"),
    }
    return labels.get(name, name)
