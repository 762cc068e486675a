"""How this very program is started by others: from a menu, a file manager, at login."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from describer_daemon import processes
from describer_daemon.core import i18n
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

_ROOT = Path(__file__).resolve().parents[2]
# the specification's reserved characters; https://specifications.freedesktop.org/desktop-entry
_RESERVED = re.compile(r"""[\s"'\\<>~|&;$*?#()`]""")
_UNFIT = re.compile(r"""["'\\*?\[]""")


def command() -> list[str]:
    """A command that is this installation's `describer` from anywhere, without its environment.

    The script that pip, pipx or a wheel's installer made; for a checkout that was never
    installed, this interpreter with the libraries that it has now.
    """
    script = _script()
    return [str(script)] if script else processes.python("describer_daemon.cli.main")


def _script() -> Path | None:
    # a checkout has a record of itself, too, without a script
    for package in metadata.distributions(name="describer"):
        for file in (_is_this(package) and package.files) or ():
            if file.stem == "describer" and file.parent.name in {"bin", "Scripts"}:
                path = Path(os.path.normpath(str(file.locate())))
                if os.access(path, os.X_OK):
                    return _as_on_the_path(path)
    return None


def _is_this(package: metadata.Distribution) -> bool:
    """Whether the installed package is the one that runs: a checkout may stand before it."""
    if Path(str(package.locate_file("describer_daemon"))).resolve() == _ROOT / "describer_daemon":
        return True
    try:
        url = json.loads(package.read_text("direct_url.json") or "{}").get("url", "")
        return bool(url) and Path(url2pathname(urlsplit(url).path)).resolve() == _ROOT
    except (ValueError, AttributeError, TypeError, RuntimeError):  # no JSON, other JSON, a loop
        return False


def _as_on_the_path(script: Path) -> Path:
    """The name that the person types, if it leads there: pipx may move what lies behind it."""
    found = Path(shutil.which("describer") or script)
    if found.is_absolute() and found.resolve() == script.resolve():
        return found
    return script


def exec_lines(*arguments: str, field: str = "") -> str:
    """TryExec and Exec of a .desktop file that starts us with these arguments.

    `field` is a field code, as %F, that stands last. By TryExec desktops pass over what was left
    by a describer that is no longer installed. Raises DescriberError for names that cannot be
    written there.
    """
    whole = [*command(), *arguments]
    program = plain(whole)[0].replace("\\", "\\\\")
    return f"TryExec={program}\nExec={exec_value(whole, field)}"


def exec_value(arguments: Sequence[str], field: str = "") -> str:
    """The value of Exec in a .desktop file: see `exec_lines`."""
    words = [_quoted(argument).replace("%", "%%") for argument in plain(arguments)]
    # the value as a whole is a string, in which a backslash is written twice
    return " ".join([*words, *filter(None, [field])]).replace("\\", "\\\\")


def _quoted(argument: str) -> str:
    if argument and not _RESERVED.search(argument):
        return argument
    return '"' + re.sub(r'(["`$\\])', r"\\\1", argument) + '"'


def systemd_value(arguments: Sequence[str]) -> str:
    """The value of ExecStart in a unit; the colon has systemd leave each $ alone (systemd 244).

    It refuses programs with quotes or wildcards in their names, but not as an argument of env.

    Raises DescriberError for names that cannot be written there.
    """
    if _UNFIT.search(arguments[0]):
        arguments = ["/usr/bin/env", *arguments]
    escaped = (
        argument.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
        for argument in plain(arguments)
    )
    return ":" + " ".join(f'"{argument}"' for argument in escaped)


def plain(arguments: Sequence[str]) -> Sequence[str]:
    """The same. Raises DescriberError for names that cannot be written into a line of a file."""
    for argument in arguments:
        if not argument.isprintable():  # line breaks, and names that are no text
            raise DescriberError(
                _(
                    "The describer's own path has a character that no desktop takes: {path}. "
                    "Please install it elsewhere."
                ).format(path=repr(argument))
            )
    return arguments


def in_all_languages(key: str, message: str) -> str:
    """The lines of a desktop entry for a key: `message`, marked by `N_`, in every language."""
    others = i18n.in_each_language(message).items()
    return "\n".join([f"{key}={message}", *(f"{key}[{code}]={text}" for code, text in others)])
