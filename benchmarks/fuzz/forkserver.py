"""A process that has loaded all that a captioner's process loads, but no bundle; it forks.

To start Python and import ONNX Runtime takes longer than to try a bundle. Each fork is the real
`captioner.child.Service`, given one bundle and one picture, and ends after its answer.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from describer_daemon.captioner import image_decoding, protocol
from describer_daemon.captioner.child import Service
from models import captioner
from models.captioning import heatmap
from models.runtime.engines import onnx

_LOADED = (image_decoding, captioner, heatmap, onnx)  # before the first fork


def main() -> None:
    """{"bundle": folder, "engine": name} and a picture → the reply, "code", "megabytes"."""
    onnx.quiet()
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while (message := protocol.read(sys.stdin.buffer)) is not None:
        protocol.write(replies, _tried(*message))


def _tried(head: dict[str, Any], picture: bytes) -> dict[str, Any]:
    here, there = os.pipe()
    child = os.fork()
    if not child:
        os.close(here)
        with os.fdopen(there, "wb") as stream:
            service = Service(Path(head["bundle"]), None, "onnx", find=False)
            reply, _ = service.answer({"op": "describe", "kind": "encoded"}, picture)
            protocol.write(stream, reply)
        os._exit(0)
    os.close(there)
    with os.fdopen(here, "rb") as stream:
        message = protocol.read(stream)
    _, status, used = os.wait4(child, 0)
    reply = message[0] if message is not None else {}
    return {**reply, "code": os.waitstatus_to_exitcode(status), "megabytes": used.ru_maxrss / 1024}


if __name__ == "__main__":
    main()
