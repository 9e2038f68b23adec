"""Spectral subtraction: take an estimate of the noise off the magnitude of each bin and keep the noisy phase.

With P = |Y|^2, the noise power L and the exponent g (1 for magnitudes, 2 for powers):

    |X|^g = max(|Y|^g - a_t L^(g/2), b L^(g/2)),  X = |X| Y / |Y|

"berouti": a_t = a_0 - (a_0 - 1) / 20 clip(SNR_t, -5, 20) with SNR_t = 10 log10(sum_f P / sum_f L), so that frames full
    of noise lose more than its mean; b keeps a floor of noise that hides musical tones.
"boll": g = 1, a = 1, b = 0, and three refinements:
    1. |Y| is averaged over the frames t-1, t and t+1 before the subtraction;
    2. where |X| stays below the largest residual N_R(f) of the leading frames, it becomes the least of |X| in those
       three frames;
    3. frames with 20 log10(mean_f |X| / L^(1/2)) < -12 dB hold no speech and become Y at -30 dB.

Source: Boll 1979, doi:10.1109/TASSP.1979.1163209.
Source: Berouti, Schwartz and Makhoul 1979, doi:10.1109/ICASSP.1979.1170788.
Source: Martin 2001, doi:10.1109/89.928915, for noise="minstat".
Source: Cohen 2003, doi:10.1109/TSA.2003.811544, for noise="imcra".
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core import noise_floor
from sefront.core.imcra import track
from sefront.core.losses import LEAST, wsdr
from sefront.core.masking import masked, valid
from sefront.core.signal import Stft, full_precision
from sefront.core.streaming import SpectralStream
from sefront.core.types import Batch, Enhanced

HALF_WINDOW = 0.016  # seconds: a Hann window of 32 ms, moved by half
SEARCH = 1.5  # seconds over which "minstat" looks for the minimum
NO_SPEECH, ATTENUATED = 10 ** (-12 / 20), 10 ** (-30 / 20)
TINY = 1e-30  # under any power that a wave in float32 has


class Memory(NamedTuple):
    """What is remembered between frames.

    Args:
        spectrum: Frames that are not finished or that those still look back on, (batch, bins, frames).
        noise: Noise power under them, or none as long as the leading frames are not complete.
        past: How many of them are finished.
        tracked: What the estimate of the noise remembers.
        largest: Boll's N_R, (batch, bins, 1).
    """

    spectrum: Tensor
    noise: Tensor
    past: int = 0
    tracked: Any = None
    largest: Tensor | None = None


class SpectralSubtraction(nn.Module):
    """Subtracts an estimate of the noise spectrum; nothing to train, no gradient.

    Args:
        variant: "berouti" over-subtracts and keeps a noise floor, "boll" subtracts magnitudes and cleans up the rest.
        noise: Where the noise spectrum comes from: "leading" frames, which then must hold no speech; "leading_vad", the
            same but updated in frames without speech; "minstat" or "imcra", which follow noise that changes.
        leading: Length of the leading noise in seconds.
        exponent: 2 subtracts powers, 1 magnitudes; variant "berouti" only.
        over_subtraction: Factor a_0 in frames of 0 dB SNR, at least 1; none means 4 for powers and 3 for magnitudes;
            variant "berouti" only.
        floor: Share b of the noise that stays, 0 to 1; variant "berouti" only.
        averaging: Boll's first refinement, averaging over three frames; variant "boll" only.
        residual: Boll's second refinement, the least of three frames; variant "boll" only.
        attenuation: Boll's third refinement, attenuating frames without speech; variant "boll" only.
    """

    differentiable = False
    least_loss = LEAST["wsdr"]

    def __init__(
        self, sample_rate: int, *,
        variant: Literal["berouti", "boll"] = "berouti",
        noise: Literal["leading", "leading_vad", "minstat", "imcra"] = "leading",
        leading: float = 0.12,
        exponent: Literal[1, 2] = 2,
        over_subtraction: float | None = None,
        floor: float = 0.01,
        averaging: bool = True,
        residual: bool = True,
        attenuation: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        check(
            sample_rate=sample_rate, variant=variant, noise=noise, leading=leading, exponent=exponent,
            over=over_subtraction, floor=floor,
        )  # fmt: skip
        hop = round(HALF_WINDOW * sample_rate)
        self.stft = Stft(2 * hop, hop)
        self.interval = hop / sample_rate
        self.variant, self.noise, self.exponent, self.floor = variant, noise, exponent, floor
        self.leading = math.ceil(leading / self.interval)
        self.over_subtraction = over_subtraction or {1: 3.0, 2: 4.0}[exponent]
        boll = variant == "boll"
        self.averaging, self.residual, self.attenuation = boll and averaging, boll and residual, boll and attenuation
        self.ahead = self.averaging + self.residual  # frames that a finished one waits for
        self.needed = self.leading if noise.startswith("leading") else 1  # frames before the first is finished
        if self.residual:
            self.needed = max(self.needed, self.leading + self.averaging)
        self.latency = max((2 + self.ahead) * hop, self.needed * hop)

    @torch.no_grad()
    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time), of which `lengths` (batch,) samples are valid."""
        with full_precision(waves):
            clean, _ = self.process(self.stft(masked(waves, lengths)), None, True, self.stft.frames(lengths))
            return Enhanced(self.stft.inverse(clean, lengths, waves.shape[-1]).to(waves.dtype))

    def stream(self) -> SpectralStream:
        """A stream at the beginning of a recording."""
        return SpectralStream(self.stft, self.process)

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """wSDR of the waves, (batch,)."""
        return wsdr(enhanced.waves, batch)

    @torch.no_grad()
    def process(
        self, spectrum: Tensor, memory: Memory | None, last: bool, frames: Tensor | None = None
    ) -> tuple[Tensor, Memory]:
        """The frames that are finished when those of `spectrum` (batch, bins, frames) arrive, and what to remember.

        Of whole recordings that differ in length, `frames` (batch,) are valid.
        """
        waiting, known, past, tracked, largest = memory or Memory(spectrum[..., :0], spectrum[..., :0].abs())
        noisy = torch.cat([waiting, spectrum], -1)
        magnitude, size = noisy.abs(), noisy.shape[-1]
        if size < self.needed and tracked is None and not last:
            return noisy[..., :0], Memory(noisy, known)
        frames = torch.full((len(noisy),), size, device=noisy.device) if frames is None else frames
        noise, tracked = self.noise_power(magnitude[..., known.shape[-1] :].square(), frames, tracked)
        if known.shape[-1]:
            noise = torch.cat([known, noise.expand_as(spectrum)], -1)
        if self.variant == "boll":
            clean, largest = self.boll(magnitude, noise.sqrt(), valid(frames, size)[:, None], largest)
        else:
            clean = berouti(magnitude, noise, self.exponent, self.over_subtraction, self.floor)
        gain = torch.where(magnitude > 0, clean / magnitude.clamp(min=TINY), 0.0)
        done = size if last else max(past, size - self.ahead)
        kept = max(0, done - self.ahead)
        memory = Memory(noisy[..., kept:], noise.expand_as(gain)[..., kept:], done - kept, tracked, largest)
        return (noisy * gain)[..., past:done], memory

    def noise_power(self, power: Tensor, frames: Tensor, tracked: Any) -> tuple[Tensor, Any]:
        """Noise power under the next `power` (batch, bins, frames), or one for all frames, and what to remember."""
        power = noise_floor.whole(power) if tracked is None else power
        if self.noise == "leading":
            noise = noise_floor.leading(power, frames, self.leading) if tracked is None else tracked
            return noise, noise
        if self.noise == "leading_vad":
            return noise_floor.leading_vad(power, frames, self.leading, tracked)
        if self.noise == "minstat":
            return noise_floor.minimum_statistics(power, round(SEARCH / self.interval), tracked)
        estimate, tracked = track(power, self.interval, tracked)
        return estimate.noise, tracked

    def boll(
        self, magnitude: Tensor, noise: Tensor, inside: Tensor, largest: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Clean magnitudes and N_R from noisy ones and those of the noise; numbers as in the module's docstring."""
        average = mean_of_three(magnitude, inside) if self.averaging else magnitude  # 1
        clean = (average - noise).clamp(min=0)
        if self.residual:  # 2
            if largest is None:
                first = slice(0, self.leading)
                largest = clean[..., first].masked_fill(~inside[..., first], 0).amax(-1, keepdim=True)
            clean = torch.where(clean < largest, least_of_three(clean, inside), clean)
        if self.attenuation:  # 3
            level = (clean / noise.clamp(min=TINY**0.5)).mean(1, keepdim=True)
            clean = torch.where(level < NO_SPEECH, ATTENUATED * magnitude, clean)
        return clean, largest


def berouti(magnitude: Tensor, noise: Tensor, exponent: int, over_subtraction: float, floor: float) -> Tensor:
    """Clean magnitudes from noisy ones (batch, bins, frames) and the noise power."""
    alpha = subtraction_factor(magnitude.square(), noise, over_subtraction)
    taken = noise if exponent == 2 else noise.sqrt()
    kept = torch.maximum(magnitude**exponent - alpha * taken, floor * taken)
    return kept.sqrt() if exponent == 2 else kept


def subtraction_factor(power: Tensor, noise: Tensor, over_subtraction: float) -> Tensor:
    """Berouti's a_t, (batch, 1, frames): `over_subtraction` at 0 dB, 1 from 20 dB on."""
    ratio = (power.sum(1, keepdim=True) + TINY) / (noise.sum(1, keepdim=True) + TINY)
    return over_subtraction - (over_subtraction - 1) / 20 * (10 * torch.log10(ratio)).clamp(-5, 20)


def mean_of_three(x: Tensor, inside: Tensor) -> Tensor:
    """Mean of each frame and its neighbours, of those `inside` (batch, 1, frames) the clip."""
    counted = inside.to(x.dtype)
    return F.avg_pool1d(x * counted, 3, 1, 1) / F.avg_pool1d(counted, 3, 1, 1).clamp(min=1 / 3)


def least_of_three(x: Tensor, inside: Tensor) -> Tensor:
    """Least of each frame and its neighbours, of those `inside` (batch, 1, frames) the clip."""
    return -F.max_pool1d((-x).masked_fill(~inside, -torch.inf), 3, 1, 1)


def check(
    *, sample_rate: int, variant: str, noise: str, leading: float, exponent: int, over: float | None, floor: float
) -> None:
    """Raise a ValueError where an option lies outside its range."""
    if sample_rate < 1000:
        raise ValueError(f"sample_rate must be at least 1000 Hz, not {sample_rate}")
    if variant not in ("berouti", "boll"):
        raise ValueError(f"variant must be 'berouti' or 'boll', not {variant!r}")
    if noise not in ("leading", "leading_vad", "minstat", "imcra"):
        raise ValueError(f"noise must be 'leading', 'leading_vad', 'minstat' or 'imcra', not {noise!r}")
    if not 0 < leading < math.inf:
        raise ValueError(f"leading must be a positive number of seconds, not {leading}")
    if exponent not in (1, 2):
        raise ValueError(f"exponent must be 1 or 2, not {exponent}")
    if over is not None and not 1 <= over < math.inf:
        raise ValueError(f"over_subtraction must be at least 1, not {over}")
    if not 0 <= floor <= 1:
        raise ValueError(f"floor must lie between 0 and 1, not {floor}")
