from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sefront.core.update import Update
from sefront.core.weighting import linear, softmax, uniform

ALONE = Update({}, {})
LOSSES = torch.tensor([0.5, 1.5, 2.0, 0.0])
difficulties = st.lists(st.floats(0.0, 100.0, width=32), min_size=1, max_size=16)
WEIGHTINGS = [linear, softmax, uniform]


def weigh(weighting: Any, losses: Tensor, **options: float) -> Tensor:
    return torch.as_tensor(weighting(losses, ALONE, **options))


def test_linear_divides_by_the_sum() -> None:
    assert weigh(linear, LOSSES).tolist() == [0.125, 0.375, 0.5, 0.0]


@pytest.mark.parametrize("value", [0.0, 1e-13])
def test_linear_is_uniform_where_nothing_is_difficult(value: float) -> None:
    assert weigh(linear, torch.full((4,), value)).tolist() == [0.25] * 4


@pytest.mark.parametrize("factor", [2.0**-8, 0.25, 8.0, 1024.0])
def test_linear_is_blind_to_scale(factor: float) -> None:
    assert torch.equal(weigh(linear, factor * LOSSES), weigh(linear, LOSSES))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_softmax_is_that_of_torch(temperature: float) -> None:
    torch.testing.assert_close(weigh(softmax, LOSSES, temperature=temperature), (LOSSES / temperature).softmax(0))


def test_softmax_of_a_large_temperature_is_uniform() -> None:
    torch.testing.assert_close(weigh(softmax, LOSSES, temperature=1e6), torch.full((4,), 0.25), rtol=0, atol=1e-6)


def test_softmax_of_a_small_temperature_is_the_hardest_sample_alone() -> None:
    assert weigh(softmax, LOSSES, temperature=1e-3).tolist() == [0, 0, 1, 0]


def test_softmax_of_huge_losses_is_finite() -> None:
    assert weigh(softmax, torch.tensor([1e4, 1e4, 0.0])).tolist() == [0.5, 0.5, 0]


def test_uniform_is_one_over_n() -> None:
    assert weigh(uniform, LOSSES).tolist() == [0.25] * 4


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@given(values=difficulties)
def test_weights_are_not_negative_and_sum_to_one(weighting: Callable[..., Tensor], values: list[float]) -> None:
    weights = weigh(weighting, torch.tensor(values))
    assert (weights >= 0).all()
    assert float(weights.sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@given(values=difficulties)
def test_harder_samples_never_weigh_less(weighting: Callable[..., Tensor], values: list[float]) -> None:
    weights = weigh(weighting, torch.tensor(sorted(values)))
    assert (weights.diff() >= 0).all()


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@given(values=difficulties, seed=st.integers(0, 99))
def test_weights_are_permuted_with_the_batch(weighting: Callable[..., Tensor], values: list[float], seed: int) -> None:
    losses = torch.tensor(values)
    order = torch.randperm(len(values), generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(weigh(weighting, losses[order]), weigh(weighting, losses)[order], rtol=1e-5, atol=1e-7)
