from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sefront.metrics.si_sdr import SISDR

RNG = np.random.default_rng(0)
TRUTH = RNG.standard_normal(8000)
NOISE = RNG.standard_normal(8000)


def si_sdr(truth: object, estimate: object) -> float:
    return SISDR()(truth, estimate, sample_rate=16000)


def naive(truth: np.ndarray, estimate: np.ndarray) -> float:
    """The same by projection onto the truth with a least-squares solver."""
    x, y = truth - truth.mean(), estimate - estimate.mean()
    target = np.linalg.lstsq(x[:, None], y, rcond=None)[0][0] * x
    return float(10 * np.log10(np.sum(target**2) / np.sum((y - target) ** 2)))


@given(st.floats(-2, 2), st.floats(0.01, 3), st.floats(-1, 1))
def test_equals_a_least_squares_projection(gain: float, noise: float, offset: float) -> None:
    estimate = (gain + 0.1) * TRUTH + noise * NOISE + offset
    assert si_sdr(TRUTH, estimate) == pytest.approx(naive(TRUTH, estimate), abs=1e-6)


@given(st.floats(1e-3, 1e3))
def test_does_not_depend_on_scale(gain: float) -> None:
    assert si_sdr(TRUTH, gain * (TRUTH + NOISE)) == pytest.approx(si_sdr(TRUTH, TRUTH + NOISE), abs=1e-9)


def test_equals_the_snr_of_orthogonal_noise() -> None:
    t = 2 * np.pi * np.arange(16000) / 16000
    assert si_sdr(np.sin(100 * t), np.sin(100 * t) + 0.1 * np.sin(300 * t)) == pytest.approx(20.0)


def test_falls_with_noise() -> None:
    values = [si_sdr(TRUTH, TRUTH + gain * NOISE) for gain in (0.01, 0.1, 1.0, 10.0)]
    assert values == sorted(values, reverse=True)


def test_identity_gives_the_best_bound_and_nothing_right_the_worst() -> None:
    assert si_sdr(TRUTH, TRUTH) == math.inf == SISDR().card().bounds[1]
    assert si_sdr(np.array([1.0, -1, 1, -1]), np.array([1.0, 1, -1, -1])) == -math.inf == SISDR().card().bounds[0]


@pytest.mark.parametrize("flat", [np.zeros(8000), np.full(8000, 0.1), np.full(8000, 0.1, dtype=np.float32)])
def test_is_not_defined_without_sound(flat: np.ndarray) -> None:
    assert math.isnan(si_sdr(flat, TRUTH))
    assert math.isnan(si_sdr(TRUTH, flat))


def test_is_not_defined_for_no_samples_and_for_values_not_finite() -> None:
    assert math.isnan(si_sdr(np.zeros(0), np.zeros(0)))
    assert math.isnan(si_sdr(TRUTH, np.full(8000, np.nan)))
    assert math.isnan(si_sdr(TRUTH, np.full(8000, np.inf)))


def test_refuses_waves_of_different_length() -> None:
    with pytest.raises(ValueError, match="waves of one length"):
        si_sdr(TRUTH, TRUTH[1:])
