"""Finding the voice that a person means."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

if TYPE_CHECKING:
    from collections.abc import Mapping


def pick(name: str, voices: Mapping[str, str]) -> str:
    """Look `name` up, whatever its case, in a map from what people say to what the engine takes.

    Raises DescriberError with the three nearest names when there is no such voice.
    """
    if name in voices:
        return voices[name]
    known = {spoken.casefold(): spoken for spoken in voices}
    if name.casefold() in known:
        return voices[known[name.casefold()]]
    close = difflib.get_close_matches(name.casefold(), known, n=3, cutoff=0.0)
    if not close:
        raise DescriberError(
            _(
                "There is no voice named {name}, and no other either. Please install a voice."
            ).format(name=name)
        )
    nearest = ", ".join(known[match] for match in close)
    raise DescriberError(
        _("There is no voice named {name}. The nearest are: {nearest}.").format(
            name=name, nearest=nearest
        )
    )
