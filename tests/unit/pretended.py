"""Pretends to be Python on Windows or macOS, as far as our own code can tell; to be run as a file.

    pretended.py PLATFORM MODULE ARGUMENT...    run the module's `main`
    pretended.py PLATFORM                       run the commands on standard input, import all

What the system's own Python has not is taken away, after the libraries were imported, which know
better. What Windows alone has is not made up, but for the pipes: who asks for it hears that there
is none.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
# modules and attributes of Python on Linux that Python on that system has not
_NO_MODULES = {
    "win32": (
        "fcntl", "resource", "termios", "pwd", "grp", "syslog", "pty", "tty", "posix",
        "_posixsubprocess", "_posixshmem", "readline", "crypt", "nis", "spwd", "ossaudiodev",
    ),
    "darwin": ("spwd", "ossaudiodev", "nis"),
}  # fmt: skip
_ON_LINUX_ALONE = {
    os: (
        "memfd_create", "pidfd_open", "sched_getaffinity", "sched_setaffinity", "O_PATH",
        "O_TMPFILE", "eventfd", "setresuid", "getresuid", "splice", "P_PIDFD",
    ),
    signal: ("pidfd_send_signal", "SIGPWR", "SIGSTKFLT"),
    select: ("epoll",),
    socket: ("SO_PEERCRED", "AF_NETLINK"),
}  # fmt: skip
_NOT_ON_WINDOWS = {
    os: (
        "geteuid", "getuid", "getgid", "getegid", "getgroups", "setuid", "fork", "forkpty",
        "killpg", "setsid", "setpgid", "getpgid", "getpgrp", "mkfifo", "mknod", "fchmod", "fchown",
        "chown", "lchown", "chroot", "nice", "getpriority", "sysconf", "statvfs", "getloadavg",
        "uname", "waitid", "wait3", "wait4", "WNOHANG", "WEXITED", "WNOWAIT", "P_PID", "P_ALL",
        "O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_NOCTTY", "O_DIRECTORY", "O_SYNC", "openpty",
        "posix_spawn", "posix_fadvise", "preadv", "pread", "pwrite", "sync", "ttyname", "ctermid",
        "getxattr", "setxattr", "listxattr", "confstr", "lockf",
    ),
    signal: (
        "SIGHUP", "SIGKILL", "SIGPIPE", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGSTOP",
        "SIGCONT", "SIGTSTP", "SIGQUIT", "SIGWINCH", "alarm", "setitimer", "pause", "sigwait",
        "pthread_kill", "pthread_sigmask", "siginterrupt",
    ),
    select: ("poll",),
    socket: ("AF_UNIX", "SO_REUSEPORT", "MSG_DONTWAIT", "sendmsg"),
}  # fmt: skip


def become(platform: str) -> None:
    """From now on this is that system's Python."""
    _prepare_libraries()
    sys.path.insert(0, str(_ROOT))
    sys.platform = platform
    if platform == "win32":
        for name in ("_winapi", "winreg"):
            sys.modules[name] = types.ModuleType(name)
    tables = [_ON_LINUX_ALONE, *([_NOT_ON_WINDOWS] if platform == "win32" else [])]
    for table in tables:
        for module, names in table.items():
            for name in names:
                if hasattr(module, name):
                    delattr(module, name)
    for name in _NO_MODULES[platform]:
        sys.modules[name] = None  # type: ignore[assignment]  # so that it cannot be imported


def _prepare_libraries() -> None:
    """Import what has to know which system this really is, and let `subprocess` go on."""
    for name in ("asyncio", "click", "ctypes.wintypes", "logging.handlers", "multiprocessing",
                 "mss", "numpy", "PIL.Image", "selectors", "shutil", "tempfile",
                 "urllib.request", "uuid"):  # fmt: skip
        importlib.import_module(name)
    for module in (os, signal):
        setattr(subprocess, module.__name__, types.SimpleNamespace(**vars(module)))
    start = subprocess.Popen.__init__

    def start_without_flags(*arguments: Any, creationflags: int = 0, **options: Any) -> None:
        start(*arguments, **options)

    subprocess.Popen.__init__ = start_without_flags  # type: ignore[method-assign]
    subprocess.CREATE_NO_WINDOW = 0x08000000  # type: ignore[attr-defined]


def _replace_systems_own(platform: str) -> None:
    """The screen, the person's folders, and the pipes: none, by variables, and in memory."""
    import mss

    def refuse() -> None:
        raise mss.ScreenShotError("there is no screen")

    mss.MSS = refuse
    sys.modules["rapidocr"] = None  # type: ignore[assignment]  # it takes long to load
    if platform != "win32":
        return
    import platformdirs.windows

    from describer_daemon.service import windows
    from tests.unit.service.pipes import FakePipes, Machine

    platformdirs.windows._RESOLVE_WIN_FOLDER = platformdirs.windows.get_win_folder_from_env_vars
    machine = Machine()
    windows.WindowsPipes = lambda: FakePipes(machine)


def run_commands(commands: list[list[str]]) -> list[tuple[int, str, str]]:
    """→ exit status, standard output and standard error of each, one after the other."""
    from click.testing import CliRunner

    from describer_daemon.cli.main import main as describer

    done = [CliRunner().invoke(describer, command) for command in commands]
    return [(one.exit_code, one.stdout, one.stderr) for one in done]


def import_all() -> dict[str, str]:
    """→ each module of ours that cannot be imported, and why."""
    told = {}
    for package in ("describer_daemon", "models"):
        for path in sorted((_ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(_ROOT).with_suffix("").parts)
            name = name.removesuffix(".__init__")
            if name.endswith("__main__"):
                continue
            try:
                importlib.import_module(name)
            except Exception as error:
                told[name] = repr(error)
    return told


def main() -> None:
    """See the module."""
    platform, *command = sys.argv[1:]
    if not command:
        importlib.import_module("torch")
    become(platform)
    _replace_systems_own(platform)
    from describer_daemon import processes

    processes.python = lambda name: [sys.executable, __file__, platform, name]
    if command:
        module, *arguments = command
        sys.argv = [module, *arguments]
        importlib.import_module(module).main()
    else:
        done = run_commands(json.load(sys.stdin))
        json.dump({"commands": done, "missing": import_all()}, sys.__stdout__)


if __name__ == "__main__":
    main()
