from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from sefront.core.mixing import fitted, mix
from sefront.core.types import Batch
from sefront.frontends.spectral_subtraction import SpectralSubtraction
from sefront.metrics.si_sdr import SISDR

NOISES = ["leading", "leading_vad", "minstat", "imcra"]
VARIANTS = [{"variant": v, "noise": n} for v in ("berouti", "boll") for n in NOISES]
VARIANTS += [{"exponent": 1}, *({"variant": "boll", off: False} for off in ("averaging", "residual", "attenuation"))]


def white(*shape: int, seed: int = 0) -> Tensor:
    return 0.05 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def enhance(waves: Tensor, rate: int = 16000, **options: Any) -> Tensor:
    lengths = torch.full((len(waves),), waves.shape[1])
    return torch.as_tensor(SpectralSubtraction(rate, **options)(waves, lengths).waves)


def energy(waves: Tensor) -> float:
    return 10 * float(torch.log10(waves.square().sum()))


@pytest.fixture(params=VARIANTS, ids=lambda o: " ".join(map(str, o.values())))
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


@pytest.mark.parametrize("variant", ["berouti", "boll"])
@pytest.mark.parametrize("exponent", [1, 2])
def test_no_noise_leaves_the_input(variant: Any, exponent: Any) -> None:
    waves = white(1, 16000)
    waves[:, : 16 * 256] = 0
    out = enhance(waves, variant=variant, exponent=exponent, averaging=False)
    torch.testing.assert_close(out, waves, atol=1e-5, rtol=0)


def test_white_noise_is_lowered(options: dict[str, Any]) -> None:
    waves = white(2, 48000)
    assert energy(enhance(waves, **options)) < energy(waves) - 9


def test_the_defaults_lower_white_noise_by_ten_decibels() -> None:
    waves = white(2, 48000)
    assert energy(enhance(waves)) < energy(waves) - 10


