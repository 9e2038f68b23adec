"""Counts of wrong answers, the hard index and the losses that dwell on it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sefront.core.hard_examples import FRACTION, Miner, focal, hard_example, hard_index

COUNTS = st.lists(
    st.integers(1, 50).flatmap(lambda seen: st.tuples(st.integers(0, seen), st.just(seen))), min_size=1, max_size=20
)


def miner(counts: dict[str, tuple[int, int]], label: int = 0) -> Miner:
    """What has counted so many wrong answers of so many."""
    found = Miner()
    for name, (wrong, seen) in counts.items():
        found.count([name] * seen, [i < wrong for i in range(seen)], [label] * seen)
    return found


def test_the_hard_index_of_the_paper() -> None:
    assert hard_index([0, 1, 3, 4], [4, 2, 4, 4]).tolist() == [0.0, 0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("wrong", "seen", "expected"),
    [
        ([0, 0], [5, 9], [0.0, 0.0]),
        ([1, 2], [2, 4], [1.0, 1.0]),
        ([3, 3], [3, 3], [1.0, 1.0]),
        ([0, 7], [7, 7], [0.0, 1.0]),
        ([1, 7], [2, 7], [1.0, 1.0]),
        ([], [], []),
    ],
    ids=["never wrong", "all alike", "always wrong", "one never, one always", "alike but for one", "nobody"],
)
def test_the_hard_index_where_its_range_is_empty(wrong: list[int], seen: list[int], expected: list[float]) -> None:
    assert hard_index(wrong, seen).tolist() == expected


@given(COUNTS)
def test_the_hard_index_is_a_share_and_grows_with_the_error_rate(counts: list[tuple[int, int]]) -> None:
    wrong, seen = (list(column) for column in zip(*counts, strict=True))
    h = hard_index(wrong, seen)
    assert ((h >= 0) & (h <= 1)).all()
    assert (h[np.equal(wrong, seen)] == 1).all()
    rates = np.divide(wrong, seen)
    order = np.argsort(rates, kind="stable")
    assert (np.diff(h[order]) >= -1e-12).all()


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=60))
def test_nobody_is_wrong_more_often_than_presented(answers: list[tuple[str, bool]]) -> None:
    found = Miner()
    for name, failed in answers:
        found.count([name], [failed], [ord(name)])
    assert all(found.wrong[name] <= found.seen[name] for name in found.seen)
    assert found.seen.total() == len(answers)
    assert found.wrong.total() == sum(failed for _, failed in answers)


def test_every_presentation_counts() -> None:
    found = Miner()
    found.count(["a", "a", "b"], [True, False, True], [0, 0, 1])
    found.count(["a"], [True], [0])
    assert dict(found.seen) == {"a": 3, "b": 1}
    assert dict(found.wrong) == {"a": 2, "b": 1}


TEN = {f"clip{i}": (i, 10) for i in range(10)}


def test_the_hard_set_by_its_share() -> None:
    assert sorted(miner(TEN).hard_set(fraction=0.3)) == ["clip7", "clip8", "clip9"]
    assert len(miner(TEN).hard_set(fraction=1.0)) == 10
    assert list(miner(TEN).hard_set(fraction=0.01)) == ["clip9"]
    assert FRACTION == 0.506
    assert len(miner({f"clip{i:03}": (i, 1000) for i in range(1000)}).hard_set()) == 506


def test_whoever_ties_with_the_last_hard_clip_is_hard() -> None:
    counts = {"a": (4, 5), "b": (2, 5), "c": (2, 5), "d": (2, 5), "e": (0, 5)}
    assert sorted(miner(counts).hard_set(fraction=0.4)) == ["a", "b", "c", "d"]


def test_the_hard_set_by_a_threshold() -> None:
    counts = {"never": (0, 4), "half": (2, 4), "mostly": (3, 4), "always": (4, 4)}
    assert miner(counts).hard_set(beta=0.5) == {"half": 0.5, "mostly": 1.0, "always": 1.0}
    assert sorted(miner(counts).hard_set(beta=0.51)) == ["always", "mostly"]
    assert len(miner(counts).hard_set(beta=0.0)) == 4
    assert miner({"a": (0, 3), "b": (0, 3)}).hard_set(beta=0.5) == {}
    assert Miner().hard_set() == {}


def test_shares_of_the_classes() -> None:
    found = Miner()
    found.count(["a", "b", "c", "d"], [True, True, False, False], [2, 0, 0, 0])
    assert found.shares() == {0: 0.75, 2: 0.25}
    assert found.shares(["a", "b"]) == {0: 0.5, 2: 0.5}
    assert found.shares([]) == {}


def test_counts_survive_a_round_trip() -> None:
    whole, other = miner(TEN, label=3), miner({"stranger": (1, 1)})
    other.load_state_dict(whole.state_dict())
    assert other.state_dict() == whole.state_dict()
    assert (other.seen, other.wrong, other.classes) == (whole.seen, whole.wrong, whole.classes)


# Losses


def scores(*chances: float) -> Tensor:
    """Logits of two classes, the first of which has these chances."""
    p = torch.tensor(chances)
    return torch.stack([p.log(), (1 - p).log()], 1)


def test_the_hard_example_loss_of_the_paper() -> None:
    found = hard_example(scores(0.5), torch.tensor([0]), torch.tensor([0.5]), torch.tensor([0.25]))
    assert found.item() == pytest.approx(0.25993, abs=1e-5)


def test_all_hard_and_no_share_is_cross_entropy_to_the_last_bit() -> None:
    logits, target = torch.randn(9, 5, generator=torch.Generator().manual_seed(0)), torch.arange(9) % 5
    expected = torch.nn.functional.cross_entropy(logits, target, reduction="none")
    assert torch.equal(hard_example(logits, target, torch.ones(9), torch.zeros(9)), expected)
    assert torch.equal(focal(logits, target, 0.0), expected)


def test_the_hard_example_loss_is_never_negative_and_falls_to_zero() -> None:
    sure = hard_example(
        scores(0.01, 0.5, 0.99, 1 - 1e-7), torch.zeros(4, dtype=torch.long), torch.ones(4), torch.zeros(4)
    )
    assert (sure.diff() < 0).all()
    assert (sure >= 0).all()
    assert sure[-1].item() == pytest.approx(0.0, abs=1e-6)


def test_the_focal_loss_by_hand() -> None:
    found = focal(scores(0.8, 0.2), torch.tensor([0, 0]), 2.0)
    assert found.tolist() == pytest.approx([-(0.2**2) * math.log(0.8), -(0.8**2) * math.log(0.2)], rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
def test_a_certain_answer_gives_the_focal_loss_a_finite_gradient(gamma: float) -> None:
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    focal(logits, torch.tensor([0, 0]), gamma).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
