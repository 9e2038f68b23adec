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


def test_1_the_backends_step_leaves_the_frontend_bit_identical() -> None:
    start = weights_of(pair()[0])
    call = turns().calls[0]
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


def test_2_the_frontends_step_leaves_the_backend_bit_identical() -> None:
    first, second = turns().calls
    assert same(first.states["backend"], second.states["backend"])
    assert not same(first.states["frontend"], second.states["frontend"])
    assert second.left == []
    assert set(second.moved_by) == {"frontend"}


@pytest.mark.parametrize("share_forward", [False, True])
def test_3_weights_have_no_gradient_and_losses_know_one_part_only(share_forward: bool) -> None:
    first, second = turns(share_forward=share_forward).calls
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


def test_4_other_labels_matter_through_the_weights_alone() -> None:
    batch = batch_of()
    swapped = replace(batch, target=1 - batch.target)
    one, other = turns(batch=batch), turns(batch=swapped)
    assert not same(one.calls[1].moved_by["frontend"], other.calls[1].moved_by["frontend"])


def test_5_uniform_weights_are_plain_alternate_training() -> None:
    frontend, _ = plain_pair()
    update = Watched({"frontend": frontend})
    learn_frontend(frontend).step(batch_of(), update)
    found = turns(plain_pair, weights="uniform")
    for name, gradient in update.calls[0].moved_by["frontend"].items():
        torch.testing.assert_close(found.calls[1].moved_by["frontend"][name], gradient, rtol=0, atol=1e-7)
    assert found.calls[1].loss == pytest.approx(update.calls[0].loss, rel=1e-6)


def test_6_scaling_all_difficulties_leaves_the_weights() -> None:
    update, losses = Watched({"frontend": pair()[0]}), torch.tensor([0.1, 0.7, 2.0, 0.3])
    weights = Iterative().weights
    assert torch.equal(weights(losses, update), weights(4 * losses, update))
    torch.testing.assert_close(weights(losses, update), weights(1000 / 3 * losses, update))


def test_7_permuting_the_batch_permutes_the_weights() -> None:
    order = torch.tensor([2, 0, 3, 1])
    batch = batch_of()
    tensors = {k: v[order] for k, v in vars(batch).items() if isinstance(v, Tensor)}
    permuted = replace(batch, **tensors, ids=tuple(batch.ids[i] for i in order))
    one, other = turns(plain_pair, batch).calls[1], turns(plain_pair, permuted).calls[1]
    assert one.weights is not None
    assert other.weights is not None
    torch.testing.assert_close(other.weights, one.weights[order], rtol=1e-5, atol=1e-7)
    assert other.loss == pytest.approx(one.loss, rel=1e-5)


def test_8_a_lone_difficult_sample_is_alone_in_the_gradient() -> None:
    lone = torch.tensor([0.0, 0.0, 1.0, 0.0])
    batch = batch_of()
    others = batch.noisy.clone()
    others[[0, 1, 3]] *= -2
    assert torch.equal(Iterative().weights(3 * lone, Watched({"frontend": pair()[0]})), lone)
    one, other = turns(plain_pair, batch, lone), turns(plain_pair, replace(batch, noisy=others), lone)
    assert same(one.calls[1].moved_by["frontend"], other.calls[1].moved_by["frontend"])
    assert any(gradient.any() for gradient in one.calls[1].moved_by["frontend"].values())


@pytest.mark.parametrize("name", ["linear", "softmax"])
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
    assert all(math.isfinite(value) and not value.requires_grad for value in logged.values())


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


def test_batches_of_one_are_to_be_refused_in_the_joint_phase_alone() -> None:
    assert [phase.smallest_batch for phase in Iterative().phases(*pair())] == [1, 1, 2]


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_an_impossible_temperature(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature must be above 0, but is"):
        Iterative(temperature=temperature)
