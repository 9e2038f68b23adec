"""Manners of speaking: pitch, rate and voice quality of four emotions.

They follow the usual findings on vocal emotion (Scherer 2003, doi:10.1016/S0167-6393(02)00084-5): joy and anger raise
pitch, rate and high frequencies, joy with wide movements, anger with steep falls and a pressed voice; sadness is slow,
flat and breathy. Manners overlap: every clip draws its own values around them, and speakers differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Manner:
    """How something is said.

    Args:
        pitch: Shift of the habitual pitch in semitones.
        accent: Height of the pitch movement on a syllable in semitones.
        slope: Drift of the pitch in semitones per second.
        rise: Movement of the pitch at the end in semitones.
        rate: Factor on the speaking rate.
        tilt: Added attenuation of the pulses at 3 kHz in dB.
        breath: Amplitude of aspiration noise in vowels.
        quotient: Open quotient of the glottal cycle.
        jitter: Irregularity of the cycles, as a fraction.
        fade: Drift of the loudness in dB per second.
    """

    pitch: float = 0.0
    accent: float = 2.0
    slope: float = -2.0
    rise: float = -1.0
    rate: float = 1.0
    tilt: float = 4.0
    breath: float = 0.04
    quotient: float = 0.6
    jitter: float = 0.01
    fade: float = -3.0


EMOTIONS: dict[str, Manner] = {
    "angry": Manner(3.0, 4.0, -7.0, -2.0, 1.05, 0.5, 0.03, 0.47, 0.022, -1.0),
    "happy": Manner(4.0, 5.0, 1.0, 3.0, 1.03, 2.5, 0.04, 0.58, 0.010, -2.0),
    "neutral": Manner(),
    "sad": Manner(-1.0, 0.8, -3.0, -0.5, 0.94, 7.0, 0.07, 0.70, 0.012, -5.0),
}
SPREAD = Manner(1.5, 1.2, 2.0, 1.0, 0.06, 2.2, 0.015, 0.05, 0.005, 3.0)  # standard deviations over clips
LIMITS = {
    "rate": (0.5, 1.3),
    "tilt": (-4.0, 14.0),
    "breath": (0.01, 0.2),
    "quotient": (0.35, 0.85),
    "jitter": (0.002, 0.05),
}


def vary(manner: Manner, rng: np.random.Generator) -> Manner:
    """A manner near `manner`, each value kept within what a voice can do."""
    near = {name: value + getattr(SPREAD, name) * rng.standard_normal() for name, value in vars(manner).items()}
    return Manner(**{name: float(np.clip(value, *LIMITS.get(name, (-np.inf, np.inf)))) for name, value in near.items()})
