"""Taking a picture from a source that may never answer."""

from __future__ import annotations

from collections.abc import Callable

from describer_daemon.core import deadlines
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError, ImageSource, Picture, Verb

MAX_SILENCE = 25.0  # seconds; more than any two tools get that a source asks in turn
_MAX_SECONDS = 60.0
_LATE = {
    Verb.CLIPBOARD: N_("The clipboard did not answer. Copy the picture again."),
}
_LATE_ELSE = N_("The screen did not answer. Please try again.")


def grabbed(source: ImageSource, verb: Verb, wanted: Callable[[], bool]) -> Picture | None:
    """What the source has now; None as soon as it is not `wanted` any more.

    Raises what the source raises, and DescriberError when it is silent for too long.
    """
    late = DescriberError(_(_LATE.get(verb, _LATE_ELSE)), detail="the source hangs")
    try:
        picture = deadlines.within(
            source.grab,
            late,
            silence=MAX_SILENCE,
            longest=_MAX_SECONDS,
            kind=("grab", verb),
            wanted=wanted,
        )
    except deadlines.LeftError:
        return None
    return picture if wanted() else None
