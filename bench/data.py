"""What reading and mixing cost: over a bare loop, with two workers, from decoded audio on disk, and beside training.

    SEFRONT_TEST_DATA=DATA OMP_NUM_THREADS=1 python bench/data.py [--clips 200] [--rounds 7] [--only mixing,workers,...]

mixing    clips of EMO-DB, each with a noise from disk at its SNR, over a loop of soundfile and numpy on the same files
          that does no more than it must; nothing is kept in memory. Processor time of one process. Bound: 1.10 times.
kept      the same with all noises in memory, in both loops.
workers   the same clips from one worker process over two, by the clock. Bound: 1.7 times.
cache     a second epoch of reading from a folder of decoded audio, over decoding FLAC again. Bound: 3 times.
training  throughput while `unet` and `ser_cnn` train in mode `iterative` on 48 kHz stereo files of one second, over
          that on a batch in memory; the first epoch reads from disk, later ones from memory. Bound: 0.95.

All by interleaved rounds and medians. `workers` needs two cores that nobody else uses.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
import torch

from sefront.backends.ser_cnn import SerCNN
from sefront.core import Batch, Clip, Task, Update
from sefront.core.audio import AudioFile
from sefront.core.batches import load
from sefront.core.data import Draw, Mixtures, Reader
from sefront.core.decoded import Decoded
from sefront.core.epochs import shuffled
from sefront.core.precision import arranged, keep_freed_memory, native_bf16
from sefront.core.recipe import Recipe
from sefront.couplings.iterative import Iterative
from sefront.frontends.unet import UNet

RATE = 48000
TASK = Task("classification", ("a", "b"), "uar")
DATA = Path(os.environ.get("SEFRONT_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def spent(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Seconds that `work` takes by a clock."""
    began = clock()
    work()
    return clock() - began


def ratio(
    one: Callable[[], object], other: Callable[[], object], rounds: int, clock: Callable[[], float] = time.process_time
) -> tuple[float, float, float]:
    """Seconds of both, and the median of their ratios, from interleaved rounds after one to get warm."""
    pairs = [(spent(one, clock), spent(other, clock)) for _ in range(rounds + 1)][1:]
    return median(a for a, _ in pairs), median(b for _, b in pairs), median(a / b for a, b in pairs)


def real(count: int) -> tuple[list[Clip], list[Clip]]:
    """Clips of EMO-DB and noises of three folders, all 16 kHz mono FLAC."""
    speech = sorted((DATA / "emodb").rglob("*.flac"))[:count]
    noise = sorted((DATA / "noise" / "train").rglob("*.flac"))
    clips = [Clip(path.stem, AudioFile(path), "ab"[number % 2]) for number, path in enumerate(speech)]
    return clips, [Clip(str(path), AudioFile(path), path.parent.name) for path in noise]


class Noted(Reader):
    """A reader that notes what it reads."""

    def __init__(self) -> None:
        super().__init__(16000, 0)
        self.read_clips: list[Clip] = []

    def read(self, clip: Clip) -> np.ndarray:
        self.read_clips.append(clip)
        return super().read(clip)


def mixtures_of(clips: list[Clip], noises: list[Clip], reader: Reader) -> Mixtures:
    return Mixtures(clips, noises, TASK, reader, 0, durations=[1.0] * len(clips))


def chosen(clips: list[Clip], noises: list[Clip]) -> list[tuple[Path, Path, int, float]]:
    """The file of every clip and of the noise that is mixed with it, where it is cut, and the SNR in dB."""
    rng, found, noted = np.random.default_rng(0), [], Noted()
    mixtures = mixtures_of(clips, noises, noted)
    for index in range(len(clips)):
        noted.read_clips.clear()
        example = mixtures[Draw(index)]
        clip, noise = noted.read_clips  # none is silent, so no noise is drawn twice
        found.append((clip.audio.path, noise.audio.path, int(rng.integers(1000)), example.snr))
    return found


def bare(plan: Sequence[tuple[Path, Path, int, float]], noises: dict[Path, np.ndarray]) -> None:
    """Read, mix and keep within full scale, as briefly as numpy has it."""
    for speech, noise, offset, snr in plan:
        x, _ = soundfile.read(speech, dtype="float32")
        n = noises[noise] if noise in noises else soundfile.read(noise, dtype="float32")[0]
        n = n[: len(x)] if len(n) >= len(x) else np.resize(np.roll(n, offset), len(x))
        gain = np.sqrt(np.mean(x**2) / (np.mean(n**2) * 10 ** (snr / 10)))
        y = x + np.float32(gain) * n
        peak = np.abs(y).max()
        if peak > 1:
            x, y = x / peak, y / peak


