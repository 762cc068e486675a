"""The process that runs pyttsx3: one request on standard input, one answer, and then its end.

pyttsx3 hangs or goes silent on later calls in one process, so it never gets a second.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

_FINISH_TIMEOUT = 15.0  # seconds from the end of runAndWait to the end of its work


def main() -> None:
    """Answer {"voices": ...}, {} when all went well, or {"error": ...}, as one line of JSON.

    What was synthesised, a WAV, follows it.
    """
    request = json.load(sys.stdin)
    sound = b""
    with os.fdopen(os.dup(1), "wb") as stdout:
        os.dup2(2, 1)  # pyttsx3 prints
        try:
            if request["do"] == "synthesise":
                reply, sound = _synthesise(request)
            else:
                reply = _do(request)
        except Exception as error:  # whatever a driver raises; the parent must learn of it
            reply = {"error": f"{type(error).__name__}: {error}"}
        stdout.write(json.dumps(reply).encode() + b"\n" + sound)
    sys.stdout.flush()
    os._exit(0)  # drivers abort in their destructors


def _synthesise(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Have it written to a file in memory, which is gone with this process at the latest."""
    if not hasattr(os, "memfd_create"):
        raise OSError("this system has no files in memory")
    with os.fdopen(os.memfd_create("speech"), "rb") as file:
        # where a limit forbids all files to grow (RLIMIT_FSIZE), a driver would wait in vain
        os.ftruncate(file.fileno(), 1)
        os.ftruncate(file.fileno(), 0)
        place = f"/proc/self/fd/{file.fileno()}"
        reply = _do({**request, "do": "save", "path": place})
        return reply, file.read()


def _do(request: dict[str, Any]) -> dict[str, Any]:
    import pyttsx3

    engine = pyttsx3.init()
    if request["do"] == "voices":
        return {
            "voices": [[voice.name or voice.id, voice.id] for voice in engine.getProperty("voices")]
        }
    if request["do"] == "speaks":
        return {"speaks": bool(_voices_of(engine, request["language"]))}
    errors: list[str] = []
    finished: list[bool] = []
    # keyword arguments are pyttsx3's way to call back
    engine.connect("error", lambda exception, **_: errors.append(repr(exception)))
    engine.connect("finished-utterance", lambda completed, **_: finished.append(completed))
    if request["voice"]:
        engine.setProperty("voice", request["voice"])
    elif request["language"]:
        _use_language(engine, request["language"])
    engine.setProperty("rate", request["rate"])
    engine.setProperty("volume", request["volume"] / 100)
    if str(engine) == "espeak":
        _apply_settings(engine)
    if request["do"] == "save":
        engine.save_to_file(request["text"], request["path"])
    else:
        engine.say(request["text"])
    engine.runAndWait()
    # sapi5 and nsss save without an event at the end
    must_finish = request["do"] == "say" or str(engine) == "espeak"
    deadline = time.monotonic() + _FINISH_TIMEOUT
    while must_finish and not (finished or errors) and time.monotonic() < deadline:
        time.sleep(0.005)  # espeak's runAndWait returns while its own thread still works
    if errors or (must_finish and not any(finished)):
        return {"error": "; ".join(errors) or "the utterance was not finished"}
    return {}


def _use_language(engine: Any, language: str) -> None:
    """Take the first voice of that language, unless the system's own one is of it.

    espeak's are named by their language ("gmw/en"); on Windows and macOS all have to be asked.
    """
    usual = str(engine.getProperty("voice"))
    if _speaks(usual.rpartition("/")[2], language):
        return
    fitting = _voices_of(engine, language)
    if fitting and usual not in fitting:
        engine.setProperty("voice", fitting[0])


def _voices_of(engine: Any, language: str) -> list[str]:
    """The identifiers of all voices of that language."""
    return [
        voice.id
        for voice in engine.getProperty("voices")
        if any(_speaks(tag, language) for tag in voice.languages or ())
        and not str(voice.id).startswith("mb/")  # MBROLA's may be listed and silent
    ]


def _speaks(tag: object, language: str) -> bool:
    """Whether "en-US", "en_GB" or b"\\x05en" is of that language."""
    text = tag.decode(errors="ignore") if isinstance(tag, bytes) else str(tag)
    code = "".join(char for char in text if char.isprintable()).replace("_", "-")
    return code.partition("-")[0].lower() == language


def _apply_settings(engine: Any) -> None:
    """Have espeak's own thread take the settings before there is a text.

    runAndWait would cancel those that it had not taken yet, and at times the text with them.
    """
    from pyttsx3.drivers import _espeak

    engine.proxy.setBusy(False)
    _espeak.Synchronize()


if __name__ == "__main__":
    main()
