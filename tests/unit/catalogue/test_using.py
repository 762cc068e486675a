"""A captioner that was added is used by its name, and taken away again."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from describer_daemon import making
from describer_daemon.captioner import judging, loading, protocol, results
from describer_daemon.catalogue import entries, files, installed
from describer_daemon.cli import captioner_measuring
from describer_daemon.cli.main import main
from describer_daemon.core.ports import Caption, DescriberError, Encoded
from describer_daemon.settings.settings import Settings, load
from models.eyes.checked import CheckedCaptioner
from models.eyes.limits import SIGNALS, Limits, read_limits
from tests import eyes_gpt2
from tests.hub import COMMIT, LocalHub
from tests.shared import made_once


def describer(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["captioner", *arguments])


@pytest.fixture
def settings(local_hub: LocalHub, sandbox: Path) -> Path:
    path = sandbox / "settings.toml"
    path.write_text("[captioner]\ntimeout_seconds = 300\n", encoding="utf-8")
    return path


@pytest.fixture
def mine(settings: Path, tiny_bundle: Path) -> str:
    """A bundle of ours, added from its folder under this name."""
    done = describer("add", str(tiny_bundle), "--name", "mine")
    assert done.exit_code == 0, done.stderr
    return "mine"


def test_it_is_used_listed_and_removed(mine: str, settings: Path) -> None:
    assert describer("use", mine).stdout == "mine describes from now on.\n"
    assert load(settings).captioner.bundle == Path("mine")
    rows = [json.loads(line) for line in describer("list", "--json").stdout.splitlines()]
    assert [row["name"] for row in rows if row["in_use"]] == ["mine"]
    refused = describer("remove", mine, "--yes")
    assert refused.stderr == "mine is in use. First: describer captioner use everyday\n"
    assert describer("use", "everyday").exit_code == 0
    assert load(settings).captioner.bundle is None
    assert "Please say that it may, with --yes." in describer("remove", mine).stderr
    assert describer("remove", mine, "--yes").stdout == "mine was removed.\n"
    assert installed.everyone() == []
    assert [path.name for path in installed.captioners_folder().iterdir()] == [".lock"]
    for command in ("use", "remove"):
        assert "mine is not installed." in describer(command, mine).stderr
    assert "is part of the describer, and stays." in describer("remove", "everyday").stderr


def test_it_describes_in_its_process_by_its_name(mine: str, tmp_path: Path, settings: Path) -> None:
    picture = str(Path(entries.FOLDER.parent / "sample.jpg"))
    by_name = CliRunner().invoke(main, ["describe", "--json", "--captioner", mine, picture])
    assert by_name.exit_code == 0, by_name.stderr
    assert set(json.loads(by_name.stdout)["words"]) <= {
        "a", "dog", "man", "in", "the", "grass", "red", "runs", "snow", "water", "on", "boat"
    }  # fmt: skip
    none = CliRunner().invoke(main, ["describe", "--captioner", "none", picture])
    assert none.stderr == "There is no captioner none. Please add it, or choose another.\n"


def test_its_limits_are_those_of_its_entry(mine: str) -> None:
    one = installed.named(mine)
    assert one is not None
    manifest = one.folder / installed.MANIFEST
    table = json.loads(manifest.read_text(encoding="utf-8"))
    table |= {"seconds": 77, "memory_megabytes": 3000}
    manifest.write_text(json.dumps(table), encoding="utf-8")
    chosen = making.chosen(Settings().captioner, mine)
    assert (chosen.bundle, chosen.timeout) == (one.model, 77.0)
    assert chosen.allowance is not None
    assert 2_900_000_000 < chosen.allowance < 3_000_000_000
    assert making.worker_count(Settings().captioner, 1000, mine) == 1
    assert making.chosen(Settings().captioner) == making.Chosen(None, 20.0)
    assert making.chosen(Settings().captioner, "everyday").bundle is None
    assert making.chosen(Settings().captioner, "/a/folder").bundle == Path("/a/folder")


def test_one_that_was_changed_is_not_loaded(mine: str, settings: Path) -> None:
    one = installed.named(mine)
    assert one is not None
    part = one.model / "vocabulary.json"
    part.write_bytes(part.read_bytes() + b" ")
    assert describer("use", mine).exit_code == 0
    told: list[DescriberError] = []
    captioner = making.make_captioner(load(settings), told.append)
    try:
        captioner.warm_up()
    finally:
        captioner.close()
    assert [error.spoken for error in told] == [
        "The captioner mine is damaged. Please remove it, and add it again. "
        "I use the one that ships."
    ]
    strict = making.make_captioner(load(settings))
    try:
        with pytest.raises(DescriberError, match="The captioner mine is damaged"):
            strict.warm_up()
    finally:
        strict.close()


def test_one_that_is_gone_is_stood_in_for(mine: str, settings: Path) -> None:
    assert describer("use", mine).exit_code == 0
    shutil.rmtree(installed.captioners_folder())
    told: list[DescriberError] = []
    captioner = making.make_captioner(load(settings), told.append)
    picture = Encoded((entries.FOLDER.parent / "sample.jpg").read_bytes())
    try:
        assert captioner.describe(picture).words
    finally:
        captioner.close()
    assert told[0].spoken == (
        "There is no captioner mine. Please add it, or choose another. I use the one that ships."
    )


def test_somebody_elses_is_added_from_a_hub_and_describes_in_its_process(
    settings: Path, local_hub: LocalHub, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = made_once(tmp_path_factory, "vit_gpt2", eyes_gpt2.write)
    local_hub.repositories["Someone/tiny"] = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    done = describer("add", f"Someone/tiny@{COMMIT}", "--yes")
    assert done.exit_code == 0, done.stderr
    one = installed.named("tiny")
    assert one is not None
    assert one.entry.layout == "encoder-decoder"
    asked = len(local_hub.asked)
    loaded, notice = loading.load(loading.Wanted(one.model, "onnx", 1))
    assert (type(loaded).__name__, notice) == ("CheckedCaptioner", "")
    picture = str(Path(entries.FOLDER.parent / "sample.jpg"))
    arguments = ["describe", "--json", "--captioner", "tiny", "--detail", "detailed", picture]
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == 0, told.stderr
    # made of random weights it is hardly believed, and then what ships says what it sees
    assert json.loads(told.stdout)["form"] in ("hedged", "things", "unknown")
    assert len(local_hub.asked) == asked
    data = tmp_path_factory.mktemp("data")
    shutil.copy(picture, data / "one.jpg")
    (data / "one.txt").write_text("A rabbit in the grass.\n\nA hare.\n", encoding="utf-8")
    tested = json.loads(describer("test", "tiny", "--data", str(data), "--json").stdout)
    assert tested["judged"] in (0, 1)  # what ours contradicts is not judged
    assert (tested["pictures"], tested["learnt"]) == (1, False)
    assert not (one.model / "limits.json").exists()


class _Judging:
    """A captioner that is right where it is sure."""

    pid = None

    def __init__(self) -> None:
        self.described = 0

    def warm_up(self) -> None:
        pass

    def close(self) -> None:
        pass

    def describe(self, _: object) -> Caption:
        self.described += 1
        return Caption(("a", "dog"), (-1.0,) * 3, 0.5, "hedged")

    def answer(self, request: judging.Judge | judging.Fit, kind: object) -> object:
        if isinstance(request, judging.Fit):
            return results.fitted(request)
        good = self.described % 2 == 0
        assert request.references == ("A dog.", "It runs.")
        signals = dict.fromkeys(SIGNALS, 0.5) | {"mean": -0.1 if good else -3.0}
        return judging.Judged(judging.Row(signals, good))


@pytest.mark.parametrize(("pictures", "learnt"), [(60, True), (20, False)])
def test_when_to_speak_plainly_is_learnt_from_what_people_say(
    mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: int, learnt: bool
) -> None:
    for number in range(pictures):
        (tmp_path / f"{number}.jpg").write_bytes(b"")
        (tmp_path / f"{number}.txt").write_text(" A dog.\n\nIt runs.\n", encoding="utf-8")
    (tmp_path / "nobody.jpg").write_bytes(b"")
    monkeypatch.setattr(captioner_measuring, "_made", lambda _, **__: _Judging())
    done = describer("test", mine, "--data", str(tmp_path), "--most", "500")
    assert done.exit_code == 0, done.stderr
    one = installed.named(mine)
    assert one is not None
    limits = read_limits(one.model)
    if learnt:
        assert (
            f"Pictures from which it has learnt when to speak plainly: {pictures}." in done.stdout
        )
        sure, unsure = (dict.fromkeys(SIGNALS, 0.5) | {"mean": mean} for mean in (-0.1, -3.0))
        assert limits.confidence(sure) > limits.sure == 0.8
        assert limits.confidence(unsure) < limits.medium
    else:
        assert f"when to speak plainly: {pictures}, which do not suffice." in done.stdout
        assert limits == Limits()


class _NotLearning(_Judging):
    """One that ends when it is to learn."""

    def answer(self, request: judging.Judge | judging.Fit, kind: object) -> object:
        if isinstance(request, judging.Fit):
            raise DescriberError("The captioner broke off.")
        return super().answer(request, kind)


def test_what_it_takes_is_kept_where_nothing_can_be_learnt(
    mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.jpg").write_bytes(b"")
    (tmp_path / "one.txt").write_text("A dog.\nIt runs.\n", encoding="utf-8")
    monkeypatch.setattr(captioner_measuring, "_made", lambda _, **__: _NotLearning())
    done = describer("test", mine, "--data", str(tmp_path))
    assert (done.exit_code, done.stderr) == (1, "The captioner broke off.\n")
    assert f"{mine}: 1 picture" in done.stdout
    assert "speak plainly" not in done.stdout
    one = installed.named(mine)
    assert one is not None
    kept = json.loads((one.folder / installed.MEASURED).read_text(encoding="utf-8"))
    assert (kept["pictures"], kept["judged"], kept["learnt"]) == (1, 1, False)


def test_what_is_judged_and_learnt_from_fits_into_a_message() -> None:
    said = dict.fromkeys((*SIGNALS, "total", "end", "a thing"), -123.4567890123)

    class Said(CheckedCaptioner):
        def __init__(self) -> None:
            """Load no network."""

        def judged(self, references: Sequence[str]) -> tuple[dict[str, float], bool]:
            return said, not references

    row = results.judged(Said(), ["a dog"]).row
    assert row == judging.Row(dict.fromkeys(SIGNALS, -123.45679), good=False)
    rows = captioner_measuring._drawn([row] * 10_000)
    head, _ = judging.Fit(tuple(rows)).encode()
    assert len(json.dumps(head)) < protocol.MAX_HEAD // 2
    numbered = [judging.Row({"mean": float(number)}, good=True) for number in range(5000)]
    drawn = [row.signals["mean"] for row in captioner_measuring._drawn(numbered)]
    assert (len(drawn), drawn[:3], drawn[-1]) == (2000, [0.0, 2.0, 5.0], 4997.0)
    assert captioner_measuring._drawn(numbered[:7]) == numbered[:7]
    assert captioner_measuring._drawn([]) == []


@pytest.mark.parametrize(
    ("written", "people"),
    [
        (b"\xef\xbb\xbfA dog.\r\n\r\nIt runs.", ("A dog.", "It runs.")),
        ("\N{DOG FACE}".encode() * 200_000, ("\N{DOG FACE}" * 80_000,)),
        ("\N{DOG FACE}\n".encode() * 200_000, ("\N{DOG FACE}",) * 40_000),
    ],
    ids=["of Windows", "long", "many"],
)
def test_what_people_say_is_read_as_far_as_a_message_takes_it(
    written: bytes, people: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "one.txt").write_bytes(written)
    found = captioner_measuring.references(tmp_path / "one.jpg")
    assert found == people
    head, _ = judging.Judge(found).encode()
    assert len(json.dumps(head)) < protocol.MAX_HEAD


def test_a_file_is_replaced_once_all_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "limits.json"
    files.replace(path, b"one")
    files.replace(path, b"two")
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"two", [path])

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(DescriberError, match="disk is full"):
        files.replace(path, b"three")
    assert path.read_bytes() == b"two"


def test_what_it_takes_is_measured_and_kept(mine: str, settings: Path, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    shutil.copy(entries.FOLDER.parent / "sample.jpg", tmp_path / "below" / "one.JPG")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    done = describer("test", mine, "--data", str(tmp_path), "--json")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("bad.jpg: ")
    told = json.loads(done.stdout)
    assert (told["pictures"], told["others"]) == (1, 0)
    assert told["memory"] > 10_000_000
    one = installed.named(mine)
    assert one is not None
    kept = json.loads((one.folder / installed.MEASURED).read_text(encoding="utf-8"))
    assert kept == {"format": 1, **told}
    (one.folder / installed.MEASURED).write_text('{"slowest": 70}', encoding="utf-8")
    assert making.chosen(Settings().captioner, mine).timeout == 210.0
    (one.folder / installed.MEASURED).write_text('{"slowest": "7', encoding="utf-8")
    assert making.chosen(Settings().captioner, mine).timeout == one.entry.seconds
    (tmp_path / "below" / "one.JPG").unlink()
    done = describer("test", mine, "--data", str(tmp_path))
    assert (done.exit_code, done.stdout) == (1, "")
    (tmp_path / "empty").mkdir()
    assert "no pictures" in describer("test", mine, "--data", str(tmp_path / "empty")).stderr
    assert "is not installed" in describer("test", "nobody").stderr
    measured = captioner_measuring.Measured("x", 2, 0.5, 1.25, 2.5, 10**8, 0, 1, 1)
    assert captioner_measuring.told(measured) == [
        "x: 2 pictures, 1.25 seconds each, the slowest 2.5.",
        "Loading it took 0.5 seconds; it has taken 100 MB of memory at most.",
        "Said plainly: 0; hedged: 1; listed or not known: 1.",
        "Where the one that ships answered instead, being surer: 1.",
    ]