def mixing(count: int, rounds: int, *, kept: bool) -> None:
    clips, noises = real(count)
    plan = chosen(clips, noises)
    held = {noise.audio.path: noise.audio.read(16000) for noise in noises} if kept else {}

    class Keeping(Reader):
        def read(self, clip: Clip) -> np.ndarray:
            return held[clip.audio.path] if clip.audio.path in held else super().read(clip)

    mixtures = mixtures_of(clips, noises, Keeping(16000, 0))

    def drawn() -> None:
        for index in range(len(clips)):  # not into a list, which would need fresh memory for every clip
            mixtures[Draw(index)]

    ours, theirs, times = ratio(drawn, lambda: bare(plan, held), rounds)
    each = 1e3 / len(clips)
    where = "noises in memory" if kept else "noises from disk"
    print(f"mixing, {where}: {times:.3f} x ({ours * each:.2f} over {theirs * each:.2f} ms a clip; bound 1.10)")


def workers(count: int, rounds: int) -> None:
    clips, noises = real(count)
    mixtures = mixtures_of(clips, noises, Reader(16000, 0))
    keys = [batch for epoch in range(4) for batch in shuffled(mixtures, 16, epoch)]

    def read(number: int) -> Callable[[], object]:
        return lambda: sum(len(batch.ids) for batch in load(mixtures, keys, workers=number))

    one, two, times = ratio(read(1), read(2), rounds, time.perf_counter)
    each = 1e3 / (4 * len(clips))
    print(f"workers: two are {times:.2f} x as fast as one ({one * each:.2f} and {two * each:.2f} ms a clip; bound 1.7)")


def cache(count: int, rounds: int) -> None:
    clips, _ = real(count)
    with tempfile.TemporaryDirectory() as name:
        plain, decoded = Reader(16000, 0), Reader(16000, decoded=Decoded(Path(name), 10**10))

        def read(reader: Reader) -> Callable[[], object]:
            return lambda: sum(len(reader.read(clip)) for clip in clips)

        flac, mapped, times = ratio(read(plain), read(decoded), rounds)
    each = 1e3 / len(clips)
    print(f"cache: {times:.2f} x as fast ({flac * each:.2f} and {mapped * each:.2f} ms a clip; bound 3)")


def recordings(folder: Path, count: int, seconds: float) -> list[Clip]:
    folder.mkdir()
    rng = np.random.default_rng(0)
    clips = []
    for number in range(count):
        path = folder / f"{number:04d}.flac"
        soundfile.write(path, 0.1 * rng.standard_normal((int(seconds * RATE), 2)), RATE)
        clips.append(Clip(path.stem, AudioFile(path), "ab"[number % 2]))
    return clips


def training(count: int, rounds: int) -> None:
    cpu, bf16 = torch.device("cpu"), native_bf16(torch.device("cpu"))
    parts = {"frontend": UNet(16000), "backend": SerCNN(TASK, 16000)}
    for part in parts.values():
        arranged(part, cpu, bf16)
    update = Update(parts, {name: Recipe() for name in parts}, bf16=bf16)
    phase = Iterative(init="scratch").phases(parts["frontend"], parts["backend"])[0]

    def trained(batches: Iterable[Batch]) -> float:
        began = time.perf_counter()
        for batch in batches:
            with update.precision(cpu):
                phase.step(batch, update)
        return time.perf_counter() - began

    with tempfile.TemporaryDirectory() as name:
        clips, noises = recordings(Path(name, "speech"), count, 1.0), recordings(Path(name, "noise"), 12, 5.0)
        fresh, later = [], []
        for _ in range(rounds):
            keys = shuffled(mixtures_of(clips, noises, Reader(16000)), 16, 0)
            held = next(iter(load(mixtures_of(clips, noises, Reader(16000)), keys[:1])))
            mixtures = mixtures_of(clips, noises, Reader(16000))
            trained([held])
            memory = trained([held] * len(keys))
            fresh.append(memory / trained(load(mixtures, keys)))
            memory = trained([held] * len(keys))
            later.append(memory / trained(load(mixtures, shuffled(mixtures, 16, 1))))
    print(f"training: {median(fresh):.3f} of the throughput in memory, later {median(later):.3f} (bound 0.95)")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="mixing,kept,workers,cache,training")
    arguments = parser.parse_args()
    keep_freed_memory()
    wanted = arguments.only.split(",")
    if "mixing" in wanted:
        mixing(arguments.clips, arguments.rounds, kept=False)
    if "kept" in wanted:
        mixing(arguments.clips, arguments.rounds, kept=True)
    if "workers" in wanted:
        workers(arguments.clips, min(3, arguments.rounds))
    if "cache" in wanted:
        cache(arguments.clips, arguments.rounds)
    if "training" in wanted:
        training(min(96, arguments.clips), min(3, arguments.rounds))


if __name__ == "__main__":
    main()
