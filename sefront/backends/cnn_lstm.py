"""Four convolutions on spectrogram segments, with an LSTM or without, for speech emotion: DenseNet's competitors.

    4 x (conv 3x3 -> BatchNorm -> ReLU -> max-pool 2x2) -> { LSTM | mean over time -> linear -> ReLU }
        -> dropout -> linear

Source: Latif et al. 2020, doi:10.21437/Interspeech.2020-3190, section 4.4, where `cnn_lstm` is left to a reference that
the list lacks, and `cnn` has a fully connected layer in place of the LSTM. All sizes and the dropout are ours.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from sefront.core.clips import Task
from sefront.core.recipe import Recipe
from sefront.core.segments import BANDS, Scale, SegmentClassifier, read

GROWN = (1, 2, 2, 4)  # maps of the convolutions over those of the first
ROWS = BANDS // 2**4  # that four poolings leave
UNITS = 128

RECIPE = Recipe(lr=1e-3, schedule="plateau", step=5, factor=0.5)


class CNNLSTM(SegmentClassifier):
    """Emotion classifier of four convolutions and an LSTM that reads their maps along time.

    Args:
        width: Maps of the first convolution; the others have 2, 2 and 4 times as many.
        scale: Bands of equal width (linear), or on the mel scale.
        dropout: Share of the LSTM's output that is dropped.
    """

    toy = "emotion"
    recipe = RECIPE

    def __init__(
        self, task: Task, sample_rate: int, *, width: int = 32, scale: Scale = "linear", dropout: float = 0.3
    ) -> None:
        super().__init__(sample_rate, scale)
        check_sizes(width, dropout)
        self.blocks = convolutions(width)
        self.lstm = nn.LSTM(GROWN[-1] * width * ROWS, UNITS, batch_first=True)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(UNITS, len(task.labels)))

    def embed(self, segments: Tensor, frames: Tensor) -> Tensor:
        """The LSTM's last output (segments, 128) for `segments` (segments, 1, 128, 256)."""
        return read(self.lstm, self.blocks(segments), frames)


class CNN(SegmentClassifier):
    """Emotion classifier of four convolutions and a fully connected layer.

    Args:
        width: Maps of the first convolution; the others have 2, 2 and 4 times as many.
        scale: Bands of equal width (linear), or on the mel scale.
        dropout: Share of the fully connected layer's output that is dropped.
    """

    toy = "emotion"
    recipe = RECIPE

    def __init__(
        self, task: Task, sample_rate: int, *, width: int = 32, scale: Scale = "linear", dropout: float = 0.3
    ) -> None:
        super().__init__(sample_rate, scale)
        check_sizes(width, dropout)
        self.blocks = convolutions(width)
        self.joined = nn.Sequential(nn.Linear(GROWN[-1] * width * ROWS, UNITS), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(UNITS, len(task.labels)))

    def embed(self, segments: Tensor, frames: Tensor) -> Tensor:
        """Output (segments, 128) of the fully connected layer for `segments` (segments, 1, 128, 256)."""
        return torch.as_tensor(self.joined(self.blocks(segments).mean(3).flatten(1)))


def convolutions(width: int) -> nn.Sequential:
    """Four blocks that halve both axes."""
    blocks = nn.Sequential()
    for inputs, outputs in pairwise((1, *(width * factor for factor in GROWN))):
        blocks.extend([nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)])
        blocks.extend([nn.ReLU(inplace=True), nn.MaxPool2d(2)])
    return blocks


def check_sizes(width: int, dropout: float) -> None:
    """Refuse options out of range.

    Raises:
        ValueError: Naming them.
    """
    if width < 1 or not 0 <= dropout < 1:
        raise ValueError(f"width must be at least 1 and dropout in [0, 1), but they are {width} and {dropout}")
