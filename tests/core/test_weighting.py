from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from probes import same_dropout
from torch import Tensor

from sefront.core.update import Update
from sefront.core.weighting import (
    Weighting,
    clipped,
    inverse,
    linear,
    power,
    rank,
    shuffled,
    softmax,
    uniform,
    weighting,
)

ALONE = Update({}, {})
LOSSES = torch.tensor([0.5, 1.5, 2.0, 0.0])
difficulties = st.lists(st.floats(0.0, 100.0, width=32), min_size=1, max_size=16)
BY_LOSS: dict[str, Weighting] = {
    "linear": linear,
    "softmax": softmax,
    "rank": rank,
    "power 0.5": partial(power, alpha=0.5),
    "power 2": power,
    "clipped 0.3": partial(clipped, w_max=0.3),
    "uniform": uniform,
}
ALL = BY_LOSS | {"shuffled": shuffled, "inverse": inverse}


def weigh(weighting: Any, losses: Tensor, **options: float) -> Tensor:
    return torch.as_tensor(weighting(losses, ALONE, **options))


def test_linear_divides_by_the_sum() -> None:
    assert weigh(linear, LOSSES).tolist() == [0.125, 0.375, 0.5, 0.0]


@pytest.mark.parametrize("name", ["linear", "power 2", "clipped 0.3", "shuffled", "inverse"])
@pytest.mark.parametrize("value", [0.0, 1e-13])
def test_it_is_uniform_where_nothing_is_difficult(name: str, value: float) -> None:
    torch.testing.assert_close(weigh(ALL[name], torch.full((4,), value)), torch.full((4,), 0.25))


@pytest.mark.parametrize("factor", [2.0**-8, 0.25, 8.0, 1024.0])
@pytest.mark.parametrize("name", sorted(set(BY_LOSS) - {"softmax"} | {"inverse"}))
def test_all_but_the_softmax_are_blind_to_scale(name: str, factor: float) -> None:
    assert torch.equal(weigh(ALL[name], factor * LOSSES), weigh(ALL[name], LOSSES))


def test_softmax_is_not_blind_to_scale() -> None:
    assert weigh(softmax, 2 * LOSSES).max() > weigh(softmax, LOSSES).max()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_softmax_is_that_of_torch(temperature: float) -> None:
    torch.testing.assert_close(weigh(softmax, LOSSES, temperature=temperature), (LOSSES / temperature).softmax(0))


def test_softmax_of_a_large_temperature_is_uniform() -> None:
    torch.testing.assert_close(weigh(softmax, LOSSES, temperature=1e6), torch.full((4,), 0.25), rtol=0, atol=1e-6)


def test_softmax_of_a_small_temperature_is_the_hardest_sample_alone() -> None:
    assert weigh(softmax, LOSSES, temperature=1e-3).tolist() == [0, 0, 1, 0]


def test_softmax_of_huge_losses_is_finite() -> None:
    assert weigh(softmax, torch.tensor([1e4, 1e4, 0.0])).tolist() == [0.5, 0.5, 0]


def test_rank_knows_the_order_alone() -> None:
    assert weigh(rank, torch.tensor([0.2, 9.0, 0.1, 0.3])).tolist() == [3 / 16, 7 / 16, 1 / 16, 5 / 16]


def test_ties_share_their_mean_rank() -> None:
    assert weigh(rank, torch.tensor([2.0, 1.0, 2.0, 0.0])).tolist() == [6 / 16, 3 / 16, 6 / 16, 1 / 16]
    assert weigh(rank, torch.ones(4)).tolist() == [0.25] * 4


@pytest.mark.parametrize("name", sorted(set(BY_LOSS) - {"clipped 0.3"}))
def test_a_sample_that_occurs_twice_weighs_as_much_in_all(name: str) -> None:
    twice = weigh(BY_LOSS[name], LOSSES.repeat(2)).reshape(2, -1)
    torch.testing.assert_close(twice.sum(0), weigh(BY_LOSS[name], LOSSES))


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (0.0, [0.25] * 4),
        (1.0, [0.125, 0.375, 0.5, 0.0]),
        (2.0, [0.25 / 6.5, 2.25 / 6.5, 4 / 6.5, 0.0]),
        (200.0, [0.0, 0.0, 1.0, 0.0]),
    ],
)
def test_the_exponents_of_power(alpha: float, expected: list[float]) -> None:
    torch.testing.assert_close(weigh(power, LOSSES, alpha=alpha), torch.tensor(expected))


@pytest.mark.parametrize(
    ("w_max", "expected"),
    [
        (1.0, [0.125, 0.375, 0.5, 0.0]),
        (7.0, [0.125, 0.375, 0.5, 0.0]),
        (0.5, [0.125, 0.375, 0.5, 0.0]),
        (0.4, [0.2, 0.4, 0.4, 0.0]),
        (0.3, [0.3, 0.3, 0.3, 0.1]),
        (0.25, [0.25] * 4),
        (0.01, [0.25] * 4),
    ],
)
def test_clipped_gives_the_rest_to_the_others(w_max: float, expected: list[float]) -> None:
    torch.testing.assert_close(weigh(clipped, LOSSES, w_max=w_max), torch.tensor(expected))


def test_clipped_gives_the_rest_in_equal_parts_where_all_others_are_easy() -> None:
    lone = weigh(clipped, torch.tensor([0.0, 3.0, 0.0, 0.0]), w_max=0.4)
    torch.testing.assert_close(lone, torch.tensor([0.2, 0.4, 0.2, 0.2]))


