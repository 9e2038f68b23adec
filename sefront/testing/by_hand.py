"""A pair of two parameters, on which a step of a coupling can be computed by hand.

    frontend a:  x_hat = a y,           l_AE = mean over time of (x_hat - x)^2
    backend b:   z = b mean(waves),     l_CA = -ln softmax([0, z])[t]

A coupling's test states what a and b are after one step of plain gradient descent, phase by phase:

    def joint(a: float, b: float, batch: Batch) -> tuple[float, float]: ...

    check_coupling(MyCoupling, {"joint": joint})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.losses import reference
from sefront.core.masking import masked, masked_mean
from sefront.core.recipe import Recipe
from sefront.core.types import Batch, Enhanced, Prediction
from sefront.testing.constructor import built
from sefront.testing.steps import BOTH, Parts, kept, planned, stepped
from sefront.testing.verdict import require

STEP = 0.1
"""The learning rate: a parameter p becomes p - STEP dL/dp."""
CLOSE = 1e-4  # of two steps computed in float32 and in float64, relative
Hand = Callable[[float, float, Batch], tuple[float, float]]


class Gain(nn.Module):
    """The frontend: x_hat = a y; loss: mean squared error."""

    def __init__(self, a: float = 0.7) -> None:
        super().__init__()
        self.recipe = Recipe(algorithm="sgd", lr=STEP)
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """`waves` (batch, time) times a."""
        return Enhanced(masked(self.a * waves, lengths))

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """Mean squared error over valid samples, (batch,)."""
        return masked_mean((enhanced.waves - reference(batch)).square(), batch.lengths)


class Slope(nn.Module):
    """The backend: scores (0, b mean(waves)) of two classes; loss: cross-entropy."""

    def __init__(self, b: float = 1.5) -> None:
        super().__init__()
        self.recipe = Recipe(algorithm="sgd", lr=STEP)
        self.b = nn.Parameter(torch.tensor(b))

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Scores (batch, 2) of `waves` (batch, time)."""
        z = self.b * masked_mean(waves, lengths)
        return Prediction(torch.stack([torch.zeros_like(z), z], 1))

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Cross-entropy, (batch,)."""
        return F.cross_entropy(prediction.scores, batch.target, reduction="none")


def batch_of(size: int = 4, seed: int = 0, samples: int = 200) -> Batch:
    """`size` clips of different lengths, the last of `samples`; their offset tells the class, 0 or 1 in turn.

    The noise has an offset too, and a level that differs from clip to clip, so that clips differ in how hard they are
    and in what is to be learnt from them: else any weights would come to the same.
    """
    generator = torch.Generator().manual_seed(seed)
    lengths = samples - 20 * torch.arange(size - 1, -1, -1)
    target = torch.arange(size) % 2
    level = torch.linspace(0.5, 2.0, size)[:, None]
    clean = 0.3 * torch.randn(size, samples, generator=generator) + (0.4 * target - 0.2)[:, None]
    noise = level * (0.2 * torch.randn(size, samples, generator=generator) + 0.3)
    clean, noise = masked(clean, lengths), masked(noise, lengths)
    return Batch(
        clean + noise, clean, lengths, target, torch.ones_like(target), tuple(map(str, range(size))),
        torch.full((size,), 10.0),
    )  # fmt: skip


def check_by_hand(component: type, options: Mapping[str, Any], by_hand: Mapping[str, Hand]) -> None:
    """One step of a phase moves both parameters to where they were computed to go.

    The phases are gone through in their order, so that one that depends on what came before finds it.

    Args:
        component: The coupling.
        options: What it is built with.
        by_hand: By the name of a phase: from a, b and the batch to what a and b are after the step.
    """
    coupling = built(component, options=options)
    parts: Parts = {name: {"frontend": Gain, "backend": Slope}[name]() for name in getattr(coupling, "chain", BOTH)}
    parts |= {"coupling": coupling} if isinstance(coupling, nn.Module) else {}
    phases = planned(coupling, parts, component)
    strangers = [name for name in by_hand if name not in [phase.name for phase in phases]]
    require(
        not strangers, component,
        f"has no phase '{[*strangers, ''][0]}' to be computed by hand; it has {', '.join(p.name for p in phases)}",
    )  # fmt: skip
    for phase in phases:
        before, batch = numbers(parts), kept(phase, batch_of())
        stepped(phase, parts, batch)
        if phase.name in by_hand:
            expected = by_hand[phase.name](*before, batch)
            for name, was, one, other in zip("ab", before, numbers(parts), expected, strict=True):
                require(
                    abs(one - other) <= CLOSE * abs(other - was) + 1e-6, component,
                    f"a step of phase {phase.name} brings {name} from {was:.6f} to {one:.6f}, by hand to {other:.6f}",
                )  # fmt: skip


def numbers(parts: Parts) -> tuple[float, float]:
    """The parameters a and b; of a part that is not there what it would begin with."""
    frontend, backend = parts.get("frontend", Gain()), parts.get("backend", Slope())
    return float(next(frontend.parameters()).detach()), float(next(backend.parameters()).detach())
