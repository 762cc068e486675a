"""What `tomllib` says of a file that is not TOML, in the language in use.

It has sentences of its own, in English alone. One that is not listed, as of a later Python, is told
as it is.
"""

from __future__ import annotations

from describer_daemon.core.i18n import N_, _

# Translators: these say what is wrong in a line of the settings file; the names of marks stay
_CAUSES = (
    N_("Cannot overwrite a value"),
    N_("Escaped character is not a Unicode scalar value"),
    N_("Expected '=' after a key in a key/value pair"),
    N_("Expected ']' at the end of a table declaration"),
    N_("Expected ']]' at the end of an array declaration"),
    N_("Expected newline or end of document after a statement"),
    N_("Invalid date or datetime"),
    N_("Invalid hex value"),
    N_("Invalid initial character for a key part"),
    N_("Invalid statement"),
    N_("Invalid value"),
    N_("Unclosed array"),
    N_("Unclosed inline table"),
    N_("Unescaped '\\' in a string"),
    N_("Unterminated string"),
    # those that have a value: the first that fits
    N_("Cannot declare {value} twice"),
    N_("Cannot mutate immutable namespace {value}"),
    N_("Cannot redefine namespace {value}"),
    N_("Duplicate inline table key {value}"),
    N_("Expected {value}"),
    N_("Found invalid character {value}"),
    N_("Illegal character {value}"),
)


def translated(cause: str) -> str:
    """Such a sentence without its full stop, in the language in use."""
    if cause in _CAUSES:
        return _(cause)
    for pattern in _CAUSES:
        before, value, after = pattern.partition("{value}")
        if value and cause.startswith(before) and cause.endswith(after):
            return _(pattern).format(value=cause[len(before) : len(cause) - len(after)])
    return cause