def test_a_tone_rises_from_the_noise(options: dict[str, Any]) -> None:
    tone = 0.07 * torch.sin(2 * torch.pi * 1000 / 16000 * torch.arange(32000))[None]
    tone[:, :2240] = 0  # 0.14 s of noise before it
    tone *= (torch.arange(32000) // 4000 % 2).float()  # in bursts, as a steady tone is noise to the trackers
    noise = white(1, 32000)
    noisy = tone + noise * float(tone.norm() / noise.norm())
    options["attenuation"] = False  # a tone is too narrow to count as speech: its mean over the bins is low
    better = SISDR()(tone[0], enhance(noisy, **options)[0]) - SISDR()(tone[0], noisy[0])
    assert better > 3


@pytest.mark.parametrize("size", [1, 2, 255, 257, 1000, 1921, 16001])
def test_length_is_kept(options: dict[str, Any], size: int) -> None:
    out = enhance(white(2, size), **options)
    assert out.shape == (2, size)
    assert out.isfinite().all()


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_any_rate_is_enhanced_with_a_window_of_32_ms(rate: int) -> None:
    frontend, waves = SpectralSubtraction(rate), white(1, 2 * rate)
    assert frontend.stft.n_fft / rate == pytest.approx(0.032, abs=1e-4)
    assert energy(enhance(waves, rate)) < energy(waves) - 10


@pytest.mark.parametrize("name", ["silence", "constant", "square", "click", "loud noise"])
def test_extremes_stay_finite_and_bounded(options: dict[str, Any], name: str) -> None:
    t = torch.arange(16001)
    waves = {
        "silence": torch.zeros(16001),
        "constant": torch.ones(16001),
        "square": torch.sign(torch.sin(0.1 * t)),
        "click": (t == 9000).float(),
        "loud noise": (20 * white(16001)).clamp(-1, 1),
    }[name]
    out = enhance(waves[None], **options)
    assert out.isfinite().all()
    assert out.abs().max() <= 2
    assert name != "silence" or (out == 0).all()


@pytest.mark.parametrize("size", [1, 200, 700, 1500, 9999])
def test_a_clip_depends_neither_on_its_padding_nor_on_others(options: dict[str, Any], size: int) -> None:
    alone = white(1, size)
    both = torch.cat([torch.nn.functional.pad(alone, (0, 8000)), 10 * white(1, size + 8000, seed=1)])
    out = SpectralSubtraction(16000, **options)(both, torch.tensor([size, size + 8000])).waves
    torch.testing.assert_close(out[:1, :size], enhance(alone, **options), atol=1e-5, rtol=0)
    assert (out[0, size:] == 0).all()


def test_is_deterministic(options: dict[str, Any]) -> None:
    assert torch.equal(enhance(white(2, 9000), **options), enhance(white(2, 9000), **options))


@pytest.mark.parametrize(("size", "block"), [(1, 1), (300, 7), (3001, 1), (6000, 777), (20000, 5001)])
def test_streams_what_it_makes_of_the_whole(options: dict[str, Any], size: int, block: int) -> None:
    frontend, waves = SpectralSubtraction(16000, **options), white(2, size)
    waves += 0.2 * torch.sin(0.3 * torch.arange(size)) * (torch.arange(size) // 1500 % 3 == 2)
    stream = frontend.stream()
    parts = [stream.push(now) for now in waves.split(block, 1)]
    arrived = torch.arange(1, len(parts) + 1) * block
    lag = arrived.clamp(max=size) - torch.tensor([part.shape[1] for part in parts]).cumsum(0)
    out = torch.cat([*parts, stream.finish()], 1)
    torch.testing.assert_close(out, enhance(waves, **options), atol=1e-5, rtol=0)
    assert lag.max() < frontend.latency
    assert size != 3001 or lag.max() == frontend.latency - 1  # at one sample a time the largest lag is seen


def test_latency_counts_what_a_frame_waits_for() -> None:
    expected = [
        (2048, {}),  # the leading frames
        (512, {"leading": 0.01}),
        (512, {"noise": "imcra"}),
        (1024, {"variant": "boll", "leading": 0.01}),
        (2304, {"variant": "boll", "noise": "minstat"}),  # N_R needs the leading frames and the one behind them
        (512, {"variant": "boll", "noise": "minstat", "averaging": False, "residual": False}),
    ]
    latencies: list[tuple[int, dict[str, Any]]] = [
        (SpectralSubtraction(16000, **options).latency, options) for _, options in expected
    ]
    assert latencies == expected


@pytest.mark.parametrize("switch", ["averaging", "residual", "attenuation"])
def test_each_of_bolls_refinements_has_an_effect(switch: str) -> None:
    waves = white(1, 32000)
    waves[:, 8000:16000] += 0.2 * torch.sin(0.3 * torch.arange(8000))
    every = {"averaging": False, "residual": False, "attenuation": False}
    without = enhance(waves, variant="boll", **every)
    assert not torch.allclose(enhance(waves, variant="boll", **{**every, switch: True}), without, atol=1e-4)
    assert energy(enhance(waves, variant="boll", **{**every, switch: True})[:, 16000:]) < energy(without[:, 16000:])


def test_bolls_attenuation_is_thirty_decibels() -> None:
    waves = white(1, 32000)
    out = enhance(waves, variant="boll")
    assert energy(out) == pytest.approx(energy(waves) - 30, abs=0.5)


def test_says_that_it_cannot_be_trained_through() -> None:
    frontend = SpectralSubtraction(16000)
    out = frontend(white(1, 1000).requires_grad_(), torch.tensor([1000])).waves
    assert not frontend.differentiable
    assert not out.requires_grad
    assert not list(frontend.parameters())


def test_loss_falls_with_enhancement() -> None:
    clean = 0.2 * torch.sin(0.3 * torch.arange(32000))[None] * (torch.arange(32000) > 4000)
    zero, length = torch.zeros(1, dtype=torch.int64), torch.tensor([32000])
    batch = Batch(clean + white(1, 32000), clean, length, zero, zero + 1, ("a",), torch.zeros(1))
    frontend = SpectralSubtraction(16000)
    enhanced = frontend(batch.noisy, length)
    assert float(frontend.loss(enhanced, batch)) < float(frontend.loss(type(enhanced)(batch.noisy), batch))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "bell"}, "variant must be 'berouti' or 'boll', not 'bell'"),
        ({"noise": "mcra"}, "noise must be .*'imcra', not 'mcra'"),
        ({"leading": 0.0}, "leading must be a positive number of seconds, not 0.0"),
        ({"leading": float("nan")}, "leading must be"),
        ({"exponent": 3}, "exponent must be 1 or 2, not 3"),
        ({"over_subtraction": 0.5}, "over_subtraction must be at least 1, not 0.5"),
        ({"floor": 1.5}, "floor must lie between 0 and 1, not 1.5"),
        ({"floor": -0.1}, "floor must lie between 0 and 1"),
    ],
)
def test_refuses_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpectralSubtraction(16000, **options)


def test_refuses_an_impossible_rate() -> None:
    with pytest.raises(ValueError, match="sample_rate must be at least 1000 Hz, not 10"):
        SpectralSubtraction(10)


@pytest.mark.parametrize("source", ["leading", "imcra"])
def test_real_speech_in_real_noise_gains(real_data: Path, source: str) -> None:
    noise = soundfile.read(real_data / "noise" / "test" / "washing_machine_00.flac", dtype="float32")[0]
    gains = []
    for path in sorted((real_data / "emodb" / "wav").glob("14*.flac"))[:4]:
        speech, rate = soundfile.read(path, dtype="float32")
        quiet = np.zeros(rate // 5, dtype=np.float32)  # clips are cut at the first word: "leading" needs noise before
        speech = np.concatenate([quiet, speech])
        mixture = mix(speech, fitted(noise, len(speech), 0), 0.0)
        out = enhance(torch.from_numpy(mixture.noisy)[None], rate, noise=source)[0]
        gains.append(SISDR()(mixture.clean, out) - SISDR()(mixture.clean, mixture.noisy))
    assert np.mean(gains) > 1
