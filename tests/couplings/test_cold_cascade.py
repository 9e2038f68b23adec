"""Invariants of the couplings without joint training, and the limits in which two of them are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from probes import RATE, Watched, batch_of, material, pair, same, same_dropout
from torch import Tensor

from sefront.core.checkpoint import weights_of
from sefront.core.coupler import Coupler
from sefront.core.modes import judging
from sefront.core.training import Lengths, Training
from sefront.couplings.augment import Augment
from sefront.couplings.baseline import Baseline
from sefront.couplings.cold_cascade import ColdCascade
from sefront.couplings.frontend_only import FrontendOnly
from sefront.couplings.frozen import Frozen
from sefront.frontends.identity import Identity
from sefront.frontends.spectral_subtraction import SpectralSubtraction


def coupled(coupling: Any, frontend: Any, backend: Any) -> list[dict[str, Any]]:
    """Two epochs a phase."""
    return Coupler(
        frontend, backend, coupling, lengths=Lengths(2, batch_size=4), training=Training(valid_snr=(5.0,)),
        device="cpu", precision="32",
    ).fit(material())  # fmt: skip


def backend_after(coupling: Any, frontend: Any = None) -> Mapping[str, Tensor]:
    backend = pair()[1]
    coupled(coupling, frontend, backend)
    return weights_of(backend)


def test_cold_cascade_has_the_backend_of_baseline() -> None:
    assert same(backend_after(ColdCascade(), pair()[0]), backend_after(Baseline()))


def test_cold_cascade_has_the_frontend_of_frontend_only() -> None:
    (one, backend), (other, _) = pair(), pair()
    coupled(ColdCascade(), one, backend)
    coupled(FrontendOnly(), other, None)
    assert same(weights_of(one), weights_of(other))


@pytest.mark.parametrize(("with_frontend", "without"), [(ColdCascade, Baseline), (Frozen, Augment)])
def test_with_identity_it_is_the_mode_without_a_frontend(with_frontend: Any, without: Any) -> None:
    (_, one), (_, other) = pair(), pair()
    identity = Identity(RATE)
    first, second = coupled(with_frontend(), identity, one), coupled(without(), None, other)
    assert same(weights_of(one), weights_of(other))
    assert [r | {"seconds": 0} for r in first] == [r | {"seconds": 0} for r in second]
    batch = batch_of()
    with judging(identity, one, other):
        chained = one(identity(batch.noisy, batch.lengths).waves, batch.lengths).scores
        assert torch.equal(chained, other(batch.noisy, batch.lengths).scores)


def test_seed_and_signal_matter() -> None:
    assert not same(backend_after(Baseline()), backend_after(Augment()))
    assert not same(backend_after(Frozen(), pair()[0]), backend_after(Augment()))


@pytest.mark.parametrize("coupling", [ColdCascade(), Frozen()])
def test_a_frontend_without_parameters_or_gradients_will_do(coupling: Any) -> None:
    history = coupled(coupling, SpectralSubtraction(RATE), pair()[1])
    assert [record["phase"] for record in history] == ["backend", "backend"]


@pytest.mark.parametrize(
    ("coupling", "names", "chain"),
    [
        (FrontendOnly(), ["frontend"], ("frontend",)),
        (Baseline(), ["backend"], ("backend",)),
        (Augment(), ["backend"], ("backend",)),
        (ColdCascade(), ["frontend", "backend"], None),
        (Frozen(), ["frontend", "backend"], None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_phases_and_chains(coupling: Any, names: list[str], chain: tuple[str, ...] | None) -> None:
    assert [phase.name for phase in coupling.phases(*pair())] == names
    assert getattr(coupling, "chain", None) == chain


# Frozen


def frozen_steps(count: int = 3) -> tuple[Any, Any, Mapping[str, Tensor], Watched]:
    frontend, backend = pair()
    before = weights_of(frontend)
    update = Watched({"backend": backend})
    phase = Frozen().phases(frontend, backend)[1]
    for number in range(count):
        with same_dropout(number):
            phase.step(batch_of(seed=number), update)
    return frontend, backend, before, update


def test_frozen_leaves_every_parameter_and_buffer_of_the_frontend() -> None:
    frontend, _, before, _ = frozen_steps()
    assert same(weights_of(frontend), before)
    assert "norm.running_mean" in before
    assert all(parameter.grad is None for parameter in frontend.parameters())


def test_frozen_has_no_optimiser_for_the_frontend() -> None:
    coupler = Coupler(*pair(), Frozen(), device="cpu", precision="32")
    phase = coupler.phases()[1]
    assert phase.learners == ("backend",)
    assert list(coupler.phase_run(phase, material(), None).update.learners) == ["backend"]


def test_the_frozen_frontend_is_in_eval_mode_and_makes_waves_without_a_graph() -> None:
    frontend, backend = pair()
    modes: list[bool] = []
    heard: list[Tensor] = []
    frontend.register_forward_hook(lambda module, _, out: modes.append(module.training) or heard.append(out.waves))  # type: ignore[func-returns-value]
    frontend.norm.register_forward_hook(lambda module, *_: modes.append(module.training))
    Frozen().phases(frontend, backend)[1].step(batch_of(), Watched({"backend": backend}))
    assert modes == [False, False]
    assert [wave.requires_grad for wave in heard] == [False]


def test_cached_enhanced_waves_give_the_same_backend() -> None:
    frontend, backend, _, _ = frozen_steps()
    cached = pair()[1]
    update = Watched({"backend": cached})
    for number in range(3):
        batch = batch_of(seed=number)
        with judging(frontend):
            waves = frontend(batch.noisy, batch.lengths).waves
        stored = type(batch)(**{**vars(batch), "noisy": waves})
        with same_dropout(number):
            Augment().phases(frontend, cached)[0].step(stored, update)
    assert same(weights_of(backend), weights_of(cached))
