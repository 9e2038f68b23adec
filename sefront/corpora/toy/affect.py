"""Continuous speech under slowly changing arousal and valence.

Both are noise under a Hann window of 6 s (hardly anything above 1/3 Hz), standardised over the clip and squeezed by
tanh into [-1, 1]. Phrase by phrase, arousal raises pitch, rate and loudness and flattens the spectrum (Scherer 2003,
doi:10.1016/S0167-6393(02)00084-5); valence widens the movements of pitch, raises it at the end of a phrase, makes the
voice less breathy (Goudbeek & Scherer 2010, doi:10.1121/1.3466853) and raises the formants as a smile does (Tartter
1980, doi:10.3758/BF03199901). Loudness follows arousal without steps. The level of a clip says nothing, and every
voice has a pitch and a spectrum of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sefront.core.clips import Task
from sefront.core.randomness import stream
from sefront.corpora.toy.manner import Manner
from sefront.corpora.toy.phonemes import Targets
from sefront.corpora.toy.sentences import sentence
from sefront.corpora.toy.speech import FLOOR, Plan, cut, perform, plan, recorded
from sefront.corpora.toy.voice import RATE, Array, Speaker

FRAME_RATE = 25  # Hz, of the trace
DIMENSIONS = ("arousal", "valence")
TRACE = Task("trace", DIMENSIONS, "ccc", frame_rate=float(FRAME_RATE))
WINDOW = 6.0  # seconds: how slowly they change
SPREAD = 0.2  # lengths lie within this fraction of what was asked for
AHEAD = 0.8  # seconds from the start of a phrase to its middle
LOUDER = 6.0  # dB for an arousal of 1
SMILE = 0.1  # fraction by which a valence of 1 raises the formants
CREST = 7.5  # peaks are cut at about this multiple of the rms, so that every level can be reached
SILENT = (-200.0, -200.0)  # dB: phrases bring no noise of the room; the clip has one


@dataclass(frozen=True)
class Course:
    """Arousal and valence along a clip.

    Args:
        steps: Steps of 40 ms.
        seed: Seed of the corpus.
        name: Name of the clip, which makes its randomness its own.
    """

    steps: int
    seed: int
    name: str

    def values(self) -> NDArray[np.float32]:
        """Arousal and valence in [-1, 1] every 40 ms from 0 s on, (steps + 1, 2)."""
        window = np.hanning(round(WINDOW * FRAME_RATE))
        columns = []
        for dimension in DIMENSIONS:
            noise = stream(self.seed, self.name, dimension).standard_normal(self.steps + len(window))
            slow = np.convolve(noise, window, "valid")
            columns.append(np.tanh((slow - slow.mean()) / slow.std()))
        return np.stack(columns, axis=1).astype(np.float32)


def course(seed: int, name: str, seconds: float) -> Course:
    """The course of the clip called `name`, which lasts about `seconds`."""
    share = stream(seed, name, "length").uniform(1.0 - SPREAD, 1.0 + SPREAD)
    return Course(round(share * seconds * FRAME_RATE), seed, name)


def manner(arousal: float, valence: float, slope: float) -> Manner:
    """How a phrase is said.

    Args:
        arousal: In its middle.
        valence: In its middle.
        slope: Change of arousal per second.
    """
    plain = Manner()
    return Manner(
        pitch=4.0 * arousal,
        accent=2.5 + 2.0 * valence,
        slope=plain.slope + 4.0 * slope,
        rise=plain.rise + 3.0 * valence,
        rate=1.0 + 0.15 * arousal,
        tilt=plain.tilt - 5.0 * arousal,
        breath=0.05 * 2.0 ** (-1.8 * valence),
        quotient=plain.quotient - 0.08 * arousal,
    )


def smiling(script: Plan, factor: float) -> Plan:
    """`script` with the formants F1 to F4 raised by `factor`."""

    def raised(targets: Targets) -> Targets:
        f1, f2, f3, f4 = targets
        return factor * f1, factor * f2, factor * f3, factor * f4

    parts = (replace(p, formants=raised(p.formants), glide=p.glide and raised(p.glide)) for p in script.parts)
    return replace(script, parts=tuple(parts))


@dataclass(frozen=True)
class Talk:
    """Sentences one after the other by a voice whose arousal and valence change; it breaks off at the end.

    Args:
        voice: Who talks.
        course: What changes.
    """

    voice: Speaker
    course: Course

    def samples(self) -> int:
        """Length in samples at 16 kHz: half a step over, so that at any rate the trace has a frame per step begun."""
        return (2 * self.course.steps + 1) * RATE // (2 * FRAME_RATE)

    def duration(self) -> float:
        """Length in seconds, without synthesis."""
        return self.samples() / RATE

    def read(self, sample_rate: int) -> NDArray[np.float32]:
        """Samples (samples,) at `sample_rate` Hz, between -30 and -18 dBFS rms."""
        rng = stream(self.course.seed, self.course.name, "sound")
        count = self.samples()
        traces, seconds = self.course.values().astype(float), np.arange(self.course.steps + 1) / FRAME_RATE
        sound, start = np.zeros(count), 0
        while start < count:
            phrase = self.phrase(start / RATE + AHEAD, traces, seconds, rng)[: count - start]
            sound[start : start + len(phrase)] = phrase
            start += len(phrase)
        loudness = LOUDER * np.interp(np.arange(count) / RATE, seconds, traces[:, 0])
        room = 10.0 ** (rng.uniform(*FLOOR) / 20.0) * rng.standard_normal(count)
        return recorded(cut(sound * 10.0 ** (loudness / 20.0) + room, CREST), rng, sample_rate)

    def phrase(self, middle: float, traces: Array, seconds: Array, rng: np.random.Generator) -> Array:
        """A sentence as it is said around `middle` s, with pauses around it, at 16 kHz, (samples,)."""
        arousal, valence = (float(np.interp(middle, seconds, trace)) for trace in traces.T)
        slope = float(np.interp(middle, seconds, np.gradient(traces[:, 0], 1.0 / FRAME_RATE)))
        script = plan(sentence(rng), manner(arousal, valence, slope), self.voice, rng)
        return perform(smiling(script, 1.0 + SMILE * valence), self.voice, rng, SILENT)
