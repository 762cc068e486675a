"""Bundles: every part changed, unnoticed by the list of SHA-256 or vouched for by it.

The bundle that ships is changed, loaded and asked for a caption: in a fork of a process that
has loaded the libraries (`forkserver`), one of every twenty by the real `ChildCaptioner`.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, Self

from benchmarks.fuzz import bundle_changes
from benchmarks.fuzz.pictures import Watched
from benchmarks.fuzz.seeds import seeds
from benchmarks.fuzz.trial import Ending, Sample
from describer_daemon import processes
from describer_daemon.captioner import protocol
from describer_daemon.core import phrasing
from describer_daemon.core.ports import Caption, DescriberError, Encoded, Tag
from models.runtime import bundle

_PATIENCE = 20.0  # seconds; so long the daemon waits
_PICTURE = "JPEG RGB"


class Bundles:
    """See `trial.Kind`."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._sound = self._room = Path()
        self._forkserver: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        room = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="bundle-")))
        self._sound, self._room = room / "sound", room
        shutil.copytree(bundle.SHIPPED, self._sound)
        self._open.callback(self._end)
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def make(self, random: Random) -> Sample:
        how, changes = bundle_changes.changed(random, bundle.SHIPPED)
        return Sample(how, json.dumps(changes).encode())

    def attempt(self, sample: Sample, thorough: bool) -> Ending:
        # one of its own: an attempt that hangs is left behind, and keeps the one that it has
        folder = Path(tempfile.mkdtemp(prefix="changed-", dir=self._room))
        self._build(folder, json.loads(sample.data))
        try:
            return self._loaded(folder) if thorough else self._forked(folder)
        finally:
            shutil.rmtree(folder)

    def _build(self, folder: Path, changes: Mapping[str, Any]) -> None:
        """The sound bundle's parts, linked, but for those that are changed."""
        for part in self._sound.iterdir():
            if part.name not in changes["parts"]:
                os.link(part, folder / part.name)
        for name, data in changes["parts"].items():
            path = folder / name
            if data == "pipe":
                os.mkfifo(path)
            elif data == "folder":
                path.mkdir()
            elif data == "endless":
                path.symlink_to("/dev/zero")
            elif data != "missing":
                path.write_bytes(base64.b64decode(data))
        if changes["signed"]:
            self._sign(folder)

    def _sign(self, folder: Path) -> None:
        """Let config.json vouch for the parts as they are, if it is a table at all."""
        path = folder / bundle.CONFIG
        with contextlib.suppress(ValueError, RecursionError):
            table = json.loads(path.read_bytes())
            for part in bundle.PARTS:
                with contextlib.suppress(TypeError, KeyError, OSError):
                    data = (folder / part).read_bytes()
                    table["files"][part] = hashlib.sha256(data).hexdigest()
            path.write_text(json.dumps(table), encoding="utf-8")

    def _loaded(self, folder: Path) -> Ending:
        captioner = Watched(folder)
        try:
            sentence = phrasing.sentence(captioner.describe(Encoded(seeds()[_PICTURE])))
            accepted = True
        except DescriberError as error:
            sentence, accepted = error.spoken, False
        try:
            return Ending(
                sentence, accepted, megabytes=captioner.peak(), lost=not captioner.is_loaded()
            )
        finally:
            captioner.close()

    def _forked(self, folder: Path) -> Ending:
        if self._forkserver is None:
            pipe = subprocess.PIPE
            self._forkserver = processes.start(
                processes.python("benchmarks.fuzz.forkserver"), stdin=pipe, stdout=pipe, stderr=None
            )
        forkserver = self._forkserver
        watchdog = threading.Timer(_PATIENCE, processes.end, (forkserver,))
        watchdog.start()
        try:
            protocol.write(
                processes.pipe(forkserver.stdin), {"bundle": str(folder)}, seeds()[_PICTURE]
            )
            message = protocol.read(processes.pipe(forkserver.stdout))
        finally:
            watchdog.cancel()
        if message is None:
            self._end()
            return Ending(
                "The captioner did not answer in 20 seconds, so I ended it. Please try again.",
                accepted=False,
                lost=1,
            )
        reply = message[0]
        sentence = _sentence(reply)
        return Ending(
            sentence,
            accepted="words" in reply,
            megabytes=reply["megabytes"],
            lost=reply["code"] != 0,
        )

    def _end(self) -> None:
        if self._forkserver is not None:
            processes.end(self._forkserver)
            for stream in (self._forkserver.stdin, self._forkserver.stdout):
                processes.pipe(stream).close()
            self._forkserver = None


def _sentence(reply: Mapping[str, Any]) -> str:
    """What the daemon makes of a captioner's reply."""
    if "words" in reply:
        known = {each.name for each in dataclasses.fields(Caption)} - {"tags", "pictures"}
        fields = {name: value for name, value in reply.items() if name in known}
        return phrasing.sentence(Caption(**fields, tags=tuple(Tag(**tag) for tag in reply["tags"])))
    return str(reply.get("error", "The captioner broke off on this picture. Please try again."))
