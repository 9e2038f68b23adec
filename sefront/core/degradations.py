"""What a mixture goes through on its way, its length and place in time kept; how strongly is drawn each time.

clip         the microphone's end: everything beyond 0.1 to 0.7 of the peak is cut off
band_limit   a telephone line (300 to 3400 Hz), or a low-pass between 2 kHz and 7 kHz, both without delay
codec        Opus or MP3 at a drawn quality, GSM 06.10 or mu-law at 8 kHz
packet_loss  2 to 20 % of the packets of 20 ms are lost, in bursts of 1 to 4 on average; zeros or the packet
             before are heard in their place

Lost packets follow Gilbert's two states: with p to begin a burst and r to end it, p / (p + r) are lost. Source: Gilbert
1960, doi:10.1002/j.1538-7305.1960.tb03959.x.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from sefront.core.codecs import codec
from sefront.core.conditions import Degradation
from sefront.core.mixing import Wave
from sefront.core.randomness import stream

PACKET = 0.02  # seconds
ORDER = 4  # of a band's edges, which are applied forwards and backwards


def clip(wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
    """`wave` (samples,) cut off at a share of its peak."""
    ceiling = float(rng.uniform(0.1, 0.7) * np.max(np.abs(wave)))
    return np.clip(wave, -ceiling, ceiling)


def band_limit(wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
    """`wave` (samples,) through a telephone line or a low-pass; a cutoff above the band of the rate changes nothing."""
    low, high = (300.0, 3400.0) if rng.random() < 0.5 else (None, float(rng.uniform(2000.0, 7000.0)))
    for edge, kind in ((low, "highpass"), (high, "lowpass")):
        if edge is not None and edge < 0.49 * sample_rate:
            sections = butter(ORDER, edge, kind, fs=sample_rate, output="sos")
            wave = sosfiltfilt(sections, wave, padtype=None).astype(np.float32)
    return wave


def packet_loss(wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
    """`wave` (samples,) with packets lost; the first is never."""
    size = round(PACKET * sample_rate)
    lost = bursts(-(-len(wave) // size), float(rng.uniform(0.02, 0.2)), float(rng.uniform(1.0, 4.0)), rng)
    repeated, heard = bool(rng.random() < 0.5), wave.copy()
    for number in np.flatnonzero(lost):
        packet = heard[number * size : (number + 1) * size]
        packet[:] = heard[(number - 1) * size : number * size][: len(packet)] if repeated else 0.0
    return heard


def bursts(count: int, share: float, length: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which of `count` packets are lost: a `share` of them on the long run, in bursts of an average `length`."""
    end = 1 / length
    begin = end * share / (1 - share)
    lost = np.zeros(count, dtype=bool)
    for number, chance in enumerate(rng.random(count)):
        lost[number] = number > 0 and (chance >= end if lost[number - 1] else chance < begin)
    return lost


DEGRADATIONS: Mapping[Degradation, Callable[[Wave, int, np.random.Generator], Wave]] = {
    "clip": clip, "band_limit": band_limit, "codec": codec, "packet_loss": packet_loss,
}  # fmt: skip
"""In the order in which a mixture goes through them."""


def degraded(wave: Wave, sample_rate: int, chosen: Collection[Degradation], seed: int, *names: object) -> Wave:
    """`wave` (samples,) after the `chosen` degradations, each drawn for `names` under `seed`; in [-1, 1]."""
    for name, degradation in DEGRADATIONS.items():
        if name in chosen:
            wave = degradation(wave, sample_rate, stream(seed, *names, name))
    return np.clip(wave, -1.0, 1.0)
