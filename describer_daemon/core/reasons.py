"""Why the system refused something, in the person's language.

Python has the system's words for an error in English on Linux and macOS, whatever the language of
the session; the usual ones are in our catalogue. On Windows they come in its own language.
"""

from __future__ import annotations

from describer_daemon.core.i18n import N_, _

# Translators: why a file cannot be read or written, at the end of a sentence after a colon
_USUAL = (
    N_("Broken pipe"),
    N_("Connection refused"),
    N_("Disk quota exceeded"),
    N_("File exists"),
    N_("File name too long"),
    N_("File too large"),
    N_("Input/output error"),
    N_("Is a directory"),
    N_("No such file or directory"),
    N_("No space left on device"),
    N_("Not a directory"),
    N_("Operation not permitted"),
    N_("Permission denied"),
    N_("Read-only file system"),
    # Translators: of files that the program has open
    N_("Too many open files"),
)


def reason(error: OSError) -> str:
    """Without a full stop: "Permission denied"; where the system has no words, what it said."""
    words = error.strerror or str(error)
    return _(words) if words in _USUAL else words
