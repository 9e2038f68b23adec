"""A formant synthesiser: glottal pulses and noise through moving resonances, at 16 kHz.

Glottal flow of a cycle with phase φ in [0, 1) and open quotient Q (Klatt & Klatt 1990, doi:10.1121/1.398894, a
polynomial in the manner of Rosenberg 1971, doi:10.1121/1.1912389):

    u(φ) = 27/4 · (x² − x³),  x = φ / Q  for φ < Q,  else 0

Its first difference, which includes the radiation at the lips, is low-passed (spectral tilt), joined by aspiration
noise and sent through a cascade of second-order resonators of frequency F and bandwidth B (Klatt 1980,
doi:10.1121/1.383940):

    y[n] = a·x[n] + b·y[n−1] + c·y[n−2],  c = −e^{−2πBT},  b = 2·e^{−πBT}·cos 2πFT,  a = 1 − b − c
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sefront.core.randomness import stream

Array = NDArray[np.float64]

RATE = 16000
FRAME = 80  # samples: 5 ms, as in Klatt (1980)
NASAL_POLE = 270.0  # Hz
HIGHER = ((4500.0, 300.0), (5500.0, 400.0), (6500.0, 500.0))  # F5 to F7 and their bandwidths in Hz


@dataclass(frozen=True)
class Speaker:
    """What makes a voice recognisable.

    Args:
        tract: Factor on all formants, above 1 for a short vocal tract.
        pitch: Habitual fundamental frequency in Hz.
        span: Factor on pitch movements.
        rate: Factor on the speaking rate.
        breath: Factor on the aspiration noise in vowels.
        tilt: Habitual attenuation of the glottal pulses at 3 kHz in dB.
    """

    tract: float
    pitch: float
    span: float
    rate: float
    breath: float
    tilt: float


@dataclass(frozen=True)
class Tracks:
    """Everything the synthesiser is told, one row per 5-ms frame.

    Args:
        pitch: Fundamental frequency in Hz, (frames,).
        voicing: Amplitude of the pulses, (frames,).
        aspiration: Amplitude of noise at the glottis, (frames,).
        formants: F1 to F4 in Hz, (frames, 4).
        bandwidths: Of F1 to F4 in Hz, (frames, 4).
        nasality: Opening of the velum, (frames,).
        tilt: Attenuation of the pulses at 3 kHz in dB.
        quotient: Open quotient of the glottal cycle.
        jitter: Standard deviation of the length of a cycle, as a fraction; shimmer is three times that.
    """

    pitch: Array
    voicing: Array
    aspiration: Array
    formants: Array
    bandwidths: Array
    nasality: Array
    tilt: float
    quotient: float
    jitter: float


def speaker(seed: int, name: str) -> Speaker:
    """The voice called `name`: low and long-tracted, or high and short-tracted, in equal numbers on average."""
    rng = stream(seed, "speaker", name)
    high = bool(rng.integers(2))
    return Speaker(
        tract=float(rng.uniform(1.10, 1.22) if high else rng.uniform(0.94, 1.06)),
        pitch=float(rng.uniform(165.0, 220.0) if high else rng.uniform(90.0, 135.0)),
        span=float(rng.uniform(0.8, 1.25)),
        rate=float(rng.uniform(0.93, 1.07)),
        breath=float(rng.uniform(0.6, 1.6)),
        tilt=float(rng.uniform(4.0, 9.0)),
    )


def glottis(tracks: Tracks, rng: np.random.Generator) -> Array:
    """Pulses and aspiration noise at the glottis, (samples,)."""
    from scipy.signal import lfilter

    hz, voicing, aspiration = (hold(track) for track in (tracks.pitch, tracks.voicing, tracks.aspiration))
    # 1. The phase in cycles; jitter moves the boundaries of cycles, shimmer scales them.
    phase = np.cumsum(hz) / RATE
    count = int(phase[-1]) + 3
    phase += np.interp(phase, np.arange(count), tracks.jitter * rng.standard_normal(count))
    cycle, within = np.divmod(np.maximum(phase, 0.0), 1.0)
    shimmer = 1.0 + 3.0 * tracks.jitter * rng.standard_normal(count + 1)
    # 2. Flow, and its first difference: the mean slope over a sample, which keeps aliasing low.
    opened = np.minimum(within / tracks.quotient, 1.0)
    flow = 6.75 * opened**2 * (1.0 - opened) * shimmer[cycle.astype(np.intp)]
    pulses = np.diff(flow, prepend=0.0) * (RATE / 16.0 / hz)
    pole = tilt_pole(tracks.tilt)
    pulses = np.asarray(lfilter([1.0 - pole], [1.0, -pole], pulses))
    # 3. Breath is strongest while the glottis is open.
    gate = np.where(voicing > 0.05, 0.4 + 0.6 * (opened < 1.0), 1.0)
    return pulses * voicing + 0.25 * aspiration * gate * rng.standard_normal(len(hz))


def tilt_pole(decibels: float) -> float:
    """Pole p of (1 − p) / (1 − p·z⁻¹), which has gain 1 at 0 Hz and loses `decibels` at 3 kHz."""
    if decibels <= 0.0:
        return 0.0
    gain, cosine = 10.0 ** (-decibels / 10.0), float(np.cos(2.0 * np.pi * 3000.0 / RATE))
    middle = (1.0 - gain * cosine) / (1.0 - gain)
    return float(middle - np.sqrt(middle**2 - 1.0))


def resonators(hz: Array, widths: Array) -> Array:
    """Second-order sections with gain 1 at 0 Hz for frequencies and bandwidths in Hz: (..., 6) for inputs (...)."""
    radius = np.exp(-np.pi * widths / RATE)
    first, second = -2.0 * radius * np.cos(2.0 * np.pi * hz / RATE), radius**2
    zero, one = np.zeros_like(first), np.ones_like(first)
    return np.stack([1.0 + first + second, zero, zero, one, first, second], axis=-1)


def velum(nasality: Array) -> Array:
    """A pole and a zero that cancel where the velum is shut: sections (frames, 6) for nasality (frames,)."""
    width = np.full_like(nasality, 100.0)
    poles = resonators(np.full_like(nasality, NASAL_POLE), width)
    zeros = resonators(NASAL_POLE + 230.0 * nasality, width)
    poles[:, :3] = zeros[:, 3:] * (poles[:, :1] / zeros[:, :1])
    return poles


def vocal_tract(source: Array, tracks: Tracks, tract: float) -> Array:
    """`source` (samples,) through resonances that move every 5 ms; filters keep their state from frame to frame."""
    from scipy.signal import sosfilt

    hz = np.clip(tracks.formants * tract, 150.0, 7000.0)
    moving = np.concatenate([resonators(hz, tracks.bandwidths), velum(tracks.nasality)[:, None]], axis=1)
    fixed = np.array(HIGHER)
    source = np.asarray(sosfilt(resonators(np.minimum(fixed[:, 0] * tract, 7500.0), fixed[:, 1]), source))
    state = np.zeros((moving.shape[1], 2))
    output = np.empty_like(source)
    for index, sections in enumerate(moving):
        now = slice(index * FRAME, (index + 1) * FRAME)
        output[now], state = sosfilt(sections, source[now], zi=state)
    return output


def noise_band(samples: int, centre: float, width: float, rng: np.random.Generator) -> Array:
    """Gaussian noise (samples,) of rms 1 with a bell-shaped spectrum around `centre` Hz that is `width` Hz wide."""
    length = samples + samples % 2
    hz = np.fft.rfftfreq(length, 1.0 / RATE)
    bell = np.exp(-0.5 * ((hz - centre) / (0.5 * width)) ** 2) + 0.03
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(length)) * bell, length)
    return np.asarray(noise[:samples] / np.sqrt(np.mean(noise**2)))


def hold(track: Array) -> Array:
    """A track (frames,) at the audio rate, (frames · 80,), linear in between."""
    samples = np.arange(len(track) * FRAME) / FRAME
    return np.interp(samples, np.arange(len(track)) + 0.5, track)
