"""`describer settings`."""

from __future__ import annotations

import click

from describer_daemon.cli import streams
from describer_daemon.core import i18n
from describer_daemon.core.ports import DescriberError
from describer_daemon.settings import answering
from describer_daemon.settings import settings as module
from describer_daemon.settings.file import SettingsError


@click.command()
@click.option("--path", "only_path", is_flag=True, help="Print the file's path alone.")
@click.option("--edit", is_flag=True, help="Open the file in your editor.")
def settings(only_path: bool, edit: bool) -> None:
    """Show the settings and where they are kept; saving the file is enough to change them."""
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
            raise DescriberError(
                f"The editor that EDITOR names cannot be started. The settings file is {path}."
            ) from error
    else:
        loaded = module.load(path)
        i18n.use(loaded.speech.language)
        for line in module.describe_settings(loaded, path).splitlines():
            streams.line(line)
