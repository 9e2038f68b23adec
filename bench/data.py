"""Training throughput with loading, resampling and mixing, over that on a batch already in memory.

    python bench/data.py [--clips 96] [--rounds 3]

48 kHz stereo FLAC files of one second are written to a temporary folder, read, resampled, mixed with noise files and
padded while unet and ser_cnn train in the mode `iterative`. Bound: 0.95. The first epoch reads from disk, the second
finds recordings in the reader's cache.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
import torch

from sefront.backends.ser_cnn import SerCNN
from sefront.core import Clip, Task, Update
from sefront.core.audio import AudioFile
from sefront.core.batches import load, shuffled
from sefront.core.data import Mixtures, Reader
from sefront.core.precision import arranged, keep_freed_memory, native_bf16
from sefront.core.recipe import Recipe
from sefront.couplings.iterative import Iterative
from sefront.frontends.unet import UNet

RATE = 48000


def recordings(folder: Path, count: int, seconds: float) -> list[Clip]:
    rng = np.random.default_rng(0)
    clips = []
    for number in range(count):
        path = folder / f"{number:04d}.flac"
        soundfile.write(path, 0.1 * rng.standard_normal((int(seconds * RATE), 2)), RATE)
        clips.append(Clip(path.stem, AudioFile(path), "ab"[number % 2]))
    return clips


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clips", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    keep_freed_memory()
    task = Task("classification", ("a", "b"), "uar")
    cpu, bf16 = torch.device("cpu"), native_bf16(torch.device("cpu"))
    parts = {"frontend": UNet(16000), "backend": SerCNN(task, 16000)}
    for part in parts.values():
        arranged(part, cpu, bf16)
    update = Update(parts, {name: Recipe() for name in parts}, bf16=bf16)
    phase = Iterative(init="scratch").phases(parts["frontend"], parts["backend"])[0]

    def trained(batches: object) -> float:
        began = time.perf_counter()
        for batch in batches:  # type: ignore[attr-defined]
            with update.precision(cpu):
                phase.step(batch, update)
        return time.perf_counter() - began

    with tempfile.TemporaryDirectory() as name:
        speech, noise = Path(name, "speech"), Path(name, "noise")
        speech.mkdir()
        noise.mkdir()
        clips, noises = recordings(speech, arguments.clips, 1.0), recordings(noise, 12, 5.0)
        fresh, cached = [], []
        for _ in range(arguments.rounds):
            mixtures = Mixtures(clips, noises, task, Reader(16000), 0, durations=[1.0] * len(clips))
            keys = shuffled(mixtures, 16, 0)
            held = next(iter(load(mixtures, keys[:1])))
            mixtures.reader = Reader(16000)
            trained([held])
            memory = trained([held] * len(keys))
            fresh.append(memory / trained(load(mixtures, keys)))
            memory = trained([held] * len(keys))
            cached.append(memory / trained(load(mixtures, shuffled(mixtures, 16, 1))))
    print(
        f"throughput over that on a batch in memory: first epoch {median(fresh):.3f}, later ones {median(cached):.3f}"
    )
    print("bound 0.95")


if __name__ == "__main__":
    main()
