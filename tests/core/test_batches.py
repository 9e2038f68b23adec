"""Batches: similar lengths together, every clip once, the same whoever reads."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from recordings import RATE, clip, mixtures, voice, voices

from sefront.core.batches import collate, load, load_each
from sefront.core.damages import Damages
from sefront.core.data import Damaged, Draw, Example
from sefront.core.epochs import equal_lengths, in_order, shuffled
from sefront.core.errors import BadOptionError, DamagedAudioError, SefrontError
from sefront.core.types import Batch

LENGTHS = [800, 1600, 1200, 2000, 900]


@pytest.mark.parametrize("size", [1, 2, 4, 7])
@pytest.mark.parametrize("count", [1, 2, 5, 9, 17, 65, 129])
def test_an_epoch_holds_every_clip_once(count: int, size: int) -> None:
    batches = shuffled(mixtures(voices(count, LENGTHS)), size, epoch=3)
    assert Counter(draw.index for keys in batches for draw in keys) == Counter(range(count))
    assert {draw.epoch for keys in batches for draw in keys} == {3}
    assert max(map(len, batches)) <= size + 1


@pytest.mark.parametrize(("count", "sizes"), [(9, [4, 5]), (5, [5]), (13, [4, 4, 5]), (8, [4, 4]), (10, [2, 4, 4])])
def test_a_last_batch_of_one_joins_the_one_before(count: int, sizes: list[int]) -> None:
    assert sorted(map(len, shuffled(mixtures(voices(count)), 4, 0))) == sizes


def test_the_order_changes_with_the_epoch_and_the_seed() -> None:
    source, other = mixtures(voices(12)), mixtures(voices(12), seed=1)
    orders = [[d.index for keys in shuffled(m, 4, e) for d in keys] for m, e in ((source, 0), (source, 1), (other, 0))]
    assert orders[0] != orders[1]
    assert orders[0] != orders[2]
    assert list(shuffled(source, 4, 0)) == list(shuffled(mixtures(voices(12)), 4, 0))


def test_only_the_kept_clips() -> None:
    batches = shuffled(mixtures(voices(12)), 4, 0, keep={"clip03", "clip07"})
    assert [sorted(draw.index for draw in keys) for keys in batches] == [[3, 7]]


def test_lengths_are_similar_within_a_batch() -> None:
    source = mixtures(voices(60, list(range(800, 3800, 50))))

    def spread(keys: list[Draw]) -> float:
        return max(source.durations[d.index] for d in keys) - min(source.durations[d.index] for d in keys)

    assert max(map(spread, shuffled(source, 4, 0))) <= 4 * 50 / RATE


def test_in_order_is_shortest_first() -> None:
    source = mixtures(voices(7, LENGTHS))
    batches = in_order(source, 3, 5.0)
    seconds = [source.durations[draw.index] for keys in batches for draw in keys]
    assert seconds == sorted(seconds)
    assert list(map(len, batches)) == [3, 3, 1]
    assert {draw.snr for keys in batches for draw in keys} == {5.0}


def test_equal_lengths() -> None:
    source = mixtures(voices(20, LENGTHS))
    batches = equal_lengths(source, shuffled(source, 6, 0))
    assert sorted(draw.index for keys in batches for draw in keys) == list(range(20))
    assert all(len({source.durations[draw.index] for draw in keys}) == 1 for keys in batches)
    assert all(len(set(batch.lengths.tolist())) == 1 for batch in load(source, batches))


def test_collating_pads_with_zeros() -> None:
    items = [
        Example(f"c{n}", np.full(n, 0.5, np.float32), np.full(n, 0.25, np.float32), i, 3.0 * i)
        for i, n in enumerate((2, 4))
    ]
    batch = collate(items)
    assert batch.noisy.tolist() == [[0.5, 0.5, 0.0, 0.0], [0.5] * 4]
    assert batch.clean is not None
    assert batch.clean.tolist() == [[0.25, 0.25, 0.0, 0.0], [0.25] * 4]
    assert batch.lengths.tolist() == [2, 4]
    assert batch.target.tolist() == [0, 1]
    assert batch.target_lengths.tolist() == [1, 1]
    assert batch.ids == ("c2", "c4")
    assert batch.snr.tolist() == [0.0, 3.0]


def same(one: Batch, other: Batch) -> bool:
    assert one.clean is not None
    assert other.clean is not None
    return (
        torch.equal(one.noisy, other.noisy)
        and torch.equal(one.clean, other.clean)
        and torch.equal(one.snr, other.snr)
        and one.ids == other.ids
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(workers: int) -> None:
    source = mixtures(voices(10, LENGTHS))
    keys = shuffled(source, 4, 1)
    torch.manual_seed(5)
    expected = [*load(source, keys), torch.rand(1)]
    torch.manual_seed(5)
    found = [*load(source, keys, workers=workers), torch.rand(1)]  # a loader must not use up random numbers either
    assert len(found) == len(expected)
    assert all(map(same, found[:-1], expected[:-1]))
    assert torch.equal(found[-1], expected[-1])


@pytest.mark.parametrize("workers", [0, 1])
def test_damaged_clips_are_reported_and_left_out(workers: int) -> None:
    clips = [*voices(3), clip("bad", None, "low"), clip("quiet", np.zeros(800, np.float32), "low")]
    source = mixtures(clips)
    reports: list[Damaged] = []
    keys = [[Draw(0), Draw(3)], [Draw(4), Draw(3)], [Draw(1), Draw(2)]]
    batches = list(load(source, keys, workers=workers, report=reports.append))
    assert [batch.ids for batch in batches] == [("clip00",), ("clip01", "clip02")]
    assert [damaged.id for damaged in reports] == ["bad", "quiet", "bad"]


def test_a_batch_without_a_usable_clip_keeps_its_place() -> None:
    source = mixtures([*voices(2), clip("bad", None, "low")])
    keys = [[Draw(0)], [Draw(2)], [Draw(1), Draw(2)]]
    assert [batch and batch.ids for batch in load_each(source, keys)] == [("clip00",), None, ("clip01",)]


def test_damaged_noises_are_reported() -> None:
    noises = [clip("bad", None, "hiss"), clip("good", voice(4000, 60.0), "hiss")]
    reports: list[Damaged] = []
    source = mixtures(voices(12), noises)
    assert sum(len(batch.ids) for batch in load(source, shuffled(source, 4, 0), report=reports.append)) == 12
    assert set(reports) == {Damaged("bad", "bad: not readable as audio")}


def test_strict_stops_at_the_first_damaged_clip() -> None:
    source = mixtures([clip("bad", None, "low")])
    with pytest.raises(
        DamagedAudioError, match=r"bad: not readable as audio \(without --strict it would be left out\)"
    ):
        list(load(source, [[Draw(0)]], report=Damages(strict=True)))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_is_the_same_whoever_reads(workers: int) -> None:
    with pytest.raises(SefrontError, match=r"^there are no noises to mix with; name some with --noise$"):
        list(load(mixtures(voices(1), []), [[Draw(0)]], workers=workers))


def test_no_batches() -> None:
    assert list(load(mixtures(voices(1)), [])) == []


def test_damages_are_named_once_and_counted() -> None:
    damages = Damages()
    for name in ("a", "b", "a"):
        damages(Damaged(name, f"{name}: silent"))
    assert damages.reasons == {"a": "a: silent", "b": "b: silent"}
    assert damages.summary() == "2 damaged clips were left out"
    assert Damages().summary() == ""


def test_workers_ask_for_shared_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sefront.core.batches.SHARED", tmp_path)
    monkeypatch.setattr("sefront.core.batches.LEAST_SHARED", 1 << 60)
    found = mixtures(voices(4))
    with pytest.raises(BadOptionError, match=r"training.workers=1: workers hand batches .* \(training.workers=0\)"):
        next(load(found, in_order(found, 4, 0.0), workers=1))
