"""Log mel filterbank as Kaldi computes it, of whole batches and with gradients.

Frames of 25 ms every 10 ms lose their mean, are pre-emphasised by 0.97 inside the frame and weighed by the Povey window
w(s) = (1/2 - 1/2 cos(2 pi s / (S - 1)))^0.85; the bands are triangles on the mel scale 1127 ln(1 + f / 700) from 20 Hz
to half the rate, of the power spectrum of samples in [-2^15, 2^15]. There is no dither. Source: Povey et al. 2011, The
Kaldi speech recognition toolkit, ASRU.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.features import torchaudio
from sefront.core.signal import full_precision, power_of

EMPHASIS = 0.97
LOWEST = 20.0  # Hz
FULL_SCALE = 2.0**15


class KaldiFbank(nn.Module):
    """Natural logarithms of mel energies, of frames that lie wholly inside the waves.

    Args:
        sample_rate: Rate of the waves in Hz.
        bands: Mel bands.
    """

    window: Tensor
    bank: Tensor

    def __init__(self, sample_rate: int, bands: int) -> None:
        super().__init__()
        self.size, self.hop = sample_rate // 40, sample_rate // 100
        self.n_fft = 1 << (self.size - 1).bit_length()
        window = torch.hann_window(self.size, periodic=False) ** 0.85
        self.register_buffer("window", window, persistent=False)
        kaldi = torchaudio().compliance.kaldi
        bank, _ = kaldi.get_mel_banks(bands, self.n_fft, float(sample_rate), LOWEST, 0.0, 100.0, -500.0, 1.0)
        self.register_buffer("bank", F.pad(bank, (0, 1)), persistent=False)

    def frames(self, lengths: Tensor) -> Tensor:
        """Valid frames of clips with `lengths` samples; clips shorter than a frame have one."""
        return torch.div((lengths - self.size).clamp(min=0), self.hop, rounding_mode="floor") + 1

    def forward(self, waves: Tensor) -> Tensor:
        """Features (batch, bands, frames) of `waves` (batch, time) in [-1, 1]; short ones are filled up with zeros."""
        with full_precision(waves):
            waves = F.pad(waves.float(), (0, max(0, self.size - waves.shape[1]))) * FULL_SCALE
            frames = waves.unfold(1, self.size, self.hop)
            frames = frames - frames.mean(2, keepdim=True)
            before = torch.cat([frames[..., :1], frames[..., :-1]], 2)
            power = power_of(torch.fft.rfft((frames - EMPHASIS * before) * self.window, self.n_fft))
            energies = (power @ self.bank.T).clamp(min=torch.finfo(torch.float32).eps)
            return torch.log(energies).transpose(1, 2)
