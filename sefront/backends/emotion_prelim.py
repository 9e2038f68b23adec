"""One long filter for each dimension of continuous emotion: how much context helps.

    40 mel energies x 4 every 40 ms -> conv of K frames to one map -> tanh -> gain and bias

The paper's figure 1 varies K from 2 to 2048; the gain ends at 512 frames, 20.5 s. Source: Khorram et al. 2017,
doi:10.21437/Interspeech.2017-548, section 4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sefront.core.affect import SameConv1d, Tracer, initialise
from sefront.core.clips import Task


class EmotionPrelim(Tracer):
    """Traces emotion with a single filter for each dimension.

    Args:
        length: Frames of the filter.
    """

    def __init__(self, task: Task, sample_rate: int, *, length: int = 512) -> None:
        super().__init__(task, sample_rate)
        if length < 1:
            raise ValueError(f"length must be at least 1 frame, but is {length}")
        self.filter = SameConv1d(self.heard.size, self.dimensions, length)
        self.line = nn.Conv1d(self.dimensions, self.dimensions, 1, groups=self.dimensions)
        initialise(self)

    def trace(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Traces (batch, dimensions, frames) from `features` (batch, features, frames)."""
        return torch.as_tensor(self.line(torch.tanh(self.filter(features))))
