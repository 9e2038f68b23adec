"""Spectral features in torch, and the one place that imports torchaudio."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.masking import masked, valid
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
        least: Deviation of features that vary less.
    """

    count: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, size: int, *, least: float = 1e-3) -> None:
        super().__init__()
        self.least = least
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
        self.deviation.copy_(variance.sqrt().clamp(min=self.least))
        self.count.fill_(count)


def logarithm(power: Tensor) -> Tensor:
    """ln(P + 1e-10), for waves in [-1, 1]."""
    return torch.log(power + 1e-10)


class PowerSpectrum(nn.Module):
    """Short-time power spectrum |Y|^2, with zeros before the beginning and behind the end.

    Args:
        n_fft: Points of the transform. A longer window is cut off after so many samples, a shorter one is centred.
        window: Length of the periodic window in samples.
        hop: Samples between frames.
        shape: Shape of the window.
    """

    window: Tensor

    def __init__(self, n_fft: int, window: int, hop: int, shape: Literal["hann", "hamming"] = "hann") -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        weights = {"hann": torch.hann_window, "hamming": torch.hamming_window}[shape](window)
        self.register_buffer("window", weights[:n_fft].contiguous(), persistent=False)

    def frames(self, lengths: Tensor) -> Tensor:
        """Valid frames of clips with `lengths` samples."""
        return torch.div(lengths - self.n_fft % 2, self.hop, rounding_mode="floor") + 1

    def forward(self, waves: Tensor) -> Tensor:
        """Powers (batch, n_fft // 2 + 1, frames) of `waves` (batch, time)."""
        with full_precision(waves):
            spectrum = torch.stft(
                waves.float(), self.n_fft, self.hop, len(self.window), self.window, center=True,
                pad_mode="constant", return_complex=True,
            )  # fmt: skip
            return power_of(spectrum)


class LogMel(PowerSpectrum):
    """Logarithmic mel spectrogram ln(max(M |Y|^2, 1e-10)).

    Args:
        sample_rate: Rate of the waves in Hz.
        bands: Number of mel bands.
        n_fft: Points of the transform.
        window: Length of the window in samples.
        hop: Samples between frames.
        shape: Shape of the window.
    """

    bank: Tensor

    def __init__(
        self, sample_rate: int, bands: int, n_fft: int, window: int, hop: int, *,
        shape: Literal["hann", "hamming"] = "hann",
    ) -> None:  # fmt: skip
        super().__init__(n_fft, window, hop, shape)
        self.register_buffer("bank", mel_bank(sample_rate, bands, n_fft), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        """Features (batch, bands, frames) of `waves` (batch, time)."""
        with full_precision(waves):
            return torch.log((self.bank @ super().forward(waves)).clamp(min=1e-10))


class Mfcc(nn.Module):
    """Mel-frequency cepstral coefficients, an orthonormal DCT-II of a logarithmic mel spectrogram of B bands.

        c_k = sqrt(2 / B) sum_m ln(mel_m) cos(pi k (m + 1/2) / B),   c_0 divided by sqrt(2)

    Args:
        mel: The spectrogram.
        coefficients: Number of coefficients from c_0 on, at most B.
        emphasis: Factor a of the pre-emphasis y(s) = x(s) - a x(s - 1).
    """

    dct: Tensor

    def __init__(self, mel: LogMel, coefficients: int, *, emphasis: float = 0.0) -> None:
        super().__init__()
        self.mel, self.emphasis = mel, emphasis
        dct = torchaudio().functional.create_dct(coefficients, len(mel.bank), "ortho")
        self.register_buffer("dct", dct.T.contiguous(), persistent=False)

    def frames(self, lengths: Tensor) -> Tensor:
        """Valid frames of clips with `lengths` samples."""
        return self.mel.frames(lengths)

    def forward(self, waves: Tensor, lengths: Tensor) -> Tensor:
        """Coefficients (batch, coefficients, frames) of `waves` (batch, time), of which `lengths` are valid."""
        waves = masked(waves, lengths)
        if self.emphasis:
            waves = masked(waves - self.emphasis * F.pad(waves, (1, -1)), lengths)
        with full_precision(waves):
            return torch.matmul(self.dct, self.mel(waves))


def mel_bank(sample_rate: int, bands: int, n_fft: int) -> Tensor:
    """Triangles of height one on the HTK mel scale, from 0 Hz to half the rate, (bands, n_fft // 2 + 1)."""
    bank = torchaudio().functional.melscale_fbanks(n_fft // 2 + 1, 0.0, sample_rate / 2, bands, sample_rate)
    return torch.as_tensor(bank.T).contiguous()


def linear_bank(bands: int, n_fft: int) -> Tensor:
    """Means of n_fft / 2 / bands neighbouring bins without the one at 0 Hz, (bands, n_fft // 2 + 1)."""
    joined = n_fft // 2 // bands
    means = torch.eye(bands).repeat_interleave(joined, 1) / joined
    return torch.cat([torch.zeros(bands, 1), means], 1)
