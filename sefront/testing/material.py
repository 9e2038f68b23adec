"""Audio that the kit makes up: bursts of harmonics under noise, in clips of several lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sefront.core.clips import Task
from sefront.core.kinds import EXAMPLES, Target, padded
from sefront.core.types import Batch

RATE = 16000  # Hz
TASK = EXAMPLES["classification"]
LENGTHS = (5121, 8000, 6400, 7999)  # samples


def harmonics(samples: int, number: int) -> Tensor:
    """Bursts of a buzz, (samples,), with a pitch that follows `number`: near enough to speech for filters and masks."""
    t = torch.arange(samples) / RATE
    pitch = 110.0 + 35.0 * number
    buzz = sum(torch.sin(2 * torch.pi * k * pitch * t) / k for k in range(1, 12))
    return 0.2 * torch.as_tensor(buzz) * torch.sin(2 * torch.pi * 3.1 * t + number).clamp(min=0)


def noise(*shape: int, seed: int = 0) -> Tensor:
    """White noise at -26 dB."""
    return 0.05 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def example(lengths: Sequence[int] = LENGTHS, task: Task = TASK) -> Batch:
    """Clips of `lengths` samples, padded to the longest, with targets of `task`."""
    clean, noisy = torch.zeros(2, len(lengths), max(lengths))
    for row, length in enumerate(lengths):
        clean[row, :length] = harmonics(length, row)
        noisy[row, :length] = clean[row, :length] + noise(length, seed=row)
    count = len(lengths)
    target, target_lengths = padded([target_of(row, length, task) for row, length in enumerate(lengths)])
    return Batch(
        noisy=noisy.clamp(-1, 1),
        clean=clean,
        lengths=torch.tensor(lengths),
        target=target,
        target_lengths=target_lengths,
        ids=tuple(f"clip{row}" for row in range(count)),
        snr=torch.full((count,), 10.0),
    )


def target_of(row: int, samples: int, task: Task) -> Target:
    """A target for the clip of that number: its class, two or three symbols, or slow waves."""
    if task.kind == "classification":
        return np.array(row % len(task.labels))
    if task.kind == "transcription":
        return np.array([2, 1, 3, 4][: 2 + row % 2], dtype=np.int64)
    t = np.arange(int(samples / RATE * (task.frame_rate or 1.0)) + 1)[:, None]
    return np.asarray(np.sin(0.3 * t + row + np.arange(len(task.labels))), dtype=np.float32)


def only(batch: Batch, row: int) -> Batch:
    """One clip of `batch`, without padding."""
    return rows_of(batch, [row])


def rows_of(batch: Batch, rows: Sequence[int]) -> Batch:
    """Some clips of `batch`, padded to the longest of them."""
    size, where = int(batch.lengths[list(rows)].max()), list(rows)
    return replace(
        batch,
        noisy=batch.noisy[where, :size],
        clean=None if batch.clean is None else batch.clean[where, :size],
        lengths=batch.lengths[where],
        target=batch.target[where],
        target_lengths=batch.target_lengths[where],
        ids=tuple(batch.ids[row] for row in where),
        snr=batch.snr[where],
    )


def silence_and_full_scale(samples: int = 4801) -> Tensor:
    """Extreme waves, (3, samples): nothing, the loudest square wave, and one click."""
    t = torch.arange(samples)
    return torch.stack([torch.zeros(samples), torch.sign(torch.sin(0.1 * (t + 0.5))), (t == samples // 2).float()])
