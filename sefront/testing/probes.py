"""A small frontend and backend in which everything that can leak is present: BatchNorm statistics and dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sefront.core.clips import Task
from sefront.core.losses import cross_entropy, reference
from sefront.core.masking import masked, masked_mean
from sefront.core.recipe import Recipe
from sefront.core.types import Batch, Enhanced, Prediction


class ProbeFrontend(nn.Module):
    """A residual filter of waves.

    Source: none; a probe.

    Args:
        dropout: Share of activations dropped.
        normalise: Whether there is BatchNorm.
    """

    def __init__(self, sample_rate: int, *, dropout: float = 0.2, normalise: bool = True) -> None:
        super().__init__()
        self.recipe = Recipe(lr=1e-2)
        self.sample_rate = sample_rate
        self.into = nn.Conv1d(1, 4, 5, padding=2)
        self.norm: nn.Module = nn.BatchNorm1d(4) if normalise else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Conv1d(4, 1, 1)

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time)."""
        waves = masked(waves, lengths)
        hidden = self.dropout(torch.tanh(self.norm(self.into(waves[:, None]))))
        return Enhanced(masked(waves + self.out(hidden)[:, 0], lengths))

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """Mean squared error, (batch,)."""
        return masked_mean((enhanced.waves - reference(batch)).square(), batch.lengths)


class ProbeBackend(nn.Module):
    """A filter bank, its mean powers and a linear layer.

    Source: none; a probe.

    Args:
        dropout: Share of activations dropped.
        normalise: Whether there is BatchNorm.
    """

    def __init__(self, task: Task, sample_rate: int, *, dropout: float = 0.2, normalise: bool = True) -> None:
        super().__init__()
        self.recipe = Recipe(lr=1e-2)
        self.sample_rate = sample_rate
        self.bank = nn.Conv1d(1, 8, 9, padding=4)
        self.norm: nn.Module = nn.BatchNorm1d(8) if normalise else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8, len(task.labels))

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `waves` (batch, time)."""
        power = self.norm(self.bank(masked(waves, lengths)[:, None])).square()
        embedding = torch.log(masked_mean(power, lengths) + 1e-4)
        return Prediction(self.head(self.dropout(embedding)), embedding=embedding)

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Cross-entropy, (batch,)."""
        return cross_entropy(prediction.scores, batch)


class Untrainable(nn.Module):
    """A frontend with nothing to train, through which gradients pass.

    Source: none; a probe.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Half of `waves` (batch, time)."""
        return Enhanced(0.5 * masked(waves, lengths))

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """Mean squared error, (batch,)."""
        return masked_mean((enhanced.waves - reference(batch)).square(), batch.lengths)
