"""Whether something true is said of a picture, or something false: counted by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests import bundles
from training.data.datasets import Example
from training.data.objects import ObjectTargets
from training.evaluation.honesty import Asked, Honesty, ask, asked, judge

KINDS = 4


@dataclass(frozen=True, slots=True)
class Thing:
    """What is recognised of a kind."""

    kind: int
    probability: float
    count: int


@dataclass(frozen=True, slots=True)
class Said:
    """Of an answer what honesty is about."""

    form: str
    said: frozenset[int]


@dataclass(frozen=True, slots=True)
class Told:
    """A caption's part in it."""

    answer: Said
    things: tuple[Thing, ...] = ()


def told(form: str, *said: int, things: tuple[Thing, ...] = ()) -> Asked:
    return asked(Told(Said(form, frozenset(said)), things), KINDS)


def truth(*pictures: dict[int, int]) -> ObjectTargets:
    """Pictures as kinds with their counts; -1 where it is unknown."""
    presence = np.zeros((len(pictures), KINDS), np.float32)
    counts = np.full_like(presence, -1.0)
    for row, picture in enumerate(pictures):
        presence[row, list(picture)] = 1.0
        counts[row, list(picture)] = list(picture.values())
    return ObjectTargets(
        presence,
        counts,
        (np.zeros((0, 6), np.float32),) * len(pictures),
        np.ones(len(pictures), bool),
    )


def rows(found: Honesty) -> dict[str, tuple[float, ...]]:
    return {row.form: (row.share, row.helpful, row.invented, row.chair) for row in found.rows}


def test_an_answer_is_read_off_a_caption() -> None:
    made = told("plain", 0, 2, things=(Thing(2, 0.9, 3), Thing(1, 0.2, 1)))
    assert (made.form, made.named) == ("plain", {0, 2})
    assert made.probabilities.tolist() == [0, 0.2, 0.9, 0]
    assert made.counts.tolist() == [0, 1, 3, 0]


def test_true_and_false_by_hand() -> None:
    found = judge(
        [
            told("plain", 0, 1),
            told("plain", 0),
            told("things", 2, 3),
            told("unknown"),
            told("things", 3),
        ],
        truth({0: 1, 1: 1}, {1: 1}, {2: 1}, {0: 1}, {3: 1, 2: 1}),
    )
    assert found.pictures == 5
    wanted = {
        # of six kinds named two are not there; three answers name one that is, two one that isn't
        "all": (100.0, 60.0, 40.0, 100 * 2 / 6),
        "plain": (40.0, 50.0, 50.0, 100 * 1 / 3),
        "things": (40.0, 100.0, 50.0, 100 * 1 / 3),
    }
    mine = rows(found)
    assert list(mine) == ["all", "plain", "things", "unknown"]
    for form, values in wanted.items():
        assert mine[form] == pytest.approx(values), form
    share, helpful, invented, chair = mine["unknown"]
    assert (share, helpful, invented) == (20, 0, 0)
    assert np.isnan(chair)  # nothing is named


def test_numbers_are_judged_where_a_thing_is_there_and_believed() -> None:
    seen = (Thing(0, 0.9, 1), Thing(1, 0.5, 3), Thing(2, 0.49, 1), Thing(3, 0.9, 2))
    answers = [told("plain", things=seen)]
    # the first right, the second several either way, the third not believed, the fourth unknown
    assert judge(answers, truth({0: 1, 1: 7, 2: 2, 3: -1})).counts == 100
    assert judge(answers, truth({0: 2, 1: 7})).counts == 50
    assert judge(answers, truth({0: 1, 3: 1})).counts == 50
    assert judge(answers, truth({2: 2}), believed=0.4).counts == 0
    assert np.isnan(judge(answers, truth({})).counts)


def test_the_order_of_probabilities_is_measured() -> None:
    answers = [told("plain", things=(Thing(0, each, 1),)) for each in (0.9, 0.8, 0.1, 0.3)]
    found = judge(answers, truth({0: 1}, {1: 1}, {1: 1}, {0: 1}))
    # kind 0: right, wrong, right; kind 1, of which nothing is known: in order of the pictures
    wanted = ((1 + 2 / 3) / 2 + (1 / 2 + 2 / 3) / 2) / 2
    assert found.mean_average_precision == pytest.approx(100 * wanted)


PICTURE = st.tuples(
    st.sets(st.integers(0, KINDS - 1)),
    st.sets(st.integers(0, KINDS - 1)),
    st.sampled_from(["plain", "hedged", "things", "unknown"]),
)


@given(st.lists(PICTURE, min_size=1, max_size=8))
def test_forms_share_out_all_answers(pictures: list[tuple[set[int], set[int], str]]) -> None:
    found = judge(
        [told(form, *said) for said, _, form in pictures],
        truth(*(dict.fromkeys(there, 1) for _, there, _ in pictures)),
    )
    everything, *forms = found.rows
    assert everything.form == "all"
    assert sum(row.share for row in forms) == pytest.approx(100)
    for name in ("helpful", "invented"):
        mean = sum(getattr(row, name) * row.share for row in forms) / 100
        assert getattr(everything, name) == pytest.approx(mean)
    honest = judge(
        [told(form, *(said & there)) for said, there, form in pictures],
        truth(*(dict.fromkeys(there, 1) for _, there, _ in pictures)),
    )
    assert honest.rows[0].invented == 0
    assert honest.rows[0].helpful == pytest.approx(everything.helpful)


def test_pictures_are_described_one_after_the_other(tmp_path: Path) -> None:
    class Describing:
        """Says that what it sees is of the kind of its colour."""

        def describe(self, image: Image.Image) -> Told:
            assert image.mode == "RGB"
            kind = int(np.asarray(image, int).sum((0, 1)).argmax())
            return Told(Said("plain", frozenset({kind})), (Thing(kind, 0.8, 1),))

    examples = []
    for name in ("blue", "red"):
        path = tmp_path / f"{name}.png"
        bundles.drawing(name, "square", "left").convert("RGBA").save(path)
        examples.append(Example(path, ()))
    answers = ask(Describing(), examples, KINDS)
    assert [each.named for each in answers] == [{2}, {0}]
    assert [each.probabilities.argmax() for each in answers] == [2, 0]


def test_a_table_tells_it() -> None:
    found = judge(
        [told("plain", 0, things=(Thing(0, 0.9, 1),)), told("unknown")], truth({0: 1}, {1: 1})
    )
    lines = found.lines()
    assert len(lines) == 7
    assert lines[1].split() == ["all", "100.0", "%", "50.0", "%", "0.0", "%", "0.0", "%"]
    assert lines[2].split()[0] == "plain"
    assert lines[3].split() == ["unknown", "50.0", "%", "0.0", "%", "0.0", "%", "nan", "%"]
    assert lines[-3].split()[-1] == "75.0"  # kind 1 is found behind another picture
    assert lines[-2].split()[-2:] == ["100.0", "%"]
    assert lines[-1].split() == ["pictures", "2"]
