"""Invariants of multi-task learning, bit for bit where its method sheet says so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from probes import (
    RATE,
    SGD,
    TASK,
    Detached,
    Gain,
    Slope,
    Watched,
    batch_of,
    material,
    pair,
    plain_pair,
    same,
    same_dropout,
)
from safetensors.torch import load_file
from torch import Tensor, nn

from sefront.core.balance import Balance
from sefront.core.checkpoint import weights_of
from sefront.core.coupler import Coupler
from sefront.core.errors import SefrontError
from sefront.core.phases import learn_frontend
from sefront.core.progress import Quiet
from sefront.core.recipe import Recipe
from sefront.core.training import Lengths, Training
from sefront.couplings.augment import Augment
from sefront.couplings.mtl import MTL
from sefront.frontends.identity import Identity
from sefront.frontends.spectral_subtraction import SpectralSubtraction
from sefront.testing.probes import ProbeBackend

BALANCES = get_args(Balance)


def joint(frontend: Any, backend: Any, steps: int = 1, recipe: Recipe = SGD, **options: Any) -> Watched:
    """`steps` of the joint phase."""
    coupling = MTL(init="scratch", **options)
    phase = coupling.phases(frontend, backend)[0]
    parts = {"frontend": frontend, "backend": backend, "coupling": coupling}
    update = Watched({name: parts[name] for name in phase.learners}, recipe)
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


def slopes(one: float, other: float, a: float = 0.7, b: float = 1.5) -> tuple[float, float, float]:
    """For `Gain` and `Slope`: how the weighted losses of enhancement and task change with a, and the latter with b."""
    batch = batch_of()
    assert batch.clean is not None
    y, x, t = batch.noisy.double().numpy(), batch.clean.double().numpy(), batch.target.numpy()
    n = batch.lengths.numpy()
    mean = y.sum(1) / n
    error = 1 / (1 + np.exp(-b * a * mean)) - t
    enhancement, task = (2 * y * (a * y - x)).sum(1) / n, error * b * mean
    return one * enhancement.mean(), other * task.mean(), other * (error * a * mean).mean()


def added(balance: str, e: float, t: float, ratio: float) -> float:
    """What becomes of two gradients of one number each; those of opposite signs cancel out, or leave the task's."""
    if balance == "gradient":
        return e + ratio * abs(e) * math.copysign(1.0, t)
    if balance in ("sum", "uncertainty") or e * t > 0:
        return e + t
    return {"pcgrad": 0.0, "remedy": t}[balance]


@pytest.mark.parametrize("balance", BALANCES)
@pytest.mark.parametrize(("one", "other"), [(1.0, 1.0), (0.3, 2.0)])
@pytest.mark.parametrize("start", [0.2, 0.7])
def test_a_step_of_every_balance_by_hand(start: float, one: float, other: float, balance: Any) -> None:
    frontend, backend = Gain(start), Slope(1.5)
    joint(frontend, backend, balance=balance, lambda_frontend=one, lambda_backend=other)
    e, t, b = slopes(one, other, start)
    wanted = start - SGD.lr * added(balance, e, t, other / one)
    assert float(frontend.a.detach()) == pytest.approx(wanted, rel=1e-5)
    assert float(backend.b.detach()) == pytest.approx(1.5 - SGD.lr * b, rel=1e-6)


@pytest.mark.parametrize(("epoch", "share"), [(0, 0.0), (1, 0.25), (3, 0.75), (4, 1.0), (9, 1.0)])
def test_a_step_by_hand_while_the_tasks_share_grows(epoch: int, share: float) -> None:
    frontend, backend = Gain(0.7), Slope(1.5)
    coupling = MTL(init="scratch", warmup=4, lambda_backend=2.0)
    update = Watched({"frontend": frontend, "backend": backend})
    update.begin(epoch)
    logged = coupling.phases(frontend, backend)[0].step(batch_of(), update)
    e, t, b = slopes(1.0, 2.0)
    assert float(frontend.a.detach()) == pytest.approx(0.7 - SGD.lr * (e + share * t), rel=1e-6)
    assert float(backend.b.detach()) == pytest.approx(1.5 - SGD.lr * b, rel=1e-6)
    assert logged.get("weight_task", torch.tensor(1.0)) == share


