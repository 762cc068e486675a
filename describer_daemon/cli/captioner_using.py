"""`describer captioner use` and `remove`."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from describer_daemon.catalogue import files, installed
from describer_daemon.catalogue.installed import SHIPPED, Installed
from describer_daemon.cli import asking, help_texts, streams
from describer_daemon.cli.shared import settings_for_command
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.settings import answering, editing, settings


def names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The `shell_complete` of an argument that is a captioner's name."""
    known = [SHIPPED, *(one.name for one in installed.everyone())]
    return [CompletionItem(name) for name in known if name.startswith(incomplete)]


def required(name: str) -> Installed:
    """The captioner that was added under this name. Raises DescriberError without one."""
    one = installed.named(name)
    if one is None:
        raise DescriberError(
            _("{name} is not installed. See: describer captioner list").format(name=name)
        )
    return one


@click.command(
    help=help_texts.page(
        _(
            "Describe with this captioner from now on: a line in the settings, taken up at once by "
            "a describer that runs."
        ),
        # Translators: everyday is the name of a captioner
        _(
            "The one that ships is called everyday. While another one fails, or takes too long, "
            "the one that ships answers in its stead, and says so."
        ),
    )
)
@click.argument("name", shell_complete=names)
def use(name: str) -> None:
    """Describe with this captioner from now on."""
    if name != SHIPPED:
        required(name)
    path = settings.settings_path()
    answering.require(path)
    settings.write_default(path)
    editing.put(path, "captioner", "bundle", "" if name == SHIPPED else name)
    # Translators: {name} is that of a captioner
    streams.line(_("{name} describes from now on.").format(name=name))


@click.command(
    help=help_texts.page(
        _("Take a captioner away that was added, and free its room on the disk."),
        _("The one in use is refused: let another describe first."),
    )
)
@click.argument("name", shell_complete=names)
@click.option("--yes", is_flag=True, help=_("Do not ask."))
def remove(name: str, yes: bool) -> None:
    """Take a captioner away that was added."""
    from describer_daemon.catalogue import installing

    if name == SHIPPED:
        raise DescriberError(_("The captioner everyday is part of the describer, and stays."))
    one = required(name)
    using = settings_for_command().captioner.bundle
    if using is not None and installed.folder_of(using) == one.model:
        raise DescriberError(
            _("{name} is in use. First: describer captioner use everyday").format(name=name)
        )
    # Translators: {size} is "12 MB" of the disk
    told = _("This frees {size}.").format(size=files.megabytes(one.entry.bytes))
    asking.confirm(told, yes=yes)
    installing.remove(one)
    streams.line(_("{name} was removed.").format(name=name))
