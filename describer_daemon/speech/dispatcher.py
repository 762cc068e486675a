"""Speech by speech-dispatcher, the voice that screen readers use, over its own protocol (SSIP).

Each utterance has a connection of its own: it costs less than a millisecond, and nothing is
left to repair when the service was restarted.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, VoiceSettings
from describer_daemon.speech import espeak, voices
from describer_daemon.speech.rates import ssip_rate
from describer_daemon.speech.utterance import OneAtATime, Utterance, max_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_REPLY_TIMEOUT = 3.0  # seconds for an answer: a service that systemd starts for us needs about one
_LIST_TIMEOUT = 20.0  # seconds for the list of voices: it can have thousands
_QUEUE_TIMEOUT = 30.0  # seconds until our turn: an urgent message of another program goes first
_BEGIN, _END, _CANCELED, _PAUSED, _RESUMED = 701, 702, 703, 704, 705


class SpeechDispatcher(OneAtATime):
    """See `ports.Speaker`.

    SSIP's rate has no unit: -100, 0 and 100 are taken for 80, 170 and 449 words a minute, as
    the usual espeak-ng module has it; other modules differ a little. Volume 100 is as loud as a
    screen reader's, twice espeak-ng's own.
    """

    name = "speech-dispatcher"

    @classmethod
    def unavailable_reason(cls) -> str:
        """See `backends.Backend`."""
        try:
            with Connection() as connection:
                modules = connection.ask("LIST OUTPUT_MODULES")
        except DescriberError as error:
            return error.detail
        # "dummy" is loaded where no other module could be, and speaks none of our text
        if not any(module != "dummy" for module in modules):
            return _("speech-dispatcher has no voice: install speech-dispatcher-espeak-ng")
        return ""

    def configure(self, voice: VoiceSettings) -> None:
        """See `ports.Speaker`."""
        name = voice.name
        if name:
            has_variant = "+" in name  # of the thousands of variants only when one is asked for
            candidates = {
                key: value for key, value in _voice_names().items() if ("+" in key) == has_variant
            }
            name = voices.pick(name, candidates)
        self._voice = replace(voice, name=name)

    def voices(self) -> Sequence[str]:
        """See `ports.Speaker`. A name may be followed by a variant: "English (America)+Annie"."""
        return sorted({name for name in _voice_names().values() if "+" not in name})

    def speaks(self, language: str) -> bool:
        """See `OneAtATime`."""
        with Connection(_LIST_TIMEOUT) as connection:
            listed = connection.ask("LIST SYNTHESIS_VOICES")
        return any(_speaks([*line.split("\t"), ""][1], language) for line in listed)

    def save(self, text: str, path: Path) -> None:
        """See `ports.Speaker`. The service cannot save, so espeak-ng does in its stead."""
        espeak.save_instead_of(self.name, text, self._voice, path)

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        """See `OneAtATime`."""
        with Connection() as connection:
            connection.ask("SET self PRIORITY message")
            connection.ask("SET self NOTIFICATION ALL on")
            connection.ask("SET self SSML_MODE off")
            connection.ask(f"SET self RATE {ssip_rate(voice.rate)}")
            connection.ask(f"SET self VOLUME {min(max(voice.volume, 0), 100) * 2 - 100}")
            if voice.name:
                connection.ask(f"SET self SYNTHESIS_VOICE {voice.name}")
            elif voice.language:
                connection.use_language(voice.language)
            if utterance.stopped:
                return
            connection.ask("SPEAK")
            connection.ask(stuffed(text) + "\r\n.")
            utterance.adopt(connection.silence)
            connection.await_end(max_seconds(text, voice.rate))


class Connection:
    """A client of speech-dispatcher: commands go out, replies and events come in.

    Every method may raise DescriberError; `detail` tells why the service cannot serve.
    """

    def __init__(self, timeout: float = _REPLY_TIMEOUT) -> None:
        """`timeout`: seconds to wait for the reply to a command."""
        self._timeout = timeout
        self._received = b""
        self._events: list[int] = []
        self._socket: socket.socket
        path = socket_path()
        if sys.platform == "win32":
            raise _lost(_("speech-dispatcher is not for Windows"))
        try:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(timeout)
            self._socket.connect(str(path))
        except OSError as error:
            self.close()
            reason = _("speech-dispatcher does not answer at {path}: {error}")
            raise _lost(reason.format(path=path, error=error)) from error
        try:
            self.ask(f"SET self CLIENT_NAME {_user()}:describer:caption")
        except DescriberError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; what was already sent to be spoken goes on."""
        with contextlib.suppress(AttributeError):
            self._socket.close()

    def ask(self, command: str) -> list[str]:
        """Send one command and return the lines of the reply before its last."""
        self._send(command)
        deadline = time.monotonic() + self._timeout
        while True:
            code, lines = self._reply(deadline)
            if code // 100 == 7:
                self._events.append(code)
                continue
            if code // 100 != 2:
                raise _lost(f"speech-dispatcher answered {code} {lines[-1]}")
            return lines[:-1]

    def use_language(self, language: str) -> None:
        """Have the usual voice for a language speak, unless the service's own one has it.

        So a person's "en-GB" is not made another English.
        """
        usual = self.ask("GET LANGUAGE")
        if not (usual and _speaks(usual[0], language)):
            self.ask(f"SET self LANGUAGE {language}")

    def silence(self) -> None:
        """Stop what we are saying and take back what still waits; never what others say."""
        with contextlib.suppress(DescriberError):
            self._send("STOP self\r\nCANCEL self")

    def await_end(self, timeout: float) -> None:
        """Wait until the one message was heard or cancelled, `timeout` seconds from its begin."""
        deadline: float | None = time.monotonic() + _QUEUE_TIMEOUT
        while True:
            event = self._events.pop(0) if self._events else self._reply(deadline)[0]
            if event in (_END, _CANCELED):
                return
            if event in (_BEGIN, _RESUMED):
                deadline = time.monotonic() + timeout
            elif event == _PAUSED:
                deadline = None

    def _send(self, command: str) -> None:
        try:
            self._socket.sendall(command.encode(errors="replace") + b"\r\n")
        except OSError as error:
            raise _lost(f"speech-dispatcher hung up: {error}") from error

    def _reply(self, deadline: float | None) -> tuple[int, list[str]]:
        """Read one reply or event: its code, and its lines without the code."""
        lines = []
        while True:
            line = self._line(deadline)
            if not line[:3].isdigit():
                raise _lost(f"speech-dispatcher answered {line[:60]!r}")
            lines.append(line[4:])
            if line[3:4] != "-":
                return int(line[:3]), lines

    def _line(self, deadline: float | None) -> str:
        while b"\n" not in self._received:
            try:
                remaining = None if deadline is None else max(deadline - time.monotonic(), 0.001)
                self._socket.settimeout(remaining)
                chunk = self._socket.recv(1 << 16)
            except OSError as error:
                raise _lost(f"speech-dispatcher fell silent: {error!r}") from error
            if not chunk:
                raise _lost("speech-dispatcher hung up, as it does when the sound server goes")
            self._received += chunk
        line, __, self._received = self._received.partition(b"\n")
        return line.decode(errors="replace").rstrip("\r")


