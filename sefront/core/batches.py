"""Batches: clips of similar length together, padded with zeros, read ahead, and split among processes."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate
from typing import overload

import numpy as np
import torch
from torch import Tensor

from sefront.core.damages import Damaged
from sefront.core.data import Draw, Example, Mixtures
from sefront.core.errors import SefrontError
from sefront.core.kinds import padded
from sefront.core.mixing import Wave
from sefront.core.randomness import stream
from sefront.core.types import Batch

Keys = list[Draw]
POOL = 16  # batches that are sorted by length together
Report = Callable[[Damaged], None]
Seen = Callable[[Example], None]


def ignore(item: Damaged | Example) -> None:
    """A report that nobody reads."""


class Epoch(Sequence[Keys]):
    """The batches of one epoch; a pool of clips is sorted by length when the first of its batches is asked for.

    Args:
        pools: The clips of each pool, by number.
        batches: Of each batch, which pool it is from, and where it stands there once that is sorted; a last batch of
            one clip has joined another, so there may be two of these.
        seconds: The duration of each clip.
        draw: What is drawn of a clip.
    """

    def __init__(
        self,
        pools: list[list[int]],
        batches: Sequence[Sequence[tuple[int, range]]],
        seconds: Sequence[float],
        draw: Callable[[int], Draw],
    ) -> None:
        self._pools, self._batches, self._seconds, self._draw = pools, batches, seconds, draw
        self._sorted: set[int] = set()

    def __len__(self) -> int:
        return len(self._batches)

    @overload
    def __getitem__(self, index: int) -> Keys: ...

    @overload
    def __getitem__(self, index: slice) -> Epoch: ...

    def __getitem__(self, index: int | slice) -> Keys | Epoch:
        if isinstance(index, slice):
            return Epoch(self._pools, self._batches[index], self._seconds, self._draw)
        return [self._draw(self._pool(number)[place]) for number, places in self._batches[index] for place in places]

    def _pool(self, number: int) -> list[int]:
        if number not in self._sorted:
            self._pools[number].sort(key=self._seconds.__getitem__)
            self._sorted.add(number)
        return self._pools[number]

    def beginning(self, clips: int) -> Epoch:
        """The batches of as few pools as hold so many clips, or of all: what they do not need is not asked for."""
        ends = list(accumulate(map(len, self._pools)))
        last = next((number for number, end in enumerate(ends) if end >= clips), len(ends))
        held = [batch for batch in self._batches if all(number <= last for number, _ in batch)]
        return Epoch(self._pools, held, self._seconds, self._draw)

    def sizes(self) -> list[int]:
        """How many clips each batch has."""
        return [sum(len(places) for _, places in batch) for batch in self._batches]


def shuffled(
    mixtures: Mixtures,
    size: int,
    epoch: int,
    keep: Container[str] | None = None,
    *,
    snr: float | Callable[[int], float | None] | None = None,
    seconds: float | None = None,
) -> Epoch:
    """The keys of one training epoch: shuffled, then grouped by length within pools, then shuffled as batches.

    A last batch of one clip joins the batch before it: neither BatchNorm nor sample weights mean anything for one.
    Clips are asked for their length pool by pool, so that the first step need not wait for a million headers.

    Args:
        mixtures: Where examples come from.
        size: Clips of a batch.
        epoch: Epoch of random draws.
        keep: Ids of the clips to take; None for all.
        snr: Fixed SNR in dB, or what says it of the clip of a number; None draws one for each clip.
        seconds: Longest part of a clip to take.
    """
    rng = stream(mixtures.seed, "order", epoch)
    chosen = [i for i in range(len(mixtures)) if keep is None or mixtures.clips[i].id in keep]
    order = [chosen[i] for i in rng.permutation(len(chosen))]
    pools = [order[i : i + POOL * size] for i in range(0, len(order), POOL * size)]
    batches = [
        [(number, range(i, min(i + size, len(pool))))]
        for number, pool in enumerate(pools)
        for i in range(0, len(pool), size)
    ]
    if len(batches) > 1 and len(batches[-1][0][1]) == 1:
        alone = batches.pop()  # apart from the next line, whose [-1] has to be the batch before
        batches[-1] += alone

    def draw(index: int) -> Draw:
        return Draw(index, epoch, snr(index) if callable(snr) else snr, seconds)

    return Epoch(pools, [batches[i] for i in rng.permutation(len(batches))], mixtures.durations, draw)


def in_order(mixtures: Mixtures, size: int, snr: float) -> list[Keys]:
    """The keys of every clip at one fixed `snr` in dB, shortest first."""
    order = sorted(range(len(mixtures)), key=lambda i: (mixtures.durations[i], i))
    return [[Draw(i, 0, snr) for i in order[j : j + size]] for j in range(0, len(order), size)]


def equal_lengths(mixtures: Mixtures, batches: Iterable[Keys]) -> list[Keys]:
    """`batches` divided so that each holds clips of one length only, for models that cannot mask padding.

    All clips are asked for their length at once, as nobody could tell else how many steps there are.
    """
    divided: list[Keys] = []
    for keys in batches:
        by_length: dict[int, Keys] = {}
        for key in keys:
            samples = round(mixtures.durations[key.index] * mixtures.reader.sample_rate)
            by_length.setdefault(samples, []).append(key)
        divided += by_length.values()
    return divided


def largest(batches: Sequence[Keys]) -> Keys:
    """The first of the batches with the most clips; nothing where there are none."""
    sizes = batches.sizes() if isinstance(batches, Epoch) else [len(keys) for keys in batches]
    return batches[sizes.index(max(sizes))] if sizes else []


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
