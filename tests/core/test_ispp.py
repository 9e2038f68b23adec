from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from sefront.core import ispp
from sefront.core.imcra import track
from sefront.core.noise_floor import whole
from sefront.core.presence import LEAST_GAIN, suppression
from sefront.core.signal import Stft, amplitude

STFT = Stft(512, 256, "hamming")
INTERVAL = 0.016


def power_of(waves: Tensor) -> Tensor:
    return STFT(waves).abs().square()


def white(size: int, seed: int = 0) -> Tensor:
    return 0.05 * torch.randn((1, size), generator=torch.Generator().manual_seed(seed))


def syllables(size: int) -> Tensor:
    """A tone with overtones that swells and pauses, 4 times a second."""
    t = torch.arange(size) / 16000
    swell = (torch.sin(2 * torch.pi * 2 * t)).clamp(min=0)
    return (0.15 * swell * torch.stack([torch.sin(2 * torch.pi * 180 * k * t) / k for k in range(1, 15)]).sum(0))[None]


@pytest.fixture(scope="module")
def noisy() -> Tensor:
    return power_of(syllables(48_000) + white(48_000))


@pytest.fixture(scope="module")
def mask(noisy: Tensor) -> Tensor:
    return torch.rand(noisy.shape, generator=torch.Generator().manual_seed(1))


def test_without_a_share_of_the_mask_it_is_imcra_bit_for_bit(noisy: Tensor, mask: Tensor) -> None:
    for one, other in zip(track(noisy, INTERVAL, mask=mask, rho=0.0)[0], track(noisy, INTERVAL)[0], strict=True):
        assert torch.equal(one, other)
    gain, _ = ispp.gain(noisy, mask, INTERVAL, rho=0.0)
    assert torch.equal(gain, suppression(track(whole(noisy), INTERVAL)[0]))


@pytest.mark.parametrize("domain", ["power", "amplitude", "literal"])
def test_all_weight_on_one_leaves_it(noisy: Tensor, mask: Tensor, domain: Any) -> None:
    gain, _ = ispp.gain(noisy, mask, INTERVAL)
    assert torch.equal(ispp.combined(mask, gain, 1.0, domain), mask if domain == "literal" else amplitude(mask))
    torch.testing.assert_close(ispp.combined(mask, gain, 0.0, domain), gain)


@pytest.mark.parametrize(("domain", "expected"), [("power", 0.485**0.5), ("amplitude", 0.65), ("literal", 0.605)])
def test_domains_have_the_formulas_of_the_docstring(domain: Any, expected: float) -> None:
    one = ispp.combined(torch.tensor([0.81]), torch.tensor([0.4]), 0.5, domain)
    assert one.item() == pytest.approx(expected)


def test_a_mask_of_one_means_speech_everywhere_and_the_noise_stays(noisy: Tensor) -> None:
    estimate, _ = track(noisy, INTERVAL, mask=torch.ones_like(noisy))
    torch.testing.assert_close(estimate.presence, torch.ones_like(noisy), atol=1e-3, rtol=0)
    assert torch.equal(estimate.noise, noisy[..., :1].expand_as(noisy))


def test_a_mask_of_zero_means_noise_everywhere(noisy: Tensor) -> None:
    zeros = torch.zeros_like(noisy)
    estimate, _ = track(noisy, INTERVAL, mask=zeros)
    assert estimate.presence.abs().max() < 1e-3
    smooth = [noisy[..., 0]]
    for now in noisy.unbind(-1)[1:]:
        smooth.append(torch.lerp(now, smooth[-1], 0.85**2))  # the hop is twice that of 0.85
    torch.testing.assert_close(estimate.noise, torch.stack(smooth, -1))
    gain, _ = ispp.gain(noisy, zeros, INTERVAL)
    torch.testing.assert_close(gain, torch.full_like(gain, LEAST_GAIN), atol=1e-3, rtol=0)


def test_blocks_give_the_gain_of_the_whole(noisy: Tensor, mask: Tensor) -> None:
    expected, _ = ispp.gain(noisy, mask, INTERVAL)
    state, gains = None, []
    for now, given in zip(noisy.split(11, -1), mask.split(11, -1), strict=True):
        gain, state = ispp.gain(now, given, INTERVAL, state)
        gains.append(gain)
    torch.testing.assert_close(torch.cat(gains, -1), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("level", [0.3, 1.0])
def test_a_good_mask_measures_the_noise_under_speech(level: float) -> None:
    speech, noise = syllables(96_000), level * white(96_000)
    clean, power = power_of(speech), power_of(speech + noise)
    ratio = clean / (clean + power_of(noise))
    corrupted = (ratio + 0.1 * torch.randn(ratio.shape, generator=torch.Generator().manual_seed(2))).clamp(0, 1)
    truth = level**2 * 0.05**2 * float(STFT.window.square().sum())
    masked = track(whole(power), INTERVAL, mask=corrupted)[0].noise
    assert abs(10 * float(torch.log10(masked[..., 60:].mean() / truth))) < 0.6