def socket_path() -> Path:
    """Where the service listens: SPEECHD_ADDRESS, else its usual place."""
    method, __, address = os.environ.get("SPEECHD_ADDRESS", "").partition(":")
    if method not in ("", "unix_socket"):
        raise _lost("SPEECHD_ADDRESS is not a unix_socket, and nothing here uses the network")
    if address:
        return Path(address)
    runtime = os.environ.get("XDG_RUNTIME_DIR") or Path.home() / ".cache"
    return Path(runtime) / "speech-dispatcher" / "speechd.sock"


def stuffed(text: str) -> str:
    """One line of text as SSIP's data: a leading dot is doubled, for "." alone ends the data."""
    return "." + text if text.startswith(".") else text


def _voice_names() -> dict[str, str]:
    """What people may call each voice -> its name; a language code means its plain voice."""
    names: dict[str, str] = {}
    languages: dict[str, str] = {}
    with Connection(_LIST_TIMEOUT) as connection:
        for line in connection.ask("LIST SYNTHESIS_VOICES"):
            name, language, *_ = [*line.split("\t"), ""]
            names[name] = name
            languages.setdefault(language, name)
    return {**languages, **names}


def _speaks(tag: str, language: str) -> bool:
    """Whether a language tag, such as "en-GB", is of that language."""
    return tag.replace("_", "-").partition("-")[0].lower() == language


def _user() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        name = "user"
    return "".join(char for char in name if char.isalnum()) or "user"


def _lost(detail: str) -> DescriberError:
    return DescriberError(
        _("The speech service does not answer. Please check that sound works, or log in again."),
        detail=detail,
    )
