"""Invariants of multi-task learning, bit for bit where its method sheet says so."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from probes import RATE, SGD, TASK, Detached, Gain, Slope, Watched, batch_of, pair, plain_pair, same, same_dropout
from torch import Tensor, nn

from sefront.core.checkpoint import weights_of
from sefront.core.errors import SefrontError
from sefront.core.phases import learn_frontend
from sefront.core.recipe import Recipe
from sefront.couplings.augment import Augment
from sefront.couplings.mtl import MTL
from sefront.frontends.identity import Identity
from sefront.frontends.spectral_subtraction import SpectralSubtraction
from sefront.testing.probes import ProbeBackend


def joint(frontend: Any, backend: Any, steps: int = 1, recipe: Recipe = SGD, **options: Any) -> Watched:
    """`steps` of the joint phase."""
    update = Watched({"frontend": frontend, "backend": backend}, recipe)
    phase = MTL(init="scratch", **options).phases(frontend, backend)[0]
    for number in range(steps):
        with same_dropout(number):
            phase.step(batch_of(seed=number), update)
    return update


def alone(frontend: Any, steps: int = 1, recipe: Recipe = SGD) -> Watched:
    """`steps` of enhancement without a task."""
    update = Watched({"frontend": frontend}, recipe)
    for number in range(steps):
        with same_dropout(number):
            learn_frontend(frontend).step(batch_of(seed=number), update)
    return update


def test_without_the_task_the_frontends_gradients_are_those_of_enhancement_alone() -> None:
    both, single = joint(*pair(), lambda_backend=0.0), alone(pair()[0])
    assert same(both.calls[0].moved_by["frontend"], single.calls[0].moved_by["frontend"])


def test_without_the_task_the_backends_gradients_are_zeros() -> None:
    _, backend = pair()
    call = joint(pair()[0], backend, lambda_backend=0.0).calls[0]
    assert set(call.moved_by["backend"]) == {name for name, _ in backend.named_parameters()}
    assert all(not gradient.any() for gradient in call.moved_by["backend"].values())


def test_without_the_task_training_is_that_of_the_frontend_alone() -> None:
    (frontend, backend), (single, _) = pair(), pair()
    before = dict(backend.named_parameters())
    start = {name: parameter.detach().clone() for name, parameter in before.items()}
    adam = Recipe(lr=1e-2)
    joint(frontend, backend, steps=4, recipe=adam, lambda_backend=0.0)
    alone(single, steps=4, recipe=adam)
    assert same(weights_of(frontend), weights_of(single))
    assert same({name: parameter.detach() for name, parameter in before.items()}, start)


def test_without_enhancement_the_frontend_has_the_tasks_gradients() -> None:
    frontend, backend = pair()
    update = joint(frontend, backend, lambda_frontend=0.0)
    again, judge = pair()
    batch = batch_of()
    with same_dropout():
        losses = judge(again(batch.noisy, batch.lengths).waves, batch.lengths).scores
        loss = nn.functional.cross_entropy(losses, batch.target, reduction="none").mean()
    expected = torch.autograd.grad(loss, list(again.parameters()))
    found = list(update.calls[0].moved_by["frontend"].values())
    for gradient, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-6, atol=1e-8)


def test_the_enhancement_loss_does_not_know_the_backend() -> None:
    frontend, backend = pair()
    batch = batch_of()
    enhanced = frontend(batch.noisy, batch.lengths)
    backend(enhanced.waves, batch.lengths)
    parameters = list(backend.parameters())
    loss = frontend.loss(enhanced, batch).mean()
    assert torch.autograd.grad(loss, parameters, allow_unused=True) == (None,) * len(parameters)


def test_the_task_loss_reaches_both() -> None:
    call = joint(*pair(), lambda_frontend=0.0).calls[0]
    assert call.learners == ("frontend", "backend")
    assert any(gradient.any() for gradient in call.moved_by["frontend"].values())
    assert any(gradient.any() for gradient in call.moved_by["backend"].values())
    assert call.left == []


def test_with_identity_a_step_is_one_of_augment() -> None:
    """`phases` refuses such a frontend; its step, given a frontend that leaves the waves as they are, is augment's."""
    frontend, (_, one), (_, other) = Passing(), pair(), pair()
    both, single = Watched({"frontend": frontend, "backend": one}), Watched({"backend": other})
    coupling = MTL(init="scratch", lambda_frontend=0.0)
    mtl, augment = coupling.phases(frontend, one)[0], Augment().phases(frontend, other)[0]
    for number in range(3):
        for phase, update in ((mtl, both), (augment, single)):
            with same_dropout(number):
                phase.step(batch_of(seed=number), update)
    assert same(weights_of(one), weights_of(other))


