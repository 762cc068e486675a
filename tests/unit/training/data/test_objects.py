"""What an object head learns from: people's labels, a detector's boxes, and what captions name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.captioning.kinds import numbers
from tests.everyday import Box, write_detections, write_labels
from training.data.datasets import Example
from training.data.objects import (
    MAP,
    ObjectTargets,
    is_held_out,
    mean_average_precision,
    read_detections,
    read_labels,
    targets,
)

DOG, CAT, PERSON = (numbers()[name] for name in ("dog", "cat", "person"))
LARGE, SMALL = (0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 0.6, 0.6)


def example(name: str, *captions: str) -> Example:
    return Example(Path(name), tuple(tuple(each.split()) for each in captions))


def known(
    folder: Path, boxes: dict[str, list[Box]], labels: dict[str, str], *examples: Example
) -> ObjectTargets:
    """The targets of pictures with such files beside them."""
    write_labels(folder, labels)
    write_detections(folder, boxes)
    return targets(folder, examples)


def test_labels_are_read_by_name(tmp_path: Path) -> None:
    write_labels(tmp_path, {"1.png": "dog,hot dog", "2.png": ""})
    assert read_labels(tmp_path) == {"1.png": {DOG, numbers()["hot dog"]}, "2.png": frozenset()}


def test_a_kind_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    write_labels(tmp_path, {"1.png": "dog,unicorn"})
    with pytest.raises(ValueError, match=r"objects\.csv: unicorn is none of the known kinds"):
        read_labels(tmp_path)


@pytest.mark.parametrize("read", [read_labels, read_detections])
def test_a_missing_file_is_named(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(FileNotFoundError, match=r"(objects\.csv|detections\.csv\.gz) is missing"):
        read(tmp_path)


def test_boxes_are_read_by_name(tmp_path: Path) -> None:
    write_detections(tmp_path, {"1.png": [("dog", 0.75, LARGE), ("cat", 0.25, SMALL)]})
    (found,) = read_detections(tmp_path).values()
    assert (
        found.tolist()
        == np.asarray([[DOG, *LARGE, 0.75], [CAT, *SMALL, 0.25]], np.float32).tolist()
    )


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("10.png", True), ("000000000120.webp", True), ("101.png", False), ("7.jpg", False)],
)
def test_every_tenth_id_is_held_out(name: str, wanted: bool) -> None:
    assert is_held_out(name) == wanted


def test_labels_beat_detections(tmp_path: Path) -> None:
    found = known(
        tmp_path,
        {"11.png": [("cat", 0.9, LARGE), ("dog", 0.8, SMALL)]},
        {"11.png": "dog,person"},
        example("11.png", "a cat", "a cat"),
    )
    assert found.labelled.tolist() == [True]
    assert np.flatnonzero(found.presence[0]).tolist() == sorted([DOG, PERSON])
    assert set(found.presence[0]) == {0.0, 1.0}
    assert found.boxes[0][:, 0].tolist() == [DOG]  # no place is taught for what is not there
    assert found.counts[0, [DOG, CAT, PERSON]].tolist() == [1, -1, -1]


def test_unlabelled_pictures_take_the_detectors_word(tmp_path: Path) -> None:
    boxes: dict[str, list[Box]] = {
        "a.png": [("dog", 0.9, SMALL), ("dog", 0.6, LARGE), ("cat", 0.3, SMALL)]
    }
    found = known(tmp_path, boxes, {}, example("a.png"), example("b.png"))
    assert found.labelled.tolist() == [False, False]
    # without labels the detector is believed as it is; of several boxes the surest
    assert found.presence[0, [DOG, CAT, PERSON]].tolist() == pytest.approx([0.9, 0.3, 0])
    assert found.counts[0, [DOG, CAT]].tolist() == [2, -1]
    assert not found.presence[1].any()
    assert len(found.boxes[1]) == 0


def test_what_captions_name_twice_is_there(tmp_path: Path) -> None:
    found = known(
        tmp_path,
        {"a.png": [("dog", 0.3, SMALL)]},
        {},
        example("a.png", "a man and a dog", "a boy with a cat", "people"),
    )
    assert found.presence[0, [PERSON, DOG, CAT]].tolist() == pytest.approx([1.0, 0.3, 0.0])


def test_a_large_thing_that_nobody_names_is_doubted(tmp_path: Path) -> None:
    boxes: dict[str, list[Box]] = {"a.png": [("dog", 0.8, LARGE), ("cat", 0.8, SMALL)]}
    named = [f"a man {word}" for word in ("runs", "walks", "sits", "rides", "jumps")]
    found = known(tmp_path, boxes, {}, example("a.png", *named))
    assert found.presence[0, [DOG, CAT]].tolist() == pytest.approx([0.24, 0.8])
    assert found.boxes[0][:, 5].tolist() == pytest.approx([0.24, 0.8])
    once = known(tmp_path, boxes, {}, example("a.png", *named, "a dog"))
    assert once.presence[0, DOG] == pytest.approx(0.8)
    # captions that name no thing at all, or none: nothing follows from that
    for captions in (("something happens",) * 5, ()):
        other = known(tmp_path, boxes, {}, example("a.png", *captions))
        assert other.presence[0, DOG] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("captions", "boxes", "wanted"),
    [
        (("two dogs", "two dogs run"), 1, 2),  # told by two
        (("two dogs", "two dogs run"), 0, 2),
        (("two dogs", "a dog"), 1, 1),  # the captions disagree: the boxes count
        (("two dogs", "a dog"), 3, 3),
        (("a dog", "the dog runs"), 3, 1),  # more boxes than a dog has
        (("a dog and a dog", "two dogs"), 1, 2),  # one and one
        (("dogs", "dogs run"), 2, 2),
        (("dogs", "dogs run"), 0, -1),  # nobody tells
        (("a dog", "a dog and dogs"), 2, 2),  # only one tells a number
        (("three dogs", "a group of dogs"), 1, 3),
        (("three dogs", "a group of dogs"), 5, 5),
    ],
)
def test_counts_are_told_by_captions_and_boxes(
    tmp_path: Path, captions: tuple[str, ...], boxes: int, wanted: int
) -> None:
    found = known(
        tmp_path, {"a.png": [("dog", 0.8, SMALL)] * boxes}, {}, example("a.png", *captions)
    )
    assert found.presence[0, DOG] == 1
    assert found.counts[0, DOG] == wanted


def test_unsure_boxes_do_not_count(tmp_path: Path) -> None:
    boxes: dict[str, list[Box]] = {
        "11.png": [("dog", 0.9, LARGE), ("dog", 0.34, SMALL), ("dog", 0.36, SMALL)]
    }
    assert known(tmp_path, boxes, {"11.png": "dog"}, example("11.png")).counts[0, DOG] == 2


def test_a_detector_is_believed_as_far_as_it_was_right(tmp_path: Path) -> None:
    """Of its boxes at 0.5 nine of ten were right where people looked, at 0.3 one of ten."""
    names = [f"{number}.png" for number in range(1, 400) if number % 10]
    boxes: dict[str, list[Box]] = {
        name: [("dog", 0.5, SMALL), ("cat", 0.3, SMALL)] for name in names
    }
    labels = {name: ("cat" if place % 10 == 0 else "dog") for place, name in enumerate(names)}
    asked: dict[str, list[Box]] = {"a.png": [("dog", 0.5, SMALL), ("cat", 0.3, SMALL)]}
    found = known(tmp_path, boxes | asked, labels, example("a.png"))
    assert found.presence[0, [DOG, CAT]].tolist() == pytest.approx([0.9, 0.1], abs=0.01)
    # held-out pictures are not learnt from, whatever is on them
    held: dict[str, list[Box]] = {f"{10 * n}.png": [("dog", 0.5, SMALL)] * 5 for n in range(1, 40)}
    again = known(
        tmp_path, boxes | asked | held, labels | dict.fromkeys(held, "cat"), example("a.png")
    )
    assert again.presence[0].tolist() == found.presence[0].tolist()


def test_coverage_tells_where(tmp_path: Path) -> None:
    boxes: dict[str, list[Box]] = {
        "a.png": [
            ("dog", 0.8, LARGE),
            ("dog", 0.5, (0.75, 0.75, 1.0, 1.0)),
            ("cat", 0.6, (0.5, 0.0, 0.5, 1.0)),
        ]
    }  # as thin as can be
    found = known(tmp_path, boxes, {}, example("b.png"), example("a.png"))
    maps = found.coverage([1, 0, 1]).numpy()
    assert maps.shape == (3, 80, MAP, MAP)
    assert np.array_equal(maps[0], maps[2])
    assert not maps[1].any()
    half, quarter = MAP // 2, MAP // 4
    wanted = np.zeros((MAP, MAP))
    wanted[:half, :half] = 0.8 / half**2  # each box weighs what it is believed
    wanted[-quarter:, -quarter:] = 0.5 / quarter**2
    assert np.allclose(maps[0, DOG], wanted)
    wanted = np.zeros((MAP, MAP))
    wanted[:, half] = 0.6 / MAP
    assert np.allclose(maps[0, CAT], wanted)
    assert np.flatnonzero(maps[0].any((1, 2))).tolist() == sorted([DOG, CAT])


def test_mean_average_precision_by_hand() -> None:
    scores = np.asarray([[0.9, 0.2, 0.1], [0.8, 0.9, 0.1], [0.1, 0.8, 0.1], [0.3, 0.1, 0.2]])
    presence = np.asarray([[1, 0, 0], [0, 0, 0], [0, 1, 0], [1, 0, 0]])
    # first kind: right, wrong, right: (1 + 2/3) / 2; second: wrong, right: 1/2; third: nowhere
    wanted = ((1 + 2 / 3) / 2 + 1 / 2) / 2
    assert mean_average_precision(scores, presence) == pytest.approx(wanted)
    assert np.isnan(mean_average_precision(scores, np.zeros_like(presence)))


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20), st.integers(0, 99)
)
def test_the_best_order_has_an_average_precision_of_one(
    rows: list[tuple[bool, bool]], seed: int
) -> None:
    presence = np.asarray(rows, float)
    drawn = np.random.default_rng(seed).random(presence.shape)
    perfect, other = (
        mean_average_precision(scores, presence) for scores in (presence + drawn / 2, drawn)
    )
    if not presence.any():
        assert np.isnan(perfect)
        return
    assert perfect == pytest.approx(1)
    assert 0 < other <= 1
    # the order alone counts
    assert mean_average_precision(np.log(drawn + 1e-9), presence) == other
