"""`describer settings`."""

from __future__ import annotations

import click

from describer_daemon.cli import streams
from describer_daemon.core import i18n
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.settings import answering
from describer_daemon.settings import settings as module
from describer_daemon.settings.file import SettingsError


@click.command(
    help=_("Show the settings and where they are kept; saving the file is enough to change them.")
)
@click.option("--path", "only_path", is_flag=True, help=_("Print the file's path alone."))
@click.option("--edit", is_flag=True, help=_("Open the file in your editor."))
def settings(only_path: bool, edit: bool) -> None:
    """Show the settings and where they are kept."""
    path = module.settings_path()
    try:
        answering.require(path)
        module.write_default(path)
    except DescriberError as error:
        if edit or (not only_path and not isinstance(error, SettingsError)):
            raise
        streams.complain(error.spoken)
    if only_path:
        streams.line(str(path))
    elif edit:
        try:
            click.edit(filename=str(path))
        except click.ClickException as error:
            # Translators: EDITOR is a variable of the environment
            told = _("The editor that EDITOR names cannot be started. The settings file is {path}.")
            raise DescriberError(told.format(path=path)) from error
    else:
        loaded = module.load(path)
        i18n.use(loaded.speech.language)
        for line in module.describe_settings(loaded, path).splitlines():
            streams.line(line)
