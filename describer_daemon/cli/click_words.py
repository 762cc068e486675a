"""click's own words in the person's language: "Usage:", "No such option", and so on (ADR 0056).

click ships no translations, but hands each of its sentences to gettext. Ours come in there: from
our catalogue, in which those stand that this program can bring about, as click 8.1 to 8.5 word
them.
"""

from __future__ import annotations

import gettext
import sys

import click

from describer_daemon.core import i18n
from describer_daemon.core.i18n import N_, _, ngettext


class WholeNumber(click.IntRange):
    """One whose name is translated, too: click says it where a value is no number."""

    # Translators: in "'x' is not a valid integer range.", and in capitals in a list of options
    name = _("integer range")


def use_ours() -> None:
    """Have click, as far as it is loaded by now, ask our catalogue, in whatever language is in use.

    Not by `gettext.textdomain`: it would look for the language in the environment alone, which
    says nothing on Windows and macOS, and nothing of the settings.
    """
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != "click":
            continue
        for key, value in list(vars(module).items()):
            if value is gettext.gettext:
                setattr(module, key, i18n._)
            elif value is gettext.ngettext:
                setattr(module, key, i18n.ngettext)


# only for the extraction, which finds them here
_SAID_BY_CLICK = (
    # Translators: what follows is how to call a command: "Usage: describer run [OPTIONS]"
    N_("Usage:"),
    # Translators: a heading in the help of a command
    N_("Options"),
    # Translators: a heading in the help of a command
    N_("Commands"),
    N_("Show this message and exit."),
    N_("Show the version and exit."),
    # Translators: "describer, version 1.0"
    N_("%(prog)s, version %(version)s"),
    # Translators: the value that an option has unless one is named
    N_("default: {default}"),
    N_("Error: {message}"),
    N_("Try '{command} {option}' for help."),
    N_("Aborted!"),
    N_("Missing command."),
    # Translators: which one comes after it: "Missing argument 'FILES...'."
    N_("Missing argument"),
    # Translators: the words that may be chosen come after it
    N_("Choose from:\n\t{choices}"),
    ngettext(
        "Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})", 1
    ),
    N_("No such command {name!r}."),
    N_("No such option {name!r}."),
    N_("No such option: {name}"),
    # Translators: in the plural it has the field {possibilities} for {possibility}
    ngettext("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)", 1),
    N_("Option {name!r} does not take a value."),
    ngettext(
        "Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments.", 1
    ),
    N_("Invalid value: {message}"),
    # Translators: {param_hint} is the option or argument: "'--jobs'"
    N_("Invalid value for {param_hint}: {message}"),
    # Translators: in the plural, which is the usual one, {choices} are several words
    ngettext("{value!r} is not {choice}.", "{value!r} is not one of {choices}.", 1),
    # Translators: {number_type} is "integer range"
    N_("{value!r} is not a valid {number_type}."),
    # Translators: {range} is "1<=x<=64"
    N_("{value} is not in the range {range}."),
    # Translators: {name} below is this word, or "directory" or "path", with a capital letter
    N_("file"),
    N_("directory"),
    N_("path"),
    N_("{name} {filename!r} does not exist."),
    N_("{name} {filename!r} is a file."),
    N_("{name} {filename!r} is a directory."),
    N_("{name} {filename!r} is not readable."),
    N_("{name} {filename!r} is not writable."),
)
