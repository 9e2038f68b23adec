"""Batches: clips padded with zeros, read ahead by a thread or by worker processes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sefront.core.damages import Damaged
from sefront.core.data import Example, Mixtures
from sefront.core.epochs import Keys
from sefront.core.errors import BadOptionError, SefrontError
from sefront.core.kinds import padded
from sefront.core.mixing import Wave
from sefront.core.mixture_entry import Entry
from sefront.core.types import Batch

Report = Callable[[Damaged], None]
Seen = Callable[[Entry], None]
SHARED = Path("/dev/shm")  # what processes hand batches over through, where there is such a place
LEAST_SHARED = 256 << 20  # bytes: two workers keep four batches waiting


@dataclass(frozen=True)
class Loaded:
    """What came of the keys of a batch: None where every clip is damaged, what is damaged, and entries of a list."""

    batch: Batch | None
    damaged: tuple[Damaged, ...]
    entries: tuple[Entry, ...]


def ignore(item: Damaged | Entry) -> None:
    """A report that nobody reads."""


def collate(items: Sequence[Example]) -> Batch:
    """Examples padded with zeros to the longest; without clean waves where one of them has none."""
    lengths = torch.tensor([len(item.noisy) for item in items])
    target, target_lengths = padded([np.asarray(item.target) for item in items])
    cleans = [item.clean for item in items if item.clean is not None]
    return Batch(
        noisy=stacked([item.noisy for item in items], int(lengths.max())),
        clean=stacked(cleans, int(lengths.max())) if len(cleans) == len(items) else None,
        lengths=lengths,
        target=target,
        target_lengths=target_lengths,
        ids=tuple(item.id for item in items),
        snr=torch.tensor([item.snr for item in items], dtype=torch.float32),
    )


def stacked(waves: Sequence[Wave], size: int) -> Tensor:
    """Waves as rows of `size` samples, (batch, time), zero beyond their ends."""
    rows = np.empty((len(waves), size), dtype=np.float32)
    for row, wave in zip(rows, waves, strict=True):
        row[: len(wave)], row[len(wave) :] = wave, 0.0
    return torch.from_numpy(rows)


def load(
    mixtures: Mixtures, batches: Iterable[Keys], *, workers: int = 0, report: Report = ignore, seen: Seen = ignore
) -> Iterator[Batch]:
    """Batches in the given order; damaged clips are reported and left out, and so is a batch that held nothing else."""
    for batch in load_each(mixtures, batches, workers=workers, report=report, seen=seen):
        if batch is not None:
            yield batch


def load_each(
    mixtures: Mixtures, batches: Iterable[Keys], *, workers: int = 0, report: Report = ignore, seen: Seen = ignore
) -> Iterator[Batch | None]:
    """As `load`, but with None in place of a batch that held nothing else: processes must not lose count of steps.

    Args:
        mixtures: Where examples come from.
        batches: Keys of every batch.
        workers: Processes that read; with 0 a thread of this process reads one batch ahead.
        report: Called with each damaged clip.
        seen: Called with the entry of each fixed mixture, before its batch is returned.
    """
    for loaded in ahead(mixtures, batches) if workers == 0 else by_workers(mixtures, batches, workers):
        for damaged in loaded.damaged:
            report(damaged)
        for entry in loaded.entries:
            seen(entry)
        yield loaded.batch


def read(mixtures: Mixtures, keys: Keys) -> Loaded:
    """The batch of some keys."""
    items = [mixtures[key] for key in keys]
    usable = [item for item in items if isinstance(item, Example)]
    damaged = (d for item in items for d in (item.left_out if isinstance(item, Example) else [item]))
    entries = (example.entry for example in usable if example.entry is not None)
    return Loaded(collate(usable) if usable else None, tuple(damaged), tuple(entries))


def ahead(mixtures: Mixtures, batches: Iterable[Keys]) -> Iterator[Loaded]:
    """Each batch is read by a thread while the one before is in use."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        waiting: list[Future[Loaded]] = []
        for keys in batches:
            waiting.append(thread.submit(read, mixtures, keys))
            if len(waiting) > 1:
                yield waiting.pop(0).result()
        for last in waiting:
            yield last.result()


def by_workers(mixtures: Mixtures, batches: Iterable[Keys], workers: int) -> Iterator[Loaded]:
    """Batches are read and padded by worker processes, which hand them over in shared memory.

    Raises:
        BadOptionError: There is too little of it.
        SefrontError: What a worker raised.
    """
    if SHARED.is_dir() and (there := shutil.disk_usage(SHARED).total) < LEAST_SHARED:
        raise BadOptionError(
            f"training.workers={workers}: workers hand batches over in shared memory, of which there are "
            f"{there / 2**20:.0f} MB; give the container {LEAST_SHARED >> 20} MB or more, or leave reading to a thread "
            "(training.workers=0)"
        )
    loader: Iterable[Loaded | SefrontError] = torch.utils.data.DataLoader(
        Answers(mixtures),  # type: ignore[arg-type]  # a mapping from keys to batches is all that a loader needs
        batch_size=None,
        sampler=batches,
        num_workers=workers,
        collate_fn=unchanged,  # type: ignore[arg-type]  # without a batch size it is given one item
        generator=torch.Generator(),  # else the loader would draw from the generator that seeds dropout
    )
    for loaded in loader:
        if isinstance(loaded, SefrontError):
            raise loaded
        yield loaded


def unchanged(loaded: Loaded | SefrontError) -> Loaded | SefrontError:
    """What a worker hands over, as it is."""
    return loaded


class Answers:
    """Batches whose errors are answers: raised in a worker process, an error would arrive wrapped in a traceback."""

    def __init__(self, mixtures: Mixtures) -> None:
        self.mixtures = mixtures

    def __getitem__(self, keys: Keys) -> Loaded | SefrontError:
        try:
            return read(self.mixtures, keys)
        except SefrontError as error:
            return error
