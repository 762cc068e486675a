"""Why a hub did not give what was asked for, in sentences with their cures."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

_LONGEST_WAIT = 60.0  # seconds that a hub may ask to be left alone
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


class HubError(DescriberError):
    """The hub did not give what was asked for."""

    def __init__(self, spoken: str, detail: str = "") -> None:
        super().__init__(spoken, detail=detail)


class PassingError(HubError):
    """It may do so soon: `wait` is after how many seconds, where it said so."""

    def __init__(self, spoken: str, detail: str = "", wait: float = 0.0) -> None:
        super().__init__(spoken, detail)
        self.wait = wait


def broke_off(host: str, detail: str = "") -> PassingError:
    """It went away in the middle."""
    return PassingError(
        _("{host} broke off. Please try again: it goes on where it was.").format(host=host), detail
    )


def refused(error: urllib.error.HTTPError, host: str, path: str) -> HubError:
    """What is said of a status that is no success."""
    code, detail = error.code, f"{error.code} for {path}"
    if code in (401, 403):
        return HubError(
            _(
                "{host} gives that to those with an account alone. Please download it yourself, "
                "and add its folder."
            ).format(host=host),
            detail,
        )
    if code == http.client.PROXY_AUTHENTICATION_REQUIRED:
        return HubError(_("The proxy wants a name and a password, in HTTPS_PROXY."), detail)
    if code in (404, 410):
        return HubError(
            _("{host} has no such captioner, revision or file. Please look at its name.").format(
                host=host
            ),
            detail,
        )
    if 300 <= code < 400:
        return HubError(
            _("{host} sent me from address to address, so I stopped.").format(host=host), detail
        )
    if code in _LATER:
        wait = error.headers.get("Retry-After", "") if error.headers else ""
        seconds = min(float(wait), _LONGEST_WAIT) if wait.isascii() and wait.isdigit() else 0.0
        return PassingError(
            _("{host} has trouble of its own. Please try again: it goes on where it was.").format(
                host=host
            ),
            detail,
            seconds,
        )
    return HubError(
        _("{host} refused, with the status {code}. Please try again later.").format(
            host=host, code=code
        ),
        detail,
    )


def translated(error: Exception, host: str) -> HubError:
    """What is said of an error of the libraries."""
    if isinstance(error, HubError):
        return error
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    detail = repr(error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return HubError(
            _(
                "The certificate of {host} cannot be trusted, so I stopped. Is the clock right?"
            ).format(host=host),
            detail,
        )
    if isinstance(reason, socket.gaierror):
        return HubError(
            _("I cannot find {host}. Please go online, or name your proxy in HTTPS_PROXY.").format(
                host=host
            ),
            detail,
        )
    if isinstance(reason, TimeoutError):
        return PassingError(
            _("{host} does not answer. Please try again: it goes on where it was.").format(
                host=host
            ),
            detail,
        )
    if isinstance(reason, ConnectionRefusedError):
        return PassingError(
            _("{host} cannot be reached. Please try again: it goes on where it was.").format(
                host=host
            ),
            detail,
        )
    if isinstance(reason, ValueError):
        return HubError(
            _("{host} answers as no hub does. Please look at HF_ENDPOINT.").format(host=host),
            detail,
        )
    return broke_off(host, detail)
