"""Small logistic regressions (see `release/test_calibration.py` for what is made with them)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.regression import CLASSES, logistic, ordinal, sigmoid

RANDOM = np.random.default_rng(3)


@given(st.floats(-1e6, 1e6))
def test_odds_are_probabilities(odds: float) -> None:
    (share,) = sigmoid(np.asarray([odds]))
    assert 0 <= share <= 1
    if abs(odds) < 30:
        assert math.log(share / (1 - share)) == pytest.approx(odds, abs=1e-2)
    assert share + sigmoid(np.asarray([-odds]))[0] == pytest.approx(1)


def test_it_finds_the_model_that_made_the_labels() -> None:
    values = RANDOM.normal(size=(20000, 2))
    good = RANDOM.random(20000) < sigmoid(values @ [1.5, -0.7] + 0.4)
    assert logistic(values, good, 1e-3) == pytest.approx([1.5, -0.7, 0.4], abs=0.06)


def test_a_ridge_shrinks_slopes_and_not_the_offset() -> None:
    values = RANDOM.normal(size=(500, 1))
    good = values[:, 0] > -0.5  # nothing but a ridge keeps the slope finite
    small, large = logistic(values, good, 1e-1), logistic(values, good, 1e4)
    assert np.isfinite(small).all()
    assert small[0] > 5 > 0.1 > large[0] > 0
    share = sigmoid(large[1:])[0]
    assert share == pytest.approx(good.mean(), abs=0.01)


def test_scores_without_a_cause_have_no_slope() -> None:
    found = ordinal(RANDOM.normal(size=(2000, 1)), RANDOM.random(2000), 1.0)
    assert found[0] == pytest.approx(0, abs=0.1)
    # P(above the worst third)
    assert sigmoid(found[1:])[0] == pytest.approx(1 - (CLASSES // 3) / CLASSES, abs=0.01)
