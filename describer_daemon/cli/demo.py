"""The main job without a desktop: a private screen, a real key, speech that is recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from describer_daemon import processes
from describer_daemon.cli import help_texts, outputs, streams
from describer_daemon.core import i18n
from describer_daemon.core.i18n import _, ngettext
from describer_daemon.core.ports import DescriberError
from describer_daemon.settings.settings import Settings

SAMPLE = Path(__file__).parents[1] / "assets" / "sample.jpg"
_TIMEOUT = 60.0  # seconds, for a slow machine
_POLL_INTERVAL = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class DemoResult:
    """`sentence` was spoken; `recording` is the WAV file of what came out of the sound server."""

    sentence: str
    recording: Path


def run(
    picture: Path | None, save: Path, report: Callable[[str], None], language: str = ""
) -> DemoResult:
    """Show a picture in a real window, press the key, record what is said.

    In that `language`, "" for the session's. Raises DescriberError when any part is missing or
    stays silent.
    """
    from describer_daemon.virtual.display import VirtualDisplay
    from describer_daemon.virtual.sound import VirtualSound

    if sys.platform != "linux":
        raise DescriberError(_("The demonstration needs Linux. Please use: describer run."))
    key = str(Settings().bindings.screen)
    shown = picture or SAMPLE
    with VirtualDisplay() as display, VirtualSound() as sound:
        display.env |= {"PULSE_SERVER": sound.server}
        for foreign in ("DESCRIBER_CONFIG", "SPEECHD_ADDRESS"):
            display.env.pop(foreign, None)
        settings = Path(display.env["HOME"]) / "demo.toml"
        settings.write_text(f'[speech]\nlanguage = "{language}"\n', encoding="utf-8")
        display.env["DESCRIBER_CONFIG"] = str(settings)
        told = _("A private screen ({name}) and a private sound server are up.")
        report(told.format(name=display.name))
        daemon = display.start([*processes.python("describer_daemon.cli.main"), "run"])
        _wait(daemon, display.env, lambda status: bool(status["listening"]), _deaf)
        report(_("The daemon listens."))
        display.show_picture(shown)
        told = _("The window shows {picture}; now {key} is pressed.")
        report(told.format(picture=shown.name, key=key))
        with sound.record() as recording:
            display.press(key)
            status = _wait(daemon, display.env, _has_spoken, _mute)
            if not recording.wait_for_sound() or not recording.wait_for_silence():
                raise DescriberError(_("The key was taken, but no speech came out."))
            recording.save_wav(save)
        if not status["last"]:
            raise DescriberError(
                _("The picture could not be described; listen to the recording."),
                detail=str(save),
            )
        return DemoResult(str(status["last"]), save.resolve())


def _deaf() -> str:
    return ngettext(
        "The daemon did not listen in {seconds} second.",
        "The daemon did not listen in {seconds} seconds.",
        round(_TIMEOUT),
    )


def _mute() -> str:
    return ngettext(
        "The daemon did not answer in {seconds} second.",
        "The daemon did not answer in {seconds} seconds.",
        round(_TIMEOUT),
    )


def _has_spoken(status: dict[str, Any]) -> bool:
    return bool(status["last"] or status["failures"]) and not status["speaking"]


def _wait(
    daemon: subprocess.Popen[bytes],
    env: dict[str, str],
    reached: Callable[[dict[str, Any]], bool],
    failure: Callable[[], str],
) -> dict[str, Any]:
    """Ask for the daemon's status, as its user would, until it is as wanted."""
    command = [*processes.python("describer_daemon.cli.main"), "status", "--json"]
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline:
        if daemon.poll() is not None:
            raise DescriberError(_("The daemon ended early. Please try: describer doctor."))
        done = processes.run(
            command, timeout=_TIMEOUT, what="The daemon", env={**os.environ, **env}
        )
        if done.code == 0:
            status: dict[str, Any] = json.loads(done.output)
            if reached(status):
                return status
        time.sleep(_POLL_INTERVAL)
    raise DescriberError(failure().format(seconds=round(_TIMEOUT)))


@click.command(
    help=help_texts.page(
        _("Do the main job on a private virtual screen: show a picture, press the key, record."),
        _("The last two lines are the caption and the path of the recorded speech."),
    )
)
@click.option(
    "--picture",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=_("Show this picture instead of the sample."),
)
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("describer-demo.wav"),
    show_default=True,
    callback=outputs.named(".wav", outputs.NO_SPEECH),
    help=_("Where the recorded speech goes."),
)
@click.option(
    "--language",
    type=click.Choice(i18n.languages()),
    help=_("Speak this language instead of the session's."),
)
def demo(picture: Path | None, save: Path, language: str | None) -> None:
    """Do the main job on a private virtual screen, and print what was said."""
    i18n.use(language or "")
    result = run(picture, save, streams.line, language or "")
    streams.line(result.sentence)
    streams.line(str(result.recording))
