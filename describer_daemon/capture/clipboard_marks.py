"""What programs say of what they copied: that it is a secret, or that it is ours.

There is no standard: a type among those on offer is the mark, and whoever has it is believed,
whatever is behind it. See ADR 0043.
"""

from __future__ import annotations

from collections.abc import Sequence

OURS = "application/x-describer"  # on offer beside what the copy key copied

# KeePassXC, KDE Wallet, Bitwarden, 1Password, Firefox' private windows and wl-copy --sensitive
# have KDE's; the others come from macOS and Windows, by programs that are at home on several
# systems, by remote desktops, and from CopyQ. GTK and Electron put a prefix before KDE's.
_SECRET = (
    "passwordmanagerhint",
    "nspasteboard-concealed-type", "nspasteboard.concealedtype",
    "nspasteboard-transient-type", "nspasteboard.transienttype",
    "com.agilebits.onepassword",
    "clipboardviewerignore",
    "excludeclipboardcontentfrommonitorprocessing",
    "canincludeinclipboardhistory", "canuploadtocloudclipboard",
    "application/x-copyq-secret",
)  # fmt: skip


def is_secret(offered: Sequence[str]) -> bool:
    """Whether these types have a mark by which password managers ask to be left alone."""
    names = ["".join(kind.lower().split()) for kind in offered]
    return any(mark in name for name in names for mark in _SECRET)


def is_ours(offered: Sequence[str]) -> bool:
    """Whether the describer itself has copied it."""
    return OURS in offered
