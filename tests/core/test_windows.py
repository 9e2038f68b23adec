from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recordings import RATE, hiss, voice
from torch import Tensor, nn

from sefront.core.audio import audio_files, read_channels, resample
from sefront.core.inference import Listener
from sefront.core.mixed import Mixed
from sefront.core.streaming import Stream
from sefront.core.types import Batch, Enhanced
from sefront.core.windows import BLOCK, WINDOW, Passage, Piecewise, Windows
from sefront.frontends.dcunet import DCUNet
from sefront.frontends.spectral_subtraction import SpectralSubtraction
from sefront.frontends.unet import UNet
from sefront.frontends.wave_unet import WaveUNet

SMALL = 2**15
AUDIBLE = -50.0  # dB


class Spy(nn.Module):
    """Multiplies by a factor that grows with every call, and notes the shapes that it was called with."""

    def __init__(self, growth: float = 0.0) -> None:
        super().__init__()
        self.growth = growth
        self.shapes: list[tuple[int, ...]] = []
        self.modes: set[tuple[bool, bool]] = set()

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        assert lengths.tolist() == [waves.shape[1]] * len(waves)
        self.shapes.append(tuple(waves.shape))
        self.modes.add((self.training, torch.is_grad_enabled()))
        return Enhanced(waves * (1 + self.growth * (len(self.shapes) - 1)))

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        return enhanced.waves.sum(1)


class Average(Spy):
    """Mean of the last eight samples; it can do so while they arrive."""

    latency = 0

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        super().forward(waves, lengths)
        return Enhanced(nn.functional.pad(waves, (7, 0)).unfold(1, 8, 1).mean(2))

    def stream(self) -> Stream:
        return Averaging(self)


class Averaging:
    def __init__(self, spy: Spy) -> None:
        self.spy, self.last = spy, torch.zeros(1, 7)

    def push(self, waves: Tensor) -> Tensor:
        self.spy.modes.add((self.spy.training, torch.is_grad_enabled()))
        heard = torch.cat([self.last.expand(len(waves), -1), waves], 1)
        self.last = heard[:, heard.shape[1] - 7 :]
        return heard.unfold(1, 8, 1).mean(2) if waves.shape[1] else waves

    def finish(self) -> Tensor:
        return self.last[:, :0]


def through(stream: Stream, waves: Tensor, size: int) -> Tensor:
    """`waves` pushed through in blocks of `size`."""
    return torch.cat([*[stream.push(block) for block in waves.split(size, 1)], stream.finish()], 1)


def level(difference: Tensor, reference: Tensor) -> float:
    """Energy of a difference in dB."""
    return 10 * float(torch.log10(difference.square().sum() / reference.square().sum() + 1e-30))


def noisy(size: int) -> Tensor:
    return torch.from_numpy(voice(size, 150.0) + hiss(size, level=0.02))[None]


@pytest.fixture(scope="module")
def real(real_data: Path) -> Tensor:
    """Some seconds of recorded speech in recorded noise."""
    speech = [read_channels(path)[0][:, 0] for path in audio_files(real_data / "emodb")[:20]]
    clean = np.concatenate(speech)[: 12 * RATE]
    noise = np.concatenate([resample(*read_channels(p), RATE)[:, 0] for p in audio_files(real_data / "noise")[:20]])
    return torch.from_numpy(clean + np.resize(noise, len(clean)))[None]


