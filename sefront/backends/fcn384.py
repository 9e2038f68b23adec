"""A fully connected network on openSMILE's features of whole clips, for speech emotion.

    IS09 (384) -> standardise -> 3 x (linear -> BatchNorm -> ReLU) with 256, 512, 1024 units -> dropout -> linear

The paper states the features, the widths, dropout, Adam with 1e-3 and batches of 128, but no activation; ReLU is
decided here, and so is standardising the features with the mean and deviation of each over the training clips. One
that did not vary there, such as the least F0 where every clip has a pause, stays 0: no weight has learnt what it means.

Source: Zhong et al. 2020, doi:10.1109/ACCESS.2020.3043894, section III and table 2.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.clips import Task
from sefront.core.features import Standard
from sefront.core.is09 import IS09, SIZE
from sefront.core.losses import cross_entropy
from sefront.core.recipe import Recipe
from sefront.core.types import Batch, Prediction

WIDTHS = (SIZE, 256, 512, 1024)


class FCN384(nn.Module):
    """Emotion classifier on the 384 features of openSMILE, whose licence is for non-commercial use only.

    It comes with the extra ``opensmile``. The features are computed outside torch, so no frontend can learn through
    this backend.

    Source: openSMILE: Eyben et al. 2010, doi:10.1145/1873951.1874246; audEERING's research licence, non-commercial.

    Args:
        dropout: Share of the last block's output that is dropped before the last layer.
    """

    toy = "emotion"
    recipe = Recipe(lr=1e-3, batch_size=128)
    differentiable = False

    def __init__(self, task: Task, sample_rate: int, *, dropout: float = 0.25) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), but is {dropout}")
        self.is09 = IS09(sample_rate)
        self.standard = Standard(SIZE, least=1e-9)  # slopes of energy deviate by 1e-6
        self.blocks = nn.Sequential()
        for inputs, outputs in pairwise(WIDTHS):
            self.blocks.extend([nn.Linear(inputs, outputs), LoneNorm(outputs), nn.ReLU()])
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(WIDTHS[-1], len(task.labels))

    def fit(self, waves: Tensor, lengths: Tensor) -> None:
        """Count `waves` (batch, time), of which `lengths` (batch,) are valid, in mean and deviation."""
        self.standard.gather(self.is09(waves, lengths)[..., None], torch.ones_like(lengths))

    def features(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised functionals (batch, 384, 1) of whole clips: one frame each."""
        varies = self.standard.deviation > 1e-6 * self.standard.mean.abs() + 1e-8  # more than by rounding
        x = self.standard(self.is09(waves, lengths)[..., None]) * varies[:, None]
        return x, torch.ones_like(lengths)

    def classify(self, features: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `features` (batch, 384, 1); the embedding is the third block's output."""
        embedding = self.blocks(features[..., 0])
        return Prediction(self.head(self.dropout(embedding)), embedding=embedding)

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `waves` (batch, time)."""
        return self.classify(*self.features(waves, lengths))

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Cross-entropy per sample, (batch,)."""
        return cross_entropy(prediction.scores, batch)


class LoneNorm(nn.BatchNorm1d):
    """BatchNorm that uses its running statistics for a clip left alone in its batch, which has no deviation."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalised `x` (batch, features)."""
        if self.training and len(x) == 1:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)
