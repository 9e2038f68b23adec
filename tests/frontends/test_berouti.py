from __future__ import annotations

import numpy as np
import pytest
import torch

from sefront.frontends.spectral_subtraction import berouti, subtraction_factor


@pytest.mark.parametrize(
    ("snr", "powers", "magnitudes"),
    [(-30, 4.75, 3.5), (-5, 4.75, 3.5), (0, 4, 3), (10, 2.5, 2), (20, 1, 1), (60, 1, 1)],
)
def test_subtraction_factor_golden_values(snr: float, powers: float, magnitudes: float) -> None:
    power, noise = torch.full((1, 9, 1), 10 ** (snr / 10)), torch.ones(1, 9, 1)
    assert subtraction_factor(power, noise, 4.0).item() == pytest.approx(powers, abs=1e-4)
    assert subtraction_factor(power, noise, 3.0).item() == pytest.approx(magnitudes, abs=1e-4)


@pytest.mark.parametrize("exponent", [1, 2])
def test_berouti_equals_its_formula(exponent: int) -> None:
    magnitude, noise = torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[0.5, 0.5]]])
    over = {1: 3.0, 2: 4.0}[exponent]
    alpha = np.array([over - (over - 1) / 20 * 10 * np.log10(p / 0.5) for p in (9.0, 1.0)])
    taken = 0.5 ** (exponent / 2)
    expected = np.maximum(np.array([3.0, 1.0]) ** exponent - alpha * taken, 0.01 * taken) ** (1 / exponent)
    assert berouti(magnitude, noise, exponent, over, 0.01).flatten().tolist() == pytest.approx(expected.tolist())


@pytest.mark.parametrize("exponent", [1, 2])
def test_no_bin_above_the_floor_is_amplified(exponent: int) -> None:
    magnitude = torch.rand(1, 257, 60, generator=torch.Generator().manual_seed(0))
    noise = torch.rand(1, 257, 60, generator=torch.Generator().manual_seed(1)).square()
    clean = berouti(magnitude, noise, exponent, 4.0, 0.01)
    above = 0.01 * noise ** (exponent / 2) <= magnitude**exponent
    assert (clean[above] <= magnitude[above] * (1 + 1e-6)).all()
    assert (clean > 0).all()
