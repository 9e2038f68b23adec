from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sefront.core import Batch
from sefront.core.features import logarithm
from sefront.core.losses import mask_mse
from sefront.core.signal import amplitude
from sefront.frontends.lstm_irm import LSTMIRM


def batch(clips: int = 2, samples: int = 4000) -> Batch:
    generator = torch.Generator().manual_seed(0)
    clean, noise = 0.1 * torch.randn(2, clips, samples, generator=generator)
    ones = torch.ones(clips, dtype=torch.long)
    return Batch(clean + noise, clean, samples * ones, 0 * ones, ones, tuple("ab"[:clips]), torch.zeros(clips))


def small(**options: int) -> LSTMIRM:
    torch.manual_seed(0)
    return LSTMIRM(16000, **{"width": 8, **options}).eval()


def test_number_of_parameters_of_the_papers_size() -> None:
    assert sum(p.numel() for p in LSTMIRM(16000, width=1024).parameters()) == 13_915_393


def test_the_papers_size_comes_with_the_papers_optimiser() -> None:
    recipe = LSTMIRM(16000, width=1024).recipe
    assert (recipe.algorithm, recipe.batch_size, recipe.lr) == ("sgd", 8, 0.25)
    rates = [recipe.lr * recipe.factor_at(epoch, 30) for epoch in (0, 5, 6, 12, 18, 24)]
    assert rates == pytest.approx([0.25, 0.25, 0.2, 0.16, 0.128, 0.1024])


def test_as_much_noise_as_speech_halves_the_power() -> None:
    """A power mask of one half is an amplitude gain of 0.7071, not of one half."""
    assert float(amplitude(torch.tensor(0.5))) == pytest.approx(math.sqrt(0.5))
    network, data = small(), batch()
    torch.nn.init.zeros_(network.head.weight)
    torch.nn.init.zeros_(network.head.bias)
    with torch.no_grad():
        waves = network(data.noisy, data.lengths).waves
    torch.testing.assert_close(waves, math.sqrt(0.5) * data.noisy, atol=1e-5, rtol=0)


def test_no_frame_loses_more_than_thirty_decibels() -> None:
    network, data = small(), batch()
    torch.nn.init.zeros_(network.head.weight)
    torch.nn.init.constant_(network.head.bias, -30.0)
    with torch.no_grad():
        waves = network(data.noisy, data.lengths).waves
    torch.testing.assert_close(waves, 10 ** (-30 / 20) * data.noisy, atol=1e-6, rtol=0)


def test_loss_is_the_error_of_the_mask() -> None:
    network, data = small(), batch()
    enhanced = network(data.noisy, data.lengths)
    torch.testing.assert_close(
        network.loss(enhanced, data), mask_mse(enhanced.extras["mask"], data, network.stft), rtol=0, atol=0
    )


def test_the_network_looks_only_back() -> None:
    network, spectrum = small(), torch.randn(1, 257, 40, dtype=torch.complex64)
    changed = spectrum.clone()
    changed[..., 20:] *= 3
    with torch.no_grad():
        before, after = network.mask(spectrum)[0], network.mask(changed)[0]
    assert torch.equal(before[..., :20], after[..., :20])
    assert not torch.equal(before[..., 20], after[..., 20])


def test_fitted_features_have_mean_zero_and_deviation_one() -> None:
    network = small()
    clips: list[tuple[Tensor, Tensor]] = [
        (0.3 * torch.randn(2, 9000), torch.tensor([9000, 5000])), (0.01 * torch.randn(1, 4000), torch.tensor([4000]))
    ]  # fmt: skip
    for waves, lengths in clips:
        network.fit(waves, lengths)
    features = []
    for waves, lengths in clips:
        for row, length in zip(waves, lengths.tolist(), strict=True):
            features.append(network.feature(logarithm(network.stft(row[None, :length]).abs().square()))[0])
    found = torch.cat(features, 1)
    torch.testing.assert_close(found.mean(1), torch.zeros(257), atol=1e-3, rtol=0)
    torch.testing.assert_close(found.std(1, correction=0), torch.ones(257), atol=1e-3, rtol=0)


@pytest.mark.parametrize("options", [{"width": 0}, {"layers": 0}])
def test_sizes_out_of_range(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        LSTMIRM(16000, **options)
