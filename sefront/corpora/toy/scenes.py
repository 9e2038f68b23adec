"""Scenes of eight kinds at 16 kHz: textures of noise, a machine, animals, and events in a rhythm.

What tells a texture are statistics of its bands and of their movements (McDermott & Simoncelli 2011,
doi:10.1016/j.neuron.2011.06.032), so every clip draws the values of its kind anew. Levels, lengths, the place with its
microphone and the background say nothing about the kind, and no scene is ever silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sefront.core.randomness import stream
from sefront.corpora.toy.noise import pink
from sefront.corpora.toy.speech import cut, recorded, smooth
from sefront.corpora.toy.voice import FRAME, RATE, Array, hold, noise_band

SHORTEST, LONGEST = 2.0, 4.0  # seconds
CREST = 6.0  # peaks are cut at about this multiple of the rms, lest sparse sounds be the quieter ones


def rise_and_fall(samples: int, seconds: float, rng: np.random.Generator) -> Array:
    """A slow course (samples,) with mean 0 and deviation 1 that changes within `seconds`."""
    frames, length = samples // FRAME + 1, round(seconds * RATE / FRAME)
    noise = smooth(rng.standard_normal(frames + 2 * length), length)[length : length + frames]
    return hold((noise - noise.mean()) / noise.std())[:samples]


def struck(hz: float, decay: float, rng: np.random.Generator) -> Array:
    """A struck resonance of `hz` that dies away in a few times `decay` seconds, (samples,)."""
    time = np.arange(int(6.0 * decay * RATE)) / RATE
    return np.asarray(np.exp(-time / decay) * np.sin(2.0 * np.pi * hz * time + rng.uniform(0.0, 1.0)))


def blown(centre: float, width: float, decay: float, rng: np.random.Generator) -> Array:
    """A burst of noise around `centre` Hz that dies away in a few times `decay` seconds, (samples,)."""
    count = int(6.0 * decay * RATE)
    return np.asarray(np.exp(-np.arange(count) / (decay * RATE)) * noise_band(count, centre, width, rng))


def add(output: Array, second: float, sound: Array) -> None:
    """Add `sound` to `output` (samples,) from `second` on; what would lie outside is cut off."""
    first = round(second * RATE)
    start, stop = max(0, first), min(len(output), first + len(sound))
    if start < stop:
        output[start:stop] += sound[start - first : stop - first]


def beats(samples: int, period: float, jitter: float, rng: np.random.Generator) -> list[float]:
    """Seconds of events every `period` seconds, give or take a fraction `jitter`, from before the clip to its end."""
    count = int(samples / RATE / period) + 3
    return list(period * (np.arange(count) - 1.0 - rng.random() + jitter * rng.standard_normal(count)))


def rain(samples: int, rng: np.random.Generator) -> Array:
    """A bright hiss and single drops, (samples,)."""
    output = noise_band(samples, rng.uniform(3000.0, 5500.0), rng.uniform(4000.0, 7000.0), rng)
    for second in rng.uniform(-0.1, samples / RATE, int(rng.uniform(15.0, 60.0) * samples / RATE)):
        drop = struck(10.0 ** rng.uniform(2.9, 3.6), rng.uniform(0.002, 0.008), rng)
        add(output, float(second), drop * rng.lognormal(0.7, 0.6))
    return output


def wind(samples: int, rng: np.random.Generator) -> Array:
    """Gusts of low noise, and a whistle that comes with them, (samples,)."""
    gusts = np.exp(0.6 * rise_and_fall(samples, rng.uniform(0.7, 1.5), rng))
    low = noise_band(samples, rng.uniform(150.0, 400.0), rng.uniform(250.0, 600.0), rng)
    whistle = noise_band(samples, rng.uniform(600.0, 1400.0), rng.uniform(100.0, 250.0), rng)
    return np.asarray(gusts * low + rng.uniform(0.1, 0.5) * gusts**2 * whistle)


def waves(samples: int, rng: np.random.Generator) -> Array:
    """Surf: wide noise that swells quickly and ebbs slowly, (samples,)."""
    output = 0.15 * noise_band(samples, 500.0, 1000.0, rng)
    for second in beats(samples, rng.uniform(1.2, 2.4), 0.08, rng):
        length = rng.uniform(1.6, 2.6)
        time = np.arange(int(length * RATE)) / RATE
        ebb = np.exp(-1.5 * time / length) * (1.0 - time / length)
        swell = np.minimum(1.0, time / rng.uniform(0.25, 0.5)) ** 2 * ebb
        surf = noise_band(len(time), rng.uniform(700.0, 2200.0), rng.uniform(1500.0, 3500.0), rng)
        add(output, second, swell * surf)
    return output


def engine(samples: int, rng: np.random.Generator) -> Array:
    """A motor: firings at 22 to 48 Hz that wander, through resonances of its body, (samples,)."""
    hz = rng.uniform(22.0, 48.0) * (1.0 + 0.03 * rise_and_fall(samples, 0.5, rng))
    phase = 2.0 * np.pi * np.cumsum(hz) / RATE
    body, width = rng.uniform(90.0, 400.0), rng.uniform(1.0, 2.0)
    output = np.zeros(samples)
    for order in range(1, 41):
        level = np.exp(-0.5 * (np.log2(order * float(hz.mean()) / body) / width) ** 2) * rng.uniform(0.4, 1.0)
        output += level * np.sin(order * phase + rng.uniform(0.0, 2.0 * np.pi))
    hiss = noise_band(samples, rng.uniform(400.0, 1500.0), 1500.0, rng) * (1.0 + np.sin(phase)) ** 2
    return np.asarray(output + rng.uniform(0.1, 0.4) * output.std() * hiss)


def birds(samples: int, rng: np.random.Generator) -> Array:
    """Two birds, each with a chirp of its own in short runs, (samples,)."""
    output = np.zeros(samples)
    for _ in range(2):
        length, every = rng.uniform(0.05, 0.14), rng.uniform(0.13, 0.22)
        start, stop = rng.uniform(2000.0, 5000.0, 2)
        time = np.linspace(0.0, 1.0, int(length * RATE))
        chirp = np.sin(2.0 * np.pi * np.cumsum(start + (stop - start) * time) / RATE) * np.sin(np.pi * time) ** 2
        second = -rng.uniform(0.0, 0.5)
        while second < samples / RATE:
            for _ in range(rng.integers(2, 7)):
                add(output, second, chirp * rng.uniform(0.6, 1.0))
                second += every
            second += rng.uniform(0.15, 0.5)
    return output


def crickets(samples: int, rng: np.random.Generator) -> Array:
    """Two crickets: high pulses in groups, two to four groups per second, (samples,)."""
    output = np.zeros(samples)
    for _ in range(2):
        hz, every, pulses = rng.uniform(3800.0, 5600.0), 1.0 / rng.uniform(25.0, 45.0), int(rng.integers(3, 7))
        time = np.arange(int(0.7 * every * RATE)) / RATE
        pulse = np.sin(2.0 * np.pi * hz * time) * np.hanning(len(time)) * rng.uniform(0.4, 1.0)
        for second in beats(samples, 1.0 / rng.uniform(2.0, 4.0), 0.05, rng):
            for number in range(pulses):
                add(output, second + number * every, pulse)
    return output


def clock(samples: int, rng: np.random.Generator) -> Array:
    """Tick and tock, two to four per second, (samples,)."""
    output = np.zeros(samples)
    case, tones, decay = rng.uniform(0.75, 0.9), 10.0 ** rng.uniform(3.1, 3.7, 3), rng.uniform(0.004, 0.014)
    for number, second in enumerate(beats(samples, rng.uniform(0.25, 0.5), 0.003, rng)):
        for tone in tones:
            add(output, second, struck(tone * (case if number % 2 else 1.0), decay, rng))
    return output


def footsteps(samples: int, rng: np.random.Generator) -> Array:
    """Heel and toe on hard or loose ground, (samples,)."""
    output = np.zeros(samples)
    ground, width, decay = 10.0 ** rng.uniform(2.8, 3.5), rng.uniform(800.0, 3000.0), rng.uniform(0.02, 0.06)
    weight, loose = rng.uniform(70.0, 160.0), rng.uniform(0.3, 1.0)
    for second in beats(samples, rng.uniform(0.4, 0.65), 0.04, rng):
        add(output, second, struck(weight, 0.03, rng) * rng.uniform(0.7, 1.0))
        add(output, second, loose * blown(ground, width, decay, rng))
        add(output, second + rng.uniform(0.07, 0.12), 0.6 * loose * blown(1.3 * ground, width, decay, rng))
    return output


SCENES: dict[str, Callable[[int, np.random.Generator], Array]] = {
    "birds": birds,
    "clock": clock,
    "crickets": crickets,
    "engine": engine,
    "footsteps": footsteps,
    "rain": rain,
    "waves": waves,
    "wind": wind,
}


@dataclass(frozen=True)
class Place:
    """Where scenes are recorded.

    Args:
        slope: How the microphone colours them, in dB per octave.
        background: Level of the pink noise that is always there, relative to the scene in dB.
    """

    slope: float
    background: float


def place(seed: int, name: str) -> Place:
    """The place called `name`."""
    rng = stream(seed, "place", name)
    return Place(float(rng.uniform(-3.0, 3.0)), float(rng.uniform(-24.0, -6.0)))


def heard(scene: Array, where: Place, rng: np.random.Generator) -> Array:
    """`scene` (samples,) over the background, through the microphone, with its peaks cut."""
    background = pink(len(scene), rng)
    sound = scene / scene.std() + 10.0 ** (where.background / 20.0) * background / background.std()
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(sound), 1.0 / RATE), 50.0) / 1000.0)
    sound = np.fft.irfft(np.fft.rfft(sound) * 10.0 ** (where.slope * octaves / 20.0), len(sound))
    return cut(np.asarray(sound), CREST)


@dataclass(frozen=True)
class Scene:
    """A scene of two to four seconds; the same samples whenever it is read.

    Args:
        kind: One of the eight.
        place: Where it is recorded.
        seed: Seed of the corpus.
        name: Name of the clip, which makes its randomness its own.
    """

    kind: str
    place: Place
    seed: int
    name: str

    def samples(self) -> int:
        """Length in samples at 16 kHz."""
        return FRAME * round(stream(self.seed, self.name, "length").uniform(SHORTEST, LONGEST) * RATE / FRAME)

    def duration(self) -> float:
        """Length in seconds, without synthesis."""
        return self.samples() / RATE

    def read(self, sample_rate: int) -> NDArray[np.float32]:
        """Samples (samples,) at `sample_rate` Hz, between -30 and -18 dBFS rms."""
        rng = stream(self.seed, self.name, "sound")
        scene = SCENES[self.kind](self.samples(), rng)
        return recorded(heard(scene, self.place, rng), rng, sample_rate)
