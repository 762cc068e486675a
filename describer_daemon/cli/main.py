"""The page that gathers the commands of `describer`."""

from __future__ import annotations

import importlib
from typing import Any

import click

from describer_daemon import __version__
from describer_daemon.cli import streams
from describer_daemon.core import phrasing
from describer_daemon.core.ports import DescriberError

# A command's function has its name; its module is loaded when it is asked for, for a key that is
# bound to `describer trigger` must not wait for what the others need.
_MODULES = {
    "alt": "alt",
    "autostart": "autostart",
    "captioner": "captioner",
    "demo": "demo",
    "describe": "describe",
    "doctor": "doctor",
    "history": "history",
    "keys": "keys",
    "run": "run",
    "serve": "serve",
    "settings": "settings",
    "setup": "setup",
    "status": "daemon",
    "trigger": "daemon",
    "voices": "voices",
}


_INTERNAL_UNLOGGED = "Something went wrong inside the describer, and no log can be written."


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # in place of one that there is not, click proposes one of those that it has
        for name in [cmd_name] if cmd_name in _MODULES else _MODULES:
            module = importlib.import_module(f"describer_daemon.cli.{_MODULES[name]}")
            self.add_command(getattr(module, name))
        return super().get_command(ctx, cmd_name)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command and exit: each way in which one can fail is a sentence and a status."""
        streams.prepare()
        try:
            status = super().main(*args, **{**extra, "standalone_mode": False})
        except SystemExit as ended:
            status = ended.code
        except Exception as error:
            status = _explain(error)
        except KeyboardInterrupt:
            status = _explain(click.Abort())
        unwritten = streams.finish()
        if unwritten is not None and not status:
            status = _explain(unwritten)
        raise SystemExit(status if isinstance(status, int) else 0)


def _explain(error: Exception) -> int:
    """Say it on standard error. → the exit status."""
    match error:
        case click.Abort():
            streams.complain("Aborted!")
        case click.ClickException():
            _explain_usage(error)
            return error.exit_code
        case DescriberError():
            streams.complain(error.spoken)
        case streams.OutputError():
            if not error.is_broken_pipe:  # who reads our lines may have had enough
                streams.complain(f"The output cannot be written: {error.strerror}.")
        case OSError():
            from describer_daemon.service import log

            log.record_failure(error)
            where = f" with {error.filename}" if error.filename else ""
            streams.complain(f"The system refused something{where}: {error.strerror or error}.")
        case _:
            from describer_daemon.service import log

            told = phrasing.INTERNAL if log.record_failure(error) else _INTERNAL_UNLOGGED
            streams.complain(told)
    return 1


def _explain_usage(error: click.ClickException) -> None:
    """As click does, but for what comes from outside, which is escaped."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2: it is the whole help
        lines = error.format_message().splitlines()
    else:
        lines = context.get_usage().splitlines() if context is not None else []
        if context is not None:
            lines += [f"Try '{context.command_path} {context.help_option_names[0]}' for help.", ""]
        lines.append(f"Error: {error.format_message()}")
    for line in lines:
        streams.complain(line)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="describer")
def main() -> None:
    """Press a key, hear the picture in front of you. Nothing leaves this machine.

    \b
    describer run                     listen for the keys (see: describer settings)
    describer describe photo.jpg      describe a file
    describer alt photo.jpg           propose alt text for it
    describer trigger screen          do what the key does
    describer setup                   a place in the menu, a start at login
    describer doctor                  what works here, and the cure for what does not
    """


if __name__ == "__main__":
    main()
