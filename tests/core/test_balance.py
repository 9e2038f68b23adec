"""What balances make of two gradients, and what their conflict is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from probes import RATE, SGD, Detached, Gain, batch_of, material, pair, plain_pair, same
from torch import Tensor, nn

from sefront.core.balance import (
    DOMINANT,
    Factors,
    Uncertainty,
    above_least,
    gradient,
    needs_least,
    passed,
    pcgrad,
    products,
    remedy,
)
from sefront.core.chain import least_loss
from sefront.core.checkpoint import weights_of
from sefront.core.conflict import conflict
from sefront.core.coupler import Coupler
from sefront.core.errors import SefrontError
from sefront.core.losses import LEAST, WAVE_LOSSES
from sefront.core.mixed import Mixed
from sefront.core.modes import judging
from sefront.core.training import Lengths, Training
from sefront.core.types import Batch, Enhanced, Phase
from sefront.core.update import Update
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.frontends.spectral_subtraction import SpectralSubtraction
from sefront.frontends.unet import UNet


def vectors(angle: float, ratio: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two gradients of 40 numbers, `angle` degrees apart, the first `ratio` times as long as the second."""
    generator = torch.Generator().manual_seed(seed)
    basis, _ = torch.linalg.qr(torch.randn(40, 2, generator=generator, dtype=torch.float64))
    turn = math.radians(angle)
    return 3 * ratio * (math.cos(turn) * basis[:, 0] + math.sin(turn) * basis[:, 1]), 3 * basis[:, 0]


def parts(balance: Factors, a: Tensor, b: Tensor) -> Tensor:
    """What the optimiser would see."""
    p, q = balance(*products([a], [b]))
    return p * a + q * b


def angle(one: Tensor, other: Tensor) -> float:
    """Degrees between two vectors."""
    return math.degrees(math.acos(max(-1.0, min(1.0, float(one @ other / (one.norm() * other.norm()))))))


def remedied(a: Tensor, b: Tensor) -> Tensor:
    """Gradient remedy vector by vector, as the paper draws it."""
    theta = math.atan(float(a.norm() / b.norm()))
    if float(a @ b) < 0:
        normal = a - (a @ b) / (b @ b) * b
        a = normal + normal.norm() / math.tan(theta) * b / b.norm()
    cosine = max(float(a @ b / (a.norm() * b.norm())), math.cos(theta))
    return cosine * a + b / cosine if float(a.norm() / b.norm()) > DOMINANT else a + b


