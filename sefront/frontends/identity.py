"""The frontend that changes nothing: x_hat = y. What every other frontend has to beat.

Source: none; nothing is computed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sefront.core.losses import LEAST, wsdr
from sefront.core.masking import masked
from sefront.core.types import Batch, Enhanced


class Identity(nn.Module):
    """Passes the waves through."""

    latency = 0
    least_loss = LEAST["wsdr"]

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        if sample_rate < 1:
            raise ValueError(f"sample_rate must be positive, not {sample_rate}")
        self.sample_rate = sample_rate

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """The `waves` (batch, time) themselves, zero beyond `lengths` (batch,)."""
        return Enhanced(masked(waves, lengths))

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """wSDR of the waves, (batch,): how far the mixtures are from the clean waves."""
        return wsdr(enhanced.waves, batch)

    def stream(self) -> Unchanged:
        """A stream that gives back every block at once."""
        return Unchanged()


class Unchanged:
    """A stream that changes nothing."""

    def __init__(self) -> None:
        self.rest = torch.zeros(1, 0)

    def push(self, waves: Tensor) -> Tensor:
        """The `waves` (batch, time) themselves."""
        self.rest = waves[:, :0]
        return waves

    def finish(self) -> Tensor:
        """Nothing, (batch, 0)."""
        return self.rest
