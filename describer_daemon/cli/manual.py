"""The manual page, made from the commands themselves: it cannot tell of what they are not.

What it says is their help, so that it has the language of whoever makes it. Only the heading NAME
stays, for apropos looks for it.
"""

from __future__ import annotations

import inspect
import re

import click

from describer_daemon import __version__
from describer_daemon.core.i18n import N_, _, pgettext

_SEE = N_(
    "Nothing that is seen leaves this machine. The settings are one commented file; "
    "describer settings --path tells where it is."
)


def manual_page(program: click.Group, name: str = "describer") -> str:
    """The text of section 1 for man, in roff, of a program and its commands, however deep."""
    context = click.Context(program, info_name=name)
    first, rest = _split(program)
    short, __, more = first.partition(". ")
    lines = [
        f'.TH {name.upper()} 1 "" "{name} {__version__}" "{_quoted(_("User commands"))}"',
        ".SH NAME",
        rf"{name} \- {_plain(short)}",
        # Translators: this and the next ones are headings of the manual page
        _heading(pgettext("manual", "SYNOPSIS")),
        rf".B {name}",
        r".I COMMAND",
        # Translators: what is typed after a command's name
        _line(_("[options] [arguments]")),
        _heading(pgettext("manual", "DESCRIPTION")),
        _line(more),
        *_prose(rest),
        _heading(pgettext("manual", "COMMANDS")),
    ]
    for path, command, below in _commands(program, context, name):
        lines += _section(path, command, below)
    lines += [_heading(pgettext("manual", "SETTINGS")), _line(_(_SEE))]
    status = _("0 if all went well, 1 if something failed, 2 if the command was not understood.")
    lines += [_heading(pgettext("manual", "EXIT STATUS")), _line(status)]
    return "\n".join(lines) + "\n"


def _commands(
    group: click.Group, context: click.Context, path: str
) -> list[tuple[str, click.Command, click.Context]]:
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        below = click.Context(command, parent=context, info_name=name)
        found.append((f"{path} {name}", command, below))
        if isinstance(command, click.Group):
            found += _commands(command, below, f"{path} {name}")
    return found


def _section(path: str, command: click.Command, context: click.Context) -> list[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    first, rest = _split(command)
    lines = [f".SS {_plain(path)} {_plain(usage)}".rstrip(), _line(first), *_prose(rest)]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1] and "--help" not in parameter.opts:
            lines += [".TP", rf"\fB{_plain(record[0])}\fR", _line(record[1])]
    return lines


def _split(command: click.Command) -> tuple[str, str]:
    """The help's first paragraph, and what follows."""
    first, __, rest = inspect.cleandoc(command.help or "").partition("\n\n")
    return " ".join(first.split()), rest


def _prose(text: str) -> list[str]:
    """Paragraphs; those that begin with click's mark keep their lines."""
    lines = []
    for paragraph in filter(None, text.split("\n\n")):
        lines.append(".PP")
        if paragraph.startswith("\b"):
            shown = [_line(line) for line in paragraph.splitlines()[1:]]
            lines += [".nf", *shown, ".fi"]
        else:
            lines.append(_line(" ".join(paragraph.split())))
    return lines


def _heading(text: str) -> str:
    return f".SH {_plain(text)}"


def _quoted(text: str) -> str:
    """Inside of quotation marks."""
    return _plain(text).replace('"', r"\(dq")


def _line(text: str) -> str:
    """A line of text: one that begins with a dot or a quotation mark would be a command."""
    escaped = _plain(text)
    return rf"\&{escaped}" if escaped[:1] in {".", "'"} else escaped


def _plain(text: str) -> str:
    # a bare hyphen is printed as another character, which nobody can copy into a shell
    return re.sub(r"-", r"\\-", text.replace("\\", r"\e"))
