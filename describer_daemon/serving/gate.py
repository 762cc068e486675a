"""Who may ask: no page in a browser, nobody by another name, on a port only who has the token."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from describer_daemon.serving.wire import RefusedError, Request


@dataclass(frozen=True, slots=True)
class Gate:
    """`hosts` are the names by which we may be called, and `token` what has to be shown.

    Both are empty on a Unix socket, to which no browser comes and where the kernel tells who asks.
    `origins` are those of browsers' extensions that a person allowed.
    """

    hosts: frozenset[str] = frozenset()
    token: str = ""
    origins: frozenset[str] = frozenset()

    def check(self, request: Request) -> None:
        """Raises RefusedError."""
        host = request.only("host")
        if host is None and request.minor >= 1:
            raise RefusedError(400, "The request has no field Host.")
        # a page may have its own name lead to this machine (DNS rebinding): it is called by that
        if self.hosts and (host or "").lower() not in self.hosts:
            raise RefusedError(421, "I am not called by that name.")
        origin = request.only("origin")
        if origin is not None and origin not in self.origins:
            raise RefusedError(403, "Pages in browsers are not answered.")
        if self.token and not self._is_shown(request.only("authorization")):
            raise RefusedError(401, "The token is missing or wrong.", WWW_Authenticate="Bearer")

    def _is_shown(self, field: str | None) -> bool:
        scheme, _, token = (field or "").partition(" ")
        same = hmac.compare_digest(token.strip().encode("latin-1"), self.token.encode("ascii"))
        return scheme.lower() == "bearer" and same
