"""It never dies: one describer lives through all of these, and answers every next key in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.desktop import fixtures_harms as harms
from tests.desktop.fixtures_display import wait_until
from tests.desktop.fixtures_faults import PLAYERS, World

CAPTION = ""  # stands for the right description of the screen
BROKE_OFF = "The captioner broke off on this picture. Please try again."
UNHEARD = (
    "I cannot be heard: the sound server or device does not answer. Please check that sound works."
)


@dataclass(frozen=True)
class Fault:
    """What breaks, the key that is pressed while it is broken, and what that must say.

    `meanwhile` does its harm between the key and the answer. `says` has the sentences that may
    be heard; where none can be, `traced` is what must be left on the desktop and in the log.
    """

    name: str
    harm: harms.Harm = harms.nothing
    key: str = "i"
    says: tuple[str, ...] = (CAPTION,)
    meanwhile: Callable[[World], object] = lambda _: None
    traced: str = ""


FAULTS = [
    Fault("captioner killed while it rests", harms.captioner_killed),
    Fault(
        "captioner killed at work",
        says=(BROKE_OFF, CAPTION),
        meanwhile=harms.kill_captioner_at_work,
    ),
    Fault(
        "captioner hangs",
        harms.short_patience,
        # a captioner that was chosen, as this one: the one that ships answers
        says=(CAPTION, "The captioner did not answer in 1 seconds, so I ended it."),
        meanwhile=lambda world: harms.stop(world.captioner()),
    ),
    Fault(
        "captioner gets too little memory",
        harms.little_memory,
        meanwhile=harms.leave_little_memory,
        says=(
            "The captioner failed on this picture.",
            BROKE_OFF,
            "This picture needs more memory than there is.",
            CAPTION,
        ),
    ),
    Fault("bundle damaged under the captioner", harms.damaged_bundle, says=(CAPTION, BROKE_OFF)),
    Fault(
        "bundle damaged before it is loaded again",
        harms.damaged_bundle_to_load,
        says=(f"The captioner bundle's {harms.WEIGHTS} is damaged or from another bundle.",),
    ),
    Fault("voice killed while it speaks", harms.voice_that_dies),  # another voice speaks
    Fault("voice gone", harms.voice_gone),  # another voice speaks
    Fault("player killed while it plays", meanwhile=harms.kill_player),
    Fault(
        "player gone",
        harms.without(*PLAYERS),
        says=(),
        traced="I cannot be heard: no program plays sound. Please install pulseaudio-utils.",
    ),
    Fault("sound server stopped and started again", harms.no_sound_server, says=(), traced=UNHEARD),
    Fault(
        "clipboard owner frozen",
        harms.frozen_clipboard,
        key="c",
        says=("The clipboard did not answer. Copy the picture again.",),
    ),
    Fault(
        "clipboard tool missing",
        harms.without("xclip"),
        key="c",
        says=("I need xclip to read the clipboard. Install the package xclip.",),
    ),
    Fault(
        "tool to copy missing",
        harms.no_tool_to_copy,
        key="y",
        says=("I could not copy: the clipboard did not take it.",),
    ),
    Fault(
        "settings deleted",
        harms.spoilt(lambda file: file.unlink(), "settings.toml is gone. I keep the settings"),
    ),
    Fault("settings cut short", harms.spoilt(harms.cut_short, "cannot be read: Invalid value.")),
    Fault(
        "settings unreadable",
        harms.spoilt(
            lambda file: file.chmod(0),
            "settings.toml cannot be read. Please check who may read it.",
        ),
    ),
    Fault(
        "settings replaced by a folder",
        harms.spoilt(harms.make_folder, "settings.toml is not a file. Please remove what is at "),
    ),
    Fault(
        "settings saved in the middle of a caption",
        harms.captioner_stopped,
        meanwhile=lambda world: world.change(unload_after_minutes=9),
    ),
    Fault("disk full while it runs", harms.full_disk, key="a"),
    Fault("all stands still in the middle of a caption", meanwhile=harms.stand_still),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_next_key_is_answered(living: World, fault: Fault) -> None:
    def act() -> None:
        living.press(fault.key)
        fault.meanwhile(living)

    with fault.harm(living):
        if fault.says:
            living.hears(act, *(sentence or living.caption for sentence in fault.says))
        else:
            before = living.traces(fault.traced)
            act()
            wait_until(lambda: living.traces(fault.traced) > before, "silence left no trace")
    if fault.says != (CAPTION,):  # else this was the next key
        living.hears(lambda: living.press("i"), living.caption)
    living.is_tidy()
