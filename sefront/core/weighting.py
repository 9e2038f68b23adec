"""From task losses to sample weights: (samples,) to (samples,), not negative, summing to one.

A weighting sees the losses of all samples that are weighed together, in every process the same and in the same order,
so it is a plain function of them. `sefront.core.importance` gathers them, and sees to it that none is negative or not
finite. Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, equation 2; the softmax is mentioned there as
alternative. The exponent of `power` is that of the focal loss, Lin et al. 2017, doi:10.1109/ICCV.2017.324.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from sefront.core.update import Update

Weighting = Callable[[Tensor, Update], Tensor]
Weights = Literal["linear", "softmax", "rank", "power", "clipped", "uniform", "shuffled", "inverse"]
NOTHING = 1e-12  # losses that add up to no more tell no sample from another


def shares(amounts: Tensor) -> Tensor:
    """`amounts` (samples,) divided by their sum; equal shares where it is (almost) zero."""
    total = amounts.sum()
    return torch.where(total > NOTHING, amounts / total.clamp(min=NOTHING), 1 / len(amounts))


def linear(losses: Tensor, _: Update) -> Tensor:
    """w_i = c_i / sum_j c_j, blind to the scale of the losses; uniform where all of them are (almost) zero."""
    return shares(losses)


def softmax(losses: Tensor, _: Update, temperature: float = 1.0) -> Tensor:
    """w_i = exp(c_i / T) / sum_j exp(c_j / T): T -> 0 the hardest sample alone, T -> inf uniform."""
    return ((losses - losses.max()) / temperature).softmax(0)


def rank(losses: Tensor, _: Update) -> Tensor:
    """w_i = (2 r_i - 1) / N^2 with the rank r_i from 1, the easiest, to N: blind to everything but the order.

    Ties share their mean rank, so equal losses are uniform, and a sample that occurs twice weighs as much in all.
    """
    harder = losses[:, None] > losses
    equal = losses[:, None] == losses
    return (2 * harder + equal.to(torch.int64)).sum(1).to(losses.dtype) / len(losses) ** 2


def power(losses: Tensor, _: Update, alpha: float = 2.0) -> Tensor:
    """w_i = c_i^a / sum_j c_j^a: a -> 0 uniform, a = 1 linear, a -> inf the hardest sample alone."""
    return shares((losses / losses.max().clamp(min=NOTHING)) ** alpha)


def clipped(losses: Tensor, _: Update, w_max: float = 0.25) -> Tensor:
    """w_i = min(s c_i, w_max), with s such that they sum to one: w_max <= 1/N uniform, w_max >= 1 linear.

    What the hardest samples would weigh beyond `w_max` goes to the others in proportion to their losses, or in equal
    parts where these are all (almost) zero.
    """
    count = len(losses)
    number = torch.arange(count, device=losses.device)
    bound = max(w_max, 1 / count)
    hardest, order = losses.sort(descending=True, stable=True)
    left = 1 - bound * number  # to all samples from this one on, if those before it are at the bound
    others = hardest.flip(0).cumsum(0).flip(0)  # the losses of these
    share = torch.where(others > NOTHING, hardest / others.clamp(min=NOTHING), 1 / (count - number))
    at_bound = ((left * share > bound * (1 + 1e-6)).to(torch.int64).cumprod(0)).sum().reshape(1)
    total, mass = others.index_select(0, at_bound), left.index_select(0, at_bound)
    free = mass * torch.where(total > NOTHING, hardest / total.clamp(min=NOTHING), 1 / (count - at_bound))
    return torch.empty_like(losses).scatter_(0, order, torch.where(number < at_bound, bound, free))


def uniform(losses: Tensor, _: Update) -> Tensor:
    """w_i = 1 / N: plain alternate training."""
    return torch.full_like(losses, 1 / len(losses))


def shuffled(losses: Tensor, update: Update) -> Tensor:
    """The linear weights in a random order: the same distribution, which tells nothing of the samples (a control).

    The order follows from the random numbers of the step, in all processes from those of the first.
    """
    seed = int(update.same(float(torch.randint(2**31, ()))))
    order = torch.randperm(len(losses), generator=torch.Generator().manual_seed(seed))
    return linear(losses, update)[order.to(losses.device)]


def inverse(losses: Tensor, update: Update) -> Tensor:
    """The linear weights from the other end: the hardest sample weighs what the easiest would (a control).

    The same distribution with the opposite meaning; unlike 1 / c_i it has no pole. Samples of equal loss share evenly.
    """
    weights = linear(losses, update)
    order = losses.argsort(stable=True)
    exchanged = torch.empty_like(weights).scatter_(0, order, weights[order].flip(0))
    equal = (losses[:, None] == losses).to(weights.dtype)
    return (equal * exchanged).sum(1) / equal.sum(1)  # no matrix product, which would run in bfloat16


def weighting(name: Weights, *, temperature: float = 1.0, alpha: float = 2.0, w_max: float = 0.25) -> Weighting:
    """The weighting called `name`, with the number that it takes, if any.

    Raises:
        ValueError: A number out of its range.
    """
    for option, number in (("temperature", temperature), ("w_max", w_max)):
        if not number > 0:
            raise ValueError(f"{option} must be above 0, but is {number}")
    if not 0 <= alpha < math.inf:
        raise ValueError(f"alpha must be a number from 0, but is {alpha}")
    known: dict[str, Weighting] = {
        "linear": linear,
        "softmax": partial(softmax, temperature=temperature),
        "rank": rank,
        "power": partial(power, alpha=alpha),
        "clipped": partial(clipped, w_max=w_max),
        "uniform": uniform,
        "shuffled": shuffled,
        "inverse": inverse,
    }
    return known[name]
