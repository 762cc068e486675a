"""Coverage-guided fuzzing of the daemon's parsers, by atheris (it is not among our packages).

    python -m benchmarks.fuzz.guided control|frames|settings|clipboard [CORPUS] [-runs=N] ...

What follows the parser's name goes to libFuzzer; it ends with the first input that a parser
neither takes nor refuses in words, and writes that input to a file.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Callable, Mapping

from describer_daemon.captioner import protocol
from describer_daemon.capture import clipboard_text
from describer_daemon.core.ports import DescriberError
from describer_daemon.service import control
from describer_daemon.settings.file import SettingsFile
from describer_daemon.settings.settings import Settings


def _control(data: bytes) -> None:
    control.parse_request(data)


def _frames(data: bytes) -> None:
    stream = io.BytesIO(data)
    while protocol.read(stream) is not None:
        pass


def _settings(data: bytes) -> None:
    file = SettingsFile(data.decode("utf-8", "replace"), "settings.toml")
    file.read(Settings)
    file.check()


def _clipboard(data: bytes) -> None:
    clipboard_text.from_uris(os.fsdecode(data))


# each parser, and what it may raise
_PARSERS: Mapping[str, tuple[Callable[[bytes], None], tuple[type[Exception], ...]]] = {
    "control": (_control, (DescriberError,)),
    "frames": (_frames, (ValueError,)),
    "settings": (_settings, (DescriberError,)),
    "clipboard": (_clipboard, (DescriberError,)),
}


def main() -> None:
    """Fuzz one parser until something is found, or as libFuzzer's options say."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in _PARSERS:
        sys.exit(f"Please name a parser: {', '.join(_PARSERS)}.")
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        sys.exit("This needs atheris. Please install it: pip install atheris.")
    parse, allowed = _PARSERS[name]

    def one(data: bytes) -> None:
        try:
            parse(data)
        except allowed as error:
            sentence = error.spoken if isinstance(error, DescriberError) else "refused"
            if not sentence or not sentence.isprintable():
                raise ValueError(f"this is no sentence: {sentence!r}") from error

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
