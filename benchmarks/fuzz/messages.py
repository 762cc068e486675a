"""Messages to the control socket: a real server, a connection of its own for each message."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Self

from benchmarks.fuzz import mangling, texts
from benchmarks.fuzz.trial import Ending, Sample, weighted
from describer_daemon.service import control

_WAYS = {"sound": 10, "values": 35, "mangled": 30, "noise": 15, "large": 6, "nested": 4}
_PATIENCE = 10.0  # seconds


class Messages:
    """See `trial.Kind`. A message that is never ended is cut off by closing our side."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._path = ""

    def __enter__(self) -> Self:
        before = os.environ.get("XDG_RUNTIME_DIR")
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dsc-"))
            stack.callback(_set_runtime, before)
            _set_runtime(folder)
            server = control.ControlServer(_handle)
            server.start()
            stack.callback(server.stop)
            self._path = str(Path(folder, "describer", "control.sock"))
            self._open = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def make(self, random: Random) -> Sample:
        how = weighted(random, _WAYS)
        sound = (
            json.dumps(
                {"verb": random.choice(control.VERBS), "wait": random.random() < 0.5}
            ).encode()
            + b"\n"
        )
        if how == "values":
            return Sample(how, _request(random))
        if how == "mangled":
            return Sample(how, mangling.mangled(random, sound)[1])
        if how == "noise":
            return Sample(how, random.randbytes(random.choice((0, 1, 50, 4000))))
        if how == "large":
            size = random.choice((4000, 4095, 4096, 4097, 70_000, 1 << 20))
            return Sample(how, random.choice((b" ", b"[", b"\n", b"\0", b"9", b'"')) * size)
        if how == "nested":
            opening, closing = random.choice((("[", "]"), ('{"verb":', "}")))
            return Sample(how, texts.nested(random, opening, closing).encode() + b"\n")
        return Sample(how, sound)

    def attempt(self, sample: Sample, thorough: bool) -> Ending:
        """Ask, and after it ask for the status as a well-behaved client would, if `thorough`."""
        reply = self._exchange(sample.data)
        if thorough and not self._exchange(b'{"verb": "status"}\n').get("ok"):
            raise ValueError("a sound request was refused afterwards")
        if reply["ok"]:
            return Ending("", accepted=True)
        return Ending(str(reply["sentence"]), accepted=False)

    def _exchange(self, data: bytes) -> Mapping[str, object]:
        """Raises ValueError when what comes back is not one line with one object."""
        answer = bytearray()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(self._path)
            # a server that has heard enough answers and leaves
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while piece := connection.recv(65_536):
                    answer += piece
        reply = json.loads(answer)
        if answer.count(b"\n") != 1 or not isinstance(reply, dict):
            raise ValueError("the reply is not one line with one object")
        return reply


def _handle(verb: str, wait: bool) -> Mapping[str, object]:
    return {"sentence": f"{verb}, {'waited for' if wait else 'taken'}"}


def _request(random: Random) -> bytes:
    """An object that is nearly a request."""
    value: object = random.choice(
        (
            *control.VERBS,
            None,
            True,
            7,
            -1.5,
            [],
            {},
            ["screen"],
            "SCREEN",
            texts.word(random),
            texts.letters(random),
            10**40,
            "eval",
            "__class__",
        )
    )
    keys = ("verb", "wait", "Verb", "op", texts.word(random))
    request = {random.choice(keys): value for _ in range(random.choice((1, 2, 3)))}
    request |= {"verb": random.choice((value, "repeat"))}
    text = json.dumps(request, ensure_ascii=random.random() < 0.5)
    return text.encode("utf-8", "replace") + random.choice((b"\n", b"\r\n", b"", b"\n\n", b"\0\n"))


def _set_runtime(folder: str | None) -> None:
    if folder is None:
        os.environ.pop("XDG_RUNTIME_DIR", None)
    else:
        os.environ["XDG_RUNTIME_DIR"] = folder