SIZES = [1, 1023, 1024, 1025, 1024 + 768, 1024 + 769, 5000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("block", [1, 100, 1024, 5000])
def test_everything_comes_out_once(size: int, block: int) -> None:
    waves = torch.from_numpy(hiss(2 * size).reshape(2, size))
    torch.testing.assert_close(through(Windows(Spy(), 2, 1024), waves, block), waves)


def test_where_windows_lie() -> None:
    spy = Spy()
    through(Windows(spy, 2, 1024), torch.zeros(2, 3000), 700)
    assert spy.shapes == [(1, 1024)] * 6 + [(1, 3000 - 3 * 768)] * 2


def test_one_window_fades_into_the_next() -> None:
    out = through(Windows(Spy(growth=1.0), 1, 1024), torch.ones(1, 1500), 1500)[0]
    border = 768 + 128  # the middle of what both windows hold
    assert out[: border - 64].tolist() == [1.0] * (border - 64)
    assert out[border + 64 :].tolist() == [2.0] * (1500 - border - 64)
    ramp = out[border - 64 : border + 64]
    torch.testing.assert_close(ramp, torch.linspace(1, 2, 128))


def test_a_window_that_cannot_be_divided() -> None:
    with pytest.raises(ValueError, match="window must be a positive multiple of 16 samples, not 1000"):
        Windows(Spy(), 1, 1000)


@pytest.mark.parametrize("block", [1000, 2**16])
def test_windows_of_a_network_join_without_a_seam(real: Tensor, block: int) -> None:
    torch.manual_seed(0)
    frontend = UNet(RATE, width=2, depth=2, n_fft=512, hop=128).eval()
    with torch.no_grad():
        whole = frontend(real, torch.tensor([real.shape[1]])).waves
    out = through(Piecewise(frontend, 1, SMALL), real, block)
    assert out.shape == whole.shape
    assert level(out - whole, whole) < AUDIBLE - 40
    assert level(whole - real, real) > -30  # it did something


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (DCUNet, {"width": 2, "n_fft": 256, "hop": 64}),
        (DCUNet, {"width": 2, "n_fft": 300, "hop": 60}),
        (WaveUNet, {"levels": 4, "filters": 2}),
        (UNet, {"width": 2, "depth": 2, "n_fft": 400, "hop": 100}),
    ],
)
def test_hops_and_strides_fall_as_in_the_whole(real: Tensor, component: type, options: dict[str, int]) -> None:
    torch.manual_seed(0)
    frontend = component(RATE, **options).eval()
    with torch.no_grad():
        whole = frontend(real, torch.tensor([real.shape[1]])).waves
    out = through(Piecewise(frontend, 1, WINDOW // 4), real, BLOCK)
    assert level(out - whole, whole) < AUDIBLE - 30
    assert level(whole - real, real) > -30


@pytest.mark.parametrize("options", [{}, {"variant": "boll"}, {"noise": "minstat"}, {"noise": "imcra"}], ids=str)
def test_spectral_subtraction_goes_on_as_it_began(real: Tensor, options: dict[str, Any]) -> None:
    frontend = SpectralSubtraction(RATE, **options)
    whole = frontend(real, torch.tensor([real.shape[1]])).waves
    out = through(Piecewise(frontend, 1, SMALL), real, SMALL)
    assert level(out - whole, whole) < AUDIBLE
    assert level(whole - real, real) > -30


def test_a_share_of_the_input_follows_the_whole_recording() -> None:
    torch.manual_seed(0)
    frontend = Mixed(UNet(RATE, width=1, depth=1, n_fft=512, hop=128), mix="learnt").eval()
    assert frontend.mix_gate is not None
    frontend.mix_gate.slope.data.fill_(1.0)
    waves = noisy(2 * RATE)
    waves[:, :RATE] *= 0.01
    with torch.no_grad():
        whole = frontend(waves, torch.tensor([2 * RATE])).waves
    assert level(through(Piecewise(frontend, 1, 2**14), waves, 5000) - whole, whole) < AUDIBLE


@pytest.mark.parametrize("size", [1, 1000, 1024])
def test_up_to_a_window_a_recording_is_enhanced_at_once(size: int) -> None:
    frontend = Average()
    waves = torch.from_numpy(hiss(2 * size).reshape(2, size))
    out = through(Piecewise(frontend, 2, 1024), waves, 300)
    assert frontend.shapes == [(2, size)]
    assert torch.equal(out, frontend(waves, torch.tensor([size, size])).waves)


def test_a_frontend_that_can_stream_is_not_cut_into_windows() -> None:
    frontend = Average()
    waves = torch.from_numpy(hiss(6000).reshape(2, 3000))
    out = through(Piecewise(frontend, 2, 1024), waves, 300)
    assert frontend.shapes == []
    torch.testing.assert_close(out, frontend(waves, torch.tensor([3000, 3000])).waves)


@pytest.mark.parametrize("frontend", [Spy(), Average()], ids=["windows", "stream"])
@pytest.mark.parametrize("size", [1000, 3000])
def test_nothing_learns_meanwhile(frontend: Spy, size: int) -> None:
    through(Piecewise(frontend, 1, 1024), torch.zeros(1, size), 300)
    assert frontend.modes == {(False, False)}
    assert frontend.training
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("rate", [8000, RATE, 44100, 48000])
@pytest.mark.parametrize("size", [1, 2, 44099, 100_001])
def test_a_recording_of_any_rate_comes_out_as_long_as_it_went_in(rate: int, size: int) -> None:
    stereo = np.stack([voice(size, 150.0, rate), hiss(size)], axis=1)
    blocks = (stereo[start : start + 7001] for start in range(0, size, 7001))
    out = np.concatenate(list(Passage(Average(), RATE, rate, 2, 2**13).through(blocks)))
    there = torch.from_numpy(np.ascontiguousarray(resample(stereo, rate, RATE).T))
    enhanced = Averaging(Average()).push(there).numpy().T
    wanted = resample(np.ascontiguousarray(enhanced), RATE, rate)[:size]
    assert out.shape == stereo.shape
    np.testing.assert_allclose(out[: len(wanted)], wanted, atol=1e-5)


def test_long_waves_are_enhanced_in_pieces() -> None:
    frontend = Spy()
    waves = hiss(2 * WINDOW)
    found = Listener(frontend, None, None, RATE).enhance(waves, RATE)
    assert frontend.shapes == [(1, WINDOW), (1, WINDOW), (1, WINDOW // 2)]
    np.testing.assert_allclose(found, waves, atol=1e-6)
    assert WINDOW % BLOCK == 0


MEMORY = """
import resource, torch
from sefront.core.windows import Piecewise
from sefront.frontends.unet import UNet

stream = Piecewise(UNet(16000, width=4), 1, 2**15)
for count in (2, 8):
    for _ in range(count):
        stream.push(torch.zeros(1, 2**15))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
"""Prints the most memory that it had after few windows and after many, in kilobytes."""


def test_memory_does_not_grow_with_the_recording() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    few, many = map(int, done.stdout.split())
    assert many < few + 20_000