@pytest.mark.parametrize("ratio", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("degrees", [10.0, 60.0, 89.0])
@pytest.mark.parametrize("balance", [pcgrad, remedy])
def test_without_conflict_or_dominance_gradients_are_added(balance: Factors, degrees: float, ratio: float) -> None:
    if balance is remedy and ratio > DOMINANT:
        return
    factors = balance(*products(*([v] for v in vectors(degrees, ratio))))
    assert [float(factor) for factor in factors] == [1.0, 1.0]


@pytest.mark.parametrize("ratio", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("degrees", [91.0, 135.0, 179.0])
def test_pcgrad_projects_and_hurts_neither(degrees: float, ratio: float) -> None:
    a, b = vectors(degrees, ratio)
    found = parts(pcgrad, a, b)
    wanted = (a - (a @ b) / (b @ b) * b) + (b - (a @ b) / (a @ a) * a)
    torch.testing.assert_close(found, wanted)
    assert float(found @ a) > 0
    assert float(found @ b) > 0


@pytest.mark.parametrize("balance", [pcgrad, remedy])
def test_opposite_gradients_cancel_or_leave_the_task(balance: Factors) -> None:
    a, b = vectors(180.0, 2.0)
    wanted = torch.zeros_like(b) if balance is pcgrad else b
    torch.testing.assert_close(parts(balance, a, b), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("ratio", [0.1, 1.0, 4.0, 5.5, 30.0])
@pytest.mark.parametrize("degrees", [20.0, 89.9, 90.5, 120.0, 175.0])
def test_remedy_is_the_papers(degrees: float, ratio: float) -> None:
    a, b = vectors(degrees, ratio)
    torch.testing.assert_close(parts(remedy, a, b), remedied(a, b), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 3.0])
def test_remedy_turns_the_enhancement_to_the_angle_whose_tangent_is_the_ratio(ratio: float) -> None:
    a, b = vectors(120.0, ratio)
    p, q = remedy(*products([a], [b]))
    assert float(p) == 1
    assert angle(a + (q - 1) * b, b) == pytest.approx(math.degrees(math.atan(ratio)))


def test_remedy_lets_the_task_dominate_what_drowned_it() -> None:
    a, b = vectors(60.0, 20.0)
    p, q = remedy(*products([a], [b]))
    assert float(p * q) == pytest.approx(1)
    assert float(p) == pytest.approx(0.5)


def test_remedy_has_a_bound_where_gradients_are_orthogonal() -> None:
    _, q = remedy(*products(*([v] for v in vectors(90 - 1e-7, 20.0))))
    assert float(q) == pytest.approx(math.hypot(1, 20))


@pytest.mark.parametrize("ratio", [0.5, 1.0])
@pytest.mark.parametrize("degrees", [30.0, 150.0])
def test_gradient_makes_the_norms_equal_or_stand_in_a_ratio(degrees: float, ratio: float) -> None:
    a, b = vectors(degrees, 7.0)
    p, q = gradient(*products([a], [b]), ratio)
    assert float(p) == 1
    assert float(q * b.norm()) == pytest.approx(ratio * float(a.norm()))


@pytest.mark.parametrize("balance", [gradient, pcgrad, remedy])
def test_a_gradient_of_zero_changes_nothing(balance: Factors) -> None:
    a, zero = torch.tensor([1.0, -2.0]), torch.zeros(2)
    assert torch.equal(parts(balance, a, zero).float(), a)
    assert torch.equal(parts(balance, zero, a).float(), a)
    assert not parts(balance, zero, zero).any()


def test_products_are_summed_over_tensors() -> None:
    one, other = [torch.tensor([1.0, 2.0]), torch.tensor([[3.0]])], [torch.tensor([0.0, 1.0]), torch.tensor([[-1.0]])]
    assert [float(value) for value in products(one, other)] == [14.0, 2.0, -1.0]


# learnt weights


def test_uncertainty_starts_as_the_sum() -> None:
    enhancement, task = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 3.0])
    assert torch.equal(Uncertainty()(enhancement, task), enhancement + task)


