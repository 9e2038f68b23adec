"""Attention that pools a map of vectors into one.

    e_i = u . tanh(W a_i + b),   alpha_i = exp(lambda e_i) / sum_j exp(lambda e_j),   c = sum_i alpha_i a_i

The sums run over the valid positions i. With lambda = 1 this is softmax attention, with lambda = 0 the mean.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sefront.core.masking import masked


class Attention(nn.Module):
    """Attention pooling of vectors.

    Args:
        size: Features of a vector, and of the space in which vectors are compared.
        scale: The factor lambda.
    """

    def __init__(self, size: int, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.hidden = nn.Linear(size, size)
        self.energy = nn.Linear(size, 1, bias=False)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Pool `x` (batch, size, ..., time), of which `lengths` (batch,) positions in time, at least one, are valid.

        Returns:
            The vector c (batch, size) and the weights alpha (batch, ..., time), zero beyond `lengths`.
        """
        energy = self.energy(torch.tanh(self.hidden(x.movedim(1, -1))))[..., 0].float()
        scaled = masked(self.scale * energy, lengths, -torch.inf)
        weights = scaled.flatten(1).softmax(1).view(scaled.shape)
        return (weights[:, None] * x.float()).flatten(2).sum(2), weights
