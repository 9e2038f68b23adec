"""Durations are asked for when they are needed, and a part with both ends is taken at its word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recordings import RATE, TASK, clip, hiss, voices

from sefront.core.audio import AudioFile
from sefront.core.clips import Clip
from sefront.core.data import Draw, Mixtures, Reader
from sefront.core.durations import Durations
from sefront.core.epochs import POOL, Epoch, equal_lengths, largest, shuffled
from sefront.core.randomness import stream

LENGTHS = [800, 1600, 1200, 2000, 900, 1700, 1000]


class Asked:
    """A recording that counts how often it is asked for its length."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.times = seconds, 0

    def duration(self) -> float:
        self.times += 1
        return self.seconds

    def read(self, sample_rate: int) -> np.ndarray:
        return hiss(round(self.seconds * sample_rate))


def asked(count: int) -> list[Asked]:
    return [Asked(0.01 * (1 + 7 * i % 13)) for i in range(count)]


def of(recordings: list[Asked]) -> Mixtures:
    return Mixtures([Clip(f"c{i}", r, "low") for i, r in enumerate(recordings)], [], TASK, Reader(RATE), 3)


def eager(mixtures: Mixtures, size: int, epoch: int) -> list[list[Draw]]:
    """The batches as they follow from all durations at once."""
    rng = stream(mixtures.seed, "order", epoch)
    order = rng.permutation(len(mixtures)).tolist()
    batches = []
    for first in range(0, len(order), POOL * size):
        pool = sorted(order[first : first + POOL * size], key=lambda i: mixtures.durations[i])
        batches += [[Draw(i, epoch) for i in pool[j : j + size]] for j in range(0, len(pool), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        alone = batches.pop()
        batches[-1] += alone
    return [batches[i] for i in rng.permutation(len(batches))]


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("count", [1, 2, 5, 33, 64, 65, 129, 200])
def test_the_batches_are_those_of_all_durations_at_once(count: int, size: int) -> None:
    batches = shuffled(of(asked(count)), size, 2)
    expected = eager(of(asked(count)), size, 2)
    assert len(batches) == len(expected)
    assert [batches[i] for i in reversed(range(len(batches)))] == expected[::-1]
    assert list(batches[1:3]) == expected[1:3]
    assert largest(batches) == max(expected, key=len)


def test_only_the_pool_that_is_reached_is_measured() -> None:
    recordings = asked(10 * POOL * 2)
    mixtures = of(recordings)
    batches = shuffled(mixtures, 2, 0)
    assert sum(each.times for each in recordings) == 0
    first = batches[0]
    assert sum(each.times for each in recordings) == 2 * POOL
    assert batches[0] == first
    list(batches)
    assert {each.times for each in recordings} == {1}


def test_the_beginning_of_an_epoch_needs_no_other_pool() -> None:
    recordings = asked(10 * POOL * 2)
    epoch = shuffled(of(recordings), 2, 0)
    part = epoch.beginning(3 * POOL * 2 - 1)
    assert len({draw.index for keys in part for draw in keys}) == 3 * POOL * 2
    assert sum(each.times for each in recordings) == 3 * POOL * 2
    assert [keys for keys in epoch if keys in list(part)] == list(part)
    assert list(epoch.beginning(10 * POOL * 2)) == list(epoch.beginning(10**6)) == list(epoch)


def test_fixed_draws_reach_every_key() -> None:
    batches = shuffled(of(asked(9)), 4, 5, snr=3.0, seconds=0.5)
    assert {(d.epoch, d.snr, d.seconds) for keys in batches for d in keys} == {(5, 3.0, 0.5)}


def test_the_largest_of_no_batches_is_empty() -> None:
    assert largest(Epoch([], [], [], Draw)) == largest([]) == []


def test_equal_lengths_of_a_lazy_epoch() -> None:
    mixtures = Mixtures(voices(20, LENGTHS), [], TASK, Reader(RATE), 0)
    divided = equal_lengths(mixtures, shuffled(mixtures, 6, 0))
    assert sorted(draw.index for keys in divided for draw in keys) == list(range(20))
    assert largest(divided) == max(divided, key=len)


def test_a_part_with_both_ends_is_not_opened(tmp_path: Path) -> None:
    gone = tmp_path / "gone.wav"
    parts = [AudioFile(gone, 1.0, 3.5), AudioFile(gone), AudioFile(gone, 1.0), AudioFile(gone, 0.0, 2.0)]
    durations = Durations([Clip(str(i), part) for i, part in enumerate(parts)])
    assert list(durations) == [2.5, 0.0, 0.0, 2.0]
    assert durations[1:] == [0.0, 0.0, 2.0]
    assert len(durations) == 4


def test_an_empty_recording_has_no_duration() -> None:
    assert list(Durations([clip("empty", np.zeros(0, np.float32), "low")])) == [0.0]
