"""A picture's alt text is written where it is asked for, and never over an author's."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from describer_daemon import processes
from describer_daemon.alt_text import embedding, metadata, pictures, sidecars, xmp
from describer_daemon.alt_text.pictures import Wanted
from describer_daemon.alt_text.results import Result
from describer_daemon.cli.inputs import read_bytes
from describer_daemon.core.ports import Caption, Detection, Picture, Rectangle
from tests.unit.alt_text import making
from tests.unit.alt_text.making import PLAIN, Quick

NOTHING, SIDECAR, EMBED = Wanted(), Wanted(sidecar=True), Wanted(embed=True)
exiftool = pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
OF_AUTHOR = making.packet(making.alternative("i:AltTextAccessibility", ("x-default", "Mine.")))


def made(folder: Path, kind: str = "JPEG", data: bytes = b"") -> Path:
    path = folder / f"photo.{kind.lower()}"
    path.write_bytes(data or making.picture(kind))
    return path


def alt_text(path: Path | str, wanted: Wanted = NOTHING, captioner: Quick | None = None) -> Result:
    return pictures.alt_text(str(path), captioner or Quick(PLAIN), wanted, read_bytes)


# a caption → alt text, and whether somebody should look at it; None: nothing is proposed
FORMS: list[tuple[Caption, tuple[str, bool] | None]] = [
    (PLAIN, ("A dog runs.", False)),
    (replace(PLAIN, form="hedged"), ("Could be: a dog runs.", True)),
    (replace(PLAIN, form="things", seen=("two people", "a dog")), ("Two people and a dog.", True)),
    (replace(PLAIN, form="unknown", colours=("blue",)), None),
    (
        replace(
            PLAIN, number=1, pictures=(Detection(Rectangle(0, 0, 9, 9), 1, "photograph"),) * 2
        ),
        ("A dog runs.", True),
    ),
    *[(Caption((), (), 1.0, finding=one), None) for one in ("black", "plain", "none", "text")],
    (replace(PLAIN, finding="drawing"), None),
]  # fmt: skip


@pytest.mark.parametrize(("caption", "expected"), FORMS)
def test_only_what_is_believed_is_written_and_the_less_sure_is_marked(
    tmp_path: Path, caption: Caption, expected: tuple[str, bool] | None
) -> None:
    path = made(tmp_path)
    result = alt_text(path, SIDECAR, Quick(caption))
    assert not result.failed
    fields = json.loads(result.as_json())
    if expected is None:
        assert fields["alt_text"] is None
        assert fields["reason"]
        assert not sidecars.sidecar(path).exists()
    else:
        assert (fields["alt_text"], fields["needs_review"]) == expected
        assert fields["confidence"] == 0.9123
        assert ("needs review" in result.shown()) is expected[1]
        packet = sidecars.sidecar(path).read_text(encoding="utf-8")
        assert f"<describer:NeedsReview>{expected[1]}<" in packet
        assert sidecars.found(path) == xmp.Found(expected[0], is_ours=True)


def test_an_alt_text_is_in_the_language_of_its_caption(tmp_path: Path, catalogues: Path) -> None:
    path = made(tmp_path)
    german = replace(PLAIN, language="de", translated="ein Hund rennt")
    assert json.loads(alt_text(path, SIDECAR, Quick(german)).as_json())["language"] == "de"
    packet = sidecars.sidecar(path).read_text(encoding="utf-8")
    assert '<rdf:li xml:lang="de">Ein Hund rennt.<' in packet
    listed = replace(
        german, form="things", translated="", seen=("einen Hund",), listed=("ein Hund",)
    )
    assert alt_text(path, NOTHING, Quick(listed)).text == "Ein Hund rennt."  # it is there already
    path.with_name("photo.jpeg.xmp").unlink()
    assert alt_text(path, NOTHING, Quick(listed)).text == "Ein Hund."


def test_nothing_is_written_without_being_asked(tmp_path: Path) -> None:
    path = made(tmp_path)
    assert alt_text(path).shown() == "A dog runs."
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_bytes() == making.picture("JPEG")


def places(path: Path) -> dict[str, tuple[Path, bytes]]:
    return {
        "sidecar": (sidecars.sidecar(path), OF_AUTHOR),
        "Adobe's sidecar": (path.with_suffix(".xmp"), OF_AUTHOR),
        "embedded": (path, making.jpeg_with(making.xmp_segment(OF_AUTHOR))),
        "EXIF": (
            path,
            making.jpeg_with(
                making.segment(0xE1, b"Exif\0\0" + making.tiff_with(270, b"Mine."))
            ),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("place", ["sidecar", "Adobe's sidecar", "embedded", "EXIF"])
@pytest.mark.parametrize("wanted", [NOTHING, SIDECAR, EMBED])
def test_an_authors_text_is_left_alone_and_costs_no_caption(
    tmp_path: Path, place: str, wanted: Wanted
) -> None:
    path = made(tmp_path)
    where, content = places(path)[place]
    where.write_bytes(content)
    captioner = Quick(PLAIN)
    result = alt_text(path, wanted, captioner)
    assert (result.source, result.text, captioner.asked) == ("author", "Mine.", [])
    assert where.read_bytes() == content


def test_it_is_replaced_only_when_that_is_asked_for(tmp_path: Path) -> None:
    path = made(tmp_path)
    beside = sidecars.sidecar(path)
    beside.write_bytes(OF_AUTHOR.replace(b"</rdf:Desc", b"<dc:title>T</dc:title></rdf:Desc", 1))
    result = alt_text(path, Wanted(sidecar=True, replace=True))
    assert (result.source, list(result.written)) == ("proposed", [beside])
    assert sidecars.found(path) == xmp.Found("A dog runs.", is_ours=True)
    assert b"<dc:title>T</dc:title>" in beside.read_bytes()
    stamp = beside.stat()
    again = alt_text(path, Wanted(sidecar=True, replace=True))
    assert (list(again.written), beside.stat().st_ino) == ([], stamp.st_ino)


def test_a_second_run_passes_over_what_is_done(tmp_path: Path) -> None:
    path, captioner = made(tmp_path), Quick(PLAIN)
    assert alt_text(path, SIDECAR, captioner).source == "proposed"
    second = alt_text(path, SIDECAR, captioner)
    assert (second.source, second.text, list(second.written)) == ("describer", "A dog runs.", [])
    assert len(captioner.asked) == 1


@pytest.mark.parametrize("wanted", [SIDECAR, Wanted(embed=True, replace=True)])
def test_a_picture_that_changed_meanwhile_is_not_written(tmp_path: Path, wanted: Wanted) -> None:
    path = made(tmp_path)

    class Slow(Quick):
        def describe(self, picture: Picture, already_described: object = ()) -> Caption:
            path.write_bytes(making.picture("JPEG", 2) + b"changed")
            return PLAIN

    assert "changed meanwhile" in alt_text(path, wanted, Slow()).error
    assert [*tmp_path.iterdir()] == [path]


def test_a_sidecar_that_came_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = made(tmp_path)

    class Slow(Quick):
        def describe(self, picture: Picture, already_described: object = ()) -> Caption:
            sidecars.sidecar(path).symlink_to("/nowhere")
            return PLAIN

    assert "changed meanwhile" in alt_text(path, SIDECAR, Slow()).error


@pytest.mark.parametrize("content", [b"", b"no xml", b"<a/>", OF_AUTHOR[:-4]])
def test_a_sidecar_that_is_none_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = made(tmp_path)
    beside = sidecars.sidecar(path)
    beside.write_bytes(content)
    for wanted in (SIDECAR, Wanted(sidecar=True, replace=True)):
        assert alt_text(path, wanted).failed
        assert beside.read_bytes() == content


def test_folders_that_may_not_be_written_to_are_told(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        path = Path("/proc/self/comm")  # nobody may make a file there, root neither
        assert "cannot be written" in alt_text(path, SIDECAR).error
        return
    path = made(tmp_path)
    tmp_path.chmod(0o500)
    try:
        assert "cannot be written" in alt_text(path, SIDECAR).error
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    "name", ["a\nb.jpg", "-rf.jpg", "=1.jpg", "\udcff.jpg", "%d.jpg", "a'\".jpg"]
)
def test_odd_names_are_only_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(making.picture("JPEG"))
    wanted = Wanted(sidecar=True, embed=shutil.which("exiftool") is not None)
    result = alt_text(name, wanted)
    assert not result.failed
    assert {one.name for one in Path().iterdir()} == {name, f"{name}.xmp"}
    assert result.as_json().isprintable()


@exiftool
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
def test_it_is_embedded_and_no_pixel_is_touched(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path, kind)
    pixels = metadata.image_data(path.read_bytes())
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18))
    link = tmp_path / "link"
    link.symlink_to(path.name)
    result = alt_text(link, EMBED)
    assert list(result.written) == [path]
    assert link.is_symlink()
    data, state = path.read_bytes(), path.stat()
    assert metadata.found(data) == xmp.Found("A dog runs.", is_ours=True)
    assert metadata.image_data(data) == pixels
    assert (state.st_mode & 0o777, state.st_mtime_ns) == (0o640, 10**18)
    assert alt_text(path, EMBED).source == "describer"
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(["link", path.name])


@exiftool
def test_what_an_author_wrote_beside_it_stays_in_the_file(tmp_path: Path) -> None:
    theirs = making.packet("<dc:format>mine</dc:format>")
    path = made(tmp_path, data=making.jpeg_with(making.xmp_segment(theirs)))
    assert alt_text(path, EMBED).source == "proposed"
    assert b"mine" in path.read_bytes()


@exiftool
def test_what_exiftool_cannot_write_into_is_told(tmp_path: Path) -> None:
    path = made(tmp_path, "BMP")
    assert alt_text(path, EMBED).error.endswith("Please use --sidecar.")
    assert path.read_bytes() == making.picture("BMP")


@pytest.mark.parametrize(
    "output", [b"", b"x", making.picture("JPEG"), making.jpeg_with(making.xmp_segment(OF_AUTHOR))]
)
def test_what_is_not_whole_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: bytes
) -> None:
    path = made(tmp_path)
    monkeypatch.setattr(embedding, "is_there", lambda: True)
    monkeypatch.setattr(
        embedding.processes, "run", lambda *_, **__: processes.Finished(0, output, b"")
    )
    assert alt_text(path, EMBED).failed
    assert path.read_bytes() == making.picture("JPEG")


def test_without_exiftool_it_is_said_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding.shutil, "which", lambda _: None)
    assert alt_text(made(tmp_path), EMBED).error == embedding.MISSING
