"""XMP files beside pictures: `photo.jpg.xmp`, as darktable and digiKam name them (ADR 0044)."""

from __future__ import annotations

from pathlib import Path

from describer_daemon.alt_text import writing, xmp
from describer_daemon.alt_text.proposals import Proposal
from describer_daemon.alt_text.xmp import Found
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError


def sidecar(picture: Path) -> Path:
    """The one that is written."""
    return picture.with_name(f"{picture.name}.xmp")


def found(picture: Path) -> Found:
    """What the files beside it say, also under the name that Adobe's programs take, `photo.xmp`."""
    result = Found()
    for path in dict.fromkeys((sidecar(picture), picture.with_suffix(".xmp"))):
        try:
            data = _read(path)
        except (OSError, DescriberError):
            result = result.joined(Found(is_damaged=True))
            continue
        if data:
            try:
                result = result.joined(xmp.Packet(data).found())
            except xmp.PacketError:
                result = result.joined(Found(is_damaged=True))
    return result


def write(picture: Path, proposal: Proposal) -> Path | None:
    """Make the file beside the picture, or add to it; → its path, None if it says so already.

    Raises DescriberError or OSError.
    """
    path = sidecar(picture)
    before = writing.stamp(path)
    if not before:
        writing.create(path, xmp.new(proposal))
        return path
    try:
        packet = xmp.Packet(_read(path))
        if packet.is_kept(proposal):
            return None
        changed = packet.with_alt(proposal)
    except xmp.PacketError as error:
        raise DescriberError(
            # Translators: {error} is a whole sentence
            _("{path}: {error}").format(path=path, error=error.spoken),
            detail=error.detail,
        ) from error
    writing.replace(path, changed, before)
    return path


def _read(path: Path) -> bytes:
    """b"" where there is none. Raises OSError or DescriberError."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise DescriberError(_("{path} is a link, or no ordinary file.").format(path=path))
    try:
        with path.open("rb") as file:
            return file.read(xmp.MAX_BYTES + 1)
    except FileNotFoundError:
        return b""
