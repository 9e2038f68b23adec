"""Audio that the kit makes up: bursts of harmonics under noise, in clips of several lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from sefront.core.clips import Task
from sefront.core.types import Batch

RATE = 16000  # Hz
TASK = Task("classification", ("a", "b", "c", "d"), "uar")
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


def example(lengths: Sequence[int] = LENGTHS) -> Batch:
    """Clips of `lengths` samples, one class each, padded to the longest."""
    clean, noisy = torch.zeros(2, len(lengths), max(lengths))
    for row, length in enumerate(lengths):
        clean[row, :length] = harmonics(length, row)
        noisy[row, :length] = clean[row, :length] + noise(length, seed=row)
    count = len(lengths)
    return Batch(
        noisy=noisy.clamp(-1, 1),
        clean=clean,
        lengths=torch.tensor(lengths),
        target=torch.arange(count) % len(TASK.labels),
        target_lengths=torch.ones(count, dtype=torch.long),
        ids=tuple(f"clip{row}" for row in range(count)),
        snr=torch.full((count,), 10.0),
    )


def only(batch: Batch, row: int) -> Batch:
    """One clip of `batch`, without padding."""
    size, where = int(batch.lengths[row]), slice(row, row + 1)
    return replace(
        batch,
        noisy=batch.noisy[where, :size],
        clean=None if batch.clean is None else batch.clean[where, :size],
        lengths=batch.lengths[where],
        target=batch.target[where],
        target_lengths=batch.target_lengths[where],
        ids=batch.ids[where],
        snr=batch.snr[where],
    )


def silence_and_full_scale(samples: int = 4801) -> Tensor:
    """Extreme waves, (3, samples): nothing, the loudest square wave, and one click."""
    t = torch.arange(samples)
    return torch.stack([torch.zeros(samples), torch.sign(torch.sin(0.1 * (t + 0.5))), (t == samples // 2).float()])
