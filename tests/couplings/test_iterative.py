"""Invariants of iterative optimisation, numbered as in section 6.3 of its method sheet."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from probes import RATE, SGD, Detached, Gain, Slope, Watched, batch_of, pair, plain_pair, same, same_dropout
from torch import Tensor

from sefront.core.checkpoint import weights_of
from sefront.core.errors import SefrontError
from sefront.core.modes import learning
from sefront.core.phases import learn_frontend
from sefront.core.types import Batch
from sefront.couplings.iterative import Iterative
from sefront.frontends.identity import Identity

Make = Callable[[], tuple[Any, Any]]
WEIGHTINGS: list[dict[str, Any]] = [
    {"weights": "linear"},
    {"weights": "softmax", "temperature": 0.3},
    {"weights": "rank"},
    {"weights": "power", "alpha": 0.5},
    {"weights": "clipped", "w_max": 0.3},
    {"weights": "uniform"},
    {"weights": "shuffled"},
    {"weights": "inverse"},
    {"normalise": "literal_eq3"},
    {"normalise": "running"},
    {"stale": True},
]
every_weighting = pytest.mark.parametrize("options", WEIGHTINGS, ids=lambda o: " ".join(map(str, o.values())))


def turns(make: Make = pair, batch: Batch | None = None, held: Tensor | None = None, **options: Any) -> Watched:
    """One batch of both steps; with `held` the sample weights are held at these."""
    frontend, backend = make()
    update = Watched({"frontend": frontend, "backend": backend})
    coupling = Iterative(init="scratch", **options)
    if held is not None:
        coupling.weights = lambda losses, update: held
    with same_dropout():
        coupling.phases(frontend, backend)[0].step(batch or batch_of(), update)
    return update


def test_the_backend_learns_first_and_then_the_frontend() -> None:
    assert [call.learners for call in turns().calls] == [("backend",), ("frontend",)]


@every_weighting
def test_1_the_backends_step_leaves_the_frontend_bit_identical(options: dict[str, Any]) -> None:
    start = weights_of(pair()[0])
    call = turns(**options).calls[0]
    assert same(call.states["frontend"], start)
    assert call.left == []
    assert set(call.moved_by) == {"backend"}


def test_1_with_a_shared_forward_only_its_buffers_change() -> None:
    frontend, _ = pair()
    start = weights_of(frontend)
    with same_dropout(), learning(frontend):
        frontend(batch_of().noisy, batch_of().lengths)
    call = turns(share_forward=True).calls[0]
    assert same(call.states["frontend"], weights_of(frontend))
    assert {k for k in start if not torch.equal(start[k], call.states["frontend"][k])} == {
        "norm.running_mean", "norm.running_var", "norm.num_batches_tracked",
    }  # fmt: skip
    assert call.left == []


@every_weighting
def test_2_the_frontends_step_leaves_the_backend_bit_identical(options: dict[str, Any]) -> None:
    first, second = turns(**options).calls
    assert same(first.states["backend"], second.states["backend"])
    assert not same(first.states["frontend"], second.states["frontend"])
    assert second.left == []
    assert set(second.moved_by) == {"frontend"}


@every_weighting
@pytest.mark.parametrize("share_forward", [False, True])
def test_3_weights_have_no_gradient_and_losses_know_one_part_only(share_forward: bool, options: dict[str, Any]) -> None:
    first, second = turns(share_forward=share_forward, **options).calls
    assert second.weights is not None
    assert not second.weights.requires_grad
    assert set(second.gradients["backend"].values()) == {None}
    assert set(first.gradients["frontend"].values()) == {None}
    assert all(gradient is not None for gradient in second.gradients["frontend"].values())


def test_4_other_labels_under_the_same_weights_leave_the_frontends_gradient() -> None:
    batch, weights = batch_of(), torch.tensor([0.4, 0.3, 0.2, 0.1])
    swapped = replace(batch, target=1 - batch.target)
    one, other = turns(batch=batch, held=weights), turns(batch=swapped, held=weights)
    assert same(one.calls[1].moved_by["frontend"], other.calls[1].moved_by["frontend"])
    assert not same(one.calls[0].moved_by["backend"], other.calls[0].moved_by["backend"])


@every_weighting
def test_4_other_labels_matter_through_the_weights_alone(options: dict[str, Any]) -> None:
    batch = batch_of(6)
    swapped = replace(batch, target=torch.tensor([0, 0, 1, 1, 1, 0]))
    one, other = turns(batch=batch, **options), turns(batch=swapped, **options)
    first, second = one.calls[1].weights, other.calls[1].weights
    assert first is not None
    assert second is not None
    told = options != {"weights": "uniform"}
    assert torch.equal(first, second) == (not told)
    assert same(one.calls[1].moved_by["frontend"], other.calls[1].moved_by["frontend"]) == (not told)


def test_5_uniform_weights_are_plain_alternate_training() -> None:
    frontend, _ = plain_pair()
    update = Watched({"frontend": frontend})
    learn_frontend(frontend).step(batch_of(), update)
    found = turns(plain_pair, weights="uniform")
    for name, gradient in update.calls[0].moved_by["frontend"].items():
        torch.testing.assert_close(found.calls[1].moved_by["frontend"][name], gradient, rtol=0, atol=1e-7)
    assert found.calls[1].loss == pytest.approx(update.calls[0].loss, rel=1e-6)


@pytest.mark.parametrize("size", [3, 4, 6])
def test_5_uniform_weights_are_a_sum_of_equal_shares_bit_for_bit(size: int) -> None:
    frontend, batch = plain_pair()[0], batch_of(size)
    losses = frontend.loss(frontend(batch.noisy, batch.lengths), batch)
    gradients = torch.autograd.grad((losses * torch.full((size,), 1 / size)).sum(), list(frontend.parameters()))
    found = turns(plain_pair, batch, weights="uniform").calls[1].moved_by["frontend"]
    assert all(map(torch.equal, found.values(), gradients))


@pytest.mark.parametrize("name", ["linear", "rank", "power", "clipped", "uniform", "inverse"])
def test_6_scaling_all_difficulties_leaves_the_weights(name: Any) -> None:
    update, losses = Watched({"frontend": pair()[0]}), torch.tensor([0.1, 0.7, 2.0, 0.3])
    weights = Iterative(weights=name).weights
    assert torch.equal(weights(losses, update), weights(4 * losses, update))
    torch.testing.assert_close(weights(losses, update), weights(1000 / 3 * losses, update))


@pytest.mark.parametrize(
    "options", [o for o in WEIGHTINGS if o != {"weights": "shuffled"}], ids=lambda o: " ".join(map(str, o.values()))
)
def test_7_permuting_the_batch_permutes_the_weights(options: dict[str, Any]) -> None:
    order = torch.tensor([2, 0, 3, 1])
    batch = batch_of()
    tensors = {k: v[order] for k, v in vars(batch).items() if isinstance(v, Tensor)}
    permuted = replace(batch, **tensors, ids=tuple(batch.ids[i] for i in order))
    one, other = (turns(plain_pair, each, **options).calls[1] for each in (batch, permuted))
    assert one.weights is not None
    assert other.weights is not None
    torch.testing.assert_close(other.weights, one.weights[order], rtol=1e-5, atol=1e-7)
    assert other.loss == pytest.approx(one.loss, rel=1e-5)


def test_8_a_lone_difficult_sample_is_alone_in_the_gradient() -> None:
    lone = torch.tensor([0.0, 0.0, 1.0, 0.0])
    batch = batch_of()
    others = batch.noisy.clone()
    others[[0, 1, 3]] *= -2
    for options in (
        {},
        {"weights": "power"},
        {"weights": "clipped", "w_max": 1.0},
        {"weights": "softmax", "temperature": 0.01},
    ):
        weigh = Iterative(**options).weights
        assert torch.equal(weigh(3 * lone, Watched({"frontend": pair()[0]})), lone)
    one, other = turns(plain_pair, batch, lone), turns(plain_pair, replace(batch, noisy=others), lone)
    assert same(one.calls[1].moved_by["frontend"], other.calls[1].moved_by["frontend"])
    assert any(gradient.any() for gradient in one.calls[1].moved_by["frontend"].values())


@pytest.mark.parametrize("name", ["linear", "softmax", "rank", "power"])
def test_9_harder_samples_weigh_more(name: Any) -> None:
    losses = torch.tensor([0.01, 0.2, 0.9, 5.0])
    weights = Iterative(weights=name).weights(losses, Watched({"frontend": pair()[0]}))
    assert (weights.diff() > 0).all()
    assert float(weights.sum()) == pytest.approx(1)


def test_a_shared_forward_is_the_default_where_nothing_is_random() -> None:
    one, other = turns(plain_pair), turns(plain_pair, share_forward=True)
    assert all(same(one.calls[1].states[name], other.calls[1].states[name]) for name in ("frontend", "backend"))


def by_hand(a: float, b: float, rate: float, batch: Batch, weigh: Callable[[Any], Any]) -> tuple[float, float]:
    """The two parameters after one batch."""
    y, x, t = batch.noisy.double().numpy(), batch.clean.double().numpy(), batch.target.numpy()  # type: ignore[union-attr]
    n = batch.lengths.numpy()
    m = a * y.sum(1) / n
    b = b - rate * np.mean((1 / (1 + np.exp(-b * m)) - t) * m)
    c = np.log1p(np.exp(b * m)) - t * b * m
    w = weigh(c)
    return a - rate * np.sum(w * (2 * y * (a * y - x)).sum(1) / n), b


@pytest.mark.parametrize(
    ("options", "weigh"),
    [
        ({}, lambda c: c / c.sum()),
        ({"share_forward": True}, lambda c: c / c.sum()),
        ({"weights": "uniform"}, lambda c: np.full(len(c), 1 / len(c))),
        ({"weights": "softmax", "temperature": 0.5}, lambda c: np.exp(c / 0.5) / np.exp(c / 0.5).sum()),
        ({"weights": "rank"}, lambda c: (2 * c.argsort().argsort() + 1) / len(c) ** 2),
        ({"weights": "power", "alpha": 0.5}, lambda c: np.sqrt(c) / np.sqrt(c).sum()),
        ({"weights": "clipped", "w_max": 0.25}, lambda c: np.full(len(c), 0.25)),
        ({"weights": "inverse"}, lambda c: np.sort(c)[::-1][c.argsort().argsort()] / c.sum()),
        ({"normalise": "literal_eq3"}, lambda c: c / c.sum() / len(c)),
        ({"normalise": "running"}, lambda c: c / c.sum()),
        ({"warmup": 2}, lambda c: np.full(len(c), 1 / len(c))),
    ],
)
def test_a_step_by_hand(options: dict[str, Any], weigh: Callable[[Any], Any]) -> None:
    frontend, backend = Gain(0.7), Slope(1.5)
    update = Watched({"frontend": frontend, "backend": backend})
    Iterative(init="scratch", **options).phases(frontend, backend)[0].step(batch_of(), update)
    a, b = by_hand(0.7, 1.5, SGD.lr, batch_of(), weigh)
    assert float(frontend.a.detach()) == pytest.approx(a, rel=1e-6)
    assert float(backend.b.detach()) == pytest.approx(b, rel=1e-6)


def test_difficulty_is_judged_in_eval_mode() -> None:
    frontend, backend = pair()
    modes: list[bool] = []
    backend.dropout.register_forward_hook(lambda module, *_: modes.append(module.training))
    coupling = Iterative(init="scratch")
    coupling.phases(frontend, backend)[0].step(batch_of(), Watched({"frontend": frontend, "backend": backend}))
    assert modes == [True, False]


def test_what_is_logged() -> None:
    frontend, backend = plain_pair()
    update = Watched({"frontend": frontend, "backend": backend})
    logged = Iterative(init="scratch").phases(frontend, backend)[0].step(batch_of(), update)
    second = update.calls[1]
    weights = second.weights
    assert weights is not None
    assert float(logged["loss_frontend"]) == pytest.approx(float(second.losses.mean()))
    assert float(logged["loss_weighted"]) == pytest.approx(float((weights * second.losses).sum()))
    assert float(logged["weight_entropy"]) == pytest.approx(-float((weights * weights.log()).sum()))
    assert float(logged["weight_max"]) == float(weights.max())
    assert all(value.isfinite().all() and not value.requires_grad for value in logged.values())
    assert torch.equal(logged["weight"], weights)
    assert logged["task_loss"].shape == logged["answer"].shape == (4,)
    torch.testing.assert_close(logged["task_loss"] / logged["task_loss"].sum(), weights)


def test_the_entropy_of_a_zero_weight_is_zero() -> None:
    frontend, backend = plain_pair()
    coupling = Iterative(init="scratch")
    coupling.weights = lambda losses, update: torch.tensor([1.0, 0.0, 0.0, 0.0])
    logged = coupling.phases(frontend, backend)[0].step(batch_of(), Watched({"frontend": frontend, "backend": backend}))
    assert float(logged["weight_entropy"]) == 0


@pytest.mark.parametrize(
    ("init", "names"), [("warm", ["frontend", "backend", "joint"]), ("scratch", ["joint"])]
)  # fmt: skip
def test_phases(init: Any, names: list[str]) -> None:
    phases = Iterative(init=init).phases(*pair())
    assert [phase.name for phase in phases] == names
    assert phases[-1].learners == ("frontend", "backend")


def test_a_frontend_with_nothing_to_train_is_refused() -> None:
    with pytest.raises(
        SefrontError, match="iterative trains the frontend, but Identity has nothing to train; it works"
    ):
        Iterative().phases(Identity(RATE), pair()[1])


def test_parts_that_pass_no_gradient_will_do() -> None:
    frontend, backend = Detached(RATE), pair()[1]
    backend.differentiable = False  # type: ignore[assignment]
    assert len(turns(lambda: (frontend, backend)).calls) == 2


def test_a_clip_left_alone_weighs_one() -> None:
    alone, plain = (turns(plain_pair, batch=batch_of(1), weights=weights) for weights in ("linear", "uniform"))
    weight = alone.calls[1].weights
    assert weight is not None
    assert weight.tolist() == [1.0]
    assert same(alone.calls[1].states["frontend"], plain.calls[1].states["frontend"])


@pytest.mark.parametrize(
    ("options", "smallest"),
    [
        ({}, 2),
        ({"normalise": "literal_eq3"}, 2),
        ({"weights": "softmax"}, 2),
        ({"weights": "uniform"}, 1),
        ({"normalise": "running"}, 1),
        ({"group": 8}, 1),
    ],
)
def test_batches_of_one_are_refused_where_their_weights_would_always_be_one(
    options: dict[str, Any], smallest: int
) -> None:
    assert [phase.smallest_batch for phase in Iterative(**options).phases(*pair())] == [1, 1, smallest]


@every_weighting
@pytest.mark.parametrize("lost", [math.inf, math.nan])
def test_a_task_loss_that_is_not_finite_leaves_the_frontends_loss_finite(lost: float, options: dict[str, Any]) -> None:
    frontend, backend = plain_pair()
    update = Watched({"frontend": frontend, "backend": backend})
    coupling = Iterative(init="scratch", **options)
    weigh = coupling.importance.weigh
    coupling.importance.weigh = (  # type: ignore[method-assign]
        lambda losses, *rest: weigh([each + torch.tensor([0.0, lost, 0.0, 0.0]) for each in losses], *rest)
    )
    coupling.phases(frontend, backend)[0].step(batch_of(), update)
    assert math.isfinite(update.calls[1].loss)
    assert all(parameter.isfinite().all() for parameter in frontend.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0, but is 0.0"),
        ({"alpha": -0.5}, "alpha must be a number from 0, but is -0.5"),
        ({"w_max": 0.0}, "w_max must be above 0, but is 0.0"),
        ({"warmup": -1}, "warmup must not be negative, but is -1"),
        ({"group": 0}, "group must be at least 1, but is 0"),
        ({"backend_steps": 0}, "backend_steps must be at least 1, but is 0"),
        ({"frontend_steps": -2}, "frontend_steps must be at least 1, but is -2"),
        ({"share_forward": True, "group": 2}, "share_forward needs both steps on one batch, .* not with group above 1"),
        ({"share_forward": True, "alternate": "batch"}, "share_forward needs .* not with alternate 'batch'"),
        ({"stale": True, "alternate": "batch"}, "alternate 'batch' gives the backend other batches .* not with stale"),
        ({"group": 2, "alternate": "batch"}, "alternate 'batch' gives .* not with group above 1"),
    ],
)
def test_what_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Iterative(**options)
