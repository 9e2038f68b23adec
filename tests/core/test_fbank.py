"""Kaldi's mel energies: the same as torchaudio's, of batches, with gradients."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import torch
from torch import Tensor

from sefront.core.fbank import KaldiFbank
from sefront.core.features import torchaudio


def noise(*shape: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def reference(wave: Tensor, rate: int, bands: int) -> Tensor:
    """What torchaudio computes of one clip (samples,), (bands, frames)."""
    fbank = torchaudio().compliance.kaldi.fbank
    found = fbank(wave[None] * 2**15, num_mel_bins=bands, sample_frequency=float(rate), dither=0.0)
    return torch.as_tensor(found.T)


@pytest.mark.parametrize(("rate", "bands"), [(16000, 40), (8000, 23), (22050, 40), (44100, 80)])
def test_as_torchaudio_computes_it(rate: int, bands: int) -> None:
    waves = noise(2, rate)
    waves[1, rate // 2 :] = 0  # silence has the least energy there is
    found = KaldiFbank(rate, bands)(waves)
    for row, wave in zip(found, waves, strict=True):
        torch.testing.assert_close(row, reference(wave, rate, bands), atol=1e-3, rtol=0)


def test_as_torchaudio_computes_it_of_speech(real_data: Path) -> None:
    path = min((real_data / "emodb" / "wav").iterdir())
    wave, rate = soundfile.read(path, dtype="float32")
    found = KaldiFbank(rate, 40)(torch.tensor(wave)[None])[0]
    torch.testing.assert_close(found, reference(torch.tensor(wave), rate, 40), atol=1e-3, rtol=0)


def test_a_tone_lies_in_its_band() -> None:
    """1000 Hz are 1000 mel; bands stand 68.5 mel apart from 31.7 on, so the fourteenth is the nearest."""
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16000) / 16000)[None]
    assert KaldiFbank(16000, 40)(tone).mean(2).argmax().item() == 13


def test_the_level_of_a_clip_is_added_to_its_logarithms() -> None:
    fbank, wave = KaldiFbank(16000, 40), noise(1, 8000)
    torch.testing.assert_close(fbank(0.1 * wave) - fbank(wave), torch.full((1, 40, 48), -4.60517), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (399, 1), (400, 1), (559, 1), (560, 2), (16000, 98)])
def test_frames_lie_inside_the_clip(samples: int, frames: int) -> None:
    fbank = KaldiFbank(16000, 40)
    assert fbank.frames(torch.tensor([samples])).tolist() == [frames]
    assert fbank(noise(1, samples)).shape == (1, 40, frames)


@pytest.mark.parametrize("level", [1.0, 0.0])
def test_gradients_are_finite(level: float) -> None:
    wave = (level * noise(1, 1600)).requires_grad_()
    KaldiFbank(16000, 40)(wave).sum().backward()
    assert wave.grad is not None
    assert bool(wave.grad.isfinite().all())
    assert bool(wave.grad.any()) == (level > 0)


def test_nothing_of_it_is_saved() -> None:
    assert not KaldiFbank(16000, 40).state_dict()
