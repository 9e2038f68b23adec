"""A step of every coupling, computed by hand on two parameters, and couplings that the computation catches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from sefront.core.modes import learning
from sefront.core.phases import needs_learner
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Batch, Phase
from sefront.core.update import Update
from sefront.plugins import Catalogue
from sefront.testing import ConformanceError, check_coupling
from sefront.testing.by_hand import STEP, Hand

Values = NDArray[np.float64]


def facts(batch: Batch) -> tuple[Values, Values, Values, Values]:
    """Noisy and clean waves, lengths, and classes."""
    clean = batch.clean
    assert clean is not None
    return (batch.noisy.double().numpy(), clean.double().numpy(), batch.lengths.numpy(), batch.target.numpy())


def enhancement(a: float, batch: Batch) -> Values:
    """dl_AE/da of every clip."""
    y, x, n, _ = facts(batch)
    return np.asarray((2 * y * (a * y - x)).sum(1) / n)


def task(b: float, level: Values, batch: Batch) -> tuple[Values, Values]:
    """l_CA, and dl_CA/db over the level, of every clip, whose waves have this mean level."""
    t, z = facts(batch)[3], b * level
    return np.log1p(np.exp(z)) - t * z, 1 / (1 + np.exp(-z)) - t


def levels(waves: Tensor, batch: Batch) -> Values:
    return np.asarray(waves.double().numpy().sum(1) / batch.lengths.numpy())


def frontend(a: float, b: float, batch: Batch) -> tuple[float, float]:
    return a - STEP * enhancement(a, batch).mean(), b


def backend_on(what: str) -> Hand:
    def by_hand(a: float, b: float, batch: Batch) -> tuple[float, float]:
        clean = batch.clean
        assert clean is not None
        level = {"clean": levels(clean, batch), "noisy": levels(batch.noisy, batch)}
        level["enhanced"] = a * level["noisy"]
        return a, b - STEP * (task(b, level[what], batch)[1] * level[what]).mean()

    return by_hand


def mtl(a: float, b: float, batch: Batch) -> tuple[float, float]:
    level = levels(batch.noisy, batch)
    error = task(b, a * level, batch)[1]
    return a - STEP * (enhancement(a, batch) + error * b * level).mean(), b - STEP * (error * a * level).mean()


def iterative(a: float, b: float, batch: Batch) -> tuple[float, float]:
    b = backend_on("enhanced")(a, b, batch)[1]
    c = task(b, a * levels(batch.noisy, batch), batch)[0]
    return a - STEP * (c / c.sum() * enhancement(a, batch)).sum(), b


WARM = {"frontend": frontend, "backend": backend_on("clean")}
STEPS: dict[str, Mapping[str, Hand]] = {
    "frontend_only": {"frontend": frontend},
    "baseline": {"backend": backend_on("clean")},
    "augment": {"backend": backend_on("noisy")},
    "cold_cascade": WARM,
    "frozen": {"frontend": frontend, "backend": backend_on("enhanced")},
    "mtl": {**WARM, "joint": mtl},
    "iterative": {**WARM, "joint": iterative},
    "independent": {"frontend": frontend, "backend": backend_on("enhanced")},
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_by_hand(name: str) -> None:
    check_coupling(Catalogue.installed().couplings[name], STEPS[name])


class Mine:
    """Takes turns as `iterative` does, with a step of the frontend that is to be broken.

    Source: nobody.
    """

    def phases(self, frontend: Frontend, backend: Backend) -> list[Phase]:
        needs_learner("mine", frontend)

        def step(batch: Batch, update: Update) -> Mapping[str, Tensor]:
            with learning(frontend, backend):
                waves = frontend(batch.noisy, batch.lengths).waves.detach()
                update(backend.loss(backend(waves, batch.lengths), batch), "backend")
                enhanced = frontend(batch.noisy, batch.lengths)
                difficulty = backend.loss(backend(enhanced.waves, batch.lengths), batch)
                losses = self.losses(frontend.loss(enhanced, batch), difficulty)
            return {"loss": update(losses, "frontend")}

        return [Phase("joint", ("frontend", "backend"), "enhanced", step)]

    def losses(self, own: Tensor, difficulty: Tensor) -> Tensor:
        """The loss of every sample, (batch,), for the frontend."""
        weights = difficulty.detach() / difficulty.detach().sum()
        return len(own) * weights * own


def broken(losses: Any) -> type:
    return type("Mine", (Mine,), {"losses": losses, "__doc__": Mine.__doc__, "__module__": __name__})


def test_a_coupling_of_ones_own() -> None:
    check_coupling(Mine, {"joint": iterative})


@pytest.mark.parametrize(
    "losses",
    [
        lambda self, own, c: len(own) * c / c.sum() * own,
        lambda self, own, c: c.detach() / c.detach().sum() * own,
        lambda self, own, c: own + c,
        lambda self, own, c: own,
        lambda self, own, c: len(own) * (1 / c.detach()) / (1 / c.detach()).sum() * own,
    ],
    ids=["weights not detached", "divided twice", "the task's gradient", "no weights", "easy samples first"],
)
def test_a_step_that_is_not_what_it_says(losses: Any) -> None:
    check_coupling(broken(losses))  # nothing else can tell
    with pytest.raises(
        ConformanceError, match=r"^Mine: a step of phase joint brings a from 0\.700000 to .*, by hand to"
    ):
        check_coupling(broken(losses), {"joint": iterative})


def test_a_step_of_the_backend_that_is_not_what_it_says() -> None:
    with pytest.raises(
        ConformanceError, match=r"^Mine: a step of phase joint brings b from 1\.500000 to .*, by hand to"
    ):
        check_coupling(Mine, {"joint": lambda a, b, batch: (iterative(a, b, batch)[0], b)})


def test_a_phase_that_there_is_not() -> None:
    with pytest.raises(ConformanceError, match=r"^Mine: has no phase 'jiont' to be computed by hand; it has joint$"):
        check_coupling(Mine, {"jiont": iterative})


class Forgetful(Mine):
    """Learns ever less, and keeps it to itself.

    Source: nobody.
    """

    def __init__(self) -> None:
        self.share = 1.0

    def losses(self, own: Tensor, difficulty: Tensor) -> Tensor:
        self.share /= 2
        return self.share * own


def test_a_coupling_that_remembers_without_a_state_is_found_out() -> None:
    with pytest.raises(
        ConformanceError, match="goes on otherwise in phase joint when another one takes its place; give"
    ):
        check_coupling(Forgetful)


def test_the_pair_is_the_one_that_is_described() -> None:
    from sefront.testing.by_hand import Gain, Slope, batch_of

    batch, gain, slope = batch_of(), Gain(), Slope()
    assert torch.equal(gain(batch.noisy, batch.lengths).waves, 0.7 * batch.noisy)
    scores = slope(batch.noisy, batch.lengths).scores
    np.testing.assert_allclose(scores[:, 1].detach().numpy(), 1.5 * levels(batch.noisy, batch), rtol=1e-5)
