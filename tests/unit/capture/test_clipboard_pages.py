"""Pages that were copied on Windows and macOS, with what is of those systems replaced."""

from __future__ import annotations

import base64
import ctypes
import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyperclip
import pytest
from PIL import ImageGrab

from describer_daemon import processes
from describer_daemon.capture import clipboard_markup, clipboard_pillow
from describer_daemon.capture.clipboard_pillow import PillowClipboard
from describer_daemon.core.ports import DescriberError, Encoded

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
IMAGE = '<img src="data:image/png;base64,' + base64.b64encode(PNG).decode() + '" alt="ein Ü">'


def of_windows(fragment: str, *, shift: int = 0, around: str = "<body>{}</body>") -> bytes:
    """What a browser puts on the clipboard as "HTML Format"; `shift` makes its places wrong."""
    page = around.format(f"<!--StartFragment-->{fragment}<!--EndFragment-->").encode()
    head = "Version:0.9\r\nStartHTML:{:010}\r\nEndHTML:{:010}\r\nStartFragment:{:010}\r\n" \
        "EndFragment:{:010}\r\nSourceURL:https://example.org/a?b=c:d\r\n"  # fmt: skip
    length = len(head.format(0, 0, 0, 0))
    start = length + page.index(b"-->") + 3
    places = (length, length + len(page), start, start + len(fragment.encode()))
    return head.format(*(place + shift for place in places)).encode() + page + b"\0\0"


def test_the_part_that_was_selected() -> None:
    part = clipboard_markup.of_windows
    assert part(of_windows(IMAGE)) == IMAGE.encode()
    assert part(of_windows("ä", around="<html><body>ü{}</body></html>")) == "ä".encode()
    for shift in (-150, 10**8):  # then all of the page, and never the header
        assert part(of_windows(IMAGE, shift=shift)).startswith(b"<body><!--")
    unknown = of_windows(IMAGE).replace(b"StartFragment:0", b"StartFragment:-")
    assert part(unknown).startswith(b"<body><!--")
    assert part(IMAGE.encode()) == IMAGE.encode()
    assert part(b"") == part(b"Version:0.9\r\n") == b""


def test_what_applescript_prints() -> None:
    page = IMAGE.encode()
    assert clipboard_markup.of_macos(f"«data HTML{page.hex().upper()}»\n".encode()) == page
    for other in (b"", b"text", "«data PNGf00»".encode(), "«data HTML0»".encode()):
        assert clipboard_markup.of_macos(other) == b""


def windows(data: bytes | None, refusals: int = 0) -> tuple[Any, list[str]]:
    """`ctypes.windll` with one format on its clipboard, and what was done with it."""
    done: list[str] = []
    memory = ctypes.create_string_buffer(data or b"", len(data or b""))

    def opened(_owner: object) -> int:
        done.append("open")
        return int(len(done) > refusals)

    user = {
        "RegisterClipboardFormatW": lambda name: 49_000 + len(name.value),
        "OpenClipboard": opened,
        "GetClipboardData": lambda kind: (
            ctypes.addressof(memory) if data is not None and kind == 49_011 else None
        ),
        "CloseClipboard": lambda: done.append("close"),
    }
    kernel = {
        "GlobalLock": lambda handle: handle.value,
        "GlobalSize": lambda _: len(memory),
        "GlobalUnlock": lambda _: done.append("unlock"),
    }
    library = SimpleNamespace(
        user32=SimpleNamespace(**user), kernel32=SimpleNamespace(**kernel), memory=memory
    )
    return library, done


def test_the_clipboard_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(clipboard_pillow, "_TRY_INTERVAL", 0)
    for data, refusals, found, ended in (
        (of_windows(IMAGE), 3, IMAGE.encode(), ["unlock", "close"]),
        (None, 0, b"", ["open", "close"]),
        (of_windows(IMAGE), 10**6, b"", ["open", "open"]),
    ):
        library, done = windows(data, refusals)
        monkeypatch.setattr(ctypes, "windll", library, raising=False)
        assert clipboard_pillow.html() == found
        assert done[-2:] == ended


def test_the_clipboard_of_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    asked = []

    def run(command: list[str], **_: object) -> processes.Finished:
        asked.append(command)
        code = len(asked) - 1
        return processes.Finished(code, f"«data HTML{IMAGE.encode().hex()}»\n".encode(), b"")

    monkeypatch.setattr(processes, "run", run)
    assert clipboard_pillow.html() == IMAGE.encode()
    assert clipboard_pillow.html() == b""  # there is no page: it fails
    assert asked[0] == ["osascript", "-e", "the clipboard as «class HTML»"]


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        (IMAGE, "", PNG),
        (f"words {IMAGE}", "words", PNG),
        ('<img src="https://example.org/a.png">', "", "The clipboard holds a web address, not a"),
        ("<b>words</b>", "words", "The clipboard holds text, not a picture."),
        ("", "words", "The clipboard holds text, not a picture."),
        ("", "", "The clipboard is empty. Copy a picture first."),
        ("", IMAGE.partition('"')[2].partition('"')[0], PNG),
    ],
)
def test_from_the_child_to_the_picture(
    page: str, text: str, expected: bytes | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    with monkeypatch.context() as child:
        child.setattr(ImageGrab, "grabclipboard", lambda: None)
        child.setattr(pyperclip, "paste", lambda: text)
        child.setattr(clipboard_pillow, "html", page.encode)
        child.setattr(sys, "stdout", SimpleNamespace(buffer=written))
        clipboard_pillow.main()
    finished = processes.Finished(0, written.getvalue(), b"")
    monkeypatch.setattr(processes, "run", lambda *_, **__: finished)
    if isinstance(expected, bytes):
        picture = PillowClipboard().grab()
        assert isinstance(picture, Encoded)
        assert picture.data == expected
    else:
        with pytest.raises(DescriberError) as error:
            PillowClipboard().grab()
        assert error.value.spoken.startswith(expected)


def test_a_copied_file_of_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = tmp_path / "a photo.png"
    photo.write_bytes(PNG)
    page = f'<img src="{photo.as_uri()}">'.encode()
    finished = processes.Finished(0, b"page\n%d\n%s" % (len(page), page), b"")
    monkeypatch.setattr(processes, "run", lambda *_, **__: finished)
    assert PillowClipboard().grab() == Encoded(PNG)
