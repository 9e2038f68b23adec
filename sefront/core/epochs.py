"""What is drawn for the steps of an epoch: clips of similar length together, in an order that the seed decides."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from itertools import accumulate
from typing import overload

from sefront.core.data import Draw, Mixtures
from sefront.core.randomness import stream

Keys = list[Draw]
POOL = 16  # batches that are sorted by length together


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
