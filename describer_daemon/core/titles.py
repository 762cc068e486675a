"""What each request is called in a desktop's list of keys."""

from __future__ import annotations

from collections.abc import Mapping

from describer_daemon.core.i18n import N_
from describer_daemon.core.ports import Verb

# Marked only: whoever shows them translates them.
TITLES: Mapping[Verb, str] = {
    Verb.SCREEN: N_("Describe the picture on the screen"),
    Verb.CLIPBOARD: N_("Describe the picture on the clipboard"),
    Verb.TEXT: N_("Read the text on the screen"),
    Verb.REPEAT: N_("Say the last description again"),
    Verb.COPY: N_("Copy the last description"),
    Verb.STOP: N_("Stop speaking"),
    Verb.MORE: N_("Tell more of the picture described last"),
    Verb.NEXT_THING: N_("Go to the next thing in that picture"),
    Verb.PREVIOUS_THING: N_("Go back to the thing before"),
    Verb.WHERE: N_("Say exactly where that thing is"),
    Verb.PREVIOUS: N_("Say the description before"),
    Verb.NEXT: N_("Say the description after"),
    Verb.FORGET: N_("Stop remembering descriptions"),
}
