"""The page that gathers the commands of `describer`."""

from __future__ import annotations

import importlib
import io
import sys

import click

from describer_daemon import __version__

# A command's function has its name; its module is loaded when it is asked for, for a key that is
# bound to `describer trigger` must not wait for what the others need.
_MODULES = {
    "demo": "demo",
    "describe": "describe",
    "doctor": "doctor",
    "run": "run",
    "settings": "settings",
    "status": "daemon",
    "trigger": "daemon",
    "voices": "voices",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # in place of one that there is not, click proposes one of those that it has
        for name in [cmd_name] if cmd_name in _MODULES else _MODULES:
            module = importlib.import_module(f"describer_daemon.cli.{_MODULES[name]}")
            self.add_command(getattr(module, name))
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="describer")
def main() -> None:
    """Press a key, hear the picture in front of you. Nothing leaves this machine.

    \b
    describer run                     listen for the keys (see: describer settings)
    describer describe photo.jpg      describe a file
    describer trigger screen          do what the key does
    describer doctor                  what works here, and the cure for what does not
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # file names may be no text at all
        sys.stdout.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
