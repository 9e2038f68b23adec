"""Short-time Fourier transform with exact inverse, zero padding and lengths.

    Y(f, t) = sum_s w(s) y(s + t hop - n_fft / 2) exp(-2 pi i f s / n_fft)
    y(s) = sum_t w(s - t hop) ifft(Y(., t)) / sum_t w(s - t hop)^2      (weighted overlap-add)

The edges are padded with zeros, never reflected: a reflection would make a clip depend on its padding. The inverse
counts only the valid frames of each clip, for the same reason. The last frame is centred at the end of the clip or
behind it; ending before it would leave the last samples under the window's foot alone, and dividing by that foot
turns any change of the spectrum into a click. Source: Griffin and Lim 1984,
doi:10.1109/TASSP.1984.1164317.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.masking import masked, valid

LEAST = 1e-3  # of a mask of powers


@contextmanager
def full_precision(like: Tensor) -> Iterator[None]:
    """A block without autocast: Fourier transforms and losses are computed in float32."""
    with torch.autocast(like.device.type, enabled=False):
        yield


class Stft(nn.Module):
    """Transform of (batch, time) waves and back.

    Args:
        n_fft: Points of the transform and length of the window in samples; a multiple of `hop`.
        hop: Samples between frames.
        window: Shape of the periodic window.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop: int, window: Literal["hann", "hamming"] = "hann") -> None:
        super().__init__()
        if hop < 1 or n_fft % hop or n_fft < 2 * hop:
            raise ValueError(f"n_fft must be a multiple of hop, at least twice it, but they are {n_fft} and {hop}")
        self.n_fft, self.hop = n_fft, hop
        shape = {"hann": torch.hann_window, "hamming": torch.hamming_window}[window]
        self.register_buffer("window", shape(n_fft), persistent=False)

    def frames(self, lengths: Tensor) -> Tensor:
        """Valid frames of clips with `lengths` samples."""
        return torch.div(lengths + self.hop - 1, self.hop, rounding_mode="floor") + 1

    def forward(self, waves: Tensor) -> Tensor:
        """Complex spectrum (batch, n_fft / 2 + 1, frames) of `waves` (batch, time)."""
        with full_precision(waves):
            whole = F.pad(waves.float(), (0, -waves.shape[-1] % self.hop))
            return torch.stft(
                whole, self.n_fft, self.hop, window=self.window, center=True, pad_mode="constant",
                return_complex=True,
            )  # fmt: skip

    def inverse(self, spectrum: Tensor, lengths: Tensor, size: int) -> Tensor:
        """Waves (batch, size) from `spectrum` (batch, bins, frames); zero beyond `lengths` samples."""
        with full_precision(spectrum):
            counted = valid(self.frames(lengths), spectrum.shape[-1])[..., None].to(self.window.dtype)
            waves = overlap_add(self.windowed(spectrum) * counted, self.hop)
            power = overlap_add(counted * self.window.square(), self.hop)
            start = self.n_fft // 2
            waves, power = waves[:, start : start + size], power[:, start : start + size]
            waves = waves / power.clamp(min=1e-8)
            return masked(F.pad(waves, (0, size - waves.shape[1])), lengths)

    def windowed(self, spectrum: Tensor) -> Tensor:
        """Frames to be added up, (batch, frames, n_fft), from `spectrum` (batch, bins, frames)."""
        frames = torch.fft.irfft(spectrum, n=self.n_fft, dim=1).transpose(1, 2)
        return torch.mul(frames, self.window)


def power_of(spectrum: Tensor) -> Tensor:
    """|Y|^2 of a complex spectrum, with a finite gradient at zero."""
    return spectrum.real.square() + spectrum.imag.square()


def amplitude(mask: Tensor) -> Tensor:
    """The gain of amplitudes that a mask of powers stands for, at least -30 dB."""
    return mask.clamp(min=LEAST).sqrt()


def overlap_add(frames: Tensor, hop: int) -> Tensor:
    """Sum of (batch, frames, points) shifted by `hop` samples each: (batch, (frames - 1) hop + points)."""
    batch, count, points = frames.shape
    shifts = points // hop
    parts = frames.reshape(batch, count, shifts, hop)
    total = sum(F.pad(parts[:, :, i], (0, 0, i, shifts - 1 - i)) for i in range(shifts))
    return torch.as_tensor(total).reshape(batch, -1)
