"""The desktop's Screenshot portal, over D-Bus: org.freedesktop.portal.Screenshot, versions 1 to 3.

The answer is a file that the desktop has written among the person's own; it is read and deleted.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

from describer_daemon import APP_ID, apart, mounts
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

log = logging.getLogger(__name__)

T = TypeVar("T")

ACTIVE_WINDOW = 8  # of `AvailableTargets` and of the option `target`, since version 3

_GRAB_SECONDS = 10.0
_ASK_SECONDS = 3.0  # the first question may have to start the portal
_NAME = "org.freedesktop.portal.Desktop"
_PATH = "/org/freedesktop/portal/desktop"
_SCREENSHOT = "org.freedesktop.portal.Screenshot"
_REQUEST = "org.freedesktop.portal.Request"
_REGISTRY = "org.freedesktop.host.portal.Registry"
_LARGEST = 256 * 1024 * 1024  # bytes
_CLOCK_STEP = 2.0  # seconds by which a file system's clock may lag


def targets() -> int | None:
    """What the portal can grab, as bits; 0: only the whole screen; None: there is no portal."""
    from jeepney import DBusAddress, Properties

    portal = Properties(DBusAddress(_PATH, _NAME, _SCREENSHOT))

    def ask(deadline: float) -> int:
        with _session() as bus:
            version = _reply(bus, portal.get("version"), deadline)[0][1]
            if version < 3:
                return 0
            return int(_reply(bus, portal.get("AvailableTargets"), deadline)[0][1])

    try:
        return _within(_ASK_SECONDS, ask)
    except DescriberError as error:
        log.debug("no portal: %s", error.detail)
        return None


class RefusedError(DescriberError):
    """The desktop does not want us to see the screen, or its person does not."""


def grab(target: int = 0, *, seconds: float | None = None, asks: bool = False) -> bytes:
    """The picture as a file's bytes, of the whole screen, or of a `target` that is available.

    It `asks` for a program that the person started just now: not in our own name, but in that of
    the window that has the focus. Raises RefusedError when the desktop refuses, DescriberError when
    it does not answer within some `seconds`, or gives no new file.
    """
    began = time.time()
    uri = _within(
        seconds or _GRAB_SECONDS, lambda deadline: _request(target, deadline, named=not asks)
    )
    path = _path(uri)
    if mounts.is_local(path):
        return _take(path, began)
    return apart.call(  # the person's pictures may be on another machine, which may not answer
        __name__,
        [repr(began)],
        os.fsencode(path),
        late=DescriberError(_("The picture of the screen does not answer. Is its disk there?")),
        silence=_GRAB_SECONDS,
        kind="portal",
        most=3,
    )


def main() -> None:
    """Be the process that takes such a picture."""
    path = Path(os.fsdecode(sys.stdin.buffer.read()))
    apart.answer(lambda: [_take(path, float(sys.argv[1]))])


def _request(target: int, deadline: float, *, named: bool) -> str:
    """→ the address of the picture. `named`: tell who we are, as portals want it since 1.21."""
    from jeepney import DBusAddress, MatchRule, message_bus, new_method_call
    from jeepney.wrappers import DBusErrorResponse

    with _session() as bus:
        if named:  # first of all, and without a .desktop file of ours it is refused
            us = DBusAddress(_PATH, _NAME, _REGISTRY)
            with contextlib.suppress(DBusErrorResponse):
                _reply(bus, new_method_call(us, "Register", "sa{sv}", (APP_ID, {})), deadline)
        token = f"describer_{secrets.token_hex(8)}"
        ours = bus.unique_name.removeprefix(":").replace(".", "_")
        answer = MatchRule(
            type="signal",
            interface=_REQUEST,
            member="Response",
            path_namespace=f"{_PATH}/request/{ours}",  # old portals choose the last part
        )
        # before the call, for the answer may come at once
        _reply(bus, message_bus.AddMatch(answer), deadline)
        options: dict[str, tuple[str, Any]] = {
            "handle_token": ("s", token),
            "interactive": ("b", False),
        }
        if target:
            options["target"] = ("u", target)
        call = new_method_call(
            DBusAddress(_PATH, _NAME, _SCREENSHOT), "Screenshot", "sa{sv}", ("", options)
        )
        with bus.filter(answer) as responses:
            [request] = _reply(bus, call, deadline)
            try:
                code, results = bus.recv_until_filtered(
                    responses, timeout=max(0.0, deadline - time.monotonic())
                ).body
            except TimeoutError:
                address = DBusAddress(request, _NAME, _REQUEST)
                bus.send(new_method_call(address, "Close"))  # else it would write its file later
                raise
    if code or "uri" not in results:
        raise RefusedError(
            _("The desktop refused me a picture of the screen. To allow it, run: describer setup."),
            detail=f"the portal's response is {code}",
        )
    return str(results["uri"][1])


def _within(seconds: float, work: Callable[[float], T]) -> T:
    """What `work` returns, given until when it may take, on the clock of `time.monotonic`.

    Raises DescriberError when it fails, or takes longer: a bus that hangs must not hang us.
    """
    results: list[T] = []
    errors: list[Exception] = [TimeoutError("no answer")]

    def run() -> None:
        try:
            results.append(work(time.monotonic() + seconds))
        except Exception as error:  # told below, in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, name="portal", daemon=True)
    thread.start()
    thread.join(seconds + 0.5)
    if results:
        return results[0]
    error = errors[-1]
    if isinstance(error, DescriberError):
        raise error
    if isinstance(error, TimeoutError):
        raise DescriberError(
            _("The desktop gave no picture of the screen in time. Please try again."),
            detail=f"the portal: {error!r}",
        ) from error
    raise DescriberError(
        _("The desktop gives no picture of the screen. Install its xdg-desktop-portal package."),
        detail=f"the portal: {error!r}",
    ) from error


def _session() -> Any:
    from jeepney.io.blocking import open_dbus_connection

    return open_dbus_connection("SESSION")


def _reply(bus: Any, call: Any, deadline: float) -> Any:
    from jeepney.wrappers import unwrap_msg

    timeout = max(0.0, deadline - time.monotonic())
    return unwrap_msg(bus.send_and_get_reply(call, timeout=timeout))


def _path(uri: str) -> Path:
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise _no_file("no address") from None
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise _no_file(f"an address of the kind {parts.scheme}")
    return Path(os.fsdecode(unquote_to_bytes(parts.path)))


def _take(path: Path, began: float) -> bytes:
    """Read what the portal wrote since `began`, in time.time(), and delete it."""
    if sys.platform == "win32":
        raise _no_file("a path, though this system has no portals")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode) or not 0 < state.st_size <= _LARGEST:
                raise _no_file("no ordinary file, or an empty one")
            if state.st_mtime < began - _CLOCK_STEP:
                raise _no_file("a file that was there before")
            data = file.read(_LARGEST)
    except (OSError, ValueError) as error:
        raise _no_file(type(error).__name__) from None  # its text has the path
    with contextlib.suppress(OSError, RuntimeError):  # there is no home, or links run in a circle
        if _is_for_pictures(path) and os.path.samestat(path.lstat(), state):
            path.unlink()
            return data
    log.warning("the portal's picture is left where it is")
    return data


def _is_for_pictures(path: Path) -> bool:
    """Whether desktops put pictures of the screen there, which nobody will look for."""
    import platformdirs

    home = Path.home()
    places = [Path(platformdirs.user_pictures_dir()), home / ".cache", Path(tempfile.gettempdir())]
    if (runtime := os.environ.get("XDG_RUNTIME_DIR", "")).startswith("/"):
        places.append(Path(runtime))
    folder = path.parent.resolve()
    return folder == home.resolve() or any(
        folder.is_relative_to(place.resolve()) for place in places
    )


def _no_file(detail: str) -> DescriberError:
    return DescriberError(
        _("The desktop took a picture of the screen, but I cannot read it. Please try again."),
        detail=f"the portal gave {detail}",
    )
