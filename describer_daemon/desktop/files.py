"""Files that are ours, and are known again as ours: what somebody else wrote is never touched.

Each carries a seal: the digest of its other lines. Where it does not fit, somebody else has made
or changed the file. No list of what was installed is needed, so none can be lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.core.reasons import reason
from describer_daemon.desktop.steps import State
from describer_daemon.service.folders import make_private

_SEAL = re.compile(rb"X-Describer-Seal[=:] ?([0-9a-f]{16})")
# What desktops write into a file of ours when a person switches it off or on in their settings.
_SWITCHES = (b"Hidden=", b"X-GNOME-Autostart-enabled=")
_LARGEST = 1 << 20  # bytes; none of ours comes near


@dataclass(frozen=True, slots=True)
class Comment:
    """How a seal is written in a kind of file."""

    before: str = "# X-Describer-Seal: "
    after: str = ""


KEY = Comment("X-Describer-Seal=")  # in .desktop files: KDE drops their comments
ROFF = Comment('.\\" X-Describer-Seal: ')
XML = Comment("<!-- X-Describer-Seal: ", " -->")


def sealed(text: str, comment: Comment) -> bytes:
    """The text with its seal as its last line."""
    body = text.rstrip("\n").encode() + b"\n"
    return body + f"{comment.before}{_digest(body)}{comment.after}\n".encode()


def is_ours(content: bytes) -> bool:
    """Whether the seal fits: nobody but us has had a hand in it, desktops' switches aside."""
    found = _SEAL.search(content)
    return found is not None and found[1].decode() == _digest(content)


def _digest(content: bytes) -> str:
    # settings tools sort lines anew, and none changes its meaning by that
    lines = sorted(
        line
        for line in map(bytes.strip, content.splitlines())
        if line and not line.startswith(_SWITCHES) and not _SEAL.search(line)
    )
    return hashlib.sha256(b"\n".join(lines)).hexdigest()[:16]


@dataclass(frozen=True)
class OwnedFile:
    """A `Step` that puts a file in place.

    `base` is the folder that stays, whatever is removed; `after` is called when the file has
    come, gone or changed; `name` is marked by `N_`, and `advice` tells what else the person must
    do for it to work.
    """

    name: str
    base: Path
    place: str  # below base
    text: Callable[[], str]
    comment: Comment = Comment()
    after: Callable[[Path], None] = lambda _: None
    advice: str = ""

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.base / self.place

    @property
    def where(self) -> str:
        """See `Leftover`."""
        if self._read() is not None and self.state() is State.KEPT:
            return _("Somebody else made or changed {path}; to have ours, move that away.").format(
                path=self.path
            )
        return str(self.path)

    def state(self) -> State:
        """See `Leftover`."""
        content = self._read()
        if content is None:
            return State.ABSENT
        if self.path.is_symlink() or not is_ours(content):
            return State.KEPT
        ours = sealed(self.text(), self.comment)
        same = _SEAL.findall(ours) == _SEAL.findall(content)
        return State.PRESENT if same else State.OUTDATED

    def do(self, switches: bytes = b"") -> str:
        """Write it as a whole or not at all; `switches` are lines that the seal does not cover."""
        content = sealed(self.text(), self.comment) + switches
        try:
            make_private(self.path.parent)
            _replace(self.path, content)
        except OSError as error:
            raise DescriberError(
                _("{path} cannot be written: {reason}.").format(
                    path=self.path, reason=reason(error)
                ),
                detail=str(error),
            ) from error
        self.after(self.path)
        return self.advice

    def undo(self) -> str:
        """Remove it, and the folders below `base` that it leaves empty."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise DescriberError(
                _("{path} cannot be removed: {reason}.").format(
                    path=self.path, reason=reason(error)
                ),
                detail=str(error),
            ) from error
        self.after(self.path)
        prune(self.path.parent, self.base)
        return ""

    def _read(self) -> bytes | None:
        """What is there; nothing of ours (b"") for what is no file. None when nothing is."""
        if not os.path.lexists(self.path):
            return None
        try:
            if not self.path.is_file():
                return b""
            with self.path.open("rb") as file:
                return file.read(_LARGEST)
        except OSError as error:
            raise DescriberError(
                _("{path} cannot be read: {reason}.").format(path=self.path, reason=reason(error)),
                detail=str(error),
            ) from error


def _replace(path: Path, content: bytes) -> None:
    number, name = tempfile.mkstemp(prefix=".describer-", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def prune(folder: Path, base: Path) -> None:
    """Remove the folder and those above it, below `base`, as long as they are empty."""
    while base in folder.parents:
        try:
            folder.rmdir()
        except OSError:  # somebody keeps something there
            return
        folder = folder.parent
