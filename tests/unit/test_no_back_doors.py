"""Nothing in the source unpickles, evaluates or asks a shell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ROOMS = ("describer_daemon", "models", "training", "benchmarks")
MODULES = {"marshal", "shelve", "dill", "cloudpickle", "joblib", "xmlrpc", "telnetlib"}
NETWORK = {
    "http",
    "requests",
    "httpx",
    "aiohttp",
    "ftplib",
    "smtplib",
    "ssl",
    "asyncio",
    "socketserver",
    "urllib.request",
    "urllib3",
}
# the one part that reaches out: `describer captioner add` asks a hub, and nobody else loads it
REACHING_OUT = {
    "describer_daemon/catalogue/hub.py": {"http.client", "urllib.request"},
    "describer_daemon/catalogue/refusals.py": {"http.client", "ssl"},
}
CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "pickle.load",
    "pickle.loads",
    "yaml.load",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "tempfile.mktemp",
    "urlopen",
    "urllib.request.urlopen",
    "urllib.request.urlretrieve",
}
# each must say this, whatever the library's default is
MUST = {"torch.load": ("weights_only", True)}
MUST_NOT = {
    "np.load": ("allow_pickle", True),
    "numpy.load": ("allow_pickle", True),
    "subprocess.run": ("shell", True),
    "subprocess.Popen": ("shell", True),
}


def found(source: str, room: str) -> Iterator[str]:
    """What must not be there, each as "line: what"."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [name.name for name in node.names]
            if isinstance(node, ast.ImportFrom):
                harmless = {"url2pathname", "pathname2url"}.issuperset(names)
                names = [node.module or "", *(f"{node.module}.{name}" for name in names)]
                names = [] if harmless else names
            banned = MODULES | (NETWORK if room in ("describer_daemon", "models") else set())
            for name in names:
                if name in banned or name.partition(".")[0] in banned:
                    yield f"{node.lineno}: import {name}"
                    break
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if called in CALLS or any(
                given.get(word) not in (None, "False") for word in ("shell", "trust_remote_code")
            ):
                yield f"{node.lineno}: {called}"
            for table, wanted in ((MUST, True), (MUST_NOT, False)):
                word, value = table.get(called, ("", None))
                if word and (given.get(word) == str(value)) is not wanted:
                    yield f"{node.lineno}: {called} and {word}"


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_of_the_kind_is_there(room: str) -> None:
    files = sorted((REPOSITORY / room).rglob("*.py"))
    assert files
    there = [
        f"{path.relative_to(REPOSITORY)}:{what}"
        for path in files
        for what in found(path.read_text(encoding="utf-8"), room)
        if what.partition("import ")[2]
        not in REACHING_OUT.get(path.relative_to(REPOSITORY).as_posix(), set())
    ]
    assert not there


def test_what_reaches_out_is_known_by_the_commands_about_captioners_alone() -> None:
    parts = {
        f"describer_daemon.catalogue.{name}"
        for name in ("hub", "refusals", "fetching", "sources", "installing")
    }
    knowing = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "describer_daemon").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and parts & {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    }
    assert {path for path in knowing if "/catalogue/" not in path} == {
        "describer_daemon/cli/captioner.py",
        "describer_daemon/cli/captioner_using.py",  # it shares the lock of what adds
    }


@pytest.mark.parametrize(
    "source",
    [
        "import marshal",
        "from shelve import open",
        "eval(text)",
        "import os; os.system(text)",
        "import subprocess; subprocess.run(text, shell=True)",
        "pickle.loads(data)",
        "import torch; torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "urlopen(address)",
        "from http import client",
        "import urllib.request",
        "from urllib import request",
        "load(name, trust_remote_code=True)",
    ],
)
def test_it_would_be_found(source: str) -> None:
    assert list(found(source, "describer_daemon"))


# those that make a socket of the internet family: `describer serve`, and who asks whether an X
# server is there that a person named by its machine (DISPLAY=host:0)
DISPLAYS = "describer_daemon/displays.py"
DOOR = "describer_daemon/serving/doors.py"
OPENING = re.compile(r"\bAF_INET6?\b|\bcreate_(?:connection|server)\b|\bsocket\.socket\(\)")


def test_one_module_listens_on_a_socket_that_is_no_unix_socket() -> None:
    rooms = (REPOSITORY / room for room in ("describer_daemon", "models"))
    opening = {
        path.relative_to(REPOSITORY).as_posix(): found
        for room in rooms
        for path in room.rglob("*.py")
        if (found := OPENING.findall(path.read_text(encoding="utf-8")))
    }
    assert opening == {DOOR: ["AF_INET"], DISPLAYS: ["create_connection"]}
    assert '.bind(("127.0.0.1", number))' in (REPOSITORY / DOOR).read_text(encoding="utf-8")


def test_what_is_harmless_is_not_found() -> None:
    source = (
        "import pathlib, re\nre.compile('a')\nnetwork.eval()\n"
        "torch.load(path, weights_only=True)\nnp.load(path, allow_pickle=False)\n"
        "from urllib.parse import quote\nfrom urllib.request import url2pathname\n"
        "subprocess.run(command, check=False)\n"
    )
    assert not list(found(source, "models"))
