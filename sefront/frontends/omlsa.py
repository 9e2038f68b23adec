"""OM-LSA: the log-spectral amplitude gain, weighed by the probability that there is speech; the noise by IMCRA.

With the noise power L and the presence p of speech from IMCRA (`core/imcra.py`), P = |Y|^2, gamma = P / L and the
decision-directed a-priori SNR xi:

    G_H1 = min(1, xi / (1 + xi) exp(E1(v) / 2)),  v = gamma xi / (1 + xi),  E1(v) = int_v^inf exp(-t) / t dt
    X = G_H1^p G_min^(1-p) Y

Frames are 32 ms long, 8 ms apart, those for which IMCRA's constants were tuned.

Source: Cohen and Berdugo 2001, doi:10.1016/S0165-1684(01)00128-1.
Source: Cohen 2002, doi:10.1109/97.1001645.
Source: Cohen 2003, doi:10.1109/TSA.2003.811544.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from sefront.core.imcra import FRAME, State, track
from sefront.core.losses import LEAST, wsdr
from sefront.core.masking import masked
from sefront.core.noise_floor import whole
from sefront.core.presence import suppression
from sefront.core.signal import Stft, full_precision, power_of
from sefront.core.streaming import SpectralStream
from sefront.core.types import Batch, Enhanced


class OMLSA(nn.Module):
    """Optimally modified log-spectral amplitude estimator; nothing to train, no gradient.

    Args:
        floor: Gain G_min where there is no speech, in dB, below 0: less leaves less noise, and sounds less natural.
    """

    differentiable = False
    least_loss = LEAST["wsdr"]

    def __init__(self, sample_rate: int, *, floor: float = -18.0) -> None:
        super().__init__()
        if sample_rate < 1000:
            raise ValueError(f"sample_rate must be at least 1000 Hz, not {sample_rate}")
        if not -math.inf < floor < 0:
            raise ValueError(f"floor must be a negative number of dB, not {floor}")
        hop = round(FRAME * sample_rate)
        self.stft = Stft(4 * hop, hop)
        self.latency, self.interval, self.least = self.stft.n_fft, hop / sample_rate, 10 ** (floor / 20)

    @torch.no_grad()
    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time), of which `lengths` (batch,) samples are valid."""
        with full_precision(waves):
            spectrum, _ = self.process(self.stft(masked(waves, lengths)))
            return Enhanced(self.stft.inverse(spectrum, lengths, waves.shape[1]).to(waves.dtype))

    @torch.no_grad()
    def process(self, spectrum: Tensor, state: State | None = None, last: bool = False) -> tuple[Tensor, State]:
        """Enhance the frames of `spectrum` (batch, bins, frames) that follow on `state`, and remember them."""
        power = power_of(spectrum)
        estimate, state = track(whole(power) if state is None else power, self.interval, state)
        return spectrum * suppression(estimate, self.least), state

    def stream(self) -> SpectralStream:
        """A stream at the beginning of a recording."""
        return SpectralStream(self.stft, self.process)

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """wSDR of the waves, (batch,)."""
        return wsdr(enhanced.waves, batch)
