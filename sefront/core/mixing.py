"""Mixtures at an exact signal-to-noise ratio.

    P = mean of squares over the whole clip,  g = sqrt(P_s / (P_n 10^(SNR/10))),  y = x + g n

The target keeps its level, the interferer is scaled; where the mixture would clip, both are scaled down together, which
changes neither the ratio nor ``y - x = n``. No activity weighting and no second normalisation, so the SNR that is asked
for is the one that can be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Mixture:
    """A noisy wave and its clean part, (samples,) each, in [-1, 1]; the noise is ``noisy - clean``, exactly.

    Args:
        noisy: The mixture.
        clean: What must survive.
        snr: Ratio in dB; inf where the noise is silent, and where the target is silent and nothing was added.
    """

    noisy: Wave
    clean: Wave
    snr: float

    @property
    def noise(self) -> Wave:
        """What was added, (samples,)."""
        return np.asarray(self.noisy - self.clean, dtype=np.float32)


def power(wave: NDArray[np.floating[Any]]) -> float:
    """Mean of squares, in float64."""
    wide = wave.astype(np.float64, copy=False)
    return float(np.add.reduce(np.square(wide))) / len(wide)


def is_silent(wave: Wave) -> bool:
    """Whether every sample is zero; one from the middle mostly settles it."""
    return bool(wave[len(wave) // 2] == 0.0) and not wave.any()


def fitted(noise: Wave, size: int, offset: int) -> Wave:
    """`size` samples of `noise` from `offset` on, starting again at its beginning where it ends.

    A noise longer than the clip is cropped, a shorter one is tiled with a circular shift; both follow from `offset`.
    """
    if len(noise) >= size + offset:
        return noise[offset : offset + size]
    return np.concatenate([noise[offset:], *[noise] * (size // len(noise) + 1)])[:size]


def offset_for(noise_size: int, size: int, rng: np.random.Generator) -> int:
    """Where to start reading a noise: any crop that fits, or any circular shift when it is shorter than the clip."""
    return int(rng.integers(noise_size - size + 1 if noise_size > size else noise_size))


def sounding_offset(noise: Wave, size: int, rng: np.random.Generator) -> int:
    """Where to start reading a noise longer than `size` samples so that the crop is not silent."""
    place = int(rng.choice(np.flatnonzero(noise)))
    return int(rng.integers(max(0, place - size + 1), min(place, len(noise) - size) + 1))


def mix(target: Wave, noise: Wave, snr: float) -> Mixture:
    """Add `noise` (samples,) to `target` (samples,) at `snr` dB.

    A silent target is returned unchanged, with an infinite SNR: no gain could reach the ratio. So is any target under
    a silent noise; whoever draws noises draws another one.
    """
    wide = noise.astype(np.float64)
    signal, interference = power(target), power(wide)
    if signal == 0.0 or interference == 0.0 or np.isinf(snr):
        return clipped(target, np.zeros_like(target), np.inf)
    gain = np.sqrt(signal / (interference * 10.0 ** (snr / 10.0)))
    np.multiply(wide, gain, out=wide)
    return clipped(target, wide.astype(np.float32), snr)


def clipped(target: Wave, noise: Wave, snr: float) -> Mixture:
    """Both parts scaled down together where their sum, or the target alone, would leave [-1, 1]."""
    noisy = target + noise
    edges = (noisy.max(initial=0.0), -noisy.min(initial=0.0), target.max(initial=0.0), -target.min(initial=0.0))
    peak = np.float32(max(edges))
    if peak > 1.0:
        target, noise = target / peak, noise / peak
        noisy = np.clip(target + noise, -1.0, 1.0)
    return Mixture(noisy, target, snr)
