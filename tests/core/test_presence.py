from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import torch

from sefront.core.presence import LEAST_GAIN, Estimate, presence, speech, suppression


def test_speech_equals_its_formula_for_all_v() -> None:
    v = np.concatenate([np.logspace(-10, 2, 2000), np.linspace(0.01, 20, 2000)])
    expected = v * np.exp(scipy.special.exp1(v))
    for wiener in (0.0156, 0.5, 0.99):
        gamma = v / wiener
        ours = speech(torch.from_numpy(gamma), torch.full((4000,), wiener, dtype=torch.float64)).numpy()
        np.testing.assert_allclose(ours, np.minimum(wiener * expected, gamma), rtol=1.5e-6)


def test_speech_never_exceeds_what_was_heard_and_stays_finite() -> None:
    gamma = torch.tensor([0.0, 1e-30, 1e-3, 1.0, 1e30])
    for wiener in (0.0156, 1.0):
        power = speech(gamma, torch.full((5,), wiener))
        assert power.isfinite().all()
        assert (power <= gamma).all()


def test_presence_has_exact_ends() -> None:
    q, xi = torch.tensor([0.0, 0.5, 1.0, 1.0]), torch.tensor([1.0, 1.0, 1.0, 1e6])
    p = presence(q, xi, torch.tensor([0.1, 0.0, 0.1, 1e6]))
    assert p.tolist() == [1.0, pytest.approx(1 / 3), 0.0, 0.0]


def test_suppression_lies_between_the_gain_of_speech_and_the_least() -> None:
    gain, p = torch.tensor([0.9, 0.9, 0.9, 0.0]), torch.tensor([1.0, 0.0, 0.5, 0.0])
    least = 10 ** (-18 / 20)
    assert pytest.approx(least) == LEAST_GAIN
    expected = [0.9, least, (0.9 * least) ** 0.5, least]
    assert suppression(Estimate(gain, p, gain)).tolist() == pytest.approx(expected)
