"""From task losses to sample weights: (batch,) to (batch,), not negative, summing to one over the global batch.

Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, equation 2; the softmax is mentioned there as alternative.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sefront.core.update import Update


def linear(losses: Tensor, update: Update) -> Tensor:
    """w_i = c_i / sum_j c_j; uniform where all losses are (almost) zero. Scaling all losses changes nothing."""
    total = update.total(losses.sum())
    return torch.where(total > 1e-12, losses / total.clamp(min=1e-12), uniform(losses, update))


def softmax(losses: Tensor, update: Update, temperature: float = 1.0) -> Tensor:
    """w_i = exp(c_i / T) / sum_j exp(c_j / T); uniform for a large T, all on the hardest sample for a small one."""
    exponents = ((losses - update.largest(losses.max())) / temperature).exp()
    return exponents / update.total(exponents.sum())


def uniform(losses: Tensor, update: Update) -> Tensor:
    """w_i = 1 / N: plain alternate training."""
    return torch.ones_like(losses) / update.total(torch.tensor(float(len(losses)), device=losses.device))
