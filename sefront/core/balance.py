"""How much two losses count for the part that both reach: the enhancement loss A and the task loss B of a frontend.

The gradients a and b of A and B on all of the frontend's parameters are one vector each. Each function here says by
what factors p and q they are multiplied before they are added; it sees <a, a>, <b, b> and <a, b> alone.

    gradient   p a + q b = a + rho |a| / |b| b
    pcgrad     p a + q b = a' + b', where <a, b> < 0 each without what it has along the other:
               a' = a - <a, b> / <b, b> b,   b' = b - <a, b> / <a, a> a
    remedy     a' = a, but where <a, b> < 0 it is made orthogonal to b, then turned to the angle theta from it,
               tan(theta) = |a| / |b|:
               a_o = a - <a, b> / <b, b> b,   a' = a_o + |a_o| / (tan(theta) |b|) b
               p a + q b = a' + b, but where |a'| > K |b|, K = 5:  cos(theta') a' + b / cos(theta'),
               theta' between a' and b

Sources: Yu et al. 2020, arXiv:2001.06782, algorithm 1, for pcgrad; Hu et al. 2023, arXiv:2302.11362,
doi:10.1109/ICASSP49357.2023.10096615, for remedy; Chen et al. 2018, arXiv:1711.02257, whose weights approach equal
norms, for gradient; Kendall et al. 2018, arXiv:1705.07115, doi:10.1109/CVPR.2018.00781, for `Uncertainty`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from sefront.core.chain import least_loss
from sefront.core.errors import SefrontError
from sefront.core.protocols import Frontend

Balance = Literal["sum", "uncertainty", "gradient", "pcgrad", "remedy"]
Factors = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]

DOMINANT = 5.0  # K of gradient remedy
TINY = torch.finfo(torch.float64).tiny


def products(first: Sequence[Tensor], second: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """<a, a>, <b, b> and <a, b> of two gradients, each given tensor by tensor; three numbers in float64."""

    def product(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
        return torch.stack([(a * b).sum() for a, b in zip(one, other, strict=True)]).double().sum()

    return product(first, first), product(second, second), product(first, second)


def gradient(aa: Tensor, bb: Tensor, ab: Tensor, ratio: float = 1.0) -> tuple[Tensor, Tensor]:
    """The norms come to stand in the `ratio` |q b| / |p a|; where one gradient is zero, the other stays as it is."""
    there = (aa > 0) & (bb > 0)
    return torch.ones_like(aa), torch.where(there, ratio * (aa / bb.clamp(min=TINY)).sqrt(), 1.0)


def pcgrad(aa: Tensor, bb: Tensor, ab: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients in conflict are projected on each other's normal plane; others are left as they are."""
    conflict = ab.clamp(max=0)
    return 1 - conflict / aa.clamp(min=TINY), 1 - conflict / bb.clamp(min=TINY)


def remedy(aa: Tensor, bb: Tensor, ab: Tensor) -> tuple[Tensor, Tensor]:
    """The enhancement's gradient comes to help the task's, and must not drown it.

    Between gradients that never were in conflict theta' may be near 90 degrees, and 1 / cos(theta') without bound; it
    counts as theta at most, the angle to which those in conflict are turned.
    """
    one = torch.ones_like(aa)
    b_norm, a_norm = bb.clamp(min=TINY).sqrt(), aa.clamp(min=TINY).sqrt()
    orthogonal = (aa - ab.square() / b_norm.square()).clamp(min=0).sqrt()
    turned = torch.where(ab < 0, orthogonal / a_norm - ab / b_norm.square(), 0.0)  # a' = a + turned b
    norm = (aa + 2 * turned * ab + turned.square() * bb).clamp(min=TINY).sqrt()
    nearest = (ab + turned * bb) / (norm * b_norm)
    cosine = torch.maximum(nearest, b_norm / torch.hypot(a_norm, b_norm))
    cosine = torch.where(norm > DOMINANT * b_norm, cosine, one)
    there = (aa > 0) & (bb > 0)
    return torch.where(there, cosine, one), torch.where(there, cosine * turned + 1 / cosine, one)


class Uncertainty(nn.Module):
    """Two log-variances s, learnt beside the models, that weigh the losses A and B on the frontend by exp(-s).

        L = exp(-s_A) (A - A_min) + exp(-s_B) B + (s_A + s_B) / 2

    This is equation 10 of Kendall et al., a regression beside a classification, up to a constant: s_A is the logarithm
    of 2 sigma_A^2, so that both weights start at one. It is a likelihood only of losses that cannot fall below zero,
    else the weight of one that does would grow for ever; so A is counted from its least value A_min. For wSDR that is
    -1, and wSDR + 1 is half the squared distance of waves scaled to the length one: an error of a regression. The
    backend learns from B itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_variances = nn.Parameter(torch.zeros(2))

    def weights(self) -> tuple[Tensor, Tensor]:
        """exp(-s) of both losses, detached."""
        first, second = torch.exp(-self.log_variances.detach())
        return first, second

    def forward(self, enhancement: Tensor, task: Tensor) -> Tensor:
        """L of every sample, (batch,), from the losses A - A_min and B, the latter of waves `passed` by exp(-s_B)."""
        first, second = torch.exp(-self.log_variances)
        settled = task.detach()
        # the last difference is zero, and the path of the task's gradient
        weighed: Tensor = first * enhancement + second * settled + self.log_variances.sum() / 2
        return weighed + (task - settled)


def passed(waves: Tensor, weight: Tensor | float) -> Tensor:
    """`waves` (batch, time) for a backend; gradients that come back through them are multiplied by `weight`."""
    through = waves.view_as(waves)
    through.register_hook(lambda slope: slope * weight)  # type: ignore[no-untyped-call]
    return through


def needs_least(frontend: Frontend) -> None:
    """Refuse a frontend whose loss can fall without end.

    Raises:
        SefrontError: Naming the losses and balances that would work.
    """
    if least_loss(frontend) == -math.inf:
        raise SefrontError(
            f"balance 'uncertainty' counts a loss from its least value, but that of {type(frontend).__name__} can fall "
            "without end; choose another, such as wsdr, or balance 'gradient'"
        )


def above_least(losses: Tensor, frontend: Frontend) -> Tensor:
    """The `losses` (batch,) of `frontend`, counted from their least value.

    Raises:
        SefrontError: One is below that.
    """
    least = least_loss(frontend)
    if bool((losses < least - 1e-4).any()):
        raise SefrontError(
            f"balance 'uncertainty' counts a loss from its least value, which for {type(frontend).__name__} is "
            f"{least:g}, but one was {float(losses.min()):.3g}; its attribute least_loss has to say how low it can fall"
        )
    return losses - least
