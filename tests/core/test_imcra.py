from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sefront.core import imcra
from sefront.core.noise_floor import whole
from sefront.core.signal import Stft

STFT = Stft(512, 256)
LEVEL = 192 * 0.05**2  # power of white noise of 0.05 under a Hann window of 512 points


def white(*shape: int, seed: int = 0) -> Tensor:
    return 0.05 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def power_of(waves: Tensor) -> Tensor:
    return whole(STFT(waves).abs().square())


def noise_power(power: Tensor, interval: float) -> Tensor:
    return imcra.track(power, interval)[0].noise


def decibels(noise: Tensor, truth: float) -> float:
    return 10 * float(torch.log10(noise.mean() / truth))


@pytest.mark.parametrize("seconds", [3, 5, 20])
@pytest.mark.parametrize("gain", [1e-3, 1.0, 20.0])
def test_white_noise_is_estimated_within_a_decibel(seconds: int, gain: float) -> None:
    noise = noise_power(power_of(gain * white(2, 16000 * seconds)), 0.016)
    assert abs(decibels(noise, gain**2 * LEVEL)) < 1


def test_half_the_hop_gives_the_same_noise() -> None:
    power = Stft(512, 128)(white(2, 80_000)).abs().square()[..., 2:]
    assert abs(decibels(noise_power(power, 0.008), LEVEL)) < 1


def test_speech_like_bursts_do_not_raise_the_noise() -> None:
    waves = white(2, 80_000)
    bursts = 0.5 * torch.sin(0.2 * torch.arange(80_000)) * (torch.arange(80_000) // 4000 % 2)
    noise = noise_power(power_of(waves + bursts), 0.016)
    assert abs(decibels(noise[..., 60:], LEVEL)) < 2  # the bursts lie 24 dB above


def test_noise_that_rises_is_followed_within_two_seconds() -> None:
    waves = white(1, 96_000)
    waves[:, 48_000:] *= 10**0.5
    noise = noise_power(power_of(waves), 0.016)
    assert abs(decibels(noise[..., 150:185], LEVEL)) < 1.5
    assert abs(decibels(noise[..., -60:], 10 * LEVEL)) < 2.5


def test_float64_agrees_with_float32() -> None:
    power = power_of(white(1, 48_000))
    single, double = noise_power(power, 0.016), noise_power(power.double(), 0.016)
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=0)


def test_clips_do_not_see_each_other_nor_frames_to_come() -> None:
    power = power_of(white(3, 48_000))
    power[1, :, :20] = 0  # begins later
    power[2, :, 60:90] = 0  # falls silent
    together = noise_power(power, 0.016)
    for i in range(3):
        torch.testing.assert_close(together[i : i + 1], noise_power(power[i : i + 1], 0.016))
    torch.testing.assert_close(together[..., :50], noise_power(power[..., :50], 0.016))


def test_silence_before_a_clip_changes_nothing_but_the_time() -> None:
    power = power_of(white(1, 48_000))
    late = noise_power(torch.nn.functional.pad(power, (25, 0)), 0.016)
    assert (late[..., :25] == 0).all()
    torch.testing.assert_close(late[..., 25:], noise_power(power, 0.016))


def test_silent_frames_keep_the_estimate() -> None:
    power = power_of(white(1, 48_000))
    power[..., 100:120] = 0
    noise = noise_power(power, 0.016)
    assert (noise[..., 100:120] == noise[..., 99:100]).all()
    assert (noise_power(torch.zeros(1, 257, 9), 0.016) == 0).all()


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e6])
def test_extreme_powers_stay_finite(scale: float) -> None:
    power = scale * power_of(white(1, 48_000))
    power[..., 50:] *= 1e6
    assert noise_power(power, 0.016).isfinite().all()


def test_blocks_of_any_size_give_the_same_numbers() -> None:
    power = power_of(white(3, 64_000))
    power[1, :, :37] = 0  # begins in the second block
    power[2, :, 60:90] = 0
    mask = torch.rand(power.shape, generator=torch.Generator().manual_seed(0))
    whole_clip, _ = imcra.track(power, 0.016, mask=mask, rho=0.5)
    for size in (1, 7, 36):
        state, parts = None, []
        for now, given in zip(power.split(size, -1), mask.split(size, -1), strict=True):
            part, state = imcra.track(now, 0.016, state, mask=given, rho=0.5)
            parts.append(part)
        for one, other in zip(whole_clip, zip(*parts, strict=True), strict=True):
            assert torch.equal(one, torch.cat(other, -1))


def test_no_frames_change_nothing() -> None:
    power = power_of(white(1, 4000))
    _, state = imcra.track(power, 0.016)
    estimate, same = imcra.track(power[..., :0], 0.016, state)
    assert same is state
    assert estimate.noise.shape == estimate.gain.shape == (1, 257, 0)


def test_minimum_is_that_of_the_last_blocks() -> None:
    values = torch.rand(200, 1, 1, generator=torch.Generator().manual_seed(0))
    always, full = torch.ones(200, 1, 1, dtype=torch.bool), (torch.arange(1, 201) % 5 == 0)[:, None, None]
    smooth, lowest, _ = imcra.follow(imcra.Minimum.start(values[0]), values, torch.ones(200, 1, 1), always, full)
    assert torch.equal(smooth, values)
    for i in range(200):
        done = (i // 5) * 5  # a block opens with the last frame of the one before
        since = max(0, done - 5 * imcra.BLOCKS - (done > 5 * imcra.BLOCKS))
        assert lowest[i] == values[since : i + 1].min()


def test_absence_falls_from_one_to_zero() -> None:
    least = torch.full((5,), 1 / imcra.MINIMUM_BIAS)
    power, smooth = torch.tensor([0.5, 1.0, 2.0, 3.0, 0.5]), torch.tensor([1.0, 1.0, 1.0, 1.0, 1.7])
    assert imcra.absence(power, smooth, least).tolist() == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])
