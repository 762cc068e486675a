"""One file of a captioner, fetched whole and checked, or not at all; broken off, it goes on later.

What has come lies beside its place, as `NAME.part`, with the server's mark for that version of the
file (`NAME.etag`, RFC 9110 8.8.3), so that two versions are never joined.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

from describer_daemon.catalogue import files
from describer_daemon.catalogue.entries import MEGABYTE, Piece
from describer_daemon.catalogue.hub import Hub, Reply, insist
from describer_daemon.catalogue.refusals import HubError, broke_off
from describer_daemon.core.i18n import _

_CHUNK = 1 << 18  # bytes
_SPARE = 20 * MEGABYTE  # more than twice of what was said, of a file whose size nobody knows
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_STRONG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')  # a mark that says: byte for byte the same


class SpoiltError(HubError):
    """It is not the file that it should be."""


class Fetcher:
    """Fetches the files of one commit."""

    def __init__(
        self,
        hub: Hub,
        repository: str,
        commit: str,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`on_bytes` is told of bytes that came, or, below zero, that had to be thrown away."""
        self._hub, self._repository, self._commit = hub, repository, commit
        self._on_bytes = on_bytes

    def fetch(self, piece: Piece, folder: Path) -> Piece:
        """Put it into the folder, under its name. → it, with its size and SHA-256.

        What is there already is only checked. Raises DescriberError.
        """
        target = folder / piece.name
        part, mark = (target.with_name(f"{target.name}.{end}") for end in ("part", "etag"))
        if target.is_file() and not target.is_symlink():
            self._on_bytes(target.stat().st_size)
            with contextlib.suppress(SpoiltError):
                return self._checked(piece, target)
        elif part.is_file():
            self._on_bytes(part.stat().st_size)
        resumed = part.exists()
        self._complete(piece, part, mark)
        try:
            known = self._checked(piece, part)
        except SpoiltError:
            if not resumed:
                raise
            # what had come on another day may have been of another version
            self._complete(piece, part, mark)
            known = self._checked(piece, part)
        part.replace(target)
        mark.unlink(missing_ok=True)
        return known

    def _complete(self, piece: Piece, part: Path, mark: Path) -> None:
        insist(lambda: self._attempt(piece, part, mark), lambda: files.size(part))

    def _attempt(self, piece: Piece, part: Path, mark: Path) -> None:
        """Go on where it was, to the end. Raises PassingError when it broke off."""
        offset = files.size(part)
        if offset and offset == piece.size:
            return
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            known = mark.read_text("ascii", "replace") if mark.is_file() else ""
            if _STRONG.fullmatch(known):
                headers["If-Range"] = known
            elif not piece.sha256:  # nobody could tell whether the two halves fit
                del headers["Range"]
        with self._hub.file(self._repository, self._commit, piece.name, headers) as reply:
            if reply.status == 416:  # there is nothing behind what we have: it is too long
                self._forget(part, mark)
                raise broke_off(self._hub.host)
            start, total = _extent(reply)
            if start not in (0, offset):
                raise HubError(
                    _("{host} sent another part of a file than was asked for.").format(
                        host=self._hub.host
                    )
                )
            self._require_length(piece, total)
            if start != offset:
                self._forget(part, mark)
            if start == 0 and _STRONG.fullmatch(etag := reply.header("ETag")):
                files.write(mark, etag.encode("ascii"))
            self._append(piece, reply, part)
        size = files.size(part)
        if total is not None and size < total:
            raise broke_off(self._hub.host)

    def _append(self, piece: Piece, reply: Reply, part: Path) -> None:
        most = piece.size if piece.size is not None else 2 * piece.bytes + _SPARE
        size = files.size(part)
        with files.appending(part) as write:
            while data := reply.read(_CHUNK):
                size += len(data)
                if size > most:
                    raise self._spoilt(piece, part, f"it is longer than {most} bytes")
                write(data)
                self._on_bytes(len(data))

    def _require_length(self, piece: Piece, total: int | None) -> None:
        if None not in (total, piece.size) and total != piece.size:
            raise self._spoilt(piece, None, f"it has {total} bytes, not {piece.size}")

    def _checked(self, piece: Piece, path: Path) -> Piece:
        """Raises SpoiltError, and throws it away, when it is not as long or not the same."""
        digest = files.digest(path)
        size = files.size(path)
        if piece.size is not None and size != piece.size:
            raise self._spoilt(piece, path, f"it has {size} bytes, not {piece.size}")
        if piece.sha256 and digest != piece.sha256:
            raise self._spoilt(piece, path, f"its SHA-256 is {digest}, not {piece.sha256}")
        return dataclasses.replace(piece, size=size, sha256=digest)

    def _spoilt(self, piece: Piece, path: Path | None, why: str) -> SpoiltError:
        if path is not None:
            self._forget(path)
        return SpoiltError(
            _(
                "{name} is not the file that it should be, so nothing was installed. Please try "
                "again later, and tell whoever offers it if it stays so."
            ).format(name=piece.name),
            detail=why,
        )

    def _forget(self, *paths: Path) -> None:
        self._on_bytes(-files.size(paths[0]))
        for path in paths:
            path.unlink(missing_ok=True)


def _extent(reply: Reply) -> tuple[int, int | None]:
    """→ where in the file the answer begins, and how long the file is, if that is said."""
    if reply.status == 206:
        found = _RANGE.fullmatch(reply.header("Content-Range"))
        if found is None:
            raise HubError(
                _("The hub sent a part of a file without saying which. Please try again.")
            )
        return int(found[1]), None if found[3] == "*" else int(found[3])
    length = reply.header("Content-Length")
    return 0, int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None
