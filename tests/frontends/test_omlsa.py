from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from sefront.core.imcra import track
from sefront.core.mixing import fitted, mix
from sefront.core.noise_floor import whole
from sefront.core.presence import suppression
from sefront.frontends.omlsa import OMLSA
from sefront.metrics.si_sdr import SISDR


def white(*shape: int, seed: int = 0) -> Tensor:
    return 0.05 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def enhance(waves: Tensor, rate: int = 16000, **options: Any) -> Tensor:
    lengths = torch.full((len(waves),), waves.shape[1])
    return torch.as_tensor(OMLSA(rate, **options)(waves, lengths).waves)


def energy(waves: Tensor) -> float:
    return 10 * float(torch.log10(waves.square().sum()))


@pytest.mark.parametrize("seconds", [3, 10])
def test_white_noise_is_measured_and_lowered(seconds: int) -> None:
    frontend = OMLSA(16000)
    power = whole(frontend.stft(white(1, 16000 * seconds)).abs().square())
    estimate, _ = track(power, frontend.interval)
    truth = 0.05**2 * float(frontend.stft.window.square().sum())
    assert abs(10 * float(torch.log10(estimate.noise.mean() / truth))) < 1
    assert float(20 * suppression(estimate, frontend.least).log10().mean()) < -14


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 48000])
def test_any_rate_is_enhanced_with_a_window_of_32_ms(rate: int) -> None:
    frontend, waves = OMLSA(rate), white(1, 2 * rate)
    assert frontend.latency / rate == pytest.approx(0.032, abs=3e-4)
    assert energy(enhance(waves, rate)) < energy(waves) - 9


def test_a_lower_floor_leaves_less_noise() -> None:
    waves = white(1, 32000)
    assert energy(enhance(waves, floor=-30.0)) < energy(enhance(waves)) < energy(enhance(waves, floor=-6.0))


@pytest.mark.parametrize("size", [1, 127, 129, 1000, 16001])
def test_a_clip_depends_neither_on_its_padding_nor_on_others(size: int) -> None:
    alone = white(1, size)
    both = torch.cat([torch.nn.functional.pad(alone, (0, 4000)), 10 * white(1, size + 4000, seed=1)])
    out = OMLSA(16000)(both, torch.tensor([size, size + 4000])).waves
    assert out.shape == both.shape
    torch.testing.assert_close(out[:1, :size], enhance(alone), atol=1e-5, rtol=0)
    assert (out[0, size:] == 0).all()


@pytest.mark.parametrize("name", ["silence", "constant", "square", "click"])
def test_extremes_stay_finite_and_bounded(name: str) -> None:
    t = torch.arange(8001)
    waves = {
        "silence": torch.zeros(8001),
        "constant": torch.ones(8001),
        "square": torch.sign(torch.sin(0.1 * t)),
        "click": (t == 5000).float(),
    }[name]
    out = enhance(waves[None])
    assert out.isfinite().all()
    assert out.abs().max() <= 2
    assert name != "silence" or (out == 0).all()


def test_is_deterministic() -> None:
    assert torch.equal(enhance(white(2, 9000)), enhance(white(2, 9000)))


@pytest.mark.parametrize(("size", "block"), [(1, 1), (100, 7), (2001, 1), (8000, 777), (20000, 5001)])
def test_streams_what_it_makes_of_the_whole(size: int, block: int) -> None:
    frontend, waves = OMLSA(16000), white(2, size)
    waves[:, size // 2 :] += 0.2 * torch.sin(0.3 * torch.arange(size - size // 2))
    stream = frontend.stream()
    parts = [stream.push(now) for now in waves.split(block, 1)]
    arrived = torch.arange(1, len(parts) + 1) * block
    lag = arrived.clamp(max=size) - torch.tensor([part.shape[1] for part in parts]).cumsum(0)
    torch.testing.assert_close(torch.cat([*parts, stream.finish()], 1), enhance(waves), atol=1e-5, rtol=0)
    assert lag.max() < frontend.latency
    assert size != 2001 or lag.max() == frontend.latency - 1  # at one sample a time the largest lag is seen


def test_says_that_it_cannot_be_trained_through() -> None:
    frontend = OMLSA(16000)
    out = frontend(white(1, 1000).requires_grad_(), torch.tensor([1000])).waves
    assert not frontend.differentiable
    assert not out.requires_grad
    assert not list(frontend.parameters())


@pytest.mark.parametrize("floor", [0.0, 3.0, float("-inf"), float("nan")])
def test_refuses_a_floor_out_of_range(floor: float) -> None:
    with pytest.raises(ValueError, match=f"floor must be a negative number of dB, not {floor}"):
        OMLSA(16000, floor=floor)


def test_refuses_an_impossible_rate() -> None:
    with pytest.raises(ValueError, match="sample_rate must be at least 1000 Hz, not 10"):
        OMLSA(10)


def test_real_speech_in_real_noise_gains(real_data: Path) -> None:
    noise = soundfile.read(real_data / "noise" / "test" / "washing_machine_00.flac", dtype="float32")[0]
    gains = []
    for path in sorted((real_data / "emodb" / "wav").glob("14*.flac"))[:4]:
        speech, rate = soundfile.read(path, dtype="float32")
        mixture = mix(speech, fitted(noise, len(speech), 0), 0.0)
        out = enhance(torch.from_numpy(mixture.noisy)[None], rate)[0]
        gains.append(SISDR()(mixture.clean, out) - SISDR()(mixture.clean, mixture.noisy))
    assert np.mean(gains) > 1
