"""Pages keep every byte but the attributes that are added, and name nothing beyond their folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from describer_daemon.alt_text import patches
from describer_daemon.alt_text.pages import Page
from describer_daemon.core.ports import DescriberError

# a page → (address, place) of what lacks an alt text
PAGES: dict[str, list[tuple[str, str]]] = {
    '<img src="a.png">': [("a.png", "file")],
    "<IMG SRC='a.png'/><img\n\tsrc=a.png>": [("a.png", "file")] * 2,
    '<img alt="" src=a.png><img alt src=a.png><img src=a.png ALT="mine">': [],
    '<img src=a.png role=presentation><img src=a.png aria-hidden="true">': [],
    '<img src=a.png aria-label="Dog"><img src=a.png title=" Dog "><img src=a.png title="">': [
        ("a.png", "file")
    ],
    '<img src=a.png :alt="x"><img src=a.png v-bind:alt="x"><img src=a.png [alt]="x">': [],
    "<img src=\"{{ x }}\"><img <?php echo 1 ?> src=a.png>": [],
    "<!-- <img src=a.png> --><script>'<img src=a.png>'</script><title><img src=a.png></title>": [],
    "<textarea><img src=a.png></textarea><style><img src=a.png></style><img src=b.png>": [
        ("b.png", "file")
    ],
    "<picture><source srcset=b.png><img srcset='a.png 1x, b.png 2x'></picture>": [
        ("a.png", "file")
    ],
    "<img src=a.png src=b.png>": [("a.png", "file")],
    "<img>": [("", "unclear")],
    '<img src="a&amp;b.png"><img src="a%20b.png?q#f"><img src=" a\n.png ">': [
        ("a&b.png", "file"),
        ("a%20b.png?q#f", "file"),
        (" a\n.png ", "file"),
    ],
    "<img src=http://x/a.png><img src=//x/a.png><img src='\\\\x\\a.png'><img src='ht\ntp://x/a'>": [
        ("http://x/a.png", "remote"),
        ("//x/a.png", "remote"),
        ("\\\\x\\a.png", "remote"),
        ("ht\ntp://x/a", "remote"),
    ],
    "<img src=../a.png><img src=sub/../../a.png><img src=%2e%2e/a.png><img src=file:///etc/x>": [
        ("../a.png", "outside"),
        ("sub/../../a.png", "outside"),
        ("%2e%2e/a.png", "outside"),
        ("file:///etc/x", "outside"),
    ],
    "<img src=link.png><img src=/a.png><img src=/../../a.png><img src='a%00.png'>": [
        ("link.png", "outside"),
        ("/a.png", "file"),
        ("/../../a.png", "outside"),
        ("a%00.png", "unclear"),
    ],
    "<img src='data:image/png;base64,iVBORw0='><img src='data:,'><img src=javascript:x>": [
        ("data:image/png;base64,iVBORw0=", "inside"),
        ("data:,", "unclear"),
        ("javascript:x", "remote"),
    ],
    "<base href=http://x/><img src=a.png><img src=/a.png>": [
        ("a.png", "remote"),
        ("/a.png", "remote"),
    ],
    "<base href=sub/page.html><img src=a.png>": [("a.png", "file")],
    "<base href=../><img src=a.png>": [("a.png", "outside")],
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "sub").mkdir(parents=True)
    (folder / "link.png").symlink_to("/etc/hostname")
    return folder


@pytest.mark.parametrize("text", PAGES)
def test_what_lacks_an_alt_text_is_found(site: Path, text: str) -> None:
    found = list(Page(text.encode(), site / "page.html").pictures())
    assert [(one.source, one.place) for one in found] == PAGES[text]
    assert all(one.file is not None for one in found if one.place == "file")
    assert all(text.encode()[one.start : one.start + 4].lower() == b"<img" for one in found)


def test_the_root_may_be_further_up(site: Path) -> None:
    page = Page(b"<img src=../a.png><img src=/b.png>", site / "sub" / "page.html", site)
    assert [one.file for one in page.pictures()] == [site / "a.png", site / "b.png"]


@pytest.mark.parametrize("name", ["ä.png", "ä &quot;.png"])
@pytest.mark.parametrize(
    ("encoding", "head"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("windows-1252", ""),
        ("iso-8859-15", '<meta charset="iso-8859-15">'),
        ("shift_jis", "<meta http-equiv=content-type content='text/html; charset=Shift_JIS'>表"),
    ],
)
def test_every_other_byte_stays(site: Path, encoding: str, head: str, name: str) -> None:
    if encoding == "shift_jis":
        name = name.replace("ä", "表")
    text = f"{head}\r\n\x0c<p>\x0b<img src='{name}'>\rx<img\nsrc=b>\n\n<i>no newline"
    data = text.encode(encoding)
    page = Page(data, site / "page.html")
    found = list(page.pictures())
    assert found[0].file == site / name.replace("&quot;", '"')
    made = page.with_alts({one.start: 'A "dog" & <cat>\u00e9.' for one in found})
    added = b' alt="A &quot;dog&quot; &amp; &lt;cat&gt;&#233;."'
    assert made.count(added) == 2
    assert made.replace(added, b"") == data
    assert not list(Page(made, site / "page.html").pictures())


@pytest.mark.parametrize(
    "data",
    [
        "<img src=a>".encode("utf-16"),
        b"<img src=a>" + b" " * (16 << 20),
        "<img src=漢>".encode("iso-2022-jp"),
        b"<![what[x]]><img src=a>",
    ],
)
def test_what_cannot_be_changed_bytewise_is_refused(site: Path, data: bytes) -> None:
    with pytest.raises(DescriberError):
        list(Page(data, site / "page.html").pictures())


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("name", ["page.html", 'a b/pa\nge \\"ä.html'])
def test_the_patch_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: bytes, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = b"".join(b"%d\r\n" % line for line in range(40)) + b"last \xe4" + ending
    after = before
    for line in (b"\r\n3\r\n", b"\r\n4\r\n", b"\r\n9\r\n", b"\r\n30\r\n", b"last"):
        after = after.replace(line, line.replace(b"\r\n", b"\r\n", 1)[:-1] + b"!" + line[-1:])
    diff = patches.unified(before, after, name)
    assert diff.count(b"\n@@ ") == 3
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    for tool in (["git", "apply", "--whitespace=nowarn", "-"], ["patch", "--binary", str(path)]):
        if shutil.which(tool[0]) is None:
            continue
        path.write_bytes(before)
        done = subprocess.run(tool, input=diff, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert path.read_bytes() == after
    assert patches.unified(before, before, name) == b""