class Passing(Identity):
    """Identity with an idle parameter that takes part in the enhancement loss alone."""

    def __init__(self) -> None:
        super().__init__(RATE)
        self.idle = nn.Parameter(torch.zeros(()))

    def loss(self, enhanced: Any, batch: Any) -> Tensor:
        return super().loss(enhanced, batch) + self.idle


@pytest.mark.parametrize(("one", "other"), [(1.0, 1.0), (0.3, 2.0)])
def test_a_step_by_hand(one: float, other: float) -> None:
    frontend, backend = Gain(0.7), Slope(1.5)
    update = joint(frontend, backend, lambda_frontend=one, lambda_backend=other)
    batch, a, b, rate = batch_of(), 0.7, 1.5, SGD.lr
    y, x, t = batch.noisy.double().numpy(), batch.clean.double().numpy(), batch.target.numpy()  # type: ignore[union-attr]
    n = batch.lengths.numpy()
    mean = y.sum(1) / n
    z = b * a * mean
    error = 1 / (1 + np.exp(-z)) - t
    enhancement = ((a * y - x) ** 2).sum(1) / n
    task = np.log1p(np.exp(z)) - t * z
    slope_a = one * (2 * y * (a * y - x)).sum(1) / n + other * error * b * mean
    assert update.calls[0].loss == pytest.approx(np.mean(one * enhancement + other * task), rel=1e-6)
    assert float(frontend.a.detach()) == pytest.approx(a - rate * slope_a.mean(), rel=1e-6)
    assert float(backend.b.detach()) == pytest.approx(b - rate * other * (error * a * mean).mean(), rel=1e-6)


def test_what_is_logged() -> None:
    frontend, backend = plain_pair()
    phase = MTL(init="scratch", lambda_frontend=0.5, lambda_backend=2.0).phases(frontend, backend)[0]
    logged = phase.step(batch_of(), Watched({"frontend": frontend, "backend": backend}))
    assert float(logged["loss"]) == pytest.approx(
        0.5 * float(logged["loss_frontend"]) + 2 * float(logged["loss_backend"])
    )
    assert all(math.isfinite(value) and not value.requires_grad for value in logged.values())


@pytest.mark.parametrize(
    ("init", "names"), [("warm", ["frontend", "backend", "joint"]), ("scratch", ["joint"])]
)  # fmt: skip
def test_phases(init: Any, names: list[str]) -> None:
    phases = MTL(init=init).phases(*pair())
    assert [phase.name for phase in phases] == names
    assert phases[-1].sees == "enhanced"


@pytest.mark.parametrize("frontend", [Identity(RATE), SpectralSubtraction(RATE)], ids=["identity", "subtraction"])
def test_a_frontend_with_nothing_to_train_is_refused(frontend: Any) -> None:
    name = type(frontend).__name__
    with pytest.raises(
        SefrontError, match=f"mtl trains the frontend, but {name} has nothing .* cold_cascade and frozen"
    ):
        MTL().phases(frontend, pair()[1])


def test_a_part_that_passes_no_gradient_is_refused() -> None:
    frontend, backend = pair()
    backend.differentiable = False  # type: ignore[assignment]
    with pytest.raises(
        SefrontError, match=r"mtl sends gradients through Detached, which is not differentiable; .*iterative"
    ):
        MTL().phases(Detached(RATE), ProbeBackend(TASK, RATE))
    with pytest.raises(SefrontError, match="mtl sends gradients through ProbeBackend, which is not differentiable"):
        MTL().phases(frontend, backend)


@pytest.mark.parametrize(("one", "other"), [(-1.0, 1.0), (1.0, -0.1), (0.0, 0.0)])
def test_impossible_weights(one: float, other: float) -> None:
    with pytest.raises(ValueError, match="lambda_frontend and lambda_backend must not be negative, nor both zero"):
        MTL(lambda_frontend=one, lambda_backend=other)
