"""From words to audio: durations, pitch, loudness and voice quality, then the synthesiser of `voice`.

Segments are laid end to end and their targets smoothed, so that neighbours colour each other (Klatt 1980,
doi:10.1121/1.383940); pitch is a sum of accents on syllables and slow movements in semitones (in the manner of
Fujisaki & Hirose 1984, doi:10.1250/ast.5.233).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sefront.core.audio import resample
from sefront.core.randomness import stream
from sefront.corpora.toy.manner import Manner, vary
from sefront.corpora.toy.phonemes import VOWEL_WIDTHS, Segment, segments
from sefront.corpora.toy.voice import FRAME, RATE, Array, Speaker, Tracks, glottis, hold, noise_band, vocal_tract

REST = (500.0, 1500.0, 2500.0, 3400.0)  # Hz: the neutral tract, towards which a silent mouth moves
SHORTEST = 520.0  # milliseconds of speech, so that STOI finds its 30 frames (0.4 s) even with weak consonants
LOUDEST, QUIETEST = -18.0, -30.0  # dBFS rms of a clip, the same for every class
CUTS = 4  # of peaks, since each lowers the rms, too
FLOOR = (-55.0, -38.0)  # dB: noise of the recording room, relative to vowels


@dataclass(frozen=True)
class Plan:
    """What will be said and when, in 5-ms frames; silence is a segment, too.

    Args:
        parts: The segments.
        lengths: Their lengths in frames.
        manner: How they are said.
    """

    parts: tuple[Segment, ...]
    lengths: tuple[int, ...]
    manner: Manner


def silence(milliseconds: float) -> Segment:
    """A pause."""
    return Segment(milliseconds, REST, bandwidths=VOWEL_WIDTHS)


def plan(words: tuple[str, ...], manner: Manner, voice: Speaker, rng: np.random.Generator) -> Plan:
    """Segments and lengths of `words` with 0.1 to 0.2 s of silence around them and short pauses in between."""
    manner = vary(manner, rng)
    spoken = tuple(silence(rng.uniform(40.0, 90.0)) for _ in words[1:])
    parts = [silence(rng.uniform(100.0, 200.0))]
    for index, word in enumerate(words):
        parts += segments(word) + spoken[index : index + 1]
    parts.append(silence(rng.uniform(100.0, 200.0)))
    factors = rng.uniform(0.85, 1.17, len(parts)) / (manner.rate * voice.rate)
    milliseconds = np.array([part.duration for part in parts])
    factors *= max(1.0, SHORTEST / float(milliseconds[1:-1] @ factors[1:-1]))
    # Silence around speech keeps its length, lest the rate be told from it.
    factors[[0, -1]] = 1.0
    lengths = np.maximum(2, np.round(milliseconds * factors / 5.0).astype(int)).tolist()
    return Plan(tuple(parts), tuple(lengths), manner)


def smooth(track: Array, frames: int) -> Array:
    """`track` (frames, ...) under a Hann window `frames` long, edges held: articulators have inertia."""
    window = np.hanning(frames + 2)[1:-1]
    window /= window.sum()
    padded = np.pad(track, [(frames // 2, frames // 2)] + [(0, 0)] * (track.ndim - 1), mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, frames, axis=0) @ window)


def melody(script: Plan, voice: Speaker, rng: np.random.Generator) -> Array:
    """Fundamental frequency in Hz, (frames,): accents on syllables, drift, a movement at the end, and wander."""
    manner, ends = script.manner, np.cumsum(script.lengths)
    frames = int(ends[-1])
    time = np.arange(frames) * FRAME / RATE
    nuclei = np.array([part.nucleus for part in script.parts])
    peaks = (ends - 0.6 * np.array(script.lengths))[nuclei] * FRAME / RATE
    heights = manner.accent * voice.span * rng.uniform(0.4, 1.3, len(peaks))
    bumps = heights @ np.exp(-0.5 * ((time - peaks[:, None]) / 0.06) ** 2)
    last = (ends[-2] * FRAME) / RATE
    final = manner.rise * np.exp(-0.5 * (np.minimum(time - last, 0.0) / 0.08) ** 2)
    wander = 0.3 * smooth(rng.standard_normal(frames), 21) * np.sqrt(21.0)
    semitones = manner.pitch + bumps + manner.slope * voice.span * (time - time.mean()) + final + wander
    return np.asarray(np.clip(voice.pitch * 2.0 ** (semitones / 12.0), 60.0, 500.0))


def tracks(script: Plan, voice: Speaker, rng: np.random.Generator) -> Tracks:
    """Parameters of the synthesiser for `script`, frame by frame."""
    parts, lengths, manner = script.parts, script.lengths, script.manner
    ramp = np.concatenate([np.linspace(0.0, 1.0, length) for length in lengths])[:, None]
    begin = np.repeat([part.formants for part in parts], lengths, axis=0)
    end = np.repeat([part.glide or part.formants for part in parts], lengths, axis=0)
    voicing = smooth(np.repeat([part.voicing for part in parts], lengths), 5)
    breath = np.repeat([part.aspiration for part in parts], lengths)
    loudness = 10.0 ** (manner.fade * (np.arange(len(voicing)) - 0.5 * len(voicing)) * FRAME / RATE / 20.0)
    return Tracks(
        pitch=melody(script, voice, rng),
        voicing=voicing * loudness,
        aspiration=smooth(breath, 3) * 0.35 + manner.breath * voice.breath * voicing * loudness,
        formants=smooth(begin + (end - begin) * ramp, 11),
        bandwidths=smooth(np.repeat([part.bandwidths for part in parts], lengths, axis=0), 7),
        nasality=smooth(np.repeat([part.nasality for part in parts], lengths), 5),
        tilt=manner.tilt + voice.tilt,
        quotient=manner.quotient,
        jitter=manner.jitter,
    )


def frication(script: Plan, tract: float, rng: np.random.Generator) -> Array:
    """Noise of fricatives and bursts, (samples,), relative to vowels of rms 1."""
    output = np.zeros(sum(script.lengths) * FRAME)
    first = 0
    for part, length in zip(script.parts, script.lengths, strict=True):
        samples = length * FRAME
        if part.frication > 0.0:
            edge = np.sin(0.5 * np.pi * np.minimum(1.0, np.arange(samples) / (2.0 * FRAME))) ** 2
            noise = noise_band(samples, min(part.centre * tract, 7000.0), part.width, rng)
            output[first : first + samples] = part.frication * noise * edge * edge[::-1]
        first += samples
    return output


def perform(script: Plan, voice: Speaker, rng: np.random.Generator, floor: tuple[float, float] = FLOOR) -> Array:
    """The audio of `script` at 16 kHz, (samples,), with vowels of rms about 1 over noise in the range `floor` in dB."""
    course = tracks(script, voice, rng)
    voiced = vocal_tract(glottis(course, rng), course, voice.tract)
    loud = hold(course.voicing) > 0.5 * course.voicing.max()
    voiced /= np.sqrt(np.mean(voiced[loud] ** 2))
    room = 10.0 ** (rng.uniform(*floor) / 20.0) * rng.standard_normal(len(voiced))
    return np.asarray(voiced + frication(script, voice.tract, rng) + room)


def levelled(samples: Array, decibels: float) -> Array:
    """`samples` at an rms of `decibels` dBFS, or lower where the peak would pass 0.95."""
    gain = 10.0 ** (decibels / 20.0) / np.sqrt(np.mean(samples**2))
    return np.asarray(samples * min(gain, 0.95 / np.abs(samples).max()))


def cut(sound: Array, crest: float) -> Array:
    """`sound` (samples,) with peaks cut at about `crest` times its rms, so that they do not decide on its level."""
    for _ in range(CUTS):
        limit = crest * float(np.sqrt(np.mean(sound**2)))
        sound = np.clip(sound, -limit, limit)
    return sound


def recorded(sound: Array, rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """`sound` (samples,) of 16 kHz at `sample_rate` Hz, at a level drawn from -30 to -18 dBFS rms."""
    samples = levelled(sound, rng.uniform(QUIETEST, LOUDEST))
    return resample(samples.astype(np.float32), RATE, sample_rate)


@dataclass(frozen=True)
class Utterance:
    """Words said by a synthetic voice; the same samples whenever it is read.

    Args:
        words: What is said; words of the lexicon.
        manner: How it is said.
        voice: Who says it.
        seed: Seed of the corpus.
        name: Name of the clip, which makes its randomness its own.
    """

    words: tuple[str, ...]
    manner: Manner
    voice: Speaker
    seed: int
    name: str

    def plan(self) -> Plan:
        """Timing, drawn anew and always the same."""
        return plan(self.words, self.manner, self.voice, stream(self.seed, self.name, "plan"))

    def duration(self) -> float:
        """Length in seconds, without synthesis."""
        return sum(self.plan().lengths) * FRAME / RATE

    def read(self, sample_rate: int) -> NDArray[np.float32]:
        """Samples (samples,) at `sample_rate` Hz, between -30 and -18 dBFS rms."""
        rng = stream(self.seed, self.name, "sound")
        return recorded(perform(self.plan(), self.voice, rng), rng, sample_rate)
