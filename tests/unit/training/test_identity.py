"""What a file was made of is known again, and what differs is said in words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from training import identity

if TYPE_CHECKING:
    from pathlib import Path

WANTED = {
    "seed": 2,
    "recipe": {"rate": 0.5, "smoothing": 0.1, "mean": [1, 2]},
    "pictures": "a" * 64,
    "captions": None,
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"seed": 1}, ["seed was 1 and is 2"]),
        ({"recipe": WANTED["recipe"] | {"rate": 0.25}}, ["recipe, rate was 0.25 and is 0.5"]),
        ({"recipe": {"rate": 0.5, "mean": [1, 2]}}, ["recipe, smoothing was not given and is 0.1"]),
        ({"recipe": WANTED["recipe"] | {"mean": [1, 3]}}, ["recipe, mean: not the same"]),
        ({"pictures": "b" * 64}, ["pictures: not the same"]),
        ({"captions": "c" * 64}, ["captions: not the same"]),
        ({"later": 1}, ["later was 1 and is not given"]),
    ],
)
def test_what_differs_is_said(changes: dict[str, object], said: list[str]) -> None:
    assert identity.differences(WANTED | changes, WANTED) == said


def test_what_an_older_file_cannot_know_is_no_difference_but_unknown() -> None:
    kept = {key: value for key, value in WANTED.items() if key != "pictures"}
    assert identity.differences(kept, WANTED) == []
    assert identity.unknown(kept, WANTED) == ["pictures"]
    assert identity.unknown(WANTED, WANTED) == []


def test_a_refusal_says_what_and_what_to_do(tmp_path: Path) -> None:
    identity.refuse(tmp_path / "x.pt", [], "another training")  # nothing to say
    found = [f"{name} was 1 and is 2" for name in "abcde"]
    with pytest.raises(identity.OtherIdentityError) as refused:
        identity.refuse(tmp_path / "x.pt", found, "another training")
    assert str(refused.value) == (
        f"{tmp_path / 'x.pt'} belongs to another training: a was 1 and is 2; b was 1 and is 2; "
        "c was 1 and is 2; and 2 more. Give another work folder, or delete x.pt."
    )


def test_a_note_comes_back_and_a_broken_one_is_of_nothing(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    assert identity.read(note) is None
    identity.write(note, WANTED)
    assert identity.read(note) == WANTED
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]
    for broken in ("", '{"seed": ', "[1]"):
        note.write_text(broken)
        assert identity.read(note) == {}


def test_files_are_known_by_name_size_and_time_contents_by_what_is_in_them(
    tmp_path: Path,
) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(path.name.encode())
    stamps, contents = identity.of_files(paths), identity.of_contents(paths)
    assert identity.of_files(paths[::-1]) != stamps
    assert identity.of_contents(paths[::-1]) != contents
    os.utime(paths[0], ns=(1, 1))
    assert identity.of_files(paths) != stamps
    assert identity.of_contents(paths) == contents
    about = paths[1].stat()
    paths[1].write_bytes(b"c")  # as long, and as old
    os.utime(paths[1], ns=(about.st_atime_ns, about.st_mtime_ns))
    assert identity.of_contents(paths) != contents
    paths[1].unlink()
    assert identity.of_contents(paths) != contents


def test_arrays_are_known_by_shape_type_and_values() -> None:
    array = np.arange(6, dtype=np.int32)
    others = [array.reshape(2, 3), array.astype(np.uint32), array[::-1], array[:5]]
    assert len({identity.of_arrays(each) for each in (array, *others)}) == 5
    assert identity.of_arrays(array.copy()) == identity.of_arrays(array)


def test_weights_are_known_by_names_and_values() -> None:
    weights = {"a": torch.tensor([0.0, 1.0]), "b": torch.tensor([2])}
    known = identity.of_tensors(weights)
    assert identity.of_tensors(dict(reversed(weights.items()))) == known
    assert identity.of_tensors(weights | {"a": torch.tensor([-0.0, 1.0])}) == known
    assert identity.of_tensors(weights | {"a": torch.tensor([0.0, 1.5])}) != known
    assert identity.of_tensors({"c": weights["a"], "b": weights["b"]}) != known


def test_comments_and_layout_are_no_other_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "made_up_for_a_digest.py"
    digests = []
    for source in ("x = 1\n", "x  =  1  # one\n", "x = 2\n"):
        path.write_text(source)
        digests.append(identity.of_code(path.stem))
    assert digests[0] == digests[1] != digests[2]