def test_uncertainty_comes_to_half_of_one_over_the_loss() -> None:
    """Where the derivative of exp(-s) L + s / 2 is zero."""
    weights = Uncertainty()
    optimiser = torch.optim.Adam(weights.parameters(), lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        weights(torch.tensor([0.1]), torch.tensor([4.0])).sum().backward()
        optimiser.step()
    assert [float(weight) for weight in weights.weights()] == pytest.approx([5.0, 0.125], rel=1e-3)


def test_what_is_passed_on_is_the_same_but_for_its_gradient() -> None:
    waves = torch.tensor([[1.0, 2.0]], requires_grad=True)
    through = passed(2 * waves, 0.25)
    through.sum().backward()
    assert torch.equal(through, 2 * waves)
    assert waves.grad is not None
    assert waves.grad.tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("name", ["wsdr", "si_sdr"])
def test_no_loss_is_below_its_least_value(name: Any) -> None:
    batch = batch_of()
    assert batch.clean is not None
    for waves in (batch.clean, -batch.clean, batch.noisy, torch.zeros_like(batch.noisy)):
        assert (WAVE_LOSSES[name](waves, batch) >= LEAST[name] - 1e-6).all()


def test_wsdr_is_a_squared_error_of_waves_of_length_one() -> None:
    batch = batch_of()
    assert batch.clean is not None
    estimate, clean, noisy = 0.5 * batch.noisy + 0.1 * batch.clean, batch.clean, batch.noisy

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return (a / a.norm(dim=1, keepdim=True) - b / b.norm(dim=1, keepdim=True)).square().sum(1) / 2

    alpha = clean.square().sum(1) / (clean.square().sum(1) + (noisy - clean).square().sum(1))
    wanted = alpha * distance(clean, estimate) + (1 - alpha) * distance(noisy - clean, noisy - estimate)
    torch.testing.assert_close(WAVE_LOSSES["wsdr"](estimate, batch) - LEAST["wsdr"], wanted)


@pytest.mark.parametrize(
    ("frontend", "least"),
    [
        (Gain, 0.0),
        (lambda: UNet(16000, width=2, depth=2), -1.0),
        (lambda: UNet(16000, width=2, depth=2, loss="mask_mse"), 0.0),
        (lambda: UNet(16000, width=2, depth=2, loss="si_sdr"), -math.inf),
        (lambda: Mixed(UNet(16000, width=2, depth=2, loss="mask_mse"), mix="learnt"), -1.0),
        (lambda: Mixed(SpectralSubtraction(16000), mix="learnt"), -2.0),
        (lambda: Mixed(UNet(16000, width=2, depth=2), mix=0.3), -1.0),
    ],
)  # fmt: skip
def test_least_losses(frontend: Any, least: float) -> None:
    assert least_loss(frontend()) == least


def test_a_loss_that_can_fall_without_end_is_refused() -> None:
    with pytest.raises(SefrontError, match=r"that of UNet can fall without end; choose another, such as wsdr"):
        needs_least(UNet(16000, width=2, depth=2, loss="si_sdr"))


def test_a_loss_below_its_least_value_is_refused() -> None:
    assert torch.equal(above_least(torch.tensor([0.0, 2.0]), Gain()), torch.tensor([0.0, 2.0]))
    with pytest.raises(SefrontError, match=r"for Gain is 0, but one was -0\.5; its attribute least_loss has to say"):
        above_least(torch.tensor([1.0, -0.5]), Gain())


# the probe


def probed(frontend: Any, backend: Any, batch: Batch | None = None) -> Mapping[str, Tensor]:
    probe = conflict(frontend, backend)
    assert probe is not None
    modules = {"frontend": frontend, "backend": backend}
    return probe(batch or batch_of(), Update(modules, dict.fromkeys(modules, SGD)))


def test_the_cosine_is_that_of_both_gradients() -> None:
    frontend, backend = plain_pair()
    found, batch = probed(frontend, backend), batch_of()
    enhanced = frontend(batch.noisy, batch.lengths)
    losses = frontend.loss(enhanced, batch), backend.loss(backend(enhanced.waves, batch.lengths), batch)
    parameters = list(frontend.parameters())
    a, b = (
        torch.cat([g.flatten() for g in torch.autograd.grad(loss.mean(), parameters, retain_graph=True)])
        for loss in losses
    )
    assert float(found["cosine"]) == pytest.approx(float(a @ b / (a.norm() * b.norm())), rel=1e-4)
    assert float(found["norm_enhancement"]) == pytest.approx(float(a.norm()), rel=1e-4)
    assert float(found["norm_task"]) == pytest.approx(float(b.norm()), rel=1e-4)


def test_a_probe_changes_nothing_and_draws_nothing() -> None:
    frontend, backend = pair()
    frontend.norm.eval()
    before = weights_of(frontend), weights_of(backend)
    modes = [m.training for root in (frontend, backend) for m in root.modules()]
    state = torch.get_rng_state()
    one, other = probed(frontend, backend), probed(frontend, backend)
    assert same(one, other)
    assert torch.equal(torch.get_rng_state(), state)
    assert same(before[0], weights_of(frontend))
    assert same(before[1], weights_of(backend))
    assert modes == [m.training for root in (frontend, backend) for m in root.modules()]
    assert all(p.grad is None for root in (frontend, backend) for p in root.parameters())


class Deaf(nn.Module):
    """A backend that does not say that it passes no gradient on."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 2)

    def forward(self, waves: Tensor, lengths: Tensor) -> Any:
        return self.head(waves.detach().mean(1, keepdim=True))

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        return nn.functional.cross_entropy(prediction, batch.target, reduction="none")


class Withholding(Gain):
    """A frontend that does not say that it passes no gradient on."""

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        return Enhanced((0.5 * waves).detach(), {"scaled": self.a * waves})

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        return enhanced.extras["scaled"].square().mean(1)


def test_where_no_gradient_passes_there_is_no_cosine() -> None:
    frontend, backend = pair()
    assert conflict(Detached(RATE), backend) is None
    backend.differentiable = False  # type: ignore[assignment]
    assert conflict(frontend, backend) is None
    assert probed(frontend, Deaf()) == {}
    assert probed(Withholding(), pair()[1]) == {}


class Recurrent(nn.Module):
    """A frontend with an LSTM that has dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 3, 2, batch_first=True, dropout=0.5)
        self.out = nn.Linear(3, 1)
        self.modes: list[tuple[bool, float]] = []

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        self.modes.append((self.lstm.training, self.lstm.dropout))
        return Enhanced(self.out(self.lstm(waves[..., None])[0])[..., 0])

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        return enhanced.waves.square().mean(1)


