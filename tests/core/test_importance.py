"""From the task losses of all processes to the weights of samples."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
import torch
from probes import same_dropout
from torch import Tensor

from sefront.core.importance import REMEMBERED, Importance
from sefront.core.update import Update
from sefront.core.weighting import weighting

LOSSES = torch.tensor([0.5, 1.5, 2.0, 0.0])
NAMES: list[Any] = ["linear", "softmax", "rank", "power", "clipped", "uniform", "shuffled", "inverse"]


def weighed(importance: Importance, *losses: Tensor, name: Any = "linear", epoch: int = 0) -> list[Tensor]:
    update = Update({}, {})
    update.begin(epoch)
    return importance.weigh(losses, weighting(name), update)[0]


def test_a_sum_is_the_weighting_itself() -> None:
    (weights,) = weighed(Importance(), LOSSES)
    assert weights.tolist() == [0.125, 0.375, 0.5, 0.0]


def test_equation_3_to_the_letter_divides_by_n() -> None:
    (weights,) = weighed(Importance("literal_eq3"), LOSSES)
    assert weights.tolist() == [0.125 / 4, 0.375 / 4, 0.5 / 4, 0.0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("normalise", ["sum", "literal_eq3", "running"])
def test_batches_of_a_group_are_weighed_as_one(name: Any, normalise: Any) -> None:
    with same_dropout():
        parts = weighed(Importance(normalise), LOSSES[:1], LOSSES[1:], name=name)
    with same_dropout():
        (whole,) = weighed(Importance(normalise), LOSSES, name=name)
    assert [len(part) for part in parts] == [1, 3]
    assert torch.equal(torch.cat(parts), whole)


def test_weights_have_no_gradient() -> None:
    (weights,) = weighed(Importance("running"), LOSSES.clone().requires_grad_())
    assert not weights.requires_grad


def test_what_is_logged() -> None:
    _, logged = Importance().weigh([LOSSES], weighting("linear"), Update({}, {}))
    expected = -sum(w * math.log(w) for w in (0.125, 0.375, 0.5))
    assert float(logged["weight_entropy"]) == pytest.approx(expected)
    assert float(logged["weight_max"]) == 0.5


# Losses that are not finite


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("normalise", ["sum", "literal_eq3", "running"])
@pytest.mark.parametrize(
    "losses",
    [
        [0.0, 0.0, 0.0], [1.0, math.inf, 2.0], [math.nan, 1.0, 2.0], [math.inf] * 3, [math.nan, math.nan, math.inf],
        [0.0, math.inf, 0.0], [1.0, -math.inf, 2.0], [-1.0, 1.0, 2.0], [3e38, 3e38, 3e38], [math.inf], [0.0], [2.0],
    ],
)  # fmt: skip
def test_weights_are_finite_and_not_negative_whatever_the_losses_are(
    name: Any, normalise: Any, losses: list[float]
) -> None:
    importance = Importance(normalise)
    for _ in range(2):
        (weights,) = weighed(importance, torch.tensor(losses), name=name)
        assert weights.isfinite().all()
        assert (weights >= 0).all()
        total = float(weights.sum()) * (len(losses) if normalise == "literal_eq3" else 1)
        assert total == pytest.approx(1, abs=1e-5) or normalise == "running"


@pytest.mark.parametrize("lost", [math.inf, math.nan, -math.inf])
@pytest.mark.parametrize("name", sorted(set(NAMES) - {"shuffled"}))
def test_a_loss_that_is_not_finite_counts_as_the_largest_that_is(name: Any, lost: float) -> None:
    (found,) = weighed(Importance(), torch.tensor([1.0, lost, 4.0]), name=name)
    (expected,) = weighed(Importance(), torch.tensor([1.0, 4.0, 4.0]), name=name)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_uniform_where_no_loss_is_finite(name: Any) -> None:
    (weights,) = weighed(Importance(), torch.tensor([math.nan, math.inf, math.inf, math.nan]), name=name)
    torch.testing.assert_close(weights, torch.full((4,), 0.25))


# Running


def test_running_divides_by_the_running_mean() -> None:
    importance, seen = Importance("running"), list[float]()
    for loss in (1.0, 3.0, 0.5, 8.0):
        seen.append(loss)
        (weight,) = weighed(importance, torch.tensor([loss]))
        assert weight.tolist() == pytest.approx([loss / (sum(seen) / len(seen))])


def test_running_forgets() -> None:
    importance = Importance("running")
    weighed(importance, torch.full((8,), 1e6))
    weighed(importance, torch.ones(REMEMBERED))
    (weight,) = weighed(importance, torch.tensor([2.0]))
    assert weight.tolist() == pytest.approx([2 * (REMEMBERED + 1) / (REMEMBERED + 2)])


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_as_hard_as_those_before_weighs_one_in_all(name: Any) -> None:
    importance, generator = Importance("running"), torch.Generator().manual_seed(0)
    weighed(importance, torch.rand(REMEMBERED, generator=generator), name=name)
    sums = [float(weighed(importance, torch.rand(4, generator=generator), name=name)[0].sum()) for _ in range(200)]
    assert sum(sums) / len(sums) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(
    ("name", "sign"), [("linear", 1), ("rank", 1), ("softmax", 1), ("inverse", -1), ("uniform", 0)]
)
def test_a_hard_clip_alone_in_its_batch_weighs_what_it_should(name: Any, sign: int) -> None:
    importance = Importance("running")
    weighed(importance, torch.linspace(0, 1, 50), name=name)
    easy, hard = (weighed(importance, torch.tensor([loss]), name=name)[0] for loss in (0.1, 0.9))
    assert (hard - easy).sign().tolist() == [sign]
    assert name != "uniform" or hard.tolist() == pytest.approx([1.0])


@pytest.mark.parametrize("normalise", ["sum", "literal_eq3"])
def test_others_remember_nothing(normalise: Any) -> None:
    importance = Importance(normalise)
    weighed(importance, LOSSES)
    assert importance.state_dict()["remembered"].tolist() == []


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_state_goes_on_exactly(name: Any) -> None:
    one, other = Importance("running"), Importance("running")
    weighed(one, LOSSES, name=name)
    file = io.BytesIO()
    torch.save(one.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    with same_dropout():
        (expected,) = weighed(one, LOSSES + 1, name=name)
    with same_dropout():
        (found,) = weighed(other, LOSSES + 1, name=name)
    assert torch.equal(found, expected)
    assert torch.equal(one.remembered, other.remembered)


# Warmup


@pytest.mark.parametrize("normalise", ["sum", "literal_eq3", "running"])
def test_weights_go_from_uniform_to_full(normalise: Any) -> None:
    (full,) = weighed(Importance(normalise), LOSSES)
    (uniform,) = weighed(Importance(normalise), LOSSES, name="uniform")
    for epoch, share in [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0), (9, 1.0)]:
        (weights,) = weighed(Importance(normalise, warmup=4), LOSSES, epoch=epoch)
        torch.testing.assert_close(weights, (1 - share) * uniform + share * full)


def test_a_warmup_below_zero() -> None:
    with pytest.raises(ValueError, match="warmup must not be negative, but is -1"):
        Importance(warmup=-1)
