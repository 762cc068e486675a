"""A captioner is installed whole and checked, or not at all; each failure is told with its cure."""

from __future__ import annotations

import http.client
import io
import json
import resource
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from describer_daemon.catalogue import files, hub, installed, pins
from describer_daemon.catalogue.installed import Installed
from describer_daemon.cli import asking
from describer_daemon.cli.main import main
from tests import hub as faults
from tests.hub import COMMIT, LocalHub
from tests.unit.catalogue.conftest import DECODER, ENCODER, FILES, TEXTS

OTHER = "f" * 40


def describer(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["captioner", *arguments])


def add(*arguments: str) -> Result:
    return describer("add", *arguments, "--yes")


def only(name: str) -> Installed:
    """The captioner of that name, with the bytes that the hub has."""
    one = installed.named(name)
    assert one is not None
    found = {
        path.relative_to(one.model).as_posix(): path.read_bytes()
        for path in one.model.rglob("*")
        if path.is_file()
    }
    assert found == {each: FILES[each] for each in (ENCODER, DECODER, *TEXTS)}
    assert all(piece.sha256 and piece.size is not None for piece in one.entry.files)
    installed.check(one.model)
    return one


def test_a_captioner_is_fetched_noted_and_listed(local_hub: LocalHub) -> None:
    done = add("small", "--pin")
    assert (done.exit_code, done.stderr.count("\n")) == (0, 1)
    assert done.stderr.startswith("This fetches about 6 MB from 127.0.0.1:")
    assert "What came is noted in " in done.stdout
    assert "small is installed. To use it: describer captioner use small" in done.stdout
    one = only("small")
    assert (one.entry.revision, one.source) == (COMMIT, local_hub.address)
    assert not one.folder.with_name(".partial-small").exists()
    for path in (one.folder, *one.folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    row = json.loads(describer("list", "--json").stdout.splitlines()[1])
    assert (row["name"], row["state"], row["pinned"]) == ("small", "installed", True)
    assert "small             installed  Nothing at all. (" in describer("list").stdout
    before = len(local_hub.asked)
    again = add("small", "--pin")
    assert (again.exit_code, again.stdout) == (0, "small is installed already.\n")
    assert len(local_hub.asked) == before


def test_nothing_is_fetched_unasked(local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = describer("add", "small", "--pin")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "This fetches about 6 MB from " in refused.stderr
    assert "with --yes." in refused.stderr
    unpinned = add("small")
    assert (unpinned.exit_code, unpinned.stdout) == (1, "")
    assert "Nobody has noted yet what small must consist of. With --pin" in unpinned.stderr
    monkeypatch.setattr(asking, "can_ask", lambda: True)
    no = CliRunner().invoke(main, ["captioner", "add", "small", "--pin"], input="n\n")
    assert (no.exit_code, no.stdout) == (1, "")
    assert "Go on? [y/N]" in no.stderr
    assert not local_hub.asked
    yes = CliRunner().invoke(main, ["captioner", "add", "small", "--pin"], input="y\n")
    assert yes.exit_code == 0
    only("small")


Arrange = Callable[[LocalHub], None]


def first(part: str, *answers: faults.Answer) -> Arrange:
    """The next requests for what has this in its path are answered so."""
    return lambda there: there.faults.update({part: list(answers)})


def listing(**changes: object) -> Arrange:
    return lambda there: setattr(there, "listed", there.listing("Someone/small") | changes)


def siblings(change: Callable[[list[dict[str, object]]], object]) -> Arrange:
    def arrange(there: LocalHub) -> None:
        there.listed = there.listing("Someone/small")
        change(there.listed["siblings"])

    return arrange


def swapped(name: str, content: bytes) -> Arrange:
    """The listing tells of the one, the store has another."""

    def arrange(there: LocalHub) -> None:
        there.listed = there.listing("Someone/small")
        there.repositories["Someone/small"][name] = content

    return arrange


AGAIN = "Please try again: it goes on where it was."
RIGHT = "installed"
# what goes wrong → the sentence, or RIGHT where it is overcome
FAULTS: dict[str, tuple[Arrange, str]] = {
    "cut in the middle, again and again": (
        first("/store/", *(faults.cut(200_000 * n) for n in (1, 1, 1))),
        RIGHT,
    ),
    "cut before the first byte": (first("/store/", faults.hang_up), RIGHT),
    "cut without getting on": (first("/store/", *[faults.hang_up] * 9), f"broke off. {AGAIN}"),
    "500, then fine": (first("/store/", faults.status(500)), RIGHT),
    "500 for the listing, then fine": (first("/api/", faults.status(503)), RIGHT),
    "429, to be left alone for no time": (
        first("/resolve/", faults.status(429, Retry_After="0")),
        RIGHT,
    ),
    "500 and nothing else": (
        first("/store/", *[faults.status(500)] * 9),
        f"has trouble of its own. {AGAIN}",
    ),
    "404 for a file": (first("/store/", faults.status(404)), "has no such captioner, revision or"),
    "401": (first("/api/", faults.status(401)), "to those with an account alone. Please download"),
    "403": (first("/store/", faults.status(403)), "to those with an account alone. Please downl"),
    "407": (first("/api/", faults.status(407)), "The proxy wants a name and a password"),
    "418": (first("/api/", faults.status(418)), "refused, with the status 418"),
    "redirects in a circle": (
        first("/resolve/", *[faults.redirect(f"/Someone/small/resolve/{COMMIT}/x")] * 9),
        "sent me from address to address, so I stopped.",
    ),
    "a redirect to a file of this computer": (
        first("/resolve/", faults.redirect("file:///etc/passwd")),
        "sent me from address to address, so I stopped.",
    ),
    "a redirect by another protocol": (
        first("/resolve/", faults.redirect("ftp://127.0.0.1/x")),
        "to an address that is not encrypted, so I stopped.",
    ),
    "a redirect with a password": (
        first("/resolve/", faults.redirect("http://me:secret@127.0.0.1:9/x")),
        "to an address with a password, so I stopped.",
    ),
    "other bytes": (
        swapped(ENCODER, bytes(700_000)),
        f"{ENCODER} is not the file that it should be, so nothing was installed.",
    ),
    "too few bytes": (swapped(DECODER, FILES[DECODER][:-1]), "is not the file that it should be"),
    "too many bytes": (swapped(DECODER, FILES[DECODER] + b"."), "is not the file that it should"),
    "a page to log in": (first("/store/", faults.body(b"<html>")), "is not the file that it shou"),
    "a page to log in for the listing": (
        first("/api/", faults.body(b"<html>")),
        "does not answer as a hub does. Please look at HF_ENDPOINT, or log in",
    ),
    "a listing of nonsense": (listing(siblings=[7]), "does not answer as a hub does."),
    "a listing of no commit": (listing(sha="main"), "does not answer as a hub does."),
    "a listing that is endless": (
        first("/api/", faults.body(b"[" * 9_000_000)),
        "does not answer as a hub does.",
    ),
    "a file that is missing": (
        siblings(lambda there: there.pop(0)),
        f"small is not what the catalogue says: it lacks {ENCODER}.",
    ),
    "a file that is far larger than was said": (
        siblings(lambda there: there[0].update(lfs={"size": 10**9, "sha256": "0" * 64})),
        f"small is not what the catalogue says: {ENCODER} has 1000 MB, not 1 MB.",
    ),
    "names that lead elsewhere": (
        siblings(lambda there: there.append({"rfilename": "../../.bashrc", "size": 1})),
        RIGHT,
    ),
    "another part than was asked for": (
        first(
            "/store/",
            faults.cut(100_000),
            faults.body(b"x", 206, Content_Range="bytes 7-7/700000"),
        ),
        "sent another part of a file than was asked for.",
    ),
    "a part of nobody knows what": (
        first("/store/", faults.cut(100_000), faults.body(b"x", 206)),
        "sent a part of a file without saying which.",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_overcome_or_told_and_leaves_no_half_captioner(
    fault: str, local_hub: LocalHub, sandbox: Path
) -> None:
    arrange, told = FAULTS[fault]
    arrange(local_hub)
    done = add("small", "--pin")
    if told == RIGHT:
        assert done.exit_code == 0, done.stderr
    else:
        assert (done.exit_code, done.stdout) == (1, "")
        sentence = done.stderr.splitlines()[-1]
        assert told in sentence
        assert installed.everyone() == []
        assert not pins.place("small").exists()
        # what is there is no captioner for anybody, and the next time goes on from it
        assert {path.name for path in sandbox.rglob("*.onnx")} <= {Path(ENCODER).name}
        local_hub.faults.clear()
        local_hub.listed = None
        local_hub.repositories["Someone/small"] = dict(FILES)
        assert add("small", "--pin").exit_code == 0
    only("small")
    assert not list(sandbox.rglob("*.part"))
    assert {path.name for path in sandbox.iterdir()} <= {".local", ".cache", ".config", "run"}


def test_what_was_broken_off_goes_on_by_range_and_only_of_the_same_version(
    local_hub: LocalHub,
) -> None:
    local_hub.faults["/store/"] = [faults.cut(500_000), *[faults.status(404)]]
    assert add("small", "--pin").exit_code == 1
    assert installed.begun("small") == 500_000
    assert "1 MB of it are here: add goes on" in describer("list").stdout
    assert add("small", "--pin").exit_code == 0
    only("small")
    ranges = [fields.get("Range") for path, fields in local_hub.asked if "encoder" in path]
    assert ranges[-1] == "bytes=500000-"
    assert local_hub.asked[-1][1].get("Range") is None
    marks = [fields["If-Range"] for path, fields in local_hub.asked if fields.get("If-Range")]
    assert all(mark.startswith('"') for mark in marks)
    assert marks


def test_a_part_of_another_version_is_thrown_away(local_hub: LocalHub, sandbox: Path) -> None:
    local_hub.faults["/store/"] = [faults.cut(500_000), *[faults.status(404)]]
    assert add("small", "--pin").exit_code == 1
    (part,) = sandbox.rglob("*.part")
    part.write_bytes(bytes(400_000))  # as if these had come
    assert add("small", "--pin").exit_code == 0
    only("small")
    local_hub.commit = OTHER
    assert installed.begun("small") == 0


def test_what_was_noted_must_come_ever_after(local_hub: LocalHub) -> None:
    assert add("small", "--pin").exit_code == 0
    noted = pins.noted("small", "Someone/small")
    assert noted is not None
    assert noted.is_pinned
    shutil.rmtree(only("small").folder)
    before = len(local_hub.paths("/api/"))
    assert add("small").exit_code == 0  # without asking what there is
    assert len(local_hub.paths("/api/")) == before
    shutil.rmtree(only("small").folder)
    local_hub.repositories["Someone/small"][DECODER] = FILES[DECODER][::-1]
    done = add("small")
    assert "is not the file that it should be, so nothing was installed." in done.stderr
    assert installed.everyone() == []
    pins.place("small").write_text("{}", encoding="utf-8")
    assert "What was noted of small cannot be read." in add("small").stderr


def test_a_repository_is_taken_at_a_commit_or_pinned(local_hub: LocalHub) -> None:
    assert "With --pin I take what comes now" in add("Else/other-One@main").stderr
    assert "Please say which revision of it you want" in add("Else/other-One").stderr
    assert "There is no captioner and no folder 'nothing'." in add("nothing").stderr
    assert "has no such captioner, revision or file" in add(f"Else/other-One@{OTHER}").stderr
    done = add(f"Else/other-One@{COMMIT}")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("This fetches it from 127.0.0.1:")
    assert only("other-one").entry.layout == "encoder-decoder"
    assert "cannot be its name" in add("Else/other-One@main", "--name", "../x").stderr
    assert add("Else/other-One@main", "--name", "mine", "--pin").exit_code == 0
    only("mine")
    # of one in the catalogue the rest is known, too
    assert add(f"someone/SMALL@{COMMIT}").exit_code == 0
    assert only("small").entry.licence == "MIT"


def test_a_folder_is_copied_without_the_network(local_hub: LocalHub, tmp_path: Path) -> None:
    folder = tmp_path / "My Eyes"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    done = describer("add", str(folder))
    assert done.exit_code == 0, done.stderr
    assert f"{folder} was copied; it is not needed any more." in done.stdout
    shutil.rmtree(folder)
    assert only("my-eyes").source == str(folder)
    assert not local_hub.asked
    (tmp_path / "empty").mkdir()
    assert "There is no captioner that I can use" in describer("add", str(tmp_path)).stderr


def test_a_full_disk_keeps_what_came(local_hub: LocalHub, sandbox: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))  # the kernel's own refusal
    try:
        done = add("small", "--pin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.stderr.splitlines()[-1] == (
        "The disk is full. Please make room, and give the same command again: "
        "it goes on where it was."
    )
    (part,) = sandbox.rglob("*.part")
    assert part.stat().st_size == 600_000
    assert add("small", "--pin").exit_code == 0
    only("small")


def test_too_little_room_is_told_before_anything_is_fetched(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil._ntuple_diskusage(10**9, 9 * 10**8, 10**8)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage)
    done = add("small", "--pin")
    assert "There is too little room on the disk: 100 MB are free and 106 MB are needed." in (
        done.stderr
    )
    assert not local_hub.asked


def test_a_proxy_is_asked_where_one_is_named(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert "cannot be reached." in add("small", "--pin").stderr
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert add("small", "--pin").exit_code == 0
    # a proxy is asked for whole addresses: this one stands in for the hub
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", local_hub.address)
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    add("Else/other-One@main", "--pin")
    assert local_hub.paths("http://hub.invalid/api/models/Else/other-One/revision/main")


def test_nothing_secret_is_sent(local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert add("small", "--pin").exit_code == 0
    sent = {name for _, fields in local_hub.asked for name in fields}
    assert sent <= {"Accept-Encoding", "User-Agent", "Host", "Connection", "Range", "If-Range"}
    assert {fields["User-Agent"] for _, fields in local_hub.asked} == {"describer"}


@pytest.mark.parametrize(
    "address",
    ["huggingface.co", "ftp://a.org", "https://", "https://me@a.org", "http://a:x", "file:///etc"],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(hub.DescriberError, match="HF_ENDPOINT must be an address such as"):
        hub.Hub(address)


def test_what_cannot_be_found_or_trusted_is_told(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    assert "I cannot find hub.invalid. Please go online" in add("small", "--pin").stderr
    monkeypatch.setenv("HF_ENDPOINT", local_hub.address.replace("http:", "https:"))
    assert " broke off." in add("small", "--pin").stderr  # it speaks no TLS


def test_no_redirect_leads_out_of_an_encrypted_connection() -> None:
    redirects = hub._Redirects(encrypted=True)
    request = hub.urllib.request.Request("https://a.org/x")
    headers = http.client.HTTPMessage()
    for target in ("http://a.org/x", "http://127.0.0.1/x"):
        with pytest.raises(hub.HubError, match="not encrypted"):
            redirects.redirect_request(request, io.BytesIO(), 302, "", headers, target)
    target = "https://b.org/x"
    assert redirects.redirect_request(request, io.BytesIO(), 302, "", headers, target)


def test_two_at_a_time_do_not_meet(local_hub: LocalHub) -> None:
    from describer_daemon.catalogue import installing

    with installing._only_one():
        done = add("small", "--pin")
    assert "Another describer adds or removes a captioner just now." in done.stderr
