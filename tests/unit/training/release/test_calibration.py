"""Confidence is fitted honestly, and told honestly."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.captioning.confidence import Calibration
from training.evaluation.evaluate import Result
from training.release.calibration import (
    FOLDS,
    auroc,
    calibration_error,
    fit,
    fit_tags,
    logistic,
    ordinal,
    reliability,
    risk_coverage,
)

LIMITS = Calibration(sure=0.8, medium=0.6)
RANDOM = np.random.default_rng(3)
MEANS = RANDOM.uniform(-2.0, -0.2, 300)


def result(ciders: NDArray[np.float64], **signals: NDArray[np.float64]) -> Result:
    """Captions with these scores and signals."""
    names = [f"{n:03}.jpg" for n in range(len(ciders))]
    known = {
        name: {kind: float(values[n]) for kind, values in signals.items()}
        for n, name in enumerate(names)
    }
    return Result(
        {}, dict.fromkeys(names, "a dog"), known, dict(zip(names, map(float, ciders), strict=True))
    )


def test_signals_that_rank_perfectly() -> None:
    found = fit(result(100 + 30 * MEANS, mean=MEANS), LIMITS)
    assert found.auroc > 0.995
    assert found.calibration.weights["mean"] > 0
    worst, best = (
        found.calibration.confidence({"mean": each}) for each in (MEANS.min(), MEANS.max())
    )
    assert worst < 0.15
    assert best > 0.95
    assert (found.calibration.sure, found.calibration.medium) == (0.8, 0.6)


def test_signals_that_rank_backwards() -> None:
    found = fit(result(-MEANS, mean=MEANS), LIMITS)
    assert found.calibration.weights["mean"] < 0
    assert found.auroc > 0.995  # it is turned round


def test_signals_that_are_all_the_same_tell_nothing() -> None:
    found = fit(result(RANDOM.uniform(0, 100, 300), mean=np.full(300, -1.0)), LIMITS)
    assert found.calibration.confidence({"mean": -1.0}) == pytest.approx(2 / 3, abs=0.01)
    assert found.confidences == pytest.approx(2 / 3, abs=0.05)
    assert found.auroc == 0.5


def test_signals_that_have_nothing_to_do_with_it() -> None:
    both = np.repeat(MEANS[:150], 2)  # each mean once good and once bad
    found = fit(result(np.tile([0.0, 100.0], 150), mean=both), LIMITS)
    assert found.calibration.weights["mean"] == pytest.approx(0, abs=1e-6)
    assert 0.35 < found.auroc < 0.6


def test_of_two_signals_the_telling_one_weighs_more() -> None:
    found = fit(result(MEANS, mean=MEANS, noise=RANDOM.normal(size=300)), LIMITS)
    weights = found.calibration.weights
    assert weights["mean"] * MEANS.std() > 10 * abs(weights["noise"])


def test_confidence_is_the_share_of_good_captions() -> None:
    noisy = MEANS + RANDOM.normal(0, 0.5, 300)
    found = fit(result(noisy, mean=MEANS), LIMITS)
    assert 0.6 < found.auroc < 0.99
    assert found.good.mean() == pytest.approx(2 / 3, abs=0.01)  # the worst third are the bad ones
    for told in (
        found.confidences,
        [found.calibration.confidence({"mean": each}) for each in MEANS],
    ):
        assert np.mean(told) == pytest.approx(2 / 3, abs=0.02)
    assert calibration_error(found.confidences, found.good) < 0.12


def test_no_caption_is_fitted_on_itself() -> None:
    ciders = np.where(RANDOM.random(200) < 0.6, 90.0, 0.0)  # flipping one moves no limit
    values = MEANS[:200]
    before = fit(result(ciders, mean=values), LIMITS)
    assert np.array_equal(before.good, ciders > 0)
    for number in (0, 77, 199):
        flipped = ciders.copy()
        flipped[number] = 90 - ciders[number]
        after = fit(result(flipped, mean=values), LIMITS)
        assert after.confidences[number] == before.confidences[number]
        moved = after.confidences != before.confidences
        assert moved.sum() == 200 - 200 // FOLDS  # all but its own fold


def test_captions_of_out_of_domain_pictures_count_as_bad() -> None:
    ciders, near = RANDOM.uniform(0, 100, 300), RANDOM.normal(5, 1, 300)
    ood_signals = [{"mean": float(mean), "near": 0.0} for mean in MEANS[:100]]
    without = fit(result(ciders, mean=MEANS, near=near), LIMITS).calibration
    having = fit(result(ciders, mean=MEANS, near=near), LIMITS, ood_signals)
    assert without.confidence(ood_signals[0]) > 0.4
    assert having.calibration.confidence(ood_signals[0]) < 0.1
    assert len(having.confidences) == 300
    assert not without.familiar
    assert having.calibration.weights == without.weights  # they say nothing of the familiar ones
    assert having.calibration.familiar["near"] > 0
    familiar = {"mean": -1.0, "near": 5.0}
    assert having.calibration.confidence(familiar) == pytest.approx(
        without.confidence(familiar), abs=0.02
    )


def test_of_captions_of_other_pictures_the_worst_third_is_theirs() -> None:
    """Elsewhere people agree less, so that every CIDEr is lower."""
    here, there = result(100 + 30 * MEANS, mean=MEANS), result(20 + 5 * MEANS, mean=MEANS)
    found = fit(here, LIMITS, others=[there])
    assert found.names == (*sorted(here.ciders), *sorted(there.ciders))
    assert len(found.confidences) == len(found.ciders) == 600
    for part in (slice(300), slice(300, None)):
        assert found.good[part].mean() == pytest.approx(2 / 3, abs=0.01)
    assert len(found.aurocs) == 2
    assert min(found.auroc, *found.aurocs) > 0.99
    alone = fit(here, LIMITS)
    assert alone.aurocs == (alone.auroc,)
    assert found.calibration.weights["mean"] > alone.calibration.weights["mean"]  # twice as many


def test_what_tells_only_elsewhere_is_known_by_the_split() -> None:
    noise = RANDOM.permutation(300).astype(float)
    here, there = result(100 + 30 * MEANS, mean=MEANS), result(noise, mean=MEANS)
    found = fit(here, LIMITS, others=[there])
    assert found.aurocs[0] > 0.95
    assert 0.35 < found.aurocs[1] < 0.65
    assert found.aurocs[1] < found.auroc < found.aurocs[0]


def test_being_better_than_good_tells_something_too() -> None:
    """Ordinal regression sees an order above the limit of the worst third, logistic does not."""
    values = np.linspace(-1, 1, 300)[:, None]
    good = values[:, 0] > -1 / 3
    scores = np.where(good, 20 + values[:, 0], RANDOM.uniform(0, 10, 300))
    turned = np.where(good, 20 - values[:, 0], scores)  # the good ones the wrong way round
    assert ordinal(values, scores, 40.0)[0] > 3 * ordinal(values, turned, 40.0)[0]
    assert np.array_equal(scores > np.quantile(scores, 1 / 3), turned > np.quantile(turned, 1 / 3))


def test_ordinal_regression_by_proportional_odds() -> None:
    """Scores made by such a model give back its slope and the odds at the worst third."""
    random = np.random.default_rng(5)
    values = random.normal(size=(20000, 1))
    scores = 2 * values[:, 0] + random.logistic(size=20000)
    slope, offset = ordinal(values, scores, 1e-3)
    assert slope == pytest.approx(2, abs=0.06)
    assert offset == pytest.approx(-np.quantile(scores, 1 / 3), abs=0.06)


def test_the_order_of_pictures_does_not_matter() -> None:
    one = result(100 * MEANS**2, mean=MEANS)
    names = sorted(one.ciders, reverse=True)
    other = Result(
        {},
        one.captions,
        {name: one.signals[name] for name in names},
        {name: one.ciders[name] for name in names},
    )
    first, second = fit(one, LIMITS), fit(other, LIMITS)
    assert first.calibration == second.calibration
    assert first.names == second.names
    assert np.array_equal(first.confidences, second.confidences)


@pytest.mark.parametrize("ciders", [[5.0, 5.0, 5.0], [0.0], [1.0, 2.0]])
def test_few_captions_or_equal_ones_are_no_accident(ciders: list[float]) -> None:
    found = fit(result(np.asarray(ciders), mean=MEANS[: len(ciders)]), LIMITS)
    assert np.isfinite([found.calibration.offset, *found.calibration.weights.values()]).all()
    assert np.isfinite(found.confidences).all()
    assert np.isnan(found.auroc) == (len(set(ciders)) == 1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-100, 100), st.booleans()), min_size=1, max_size=30),
    st.sampled_from([1e-3, 1.0, 20.0]),
)
def test_the_regression_always_ends_where_its_gradient_does(
    rows: list[tuple[float, bool]], ridge: float
) -> None:
    values = np.asarray([[value] for value, _ in rows])
    good = np.asarray([label for _, label in rows])
    slope, offset = logistic(values, good, ridge)
    assert np.isfinite([slope, offset]).all()
    told = 1 / (1 + np.exp(-(values[:, 0] * slope + offset).clip(-700, 700)))
    gradient = [values[:, 0] @ (good - told) - ridge * slope, (good - told).sum() - 1e-3 * offset]
    assert gradient == pytest.approx([0, 0], abs=1e-3)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_auroc_by_hand(rows: list[tuple[int, bool]]) -> None:
    pairs = [
        (a > b) + (a == b) / 2
        for (a, good), (b, other) in product(rows, rows)
        if good and not other
    ]
    values, good = (np.asarray(column) for column in zip(*rows, strict=True))
    found = auroc(values.astype(float), good)
    assert found == pytest.approx(np.mean(pairs)) if pairs else np.isnan(found)


def test_reliability_in_equally_filled_bins() -> None:
    confidences = np.asarray([0.9, 0.1, 0.8, 0.2, 0.3])
    good = np.asarray([True, False, True, True, False])
    bins = reliability(confidences, good, bins=2)
    assert [count for *_, count in bins] == [3, 2]
    assert bins[0][:2] == pytest.approx((0.2, 1 / 3))
    assert bins[1][:2] == pytest.approx((0.85, 1.0))
    assert len(reliability(confidences, good, bins=10)) == 5
    # one caption a bin: every bin is off by its own
    assert calibration_error(confidences, good) == pytest.approx((0.1 + 0.1 + 0.2 + 0.8 + 0.3) / 5)


def test_leaving_out_the_least_sure_by_hand() -> None:
    coverage, mean = risk_coverage(np.asarray([0.2, 0.9, 0.5]), np.asarray([10.0, 100.0, 40.0]))
    assert coverage == pytest.approx([1 / 3, 2 / 3, 1])
    assert mean == pytest.approx([100, 70, 50])


def test_a_classifier_that_is_too_sure_of_its_tags_is_curbed() -> None:
    told = RANDOM.uniform(0.8, 0.999, 500)
    right = RANDOM.random(500) < 0.5
    bent = fit_tags(told, right, LIMITS)
    assert np.mean([bent.tag_probability(each) for each in told]) == pytest.approx(0.5, abs=0.06)
    assert (bent.sure, bent.weights) == (LIMITS.sure, LIMITS.weights)


@pytest.mark.parametrize("right", [True, False])
def test_tags_that_are_all_right_or_all_wrong_are_no_accident(right: bool) -> None:
    bent = fit_tags(np.asarray([1.0, 0.0, 0.5]), np.full(3, right), LIMITS)
    assert np.isfinite([bent.tag_slope, bent.tag_offset]).all()
    assert (bent.tag_probability(0.5) > 0.5) == right
