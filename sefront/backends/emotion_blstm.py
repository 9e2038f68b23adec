"""Bidirectional LSTM for continuous emotion, what the convolutional networks were compared with.

    40 mel energies x 4 every 40 ms -> 2 x bidirectional LSTM -> linear

The paper takes it from a reference and gives no sizes; 64 cells in each direction are ours. Source: Khorram et al.
2017, doi:10.21437/Interspeech.2017-548, section 6.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sefront.core.affect import Tracer
from sefront.core.clips import Task
from sefront.core.recurrent import both_ways
from sefront.core.signal import full_precision


class EmotionBLSTM(Tracer):
    """Traces emotion with recurrent layers that read the recording in both directions.

    Args:
        width: Cells of each direction.
        layers: Bidirectional layers.
    """

    def __init__(self, task: Task, sample_rate: int, *, width: int = 64, layers: int = 2) -> None:
        super().__init__(task, sample_rate)
        if width < 1 or layers < 1:
            raise ValueError(f"width and layers must be at least 1, but they are {width} and {layers}")
        self.lstm = nn.LSTM(self.heard.size, width, layers, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * width, self.dimensions)

    def trace(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Traces (batch, dimensions, frames) from `features` (batch, features, frames)."""
        with full_precision(features):
            hidden = both_ways(self.lstm, features.float().transpose(1, 2), lengths)
            return torch.as_tensor(self.head(hidden).transpose(1, 2))
