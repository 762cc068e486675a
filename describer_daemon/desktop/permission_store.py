"""What the desktop remembers of pictures of the screen: which program may take them, which not.

It is the portals' own store, org.freedesktop.impl.portal.PermissionStore, in which a program has
the name of its .desktop file; one that the desktop did not start has the name "".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

YES, NO = "yes", "no"

_NAME = "org.freedesktop.impl.portal.PermissionStore"
_PATH = "/org/freedesktop/impl/portal/PermissionStore"
_TABLE = _SCREENSHOT = "screenshot"
_NOTE = "describer"  # an entry that no portal looks at: whom we have had allowed
_SECONDS = 3.0  # the first call may have to start it
_NOT_FOUND = "org.freedesktop.portal.Error.NotFound"


def answers() -> dict[str, str]:
    """Of each program that was asked about, "yes", "no" or "ask". Raises DescriberError."""
    return {app: values[0] for app, values in _lookup(_SCREENSHOT).items() if len(values) == 1}


def allow(app: str) -> None:
    """Let the program take pictures of the screen. Raises DescriberError, as all others here."""
    _call("SetPermission", "sbssas", (_TABLE, True, _SCREENSHOT, app, [YES]))


def forget(app: str) -> None:
    """Forget the answer: the person is asked again."""
    _call("DeletePermission", "sss", (_TABLE, _SCREENSHOT, app))


def noted() -> frozenset[str]:
    """The programs that `note` was told of."""
    return frozenset(_lookup(_NOTE))


def note(apps: Iterable[str]) -> None:
    """Remember whom we have had allowed, in the store itself, so that it can be undone."""
    for app in apps:
        _call("SetPermission", "sbssas", (_TABLE, True, _NOTE, app, [YES]))


def forget_notes() -> None:
    """Undo all of `note`."""
    _call("Delete", "ss", (_TABLE, _NOTE))


def _lookup(entry: str) -> dict[str, list[str]]:
    try:
        found: dict[str, list[str]] = _call("Lookup", "ss", (_TABLE, entry))[0]
    except _AbsentError:
        return {}
    return found


class _AbsentError(DescriberError):
    """The store has no such entry."""


def _call(member: str, signature: str, body: tuple[Any, ...]) -> Any:
    from jeepney import DBusAddress, new_method_call
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import DBusErrorResponse, unwrap_msg

    call = new_method_call(DBusAddress(_PATH, _NAME, _NAME), member, signature, body)
    try:
        with open_dbus_connection("SESSION", auth_timeout=_SECONDS) as bus:
            return unwrap_msg(bus.send_and_get_reply(call, timeout=_SECONDS))
    except DBusErrorResponse as error:
        kind = _AbsentError if error.name == _NOT_FOUND else DescriberError
        raise kind(
            _("The desktop does not tell what it allows. Install its xdg-desktop-portal package."),
            detail=f"permission store: {error!r}",
        ) from error
    except Exception as error:  # no bus, a wrong address, a bus that hangs
        raise DescriberError(
            _("The desktop cannot be asked what it allows. Run this inside a desktop session."),
            detail=f"permission store: {error!r}",
        ) from error
