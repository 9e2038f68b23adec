"""Batches: clips padded with zeros, read ahead by a thread or by worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from sefront.core.damages import Damaged
from sefront.core.data import Draw, Example, Mixtures
from sefront.core.epochs import Keys
from sefront.core.errors import SefrontError
from sefront.core.kinds import padded
from sefront.core.mixing import Wave
from sefront.core.types import Batch

Report = Callable[[Damaged], None]
Seen = Callable[[Example], None]


def ignore(item: Damaged | Example) -> None:
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
    rows = torch.zeros(len(waves), size)
    for row, wave in zip(rows, waves, strict=True):
        row[: len(wave)] = torch.from_numpy(np.array(wave))
    return rows


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
        seen: Called with each example, before its batch is returned.
    """
    groups = ahead(mixtures, batches) if workers == 0 else by_workers(mixtures, batches, workers)
    for items in groups:
        for item in items:
            for damaged in item.left_out if isinstance(item, Example) else [item]:
                report(damaged)
        usable = [item for item in items if isinstance(item, Example)]
        for example in usable:
            seen(example)
        yield collate(usable) if usable else None


def ahead(mixtures: Mixtures, batches: Iterable[Keys]) -> Iterator[list[Example | Damaged]]:
    """Each batch is read by a thread while the one before is in use."""

    def read(keys: Keys) -> list[Example | Damaged]:
        return [mixtures[key] for key in keys]

    with ThreadPoolExecutor(max_workers=1) as thread:
        waiting: list[Future[list[Example | Damaged]]] = []
        for keys in batches:
            waiting.append(thread.submit(read, keys))
            if len(waiting) > 1:
                yield waiting.pop(0).result()
        for last in waiting:
            yield last.result()


def by_workers(mixtures: Mixtures, batches: Iterable[Keys], workers: int) -> Iterator[list[Example | Damaged]]:
    """Batches are read by worker processes."""
    loader: Iterable[list[Example | Damaged | SefrontError]] = torch.utils.data.DataLoader(
        Answers(mixtures),  # type: ignore[arg-type]  # a mapping from draws to examples is all that a loader needs
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=list,
        generator=torch.Generator(),  # else the loader would draw from the generator that seeds dropout
    )
    for items in loader:
        for item in items:
            if isinstance(item, SefrontError):
                raise item
        yield [item for item in items if not isinstance(item, SefrontError)]


class Answers:
    """Mixtures whose errors are answers: raised in a worker process, an error would arrive wrapped in a traceback."""

    def __init__(self, mixtures: Mixtures) -> None:
        self.mixtures = mixtures

    def __getitem__(self, draw: Draw) -> Example | Damaged | SefrontError:
        try:
            return self.mixtures[draw]
        except SefrontError as error:
            return error