def test_a_frontend_whose_tasks_share_is_nothing_yet_learns_by_its_own_loss_alone() -> None:
    (frontend, backend), (other, _) = pair(), pair()
    found, expected = joint(frontend, backend, warmup=2), alone(other)
    assert same(found.calls[0].moved_by["frontend"], expected.calls[0].moved_by["frontend"])
    assert any(gradient.any() for gradient in found.calls[0].moved_by["backend"].values())


@pytest.mark.parametrize(("warmup", "balance"), [(-1, "sum"), (2, "gradient"), (1, "uncertainty")])
def test_a_warmup_that_cannot_be(warmup: int, balance: Any) -> None:
    message = f"^warmup must be at least 0, and 0 with any balance but 'sum'; it is {warmup} with '{balance}'$"
    with pytest.raises(ValueError, match=message):
        MTL(warmup=warmup, balance=balance)


def test_the_steps_by_hand_have_conflicts_and_none() -> None:
    assert {np.sign(e * t) for e, t, _ in (slopes(1.0, 1.0, 0.2), slopes(1.0, 1.0, 0.7))} == {-1.0, 1.0}


def test_two_steps_of_learnt_weights_by_hand() -> None:
    frontend, backend = Gain(0.7), Slope(1.5)
    coupling = MTL(init="scratch", balance="uncertainty", lambda_backend=2.0)
    parts = {"frontend": frontend, "backend": backend, "coupling": coupling}
    update = Watched(parts)
    (phase,) = coupling.phases(frontend, backend)
    assert phase.learners == ("frontend", "backend", "coupling")
    s, losses = np.zeros(2), []
    for _ in range(2):
        a, b = float(frontend.a.detach()), float(backend.b.detach())
        e, t, slope = slopes(1.0, 2.0, a, b)
        logged = phase.step(batch_of(), update)
        weight = np.exp(-s)
        losses = [float(logged["loss_frontend"]), 2 * float(logged["loss_backend"])]
        assert float(frontend.a.detach()) == pytest.approx(a - SGD.lr * (weight[0] * e + weight[1] * t), rel=1e-5)
        assert float(backend.b.detach()) == pytest.approx(b - SGD.lr * slope, rel=1e-5)
        assert float(logged["loss"]) == pytest.approx(weight @ losses + s.sum() / 2, rel=1e-5)
        assert [float(logged[f"weight_{k}"]) for k in ("enhancement", "task")] == pytest.approx(list(weight))
        s -= SGD.lr * (0.5 - weight * losses)
    assert coupling.uncertainty is not None
    assert coupling.uncertainty.log_variances.tolist() == pytest.approx(list(s), rel=1e-4)


@pytest.mark.parametrize("balance", BALANCES)
def test_the_backends_gradient_is_that_of_the_sum(balance: Any) -> None:
    found = joint_weights(balance)[1]
    for name, wanted in joint_weights("sum")[1].items():
        torch.testing.assert_close(found[name], wanted, rtol=1e-6, atol=1e-8)


def test_learnt_weights_start_as_the_sum_bit_for_bit() -> None:
    assert all(map(same, joint_weights("uncertainty"), joint_weights("sum")))


@pytest.mark.parametrize("balance", ["gradient", "pcgrad", "remedy"])
def test_without_the_task_any_balance_leaves_enhancement_alone(balance: Any) -> None:
    found, wanted = joint_weights(balance, lambda_backend=0.0), alone(single := pair()[0])
    assert wanted.calls
    assert same(found[0], weights_of(single))


@pytest.mark.parametrize("balance", ["gradient", "pcgrad", "remedy"])
def test_without_enhancement_any_balance_leaves_the_task_alone(balance: Any) -> None:
    found, wanted = (joint_weights(name, lambda_frontend=0.0)[0] for name in (balance, "sum"))
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-8)


