"""Kinds of thing are believed as far as they deserve, and spoken of only where that is enough."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from models.captioner import Caption
from models.captioning.confidence import Calibration
from models.captioning.kinds import kinds
from models.captioning.things import Thing
from training.data.objects import ObjectTargets
from training.data.regression import sigmoid
from training.evaluation.honesty import by_form
from training.release.object_calibration import (
    FOLDS,
    _count_limits,
    asked_again,
    choose_limits,
    fit_objects,
)

Array = NDArray[np.float64]


def truth(presence: NDArray[np.bool_], counts: Array | None = None) -> ObjectTargets:
    """What is known of pictures; unknown counts unless given."""
    told = np.full(presence.shape, -1.0) if counts is None else counts
    return ObjectTargets(
        presence.astype(np.float32),
        told.astype(np.float32),
        (np.zeros((0, 6), np.float32),) * len(presence),
        np.ones(len(presence), bool),
    )


def drawn(
    slope: float, offsets: Array, pictures: int, seed: int = 1
) -> tuple[Array, NDArray[np.bool_]]:
    """Logits, and presence that is as likely as they say once bent."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (pictures, len(offsets)))
    return logits, random.random(logits.shape) < sigmoid(slope * logits + offsets)


def test_a_known_slope_and_known_offsets_are_found() -> None:
    offsets = np.asarray([-2.0, -1.0, 0.0, 0.5, 1.5])
    logits, presence = drawn(0.6, offsets, 4000)
    found = fit_objects(logits, np.ones(logits.shape), truth(presence), Calibration(tag=0.4))
    assert found.calibration.object_slope == pytest.approx(0.6, abs=0.03)
    assert found.calibration.object_offsets == pytest.approx(offsets, abs=0.15)
    assert found.calibration.tag == 0.4  # the rest is kept
    assert found.probabilities == pytest.approx(sigmoid(0.6 * logits + offsets), abs=0.06)
    told = found.calibration.object_probability(4, float(logits[0, 4]))
    assert told == pytest.approx(found.probabilities[0, 4], abs=0.03)


def test_a_head_that_is_calibrated_already_is_left_alone() -> None:
    logits, presence = drawn(1.0, np.zeros(6), 3000)
    found = fit_objects(logits, np.ones(logits.shape), truth(presence), Calibration()).calibration
    assert found.object_slope == pytest.approx(1, abs=0.05)
    assert found.object_offsets == pytest.approx(np.zeros(6), abs=0.15)


def test_a_kind_on_no_picture_is_near_the_others() -> None:
    """Its own offset is drawn to the common one: never seen is not impossible."""
    logits, presence = drawn(1.0, np.full(8, -1.0), 200)
    presence[:, 3] = False
    found = fit_objects(logits, np.ones(logits.shape), truth(presence), Calibration()).calibration
    others = [offset for kind, offset in enumerate(found.object_offsets) if kind != 3]
    assert min(others) - 8 < found.object_offsets[3] < min(others)
    assert np.isfinite(found.object_offsets).all()


@pytest.mark.parametrize("there", [True, False])
def test_all_or_nothing_there_is_no_accident(there: bool) -> None:
    logits = np.random.default_rng(2).normal(0, 3, (30, 4))
    found = fit_objects(
        logits, np.ones(logits.shape), truth(np.full((30, 4), there)), Calibration()
    )
    assert np.isfinite([found.calibration.object_slope, *found.calibration.object_offsets]).all()
    assert (found.probabilities.mean() > 0.5) == there


def test_no_picture_is_judged_by_what_was_fitted_on_it() -> None:
    logits, presence = drawn(0.8, np.asarray([-1.0, 0.0, 0.5]), 200)
    before = fit_objects(logits, np.ones(logits.shape), truth(presence), Calibration())
    for picture in (0, 99):
        other = presence.copy()
        other[picture] = ~other[picture]
        after = fit_objects(logits, np.ones(logits.shape), truth(other), Calibration())
        assert np.array_equal(after.probabilities[picture], before.probabilities[picture])
        moved = (after.probabilities != before.probabilities).any(1)
        assert moved.sum() == 200 - 200 // FOLDS  # all but its own fold
        assert after.calibration != before.calibration


def test_limits_of_counts_part_what_can_be_parted() -> None:
    random = np.random.default_rng(4)
    known = random.integers(1, 7, 600).astype(float)
    counts = 3 * np.minimum(known, 3) + random.uniform(-1, 1, 600)  # 2..4, 5..7, 8..10
    two, several = _count_limits(counts, known)
    assert 3.8 < two < 5.4
    assert 6.8 < several < 8.2
    said = 1 + (counts >= two) + (counts >= several)
    assert (said == np.minimum(known, 3)).mean() > 0.97


def test_limits_of_counts_that_nobody_knows_are_the_usual_ones() -> None:
    assert _count_limits(np.zeros(0), np.zeros(0)) == (1.5, 2.5)
    logits, presence = drawn(1.0, np.zeros(3), 50)
    found = fit_objects(logits, np.full(logits.shape, 9.0), truth(presence), Calibration())
    assert found.calibration.count_limits == (1.5, 2.5)


def test_where_all_is_single_nothing_is_said_to_be_several() -> None:
    counts = np.linspace(0.5, 3.0, 100)
    two, several = _count_limits(counts, np.ones(100))
    assert two <= several
    assert (counts >= two).mean() <= 0.03


