"""The files that a command writes; those that may never answer are left to a child (ADR 0040)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from describer_daemon import apart, mounts
from describer_daemon.cli import files_child
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError

_MAX_SILENCE = 10.0  # seconds; a disk that has to start up takes as long
# Translators: {suffix} is ".wav"
NO_SPEECH = N_("{path} does not end in {suffix}, as the name of speech must.")
# Translators: {suffix} is ".png"
NO_HEAT_MAP = N_("{path} does not end in {suffix}, as the name of a heat map must.")
# Translators: {suffix} is ".png"
NO_DRAWING = N_("{path} does not end in {suffix}, as the name of a drawing must.")


class Output(click.Path):
    """A file to be written. Where it lies is asked only if that is sure to answer."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """See `click.ParamType.convert`."""
        if not mounts.is_local(value):
            return Path(value)
        return Path(os.fsdecode(super().convert(value, param, ctx)))


def named(suffix: str, refusal: str) -> Callable[..., Path | None]:
    """Refuse names of another kind, before a picture is overwritten by its own description.

    `refusal` is `NO_SPEECH` or one of its kind.
    """

    def checked(
        _context: click.Context, _option: click.Parameter, path: Path | None
    ) -> Path | None:
        if path is not None and path.suffix.lower() != suffix:
            raise click.BadParameter(_(refusal).format(path=path, suffix=suffix))
        if path is not None and mounts.is_local(path) and not path.absolute().parent.is_dir():
            # Translators: it is put after "Invalid value for '--save': "
            told = _("there is no folder {folder}.")
            raise click.BadParameter(told.format(folder=path.parent))
        return path

    return checked


def is_same(path: Path, picture: str) -> bool:
    """Whether they are one file. Raises DescriberError when either does not answer."""
    if mounts.is_local(path) and mounts.is_local(picture):
        return files_child.same(path, picture)
    asked = picture if mounts.is_local(path) else str(path)
    return bool(_elsewhere(asked, "same", str(path), picture))


def require_answer(path: Path | str) -> None:
    """Raises DescriberError when the disk or network that a file is on does not answer."""
    if not mounts.is_local(path):
        _elsewhere(str(path), "ask", str(path))


def write(path: Path, data: bytes) -> None:
    """Write the whole file. Raises DescriberError when that cannot be done."""
    if mounts.is_local(path):
        files_child.write(path, data)
    else:
        _elsewhere(str(path), "write", str(path), data=data)


def save(path: Path, work: Callable[[Path], None]) -> None:
    """Have `work` write the file, which it may only do on a disk that answers."""
    if mounts.is_local(path):
        work(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / path.name
        work(here)
        write(path, here.read_bytes())


def _elsewhere(asked: str, *what: str, data: bytes | None = None) -> bytes:
    # Translators: {name} is a file's
    told = _("{name} does not answer. Is its disk or network there?")
    return apart.call(
        "describer_daemon.cli.files_child",
        what,
        data,
        late=DescriberError(told.format(name=asked)),
        silence=_MAX_SILENCE,
        kind=("output", asked),
    )
