"""Active speech level: the power of speech while somebody speaks.

    p_i = g p_{i-1} + (1 - g) |x_i|,  q_i = g q_{i-1} + (1 - g) p_i,  g = exp(-1 / (0.03 f))

A sample is active at a threshold c if the envelope q reached c within the last 0.2 s. With a(c) active samples,

    A(c) = 10 log10(sum x^2 / a(c)),  C(c) = 20 log10(c)

and the level is A where A - C = 15.9 dB, found by interpolation between thresholds that are 6 dB apart. They are
counted down from the highest value of q instead of from full scale, so that scaling a signal scales its level and no
more. Source: ITU-T Recommendation P.56 (12/2011), method B, https://www.itu.int/rec/T-REC-P.56
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from sefront.core.mixing import Wave

CONSTANT = 0.03  # seconds of the envelope's two filters
HANGOVER = 0.2  # seconds for which speech goes on after the envelope has fallen
MARGIN = 15.9  # dB between the level and the threshold


def active_power(wave: Wave, sample_rate: int) -> float:
    """Mean of squares of `wave` (samples,) over its active samples; 0 for silence."""
    energy = float(np.sum(np.square(wave, dtype=np.float64)))
    if energy == 0.0:
        return 0.0
    envelope = smoothed(wave, sample_rate)
    threshold, above = float(envelope.max()), None
    while True:
        level = 10 * math.log10(energy / active_samples(envelope, threshold, round(HANGOVER * sample_rate)))
        margin = level - 20 * math.log10(threshold)
        if margin >= MARGIN:
            return float(10 ** (between(above, (level, margin)) / 10))
        threshold, above = threshold / 2, (level, margin)


def between(above: tuple[float, float] | None, below: tuple[float, float]) -> float:
    """The level in dB where the margin is `MARGIN`, from level and margin at the thresholds around it."""
    if above is None:
        return below[0]
    share = (MARGIN - above[1]) / (below[1] - above[1])
    return above[0] + share * (below[0] - above[0])


def smoothed(wave: Wave, sample_rate: int) -> NDArray[np.float64]:
    """The envelope q, (samples,)."""
    g = math.exp(-1 / (CONSTANT * sample_rate))
    once = lfilter([1 - g], [1, -g], np.abs(wave.astype(np.float64)))
    return np.asarray(lfilter([1 - g], [1, -g], once), dtype=np.float64)


def active_samples(envelope: NDArray[np.float64], threshold: float, hangover: int) -> int:
    """How many samples lie at most `hangover` samples after one where the envelope reaches the threshold."""
    places = np.arange(len(envelope))
    last = np.maximum.accumulate(np.where(envelope >= threshold, places, -hangover - 1))
    return int(np.count_nonzero(places - last <= hangover))
