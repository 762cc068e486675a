"""`describer serve`: a local door by which other programs have pictures described."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from describer_daemon.captioner.client import (
    ChildGoneError,
    ClosedError,
    TimedOutError,
)
from describer_daemon.cli import help_texts, streams
from describer_daemon.cli.click_words import WholeNumber
from describer_daemon.cli.describe import captioner_factory
from describer_daemon.cli.files import Described
from describer_daemon.cli.shared import settings_for_command
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import Captioner, DescriberError, Encoded
from describer_daemon.processes import processors
from describer_daemon.service.shutdown import ShutdownEvent

if TYPE_CHECKING:
    from describer_daemon.serving.doors import Door

_LOOK_INTERVAL = 3600.0  # seconds; the end is told at once


@click.command(
    help=help_texts.page(
        _("Describe pictures for other programs of yours, until it is ended."),
        help_texts.examples(
            "curl --unix-socket SOCKET --data-binary @photo.jpg http://localhost/describe",
            'curl -H "Authorization: Bearer TOKEN" --data-binary @photo.jpg '
            "http://127.0.0.1:N/describe",
        ),
        # Translators: words in capitals, [serve] and what is typed stay as they are
        _(
            "The answer is what describer describe --json prints. SOCKET is told at the start; "
            "only you can use it. With --port any program of this machine can try, so each request "
            "has to show TOKEN, which is told once, on a terminal, and kept in a file that only "
            "you can read. How large a picture may be, and how many may wait, stand in the "
            "settings below [serve]."
        ),
    )
)
@click.option(
    "--port",
    type=WholeNumber(0, 65535),
    metavar="N",
    help=_(
        "Open this port of 127.0.0.1, with a token, in place of a Unix socket; 0 for a free one."
    ),
)
def serve(port: int | None) -> None:
    """Describe pictures for other programs of this person's, until it is ended."""
    shutdown = ShutdownEvent()
    shutdown.on_signals()

    from describer_daemon.serving import doors
    from describer_daemon.serving.server import Limits, Server

    settings = settings_for_command()
    origins = frozenset(settings.serve.origins)
    idle = 60.0 * settings.captioner.unload_after_minutes
    captioner = captioner_factory(settings, False, None, "onnx", idle)(processors())
    with contextlib.ExitStack() as stack:
        stack.callback(captioner.close)
        opened = doors.unix(origins) if port is None else doors.port(port, origins)
        door = stack.enter_context(opened)
        limits = Limits(settings.serve.max_megabytes << 20, settings.serve.waiting)
        server = Server(door.listener, door.gate, lambda data: answer(data, captioner), limits)
        server.start()
        stack.callback(server.stop)
        stack.callback(captioner.close)  # before: nobody should wait for a picture under way
        _tell(door)
        while not shutdown.wait(_LOOK_INTERVAL):
            pass


def answer(data: bytes, captioner: Captioner) -> tuple[int, bytes]:
    """→ status, and the line that `describer describe --json -` would print."""
    status = 200
    try:
        described = Described("-", captioner.describe(Encoded(data)))
    except DescriberError as error:
        described = Described("-", None, error.spoken)
        status = 422
        if isinstance(error, TimedOutError):
            status = 504
        elif isinstance(error, ClosedError | ChildGoneError):
            status = 503
    return status, described.as_json().encode("utf-8", "backslashreplace") + b"\n"


def _tell(door: Door) -> None:
    with contextlib.suppress(OSError):  # a line that cannot be written must not end it
        if door.token_file is None:
            # Translators: {address} is where other programs reach it
            told = _("Serving on {address}, for you alone. Ctrl+C ends it.")
            streams.line(told.format(address=door.address))
            return
        # Translators: {address} is where other programs reach it; a token is a kind of password
        told = _("Serving on {address}, for who has the token. Ctrl+C ends it.")
        streams.line(told.format(address=door.address))
        if sys.stdout.isatty():  # what is printed elsewhere may end in a log
            streams.line(_("Token: {token}").format(token=door.gate.token))
        # Translators: after "… Ctrl+C ends it."
        told = _("The token is kept in {path} until then.")
        streams.line(told.format(path=door.token_file))
