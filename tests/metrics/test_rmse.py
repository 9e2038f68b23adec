from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import root_mean_squared_error

from sefront.metrics.rmse import RMSE


def trace(*values: float) -> np.ndarray[Any, Any]:
    """One dimension, (frames, 1)."""
    return np.array(values, dtype=np.float32)[:, None]


def test_golden_values() -> None:
    assert RMSE()([trace(0, 0)], [trace(3, 4)]) == pytest.approx(math.sqrt(12.5))
    assert RMSE()([trace(0, 1, 2)], [trace(1, 2, 3)]) == pytest.approx(1.0)


@given(st.integers(0, 2**32 - 1))
def test_equals_scikit_learn_over_all_frames(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = [rng.normal(size=(int(n), 2)) for n in rng.integers(1, 30, 3)]
    estimate = [rng.normal(size=t.shape) for t in truth]
    expected = root_mean_squared_error(np.concatenate(truth), np.concatenate(estimate))
    assert RMSE()(truth, estimate) == pytest.approx(expected)


def test_recordings_together_and_alone() -> None:
    truth, estimate = [trace(0, 0, 0), trace(0)], [trace(2, 2, 2), trace(0)]
    assert RMSE()(truth, estimate) == pytest.approx(math.sqrt(3))
    assert RMSE(over="clip")(truth, estimate) == pytest.approx(1.0)


def test_small_errors_of_large_values_are_not_rounded_away() -> None:
    truth = np.linspace(1000, 1001, 50)[:, None]
    assert RMSE()([truth], [truth + 1e-6]) == pytest.approx(1e-6, rel=1e-4)
    assert RMSE()([truth], [truth]) == 0.0


def test_dimensions_by_name() -> None:
    counts = [
        RMSE().counts(np.zeros((4, 2)), np.array([[1.0, 3.0]] * 4)),
        RMSE().counts(np.zeros((4, 2)), np.zeros((4, 2))),
    ]
    found = RMSE().details(counts, ("arousal", "valence"))
    assert found["by_dimension"] == pytest.approx({"arousal": math.sqrt(0.5), "valence": math.sqrt(4.5)})
    assert found["per_clip"] == pytest.approx(1.0)


def test_is_not_defined_for_no_recordings() -> None:
    assert math.isnan(RMSE()([], []))
