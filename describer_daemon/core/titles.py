"""What each request is called in a desktop's list of keys."""

from __future__ import annotations

from collections.abc import Mapping

from describer_daemon.core.ports import Verb

TITLES: Mapping[Verb, str] = {
    Verb.SCREEN: "Describe the picture on the screen",
    Verb.CLIPBOARD: "Describe the picture on the clipboard",
    Verb.TEXT: "Read the text on the screen",
    Verb.REPEAT: "Say the last description again",
    Verb.COPY: "Copy the last description",
    Verb.STOP: "Stop speaking",
    Verb.MORE: "Tell more of the picture described last",
    Verb.NEXT_THING: "Go to the next thing in that picture",
    Verb.PREVIOUS_THING: "Go back to the thing before",
    Verb.WHERE: "Say exactly where that thing is",
    Verb.PREVIOUS: "Say the description before",
    Verb.NEXT: "Say the description after",
    Verb.FORGET: "Stop remembering descriptions",
}
