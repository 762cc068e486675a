"""What does not work on this desktop, in sentences with their cures: keys, screen, voice."""

from __future__ import annotations

import sys

from describer_daemon import displays
from describer_daemon.capture.candidates import SCREENS
from describer_daemon.core import backends
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.listening import Listening


def no_screen(error: DescriberError) -> DescriberError:
    """Why the screen cannot be seen: the reason that holds for this desktop, of all there are."""
    if sys.platform in ("win32", "darwin"):
        return error
    meant = "desktop" if displays.on_wayland() else "x11"
    reason = backends.why_not(SCREENS, meant) or _("the desktop gives no picture of it")
    return DescriberError(
        # Translators: {reason} is half a sentence, such as "the desktop gives no picture of it"
        _("I cannot see the screen here: {reason}.").format(reason=reason),
        detail=error.detail,
    )


def sentences(listening: Listening, screen_reason: str, speaker: str) -> list[str]:
    """What does not work now. `screen_reason` is why there is no screen, "" where there is one.

    `speaker` is the name of the voice, "none" without any.
    """
    found = []
    if keys := no_keys(listening):
        found.append(keys)
    if screen_reason and displays.answers():
        found.append(screen_reason)
    if speaker == "none":
        found.append(no_voice())
    return found


def no_voice() -> str:
    """That nobody can speak, and what there is to be installed on this system."""
    if sys.platform in ("win32", "darwin"):
        return _("I have no voice. Please install a voice in the system's settings.")
    return _("I have no voice. Please install espeak-ng.")


def no_voice_of(language: str, speaker: str) -> str:
    """That the `speaker` has none for the language in use, with its cure."""
    return _(
        "{speaker} has no voice for the language {language}. Please install one, "
        "or choose another language in the settings, at speech.language."
    ).format(speaker=speaker, language=language)


def no_keys(listening: Listening) -> str:
    """Why there are none, or not all; "" where the desktop's own shortcuts start the describer."""
    problem = listening.problem
    return "" if problem and keys_by(listening) == "desktop" else problem


def keys_by(listening: Listening) -> str:
    """Who gives the keys: the back-end's name, "desktop" for its own shortcuts, or "none"."""
    if listening.is_possible or listening.lost or not have_desktops_keys():
        return listening.name
    return "desktop"


def have_desktops_keys() -> bool:
    """Whether the keys are the desktop's own: see `describer keys`."""
    if sys.platform != "linux":
        return False
    # what it needs is slow to load, and where keys are held nobody asks
    from describer_daemon.desktop import shortcuts_present

    return shortcuts_present.start_us()