def test_recurrent_layers_stay_in_train_mode_without_dropout() -> None:
    frontend, backend = Recurrent(), pair()[1]
    batch = batch_of()
    probed(frontend, backend, batch)
    assert set(frontend.modes) == {(True, 0.0)}
    assert (frontend.lstm.training, frontend.lstm.dropout) == (True, 0.5)
    with judging(frontend):
        frontend(batch.noisy, batch.lengths)
    assert frontend.modes[-1] == (False, 0.5)


class Probing:
    """A coupling with another probe, or with none."""

    def __init__(self, coupling: Any, probe: Any = None) -> None:
        self.coupling, self.probe = coupling, probe

    def phases(self, frontend: Any, backend: Any) -> Sequence[Phase]:
        return [replace(phase, probe=self.probe) for phase in self.coupling.phases(frontend, backend)]


def trained(coupling: Any) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    frontend, backend = pair()
    history = Coupler(
        frontend, backend, coupling, Lengths(2, batch_size=4), Training(valid_snr=(5.0,)), device="cpu", precision="32"
    ).fit(material())
    states = {"frontend": weights_of(frontend), "backend": weights_of(backend)}
    return {f"{part}.{name}": value for part, state in states.items() for name, value in state.items()}, history


@pytest.mark.parametrize("make", [lambda: MTL(init="scratch"), lambda: Iterative(init="scratch")])
def test_training_with_a_probe_is_bit_identical(make: Any) -> None:
    (with_probe, history), (without, bare) = trained(make()), trained(Probing(make()))
    assert same(with_probe, without)
    keys = {"cosine", "norm_enhancement", "norm_task"}
    for record, other in zip(history, bare, strict=True):
        assert keys <= record.keys()
        assert not keys & other.keys()
        assert -1 <= record["cosine"] <= 1
        assert {k: v for k, v in record.items() if k not in keys | {"seconds"}} == {
            k: v for k, v in other.items() if k != "seconds"
        }


def test_only_phases_in_which_both_learn_have_a_cosine() -> None:
    _, history = trained(MTL())
    assert [("cosine" in record) for record in history] == [False] * 4 + [True] * 2


def test_the_probe_hears_the_same_batch_in_every_epoch() -> None:
    heard: list[tuple[tuple[str, ...], float]] = []

    def probe(batch: Batch, update: Update) -> Mapping[str, Tensor]:
        heard.append((batch.ids, float(batch.noisy.sum())))
        return {}

    trained(Probing(MTL(init="scratch"), probe))
    assert len(heard) == 2
    assert heard[0] == heard[1]
    assert len(heard[0][0]) == 4