def joint_weights(balance: Any, **options: Any) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Both parts after one step."""
    frontend, backend = pair()
    joint(frontend, backend, balance=balance, **options)
    return weights_of(frontend), weights_of(backend)


@pytest.mark.parametrize("balance", ["pcgrad", "gradient"])
def test_what_the_frontend_is_moved_by(balance: Any) -> None:
    """After pcgrad neither loss is made worse, to first order; after gradient both have moved it as far."""
    frontend, backend = plain_pair()
    batch, before = batch_of(), [p.detach().clone() for p in frontend.parameters()]
    enhanced = frontend(batch.noisy, batch.lengths)
    losses = (
        frontend.loss(enhanced, batch).mean(),
        5 * backend.loss(backend(enhanced.waves, batch.lengths), batch).mean(),
    )
    one, other = (flat(torch.autograd.grad(loss, list(frontend.parameters()), retain_graph=True)) for loss in losses)
    joint(frontend, backend, balance=balance, lambda_backend=5.0)
    found = flat([old - new.detach() for old, new in zip(before, frontend.parameters(), strict=True)]) / SGD.lr
    if balance == "pcgrad":
        assert float(one @ other) < 0
        assert float(found @ one) > 0
        assert float(found @ other) > 0
    else:
        assert float((found - one).norm()) == pytest.approx(5 * float(one.norm()), rel=1e-4)


def flat(tensors: Any) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


@pytest.mark.parametrize("balance", ["gradient", "pcgrad", "remedy"])
def test_frozen_and_unlearnt_parameters_stay(balance: Any) -> None:
    frontend, backend = pair()
    frontend.into.requires_grad_(False)
    before = weights_of(frontend.into)
    joint(frontend, backend, balance=balance)
    assert same(weights_of(frontend.into), before)
    assert all(p.grad is None for part in (frontend, backend) for p in part.parameters())


def test_a_loss_without_a_least_value_cannot_be_weighed_by_its_uncertainty() -> None:
    frontend, backend = pair()
    frontend.least_loss = -math.inf  # type: ignore[assignment]
    with pytest.raises(SefrontError, match=r"that of ProbeFrontend can fall without end; .* balance 'gradient'"):
        MTL(balance="uncertainty").phases(frontend, backend)


@pytest.mark.parametrize("zero", ["lambda_frontend", "lambda_backend"])
def test_learnt_weights_need_two_losses(zero: str) -> None:
    with pytest.raises(
        ValueError, match="balance 'uncertainty' learns the weights of two losses: no lambda may be zero"
    ):
        MTL(balance="uncertainty", **{zero: 0.0})


def test_what_is_logged() -> None:
    frontend, backend = plain_pair()
    phase = MTL(init="scratch", lambda_frontend=0.5, lambda_backend=2.0).phases(frontend, backend)[0]
    logged = phase.step(batch_of(), Watched({"frontend": frontend, "backend": backend}))
    assert float(logged["loss"]) == pytest.approx(
        0.5 * float(logged["loss_frontend"]) + 2 * float(logged["loss_backend"])
    )
    assert all(value.isfinite().all() and not value.requires_grad for value in logged.values())
    assert logged["task_loss"].shape == logged["answer"].shape == (4,)


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


class Stopping(Quiet):
    """A watcher that presses Ctrl-C after the second epoch."""

    def record(self, values: Mapping[str, Any]) -> None:
        if values["epoch"] == 2:
            raise KeyboardInterrupt


def test_learnt_weights_go_on_where_they_were_interrupted(tmp_path: Path) -> None:
    def fit(folder: Path, **options: Any) -> dict[str, Tensor]:
        frontend, backend = pair()
        coupling = MTL(init="scratch", balance="uncertainty")
        Coupler(
            frontend, backend, coupling, Lengths(3, batch_size=4), Training(valid_snr=(5.0,)), device="cpu",
            precision="32", folder=folder, progress=options.pop("progress", Quiet()),
        ).fit(material(), **options)  # fmt: skip
        last = {part: load_file(folder / f"checkpoint/last/{part}.safetensors") for part in ("frontend", "coupling")}
        return {f"{part}.{name}": value for part, state in last.items() for name, value in state.items()}

    whole = fit(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "parts", progress=Stopping())
    assert same(fit(tmp_path / "parts", resume=True), whole)
    assert whole["coupling.uncertainty.log_variances"].all()