def test_counts_of_what_is_not_there_count_for_nothing() -> None:
    random = np.random.default_rng(6)
    logits, presence = drawn(1.0, np.zeros(2), 400)
    known = np.where(presence, random.integers(1, 4, presence.shape), -1.0)
    counts = np.where(presence, known * 2.0, 100.0)
    found = fit_objects(logits, counts, truth(presence, known), Calibration())
    two, several = found.calibration.count_limits
    assert 2 < two <= 4 < several <= 6


def caption(confidence: float, claimed: set[int]) -> Caption:
    """One that names these of two kinds; what the head tells of them comes later."""
    things = tuple(
        Thing(kind, each.name, each.one, 0.0, 1, (0.0, 0.0, 1.0, 1.0))
        for kind, each in enumerate(kinds()[:2])
    )
    return Caption(
        ("a",),
        (-1.0, -1.0),
        np.ones((1, 1, 1), np.float32),
        confidence,
        (),
        {},
        things,
        None,
        frozenset(claimed),
    )


def test_what_would_be_said_with_other_probabilities() -> None:
    calibration = Calibration(sure=0.8, medium=0.5, object_support=0.5, object_listed=0.7)
    captions = [
        caption(0.9, {0}),
        caption(0.9, {0}),
        caption(0.6, {0}),
        caption(0.2, {0}),
        caption(0.2, set()),
    ]
    probabilities = np.asarray([[0.6, 0.1], [0.4, 0.9], [0.6, 0.1], [0.75, 0.8], [0.6, 0.6]])
    answers = asked_again(captions, probabilities, calibration)
    assert [each.form for each in answers] == ["plain", "things", "hedged", "things", "unknown"]
    assert [set(each.named) for each in answers] == [{0}, {1}, {0}, {0, 1}, set()]
    for each, known in zip(answers, probabilities, strict=True):
        assert np.array_equal(each.probabilities, known)
        assert each.counts.tolist() == [1, 1]
    assert all(thing.probability == 0 for thing in captions[0].things)  # they stay as they are


def pictures() -> tuple[list[Caption], Array, NDArray[np.bool_]]:
    """Kind 0 is on all, at 0.8. Every other caption claims kind 1, at 0.55: on half of these."""
    captions = [caption(0.9, {0} if number % 2 else {1}) for number in range(40)]
    probabilities = np.tile([0.8, 0.55], (40, 1))
    presence = np.ones((40, 2), bool)
    presence[:, 1] = np.arange(40) % 4 == 0
    return captions, probabilities, presence


def test_limits_keep_inventions_away_where_they_can_be_kept_away() -> None:
    captions, probabilities, presence = pictures()
    before = Calibration(sure=0.8, medium=0.5, object_support=0.3, object_listed=0.3, tag=0.9)
    rows = {
        row.form: row
        for row in by_form(asked_again(captions, probabilities, before), truth(presence))
    }
    assert rows["plain"].invented == 25  # half of those that claim kind 1
    worth, found = choose_limits(captions, probabilities, truth(presence), before)
    assert found.object_support > 0.55
    assert 0.55 < max(found.object_listed, found.object_further) <= 0.8
    rows = {
        row.form: row
        for row in by_form(asked_again(captions, probabilities, found), truth(presence))
    }
    assert rows["all"].invented == 0
    assert rows["all"].helpful == 100  # half of them as a list
    assert (rows["plain"].share, rows["things"].share) == (50, 50)
    assert worth == pytest.approx(100 + 0.15 * 50)
    less, other = choose_limits(
        captions, probabilities, truth(presence), before, supports=(0.4, 0.5)
    )
    assert less < worth
    assert other.object_support in (0.4, 0.5)
    untouched = dict.fromkeys(("object_support", "object_listed", "object_further", "medium"), 0.0)
    assert dataclasses.replace(found, **untouched) == dataclasses.replace(before, **untouched)


def test_what_is_likelier_absent_is_never_listed() -> None:
    captions, probabilities, presence = pictures()
    _, found = choose_limits(
        captions, probabilities / 2, truth(presence), Calibration(sure=0.8), 100.0, 100.0
    )
    assert found.object_listed >= 0.5


@pytest.mark.parametrize(
    ("invented", "plainly"), [(6.0, 4.0), (0.0, 0.0), (20.0, 1.0), (20.0, 20.0)]
)
def test_inventions_are_under_the_limits_that_are_given(invented: float, plainly: float) -> None:
    """Of 40 captions that claim kind 1 the surer half is right, and half of the others."""
    likely = np.concatenate([np.linspace(0.5, 0.68, 20), np.linspace(0.7, 0.95, 20)])
    probabilities = np.stack([np.full(40, 0.1), likely], 1)
    presence = np.zeros((40, 2), bool)
    presence[:, 1] = True
    presence[:20:2, 1] = False
    captions = [caption(0.9, {1}) for _ in range(40)]
    _, found = choose_limits(
        captions, probabilities, truth(presence), Calibration(sure=0.8), invented, plainly
    )
    rows = {
        row.form: row
        for row in by_form(asked_again(captions, probabilities, found), truth(presence))
    }
    assert rows["all"].invented <= invented
    assert rows["plain"].invented <= plainly
    assert rows["all"].helpful >= 50
    # so much is spoken as may be: one more thing that is not there would be too many
    assert rows["all"].helpful >= 50 + invented - 5