@given(values=difficulties, w_max=st.floats(0.01, 1.0))
def test_clipped_scales_what_is_not_at_the_bound(values: list[float], w_max: float) -> None:
    """It is min(s c, w_max), s found by bisection."""
    losses = np.array(values, dtype=np.float64) + 1e-3
    bound = max(w_max, 1 / len(losses))
    low, high = 0.0, 1e6
    for _ in range(200):
        s = (low + high) / 2
        low, high = (low, s) if np.minimum(s * losses, bound).sum() > 1 else (s, high)
    found = weigh(clipped, torch.tensor(losses, dtype=torch.float32), w_max=w_max)
    np.testing.assert_allclose(found.numpy(), np.minimum(high * losses, bound), atol=1e-4)


def test_uniform_is_one_over_n() -> None:
    assert weigh(uniform, LOSSES).tolist() == [0.25] * 4


def test_shuffled_is_linear_in_another_order() -> None:
    losses = torch.arange(1.0, 21.0)
    with same_dropout():
        found, again = weigh(shuffled, losses), weigh(shuffled, losses)
    with same_dropout():
        assert torch.equal(weigh(shuffled, losses), found)
    assert not torch.equal(found, again)
    for weights in (found, again):
        assert not torch.equal(weights, weigh(linear, losses))
        assert sorted(weights.tolist()) == sorted(weigh(linear, losses).tolist())


def test_shuffled_weights_tell_nothing_of_the_losses() -> None:
    losses = torch.arange(1.0, 9.0)
    with same_dropout():
        mean = torch.stack([weigh(shuffled, losses) for _ in range(4000)]).mean(0)
    torch.testing.assert_close(mean, torch.full((8,), 1 / 8), rtol=0, atol=0.005)


def test_inverse_is_linear_from_the_other_end() -> None:
    assert weigh(inverse, LOSSES).tolist() == [0.375, 0.125, 0.0, 0.5]


def test_samples_of_equal_loss_share_what_inverse_gives_them() -> None:
    assert weigh(inverse, torch.tensor([3.0, 1.0, 1.0, 3.0])).tolist() == [0.125, 0.375, 0.375, 0.125]


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25)
@given(values=difficulties)
def test_weights_are_not_negative_and_sum_to_one(name: str, values: list[float]) -> None:
    weights = weigh(ALL[name], torch.tensor(values))
    assert (weights >= 0).all()
    assert float(weights.sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("value", [0.0, 1e-30, 3.0, 1e30])
def test_one_sample_weighs_one(name: str, value: float) -> None:
    assert weigh(ALL[name], torch.tensor([value])).tolist() == [1.0]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("losses", [[0.0, 1e30], [1e30, 1e30, 1e30], [1e-40, 0.0], [0.0, 0.0, 1e-20, 1.0]])
def test_extreme_losses_give_finite_weights(name: str, losses: list[float]) -> None:
    weights = weigh(ALL[name], torch.tensor(losses))
    assert weights.isfinite().all()
    assert float(weights.sum()) == pytest.approx(1)


@pytest.mark.parametrize("name", BY_LOSS)
@settings(max_examples=25)
@given(values=difficulties)
def test_harder_samples_never_weigh_less(name: str, values: list[float]) -> None:
    weights = weigh(BY_LOSS[name], torch.tensor(sorted(values)))
    assert (weights.diff() >= -1e-6).all()


@given(values=difficulties)
def test_harder_samples_never_weigh_more_in_the_inverse(values: list[float]) -> None:
    assert (weigh(inverse, torch.tensor(sorted(values))).diff() <= 1e-6).all()


@pytest.mark.parametrize("name", ["linear", "softmax", "rank", "power 0.5", "power 2"])
def test_harder_samples_weigh_more(name: str) -> None:
    assert (weigh(ALL[name], torch.tensor([0.01, 0.2, 0.9, 5.0])).diff() > 0).all()


@pytest.mark.parametrize("name", sorted(set(ALL) - {"shuffled"}))
@settings(max_examples=25)
@given(values=difficulties, seed=st.integers(0, 99))
def test_weights_are_permuted_with_the_batch(name: str, values: list[float], seed: int) -> None:
    losses = torch.tensor(values)
    order = torch.randperm(len(values), generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(weigh(ALL[name], losses[order]), weigh(ALL[name], losses)[order], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_weights_do_not_depend_on_precision(name: str) -> None:
    losses = torch.rand(16, generator=torch.Generator().manual_seed(0))
    with same_dropout():
        expected = weigh(ALL[name], losses)
    with same_dropout(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = weigh(ALL[name], losses)
    assert torch.equal(found, expected)


def test_every_weighting_has_a_name() -> None:
    for name in ("linear", "softmax", "rank", "power", "clipped", "uniform", "shuffled", "inverse"):
        assert float(weighting(name)(LOSSES, ALONE).sum()) == pytest.approx(1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "options"),
    [("softmax", {"temperature": 0.1}), ("power", {"alpha": 0.5}), ("clipped", {"w_max": 0.3})],
)
def test_its_number_matters(name: Any, options: dict[str, float]) -> None:
    given = weighting(name, **options)(LOSSES, ALONE)
    assert torch.equal(given, weigh({"softmax": softmax, "power": power, "clipped": clipped}[name], LOSSES, **options))
    assert not torch.equal(given, weighting(name)(LOSSES, ALONE))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0, but is 0.0"),
        ({"temperature": math.nan}, "temperature must be above 0, but is nan"),
        ({"w_max": -0.1}, "w_max must be above 0, but is -0.1"),
        ({"alpha": -1.0}, "alpha must be a number from 0, but is -1.0"),
        ({"alpha": math.inf}, "alpha must be a number from 0, but is inf"),
        ({"alpha": math.nan}, "alpha must be a number from 0, but is nan"),
    ],
)
def test_an_impossible_number(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        weighting("linear", **options)
