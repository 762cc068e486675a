"""Running the tools that read a clipboard: without hanging, and knowing failure from nothing."""

from __future__ import annotations

from collections.abc import Sequence

from describer_daemon import conversation, processes
from describer_daemon.capture import copied_files
from describer_daemon.capture.copied_files import NoPictureError
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

_MAX_SECONDS = 20.0


def types(command: Sequence[str], *, timeout: float, none: Sequence[str]) -> list[str]:
    """What a tool lists as the types on offer; [] only when it says one of `none`.

    An empty clipboard is an error for these tools, as a desktop that they cannot reach is.
    Raises DescriberError for that, and as `fetch` does.
    """
    finished = fetch(command, timeout=timeout)
    if finished.code == 0:
        return [kind for kind in finished.output.decode("utf-8", "replace").split("\n") if kind]
    if _says(finished.errors, none):
        return []
    raise _unreachable(command[0], finished)


def content(command: Sequence[str], *, timeout: float, none: Sequence[str]) -> bytes:
    """What a tool gives for one of the types. Raises as `types`; NoPictureError for `none`."""
    finished = fetch(command, timeout=timeout)
    if finished.code == 0:
        return finished.output
    if _says(finished.errors, none):
        raise NoPictureError(
            _("The clipboard changed just now. Please try again."),
            detail=f"{command[0]} exits {finished.code}",
        )
    raise _unreachable(command[0], finished)


def fetch(command: Sequence[str], *, timeout: float) -> processes.Finished:
    """Run a clipboard tool to its end.

    Raises DescriberError when it stays silent for `timeout` seconds (the program that owns
    the clipboard hangs), writes more than a picture may have, or cannot be started.
    """
    process = processes.start_tool(command)
    try:
        return conversation.converse(
            process, silence=timeout, longest=_MAX_SECONDS, limit=copied_files.LIMIT
        )
    except conversation.SilentError:
        raise DescriberError(
            _("The clipboard did not answer. Copy the picture again."), detail=f"{command[0]} hung"
        ) from None
    except conversation.TooMuchError:
        raise copied_files.too_large() from None
    finally:
        processes.end(process)
        processes.close_pipes(process)


def _says(errors: bytes, phrases: Sequence[str]) -> bool:
    message = errors.decode("utf-8", "replace").lower()
    return any(phrase in message for phrase in phrases)


def _unreachable(tool: str, finished: processes.Finished) -> DescriberError:
    message = finished.errors.decode("utf-8", "replace").strip()[-200:]
    return DescriberError(
        _("I cannot reach the clipboard. Is the describer running on your desktop?"),
        detail=f"{tool} exits {finished.code}: {message}",
    )
