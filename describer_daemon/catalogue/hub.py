"""A hub of captioners, asked by HTTPS: what a revision has, and the bytes of a file.

The only module of the daemon that opens a connection to the internet. It speaks as Hugging Face's
hub wants it (`/api/models/…`, `/…/resolve/…`), sends no token and keeps no cookie. Everything that
comes from there is a stranger's word.
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, Self, TypeVar

from describer_daemon.catalogue.entries import Piece, is_commit, is_safe
from describer_daemon.catalogue.refusals import HubError, PassingError, refused, translated
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

T = TypeVar("T")

USUAL = "https://huggingface.co"
TIMEOUT = 30.0  # seconds without a byte
PAUSE = 1.0  # seconds before it is tried again; twice that the next time, and so on

_MOST_REDIRECTS = 5
_FAILURES = 5  # in a row, without a byte between them
_MOST_ATTEMPTS = 100  # in all, however few bytes each brings
_LARGEST_LISTING = 8_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a repository, by name, as of a commit; names that are not safe are left out."""

    commit: str
    files: Mapping[str, Piece]


class Reply:
    """An answer that has begun; to be closed, as by `with`."""

    def __init__(self, response: Any, host: str) -> None:
        self._response, self._host = response, host
        self.status: int = response.status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def header(self, name: str) -> str:
        """The value of a header, "" without one."""
        return str(self._response.headers.get(name) or "").strip()

    def read(self, size: int) -> bytes:
        """At most so many bytes; b"" at its end, be it early. Raises PassingError."""
        try:
            return bytes(self._response.read(size))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise translated(error, self._host) from error


class Hub:
    """A hub at one address."""

    def __init__(self, address: str | None = None, *, timeout: float = TIMEOUT) -> None:
        """`address` None is that in HF_ENDPOINT, else Hugging Face's. Raises DescriberError.

        `timeout` is in seconds, for each wait for the next bytes.
        """
        self.address = _checked(address or os.environ.get("HF_ENDPOINT") or USUAL)
        self.host = urllib.parse.urlsplit(self.address).netloc
        self._timeout = timeout
        self._opener = urllib.request.OpenerDirector()
        encrypted = self.address.startswith("https:")
        for handler in (
            urllib.request.ProxyHandler(),  # HTTP_PROXY, HTTPS_PROXY and NO_PROXY
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            _Redirects(encrypted=encrypted),
            urllib.request.HTTPErrorProcessor(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.UnknownHandler(),
        ):
            self._opener.add_handler(handler)
        self._opener.addheaders = [("User-Agent", "describer")]

    def listing(self, repository: str, revision: str) -> Listing:
        """What there is at a commit, a branch or a tag. Raises HubError."""
        path = f"/api/models/{repository}/revision/{_quoted(revision)}?blobs=true"
        with self.get(path) as reply:
            text = b""
            while len(text) <= _LARGEST_LISTING and (more := reply.read(1 << 16)):
                text += more
        try:
            listing = _listing(text)
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise HubError(
                _(
                    "{host} does not answer as a hub does. Please look at HF_ENDPOINT, or log in "
                    "to the network that you are in."
                ).format(host=self.host),
                detail=repr(error),
            ) from error
        if is_commit(revision) and listing.commit != revision:
            raise HubError(
                _("{host} has another revision than the one that was asked for.").format(
                    host=self.host
                )
            )
        return listing

    def file(self, repository: str, commit: str, name: str, headers: Mapping[str, str]) -> Reply:
        """The bytes of a file, or what `headers` want of it. Raises HubError, for 416 an answer."""
        path = f"/{repository}/resolve/{_quoted(commit)}/{urllib.parse.quote(name)}"
        return self.get(path, headers)

    def get(self, path: str, headers: Mapping[str, str] = {}) -> Reply:
        """Ask once. Raises HubError, or PassingError where asking again may help."""
        request = _request(self.address + path, dict(headers))
        try:
            return Reply(self._opener.open(request, timeout=self._timeout), self.host)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return Reply(error, self.host)
                raise refused(error, self.host, path) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise translated(error, self.host) from error


def insist(work: Callable[[], T], got: Callable[[], int] = lambda: 0) -> T:
    """Do it again while that may help, ever more slowly. Raises HubError.

    `got` counts the bytes that are there: while more come, it is not given up.
    """
    failures = 0
    for _attempt in range(_MOST_ATTEMPTS):
        before = got()
        try:
            return work()
        except PassingError as error:
            failures = 1 if got() > before else failures + 1
            if failures >= _FAILURES:
                raise
            time.sleep(error.wait or PAUSE * 2.0 ** (failures - 1))
    raise HubError(_("The hub breaks off again and again. Please try again later."))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows few redirects, and none from an encrypted connection to one that is not."""

    max_redirections = _MOST_REDIRECTS
    max_repeats = 2

    def __init__(self, *, encrypted: bool) -> None:
        self._schemes = ("https",) if encrypted else ("https", "http")

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """See `urllib.request.HTTPRedirectHandler`. Raises HubError."""
        target = urllib.parse.urlsplit(newurl)
        was_encrypted = req.type == "https"
        if target.scheme not in self._schemes or (was_encrypted and target.scheme != "https"):
            fp.close()
            raise HubError(
                _("{host} sent me to an address that is not encrypted, so I stopped.").format(
                    host=req.host
                )
            )
        if target.username is not None or target.password is not None:
            fp.close()
            raise HubError(
                _("{host} sent me to an address with a password, so I stopped.").format(
                    host=req.host
                )
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _checked(address: str) -> str:
    """The address without a slash at its end. Raises DescriberError for what is none."""
    wrong = _("HF_ENDPOINT must be an address such as {usual}, not {address}.").format(
        usual=USUAL, address=repr(address)
    )
    try:
        parts = urllib.parse.urlsplit(address.rstrip("/"))
        sound = parts.port != 0  # a property, which raises ValueError
    except ValueError as error:
        raise DescriberError(wrong, detail=repr(error)) from error
    if (
        not sound
        or parts.scheme not in ("https", "http")
        or not parts.hostname
        or "@" in parts.netloc
    ):
        raise DescriberError(wrong)
    if parts.query or parts.fragment or not address.isascii() or not address.isprintable():
        raise DescriberError(wrong)
    return parts.geturl()


def _request(address: str, headers: dict[str, str]) -> urllib.request.Request:
    """A request by HTTPS or HTTP; by nothing else, whatever the address says."""
    scheme, _colon, place = address.partition("://")
    if scheme == "https":
        return urllib.request.Request(f"https://{place}", headers=headers)
    return urllib.request.Request(f"http://{place}", headers=headers)


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _listing(text: bytes) -> Listing:
    """Raises one of many errors for what is none."""
    table = json.loads(text)
    commit = table["sha"]
    if not is_commit(commit):
        raise ValueError("sha")
    files = {}
    for sibling in table["siblings"]:
        name, large = sibling["rfilename"], sibling.get("lfs") or {}
        size = large.get("size", sibling.get("size"))
        if isinstance(size, bool) or not isinstance(size, int | None):
            raise TypeError("size")
        if is_safe(name):
            files[name] = Piece(name, size, str(large.get("sha256") or ""))
    return Listing(commit, files)
