"""Alt text inside a picture's file, by exiftool, which knows how each kind of file keeps it.

exiftool gets the bytes that were looked at and gives back new ones; it opens no file of the
person's. What it made is looked at before it takes the file's place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from describer_daemon import processes
from describer_daemon.alt_text import metadata, writing, xmp
from describer_daemon.alt_text.proposals import Proposal
from describer_daemon.alt_text.writing import Stamp
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError

MISSING = N_(
    "exiftool is missing, which writes into pictures. "
    "Please install libimage-exiftool-perl, or use --sidecar."
)
_CONFIG = Path(__file__).parent.parent / "assets" / "exiftool.config"
_TIMEOUT = 120.0  # seconds
_ALT = "XMP-iptcCore:AltTextAccessibility"


def is_there() -> bool:
    """Whether exiftool is installed."""
    return shutil.which("exiftool") is not None


def write(picture: Path, data: bytes, before: Stamp, proposal: Proposal) -> Path:
    """Put the text into the file that had this `data`, and keep mode and times. → the file.

    A link stays one: the file that it leads to is changed. Raises DescriberError or OSError.
    """
    made = embedded(data, proposal)
    target = picture.resolve()
    writing.replace(target, made, before, keep_times=True)
    return target


def embedded(data: bytes, proposal: Proposal) -> bytes:
    """The file with the text in it. Raises DescriberError."""
    if not is_there():
        raise DescriberError(_(MISSING))
    done = processes.run(
        [*_command(proposal), "-o", "-", "-"],
        timeout=_TIMEOUT,
        what="exiftool",
        data=data,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if done.code or not done.output:
        raise DescriberError(
            _("exiftool cannot write into this file. Please use --sidecar."),
            detail=done.errors.decode("utf-8", "replace")[:400],
        )
    if not _is_whole(data, done.output, proposal):
        raise DescriberError(_("What exiftool made of this file is not whole, so I left it alone."))
    return done.output


def _command(proposal: Proposal) -> Sequence[str]:
    # -config first: else it runs a file of that name that may lie in the home folder
    command = ["exiftool", "-config", str(_CONFIG), "-q", "-q"]
    command += [f"-{_ALT}={proposal.text}", f"-{_ALT}-{proposal.language}={proposal.text}"]
    return command + [
        f"-XMP-describer:{name}={value}" for name, value in xmp.notes(proposal).items()
    ]


def _is_whole(before: bytes, after: bytes, proposal: Proposal) -> bool:
    kept = metadata.image_data(before)
    told = metadata.found(after)
    return (
        before[:2] == after[:2]
        and (kept is None or kept == metadata.image_data(after))
        and told.is_ours
        and told.alt == proposal.text
    )
