"""Mixtures at an exact signal-to-noise ratio.

    P = mean of squares over the whole clip,  g = sqrt(P_s / (P_n 10^(SNR/10))),  y = x + g n

The target keeps its level, the interferer is scaled; where the mixture would clip, both are scaled down together, which
changes neither the ratio nor ``y - x = n``. No activity weighting, unless `sefront.core.active_level` is asked for, and
no second normalisation, so the SNR that is asked for is the one that can be measured. In a room, y = h + g n, where h
is the clip as it is heard there and x the part of it that must survive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float32]
Level = Callable[[Wave], float]
EXACT = 1e-3  # dB by which the SNR of a mixture may be off
USUAL = 1e-24, 1e24  # powers and gains that float32 holds without loss


@dataclass(frozen=True)
class Mixture:
    """A noisy wave and its clean part, (samples,) each, in [-1, 1]; the noise is ``noisy - clean``, exactly.

    Args:
        noisy: The mixture.
        clean: What must survive.
        snr: Ratio in dB; inf where the noise is silent, and where the target is silent and nothing was added.
        heard: What the noise was added to: `clean`, or in a room what is heard of the clip there.
        added: The noise before it was added.
    """

    noisy: Wave
    clean: Wave
    snr: float
    heard: Wave
    added: Wave

    @property
    def noise(self) -> Wave:
        """What was added, (samples,)."""
        return np.asarray(self.noisy - self.clean, dtype=np.float32)

    def measured(self, level: Level) -> float:
        """The ratio in dB of the `level` of what must survive to the power of what was added, from the waves."""
        return decibels(level(self.clean), power(self.noisy - self.heard))


def power(wave: NDArray[np.floating[Any]]) -> float:
    """Mean of squares, in float64."""
    wide = wave.astype(np.float64, copy=False)
    return float(np.add.reduce(np.square(wide))) / len(wide)


def loudness(wave: Wave) -> float:
    """Mean of squares, in half the time: in float32 where that holds it, which is good to 1e-5 dB; else in float64."""
    found = float(np.add.reduce(np.square(wave))) / len(wave)
    return found if USUAL[0] < found < USUAL[1] else power(wave)


def scaled(noise: Wave, gain: float) -> Wave:
    """`noise` (samples,) times `gain`, in float32 where that holds the gain."""
    if USUAL[0] < gain < USUAL[1]:
        return noise * np.float32(gain)
    return (noise.astype(np.float64) * gain).astype(np.float32)


def is_silent(wave: Wave) -> bool:
    """Whether every sample is zero; one from the middle mostly settles it."""
    return bool(wave[len(wave) // 2] == 0.0) and not wave.any()


def decibels(signal: float, interference: float) -> float:
    """The ratio of two powers in dB; nan where one is zero or not finite."""
    known = 0.0 < signal < math.inf and 0.0 < interference < math.inf
    return 10.0 * math.log10(signal / interference) if known else math.nan


def together(waves: Sequence[Wave]) -> Wave:
    """The sum of several noises (samples,), each brought to a power of one; a single one stays as it is."""
    if len(waves) == 1:
        return waves[0]
    return np.asarray(sum(wave / np.sqrt(power(wave)) for wave in waves), dtype=np.float32)


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


def mix(target: Wave, noise: Wave, snr: float, *, heard: Wave | None = None, level: Level = loudness) -> Mixture:
    """Add `noise` (samples,) to `target` (samples,) at `snr` dB.

    A silent target is returned unchanged, with an infinite SNR: no gain could reach the ratio. So is any target under
    a silent noise; whoever draws noises draws another one.

    Args:
        target: What must survive.
        noise: What is added.
        snr: Level of the target over the power of the noise.
        heard: What the noise is added to in place of the target, such as the same clip in a room.
        level: How loud the target is, as a power; by default its mean power.
    """
    signal, interference = level(target), loudness(noise)
    if signal == 0.0 or interference == 0.0 or np.isinf(snr):
        return clipped(target, np.zeros_like(target), np.inf, heard)
    gain = math.sqrt(signal / (interference * 10.0 ** (snr / 10.0)))
    return clipped(target, scaled(noise, gain), snr, heard)


def clipped(target: Wave, noise: Wave, snr: float, heard: Wave | None = None) -> Mixture:
    """All parts scaled down together where the mixture, or the target alone, would leave [-1, 1]."""
    whole = target if heard is None else heard
    noisy = whole + noise
    edges = (noisy.max(initial=0.0), -noisy.min(initial=0.0), target.max(initial=0.0), -target.min(initial=0.0))
    peak = np.float32(max(edges))
    if peak > 1.0:
        target, noise = target / peak, noise / peak
        whole = target if heard is None else heard / peak
        np.clip(np.add(whole, noise, out=noisy), -1.0, 1.0, out=noisy)
    return Mixture(noisy, target, snr, whole, noise)
