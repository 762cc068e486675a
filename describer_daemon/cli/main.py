"""The page that gathers the commands of `describer`."""

from __future__ import annotations

import importlib
from typing import Any

import click

from describer_daemon import __version__
from describer_daemon.cli import click_words, help_texts, streams
from describer_daemon.core import phrasing
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.core.reasons import reason

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


_INTERNAL_UNLOGGED = N_("Something went wrong inside the describer, and no log can be written.")

click_words.use_ours()  # before anything is made of click's words


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
            streams.complain(_("Aborted!"))
        case click.ClickException():
            _explain_usage(error)
            return error.exit_code
        case DescriberError():
            streams.complain(error.spoken)
        case streams.OutputError():
            if not error.is_broken_pipe:  # who reads our lines may have had enough
                told = _("The output cannot be written: {reason}.")
                streams.complain(told.format(reason=reason(error)))
        case OSError():
            from describer_daemon.service import log

            log.record_failure(error)
            told = _("The system refused something: {reason}.")
            if error.filename:
                told = _("The system refused something with {file}: {reason}.")
            streams.complain(told.format(file=error.filename, reason=reason(error)))
        case _:
            from describer_daemon.service import log

            told = phrasing.INTERNAL if log.record_failure(error) else _INTERNAL_UNLOGGED
            streams.complain(_(told))
    return 1


def _explain_usage(error: click.ClickException) -> None:
    """As click does, but for what comes from outside, which is escaped."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2: it is the whole help
        lines = error.format_message().splitlines()
    else:
        lines = context.get_usage().splitlines() if context is not None else []
        if context is not None:
            hint = _("Try '{command} {option}' for help.").format(
                command=context.command_path, option=context.help_option_names[0]
            )
            lines += [hint, ""]
        message = error.format_message().replace("\n\t", " ")  # click's lists of what there is
        lines.append(_("Error: {message}").format(message=message))
    for line in lines:
        streams.complain(line)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=help_texts.page(
        _("Press a key, hear the picture in front of you. Nothing leaves this machine."),
        help_texts.examples(
            # Translators: what a command does, and so it is below; describer settings is typed
            ("describer run", _("listen for the keys (see: describer settings)")),
            ("describer describe photo.jpg", _("describe a file")),
            # Translators: what a command does: "it" is a file
            ("describer alt photo.jpg", _("propose alt text for it")),
            ("describer trigger screen", _("do what the key does")),
            # Translators: what a command makes: an entry in the desktop's menu
            ("describer setup", _("a place in the menu, a start at login")),
            # Translators: what a command tells
            ("describer doctor", _("what works here, and the cure for what does not")),
            width=34,
        ),
    ),
)
@click.version_option(__version__, prog_name="describer")
def main() -> None:
    """Gather the commands of `describer`."""


if __name__ == "__main__":
    main()
