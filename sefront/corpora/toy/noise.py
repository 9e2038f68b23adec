"""Noise recordings of five types: white, pink, babble, hum and bursts, at 16 kHz.

Pink noise has a power density proportional to 1/f above 30 Hz, that is -3 dB per octave (Voss & Clarke 1978,
doi:10.1121/1.381721). Babble is a sum of the toy's own voices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sefront.core.randomness import stream
from sefront.corpora.toy.manner import EMOTIONS
from sefront.corpora.toy.phonemes import WORDS
from sefront.corpora.toy.speech import perform, plan, recorded, smooth
from sefront.corpora.toy.voice import FRAME, RATE, Array, Speaker, hold, noise_band

VOICES = 6  # talkers in babble
LOWEST = 30.0  # Hz, below which pink noise is flat


def white(samples: int, rng: np.random.Generator) -> Array:
    """Gaussian noise with a flat spectrum, (samples,)."""
    return rng.standard_normal(samples)


def pink(samples: int, rng: np.random.Generator) -> Array:
    """Gaussian noise that falls by 3 dB per octave, (samples,)."""
    hz = np.fft.rfftfreq(samples, 1.0 / RATE)
    spectrum = np.fft.rfft(rng.standard_normal(samples)) / np.sqrt(np.maximum(hz, LOWEST))
    return np.asarray(np.fft.irfft(spectrum, samples))


def hum(samples: int, rng: np.random.Generator) -> Array:
    """Mains hum: harmonics of 50 or 60 Hz that drift by a little, a buzz of even harmonics, and hiss; (samples,)."""
    frames = samples // FRAME + 1
    mains = rng.choice([50.0, 60.0]) * (1.0 + 0.003 * smooth(rng.standard_normal(frames), 101))
    phase = 2.0 * np.pi * np.cumsum(hold(mains)[:samples]) / RATE
    output = 0.02 * rng.standard_normal(samples)
    buzz = hold(1.0 + 0.5 * smooth(rng.standard_normal(frames), 81) * 6.0)[:samples]
    for order in range(1, 61):
        level = rng.uniform(0.3, 1.0) / order ** rng.uniform(0.6, 1.0)
        # Transformers and rectifiers repeat twice per period, so even orders carry the buzz.
        wave = level * np.sin(order * phase + rng.uniform(0.0, 2.0 * np.pi))
        output += wave * np.abs(buzz) if order % 2 == 0 else wave * (1.0 if order < 10 else 0.3)
    return output


def bursts(samples: int, rng: np.random.Generator) -> Array:
    """Impacts and short blasts of filtered noise with pauses over a faint hiss, (samples,)."""
    output = 0.01 * rng.standard_normal(samples)
    start = int(rng.uniform(0.0, 0.2) * RATE)
    while start < samples:
        length = min(int(rng.uniform(0.06, 0.45) * RATE), samples - start)
        time = np.arange(length) / RATE
        decay = np.exp(-time / rng.uniform(0.02, 0.15)) * np.minimum(1.0, time / rng.uniform(0.001, 0.02))
        centre, width = 10.0 ** rng.uniform(2.5, 3.7), rng.uniform(500.0, 4000.0)
        output[start : start + length] += decay * noise_band(length, centre, width, rng) * rng.uniform(0.5, 1.5)
        start += int(rng.uniform(0.12, 0.5) * RATE)
    return output


def babble(samples: int, voices: tuple[Speaker, ...], rng: np.random.Generator) -> Array:
    """The sum of `voices` that talk at the same time, each for itself, (samples,)."""
    output = np.zeros(samples)
    for voice in voices:
        start = -int(rng.uniform(0.0, 0.4) * RATE)
        while start < samples:
            words = tuple(rng.choice(list(WORDS), 5).tolist())
            script = plan(words, list(EMOTIONS.values())[rng.integers(len(EMOTIONS))], voice, rng)
            speech = perform(script, voice, rng)[max(0, -start) : samples - start]
            first = max(0, start)
            output[first : first + len(speech)] += speech
            start = first + len(speech)
    return output


KINDS: dict[str, Callable[[int, np.random.Generator], Array]] = {
    "white": white,
    "pink": pink,
    "hum": hum,
    "bursts": bursts,
}
TYPES = ("white", "pink", "babble", "hum", "bursts")


@dataclass(frozen=True)
class Noise:
    """A noise recording of 4 to 5 s; the same samples whenever it is read.

    Args:
        kind: One of the five types.
        voices: Who talks, for babble.
        seed: Seed of the corpus.
        name: Name of the clip, which makes its randomness its own.
    """

    kind: str
    voices: tuple[Speaker, ...]
    seed: int
    name: str

    def samples(self) -> int:
        """Length in samples at 16 kHz."""
        return int(stream(self.seed, self.name, "length").integers(4 * RATE, 5 * RATE + 1))

    def duration(self) -> float:
        """Length in seconds, without synthesis."""
        return self.samples() / RATE

    def read(self, sample_rate: int) -> NDArray[np.float32]:
        """Samples (samples,) at `sample_rate` Hz, between -30 and -18 dBFS rms."""
        rng = stream(self.seed, self.name, "sound")
        count = self.samples()
        sound = babble(count, self.voices, rng) if self.kind == "babble" else KINDS[self.kind](count, rng)
        return recorded(sound, rng, sample_rate)
