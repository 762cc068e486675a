"""What the clipboards of X11 and Wayland share: which of the types on offer mean a picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

from describer_daemon.capture import (
    clipboard_marks,
    clipboard_markup,
    clipboard_text,
    copied_files,
)
from describer_daemon.capture.copied_files import NoPictureError, checked
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import Encoded

_PREFERRED = ("image/png", "image/webp", "image/jpeg", "image/bmp", "image/tiff", "image/gif")
_DRAWINGS = ("image/svg+xml", "image/svg", "image/x-inkscape-svg")
# what says what it is, but can hardly be read: after all else
_DOCUMENTS = (
    "image/x-emf", "image/emf", "image/x-wmf", "image/wmf", "image/x-eps", "image/eps",
    "application/pdf", "application/postscript",
)  # fmt: skip
_IMAGES = ("application/x-qt-image", 'application/x-openoffice-bitmap;windows_formatname="bitmap"')
_FILES = (
    "text/uri-list", "x-special/gnome-copied-files", "x-special/mate-copied-files",
    "x-special/nautilus-clipboard", "application/x-kde4-urilist", "text/x-moz-url", "_netscape_url",
)  # fmt: skip
_MARKUP = ("text/html", "application/xhtml+xml")
_RICH = ("text/rtf", "application/rtf", "text/richtext")
_TEXTS = ("text/plain;charset=utf-8", "utf8_string", "text/plain", "string", "text")
_MOST_IMAGES = 3  # kinds that are asked for; the owner of the clipboard may have none to give

NOTHING_KNOWN = N_("The clipboard holds no picture.")
Means = Callable[[bytes], Encoded | None]


def picture(offered: Sequence[str], read: Callable[[str], bytes]) -> Encoded:
    """The picture among the types on offer; `read` fetches one of them.

    It is marked as a secret where its owner says so. Raises NoPictureError when there is nothing,
    or nothing that means a picture: with what was found first. Any other DescriberError is one of
    `read`.
    """
    found = _first(offered, read)
    return dataclasses.replace(found, secret=clipboard_marks.is_secret(offered))


def _first(offered: Sequence[str], read: Callable[[str], bytes]) -> Encoded:
    if not offered:
        raise copied_files.nothing()
    told: NoPictureError | None = None
    for kind, means, is_text in _ways(offered):
        if is_text and told is not None:
            break  # it names the same thing once more
        try:
            found = means(read(kind))
        except NoPictureError as error:
            told = told or error
        else:
            if found is not None:
                return found
    if told is None and any(_plain(kind) in (*_MARKUP, *_RICH) for kind in offered):
        told = copied_files.no_picture()
    raise told or NoPictureError(_(NOTHING_KNOWN))


def image_type(offered: Sequence[str]) -> str:
    """The best of the types of images on offer, "" when there is none."""
    return next(iter(_images(offered)), "")


def images_alone(offered: Sequence[str]) -> list[str]:
    """The types of images on offer, best first, of what was copied as a picture.

    [] for a secret, for what we have copied, and where there is text as well: spreadsheets and
    word processors offer an image of the words that they copy.
    """
    whole = {kind.lower().replace(" ", "") for kind in offered}
    if clipboard_marks.is_secret(offered) or clipboard_marks.is_ours(offered):
        return []
    return [] if whole.intersection(_TEXTS) else _images(offered)


def _images(offered: Sequence[str]) -> list[str]:
    names = {_plain(kind): kind for kind in reversed(offered)}
    others = [
        kind for kind in offered
        if _plain(kind).startswith("image/") and _plain(kind) not in (*_DRAWINGS, *_DOCUMENTS)
    ]  # fmt: skip
    wanted = [names[kind] for kind in _PREFERRED if kind in names]
    whole = {kind.lower().replace(" ", ""): kind for kind in reversed(offered)}
    return list(dict.fromkeys([*wanted, *others, *(whole[k] for k in _IMAGES if k in whole)]))


def _ways(offered: Sequence[str]) -> Iterator[tuple[str, Means, bool]]:
    """(type, what its bytes mean, whether that is plain text), the surest first."""
    names = {_plain(kind): kind for kind in reversed(offered)}
    whole = {kind.lower().replace(" ", ""): kind for kind in reversed(offered)}
    yield from ((kind, checked, False) for kind in _images(offered)[:_MOST_IMAGES])
    for kinds, means in (
        (_FILES, _files), (_DRAWINGS, checked), (_MARKUP, _html), (_RICH, _rich_text),
    ):  # fmt: skip
        yield from ((names[kind], means, False) for kind in kinds if kind in names)
    texts = [whole[kind] for kind in _TEXTS if kind in whole]
    yield from ((kind, _text, True) for kind in (texts or _other_texts(names))[:1])
    yield from ((names[kind], checked, True) for kind in _DOCUMENTS if kind in names)


def _plain(kind: str) -> str:
    """A type without its parameters, in small letters."""
    return kind.partition(";")[0].strip().lower()


def _other_texts(names: Mapping[str, str]) -> list[str]:
    return [
        kind for plain, kind in names.items()
        if plain.startswith("text/") and plain not in (*_FILES, *_MARKUP, *_RICH)
    ]  # fmt: skip


def _files(data: bytes) -> Encoded:
    return clipboard_text.from_uris(clipboard_markup.decoded(data))


def _html(data: bytes) -> Encoded | None:
    return clipboard_text.from_html(clipboard_markup.decoded(data))


def _rich_text(data: bytes) -> Encoded | None:
    found = clipboard_markup.in_rich_text(data)
    return checked(found) if found else None


def _text(data: bytes) -> Encoded:
    return clipboard_text.from_text(clipboard_markup.decoded(data))
