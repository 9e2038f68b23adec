"""Small recordings for the tests of the pipeline: in memory, and as folders of files that train within a second."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from sefront.core.clips import Clip, Task
from sefront.core.data import Mixtures, Reader
from sefront.core.errors import DamagedAudioError

os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")  # signal metrics in this process: starting others takes seconds

Wave = NDArray[np.float32]
RATE = 16000
TASK = Task("classification", ("high", "low"), "uar")
SMALL = (
    "-o", "frontend.width=1", "-o", "frontend.depth=1", "-o", "backend.width=2",
    "--epochs", "1", "--test-snr", "0", "--device", "cpu", "--precision", "32",
)  # fmt: skip
"""Words of the command line that make training take a moment."""


class Sound:
    """A recording in memory that counts how often it is read; no samples stand for a damaged one."""

    def __init__(self, samples: Wave | None, name: str = "") -> None:
        self.samples, self.name, self.reads = samples, name, 0

    def __repr__(self) -> str:
        return f"Sound({self.name})"

    def duration(self) -> float:
        return (0 if self.samples is None else len(self.samples)) / RATE if self.samples is not None else 0.1

    def read(self, sample_rate: int) -> Wave:
        self.reads += 1
        if self.samples is None:
            raise DamagedAudioError(f"{self.name}: not readable as audio")
        return self.samples.copy()


def hiss(size: int, seed: int = 0, level: float = 0.1) -> Wave:
    """White noise."""
    return np.random.default_rng(seed).normal(0.0, level, size).astype(np.float32)


def voice(size: int, pitch: float, rate: int = RATE, seed: int = 0) -> Wave:
    """A tone with overtones that swells and pauses."""
    t = np.arange(size) / rate + np.random.default_rng(seed).uniform()
    swell = np.clip(np.sin(2 * np.pi * 12 * t), 0, 1)
    return (0.2 * swell * sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 6))).astype(np.float32)


def clip(name: str, samples: Wave | None, target: str | None = None) -> Clip:
    """A clip in memory."""
    return Clip(name, Sound(samples, name), target)


def voices(count: int, sizes: Sequence[int] = (1600,)) -> list[Clip]:
    """Clips of the two classes in turn."""
    return [
        clip(f"clip{i:02d}", voice(sizes[i % len(sizes)], (400, 150)[i % 2], seed=i), TASK.labels[i % 2])
        for i in range(count)
    ]


def mixtures(
    clips: Sequence[Clip], noises: Sequence[Clip] | None = None, task: Task | None = TASK, seed: int = 0
) -> Mixtures:
    """Mixtures of clips in memory, by default under three types of noise."""
    own = [clip(f"noise{i}", hiss(1000 + 700 * i, seed=i), f"type{i % 3}") for i in range(6)]
    heard = own if noises is None else noises
    return Mixtures(clips, heard, task, Reader(RATE), seed, durations=[c.audio.duration() for c in clips])


def speech_folder(
    root: Path, each: int = 8, seconds: float = 0.5, rate: int = RATE, channels: int = 1, seed: int = 0
) -> Path:
    """Class folders with files; other recordings with another seed."""
    for label, pitch in (("high", 400.0), ("low", 150.0)):
        (root / label).mkdir(parents=True)
        for i in range(each):
            samples = voice(round(seconds * rate), pitch + 10 * i, rate, seed=seed + i)
            soundfile.write(root / label / f"{i:02d}.wav", np.stack([samples] * channels, axis=1), rate)
    return root


def noise_folder(root: Path, each: int = 3, seed: int = 0) -> Path:
    """Loose files of two types of noise; other recordings with another seed."""
    root.mkdir(parents=True)
    for i in range(each):
        soundfile.write(root / f"hiss_{i}.wav", hiss(RATE, seed=seed + i), RATE)
        soundfile.write(root / f"rumble_{i}.wav", np.cumsum(hiss(RATE, seed=seed + 9 + i, level=0.01)), RATE)
    return root


def taped_folder(root: Path, each: int = 4, seconds: float = 0.4) -> Path:
    """Files recorded in noise, as CHEAVD 2.0 has them: `each` of eight emotions to train with, half as many to test."""
    emotions = ("angry", "anxious", "disgust", "happiness", "neutral", "sad", "surprise", "worried")
    for part, count in (("train", each), ("val", each // 2)):
        for number, emotion in enumerate(emotions):
            (root / part / emotion).mkdir(parents=True)
            for i in range(count):
                seed = 100 * len(part) + 10 * number + i
                size = round(seconds * RATE)
                samples = voice(size, 100.0 + 30 * number, seed=seed) + hiss(size, seed=seed, level=0.02)
                soundfile.write(root / part / emotion / f"{part}_{i:03d}.wav", samples, RATE)
    return root
