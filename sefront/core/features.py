"""Spectral features in torch, and the one place that imports torchaudio."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from sefront.core.masking import valid
from sefront.core.signal import full_precision, power_of


def torchaudio() -> Any:
    """The torchaudio package; where its native part cannot be loaded, the parts written in Python.

    Wheels for Linux link against CUDA, so importing them beside a CPU build of torch raises an OSError. Then a stub
    stands in for the native extension; transforms, functional and compliance do not need it.
    """
    try:
        return importlib.import_module("torchaudio")
    except OSError:
        for name in [n for n in sys.modules if n == "torchaudio" or n.startswith("torchaudio.")]:
            del sys.modules[name]
        stub: Any = ModuleType("torchaudio._extension")
        stub._IS_TORCHAUDIO_EXT_AVAILABLE = False
        stub.fail_if_no_align = lambda function: function
        sys.modules["torchaudio._extension"] = stub
        return importlib.import_module("torchaudio")


class Standard(nn.Module):
    """Features (x - m) / s with the mean m and standard deviation s of each over the training data.

    Both are gathered by `gather` and kept in the state; before that m is 0 and s is 1.

    Args:
        size: Number of features.
    """

    count: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))  # frames seen
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        """Standardised `x` (batch, features, frames)."""
        return (x - self.mean[:, None]) / self.deviation[:, None]

    def undone(self, standard: Tensor) -> Tensor:
        """What `standard` (batch, features, frames) was before."""
        return standard * self.deviation[:, None] + self.mean[:, None]

    def gather(self, x: Tensor, frames: Tensor) -> None:
        """Count in `x` (batch, features, frames), of which `frames` (batch,) are valid.

        Means of batches are merged as by Chan, Golub and LeVeque 1983, doi:10.1080/00031305.1983.10483115.
        """
        seen = x.transpose(1, 2)[valid(frames, x.shape[-1])].double()
        count = float(self.count) + len(seen)
        gap = seen.mean(0) - self.mean.double()
        within = seen.var(0, correction=0) * len(seen) + self.deviation.double().square() * float(self.count)
        variance = (within + gap.square() * (float(self.count) * len(seen) / count)) / count
        self.mean += (gap * (len(seen) / count)).to(self.mean.dtype)
        self.deviation.copy_(variance.sqrt().clamp(min=1e-3))
        self.count.fill_(count)


def logarithm(power: Tensor) -> Tensor:
    """ln(P + 1e-10), for waves in [-1, 1]."""
    return torch.log(power + 1e-10)


class LogMel(nn.Module):
    """Logarithmic mel spectrogram ln(max(M |Y|^2, 1e-10)), HTK scale, triangles of height one, 0 Hz to half the rate.

    Args:
        sample_rate: Rate of the waves in Hz.
        bands: Number of mel bands.
        n_fft: Points of the transform.
        window: Length of the Hann window in samples.
        hop: Samples between frames.
    """

    bank: Tensor
    window: Tensor

    def __init__(self, sample_rate: int, bands: int, n_fft: int, window: int, hop: int) -> None:
        super().__init__()
        self.n_fft, self.hop, self.window_length = n_fft, hop, window
        bank = torchaudio().functional.melscale_fbanks(n_fft // 2 + 1, 0.0, sample_rate / 2, bands, sample_rate)
        self.register_buffer("bank", bank.T.contiguous(), persistent=False)
        self.register_buffer("window", torch.hann_window(window), persistent=False)

    def frames(self, lengths: Tensor) -> Tensor:
        """Valid frames of clips with `lengths` samples."""
        return torch.div(lengths, self.hop, rounding_mode="floor") + 1

    def forward(self, waves: Tensor) -> Tensor:
        """Features (batch, bands, frames) of `waves` (batch, time)."""
        with full_precision(waves):
            spectrum = torch.stft(
                waves.float(), self.n_fft, self.hop, self.window_length, self.window, center=True,
                pad_mode="constant", return_complex=True,
            )  # fmt: skip
            return torch.log((self.bank @ power_of(spectrum)).clamp(min=1e-10))
